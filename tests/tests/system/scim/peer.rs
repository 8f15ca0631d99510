//! The whole service, as a client that others wrote sees it: Python's scim2-tester.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;
use tokio::process::Command;
use zygo_tests::{runner::trial, settings::Settings, world};

/// The tests of this module. Without scim2-tester it is left out, and said so.
pub fn tests() -> Vec<Trial> {
    let python = std::env::var("ZYGO_SCIM2").ok().filter(|path| !path.is_empty());
    let without = python.is_none();
    if without {
        eprintln!("skipped: the test by scim2-tester, which needs python3 from 3.11 on, with venv");
    }
    let python = python.unwrap_or_default();
    vec![trial(concat!(module_path!(), "::scim2_tester_finds_nothing"), move || finds_nothing(python.clone())).with_ignored_flag(without)]
}

async fn finds_nothing(python: String) -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let script = Settings::read()?.root.join("tests/peers/scim/check.py");
    let base = format!("http://127.0.0.1:{}/scim/v2/", system.port());
    // At the API's host and at the organisation's own.
    for host in ["localhost", &acme.owner.host] {
        let mut command = Command::new(&python);
        command.arg(&script).args([&base, host, &acme.token, &acme.domain]).stdout(Stdio::piped()).kill_on_drop(true);
        let output = command.output().await.context("running it")?;
        ensure!(output.status.success(), "it did not run: {}", output.status);
        let results: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        let failed: Vec<&Value> = results.iter().filter(|result| result["status"] != "SUCCESS").collect();
        ensure!(failed.is_empty(), "{failed:#?}");
        ensure!(results.len() > 100, "only {} checks ran", results.len());
    }
    Ok(())
}
