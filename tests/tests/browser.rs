//! The pages in a real browser: starts a system and lets `tests/browser/run.mjs` look at it.
//!
//! `CHROME_PATH` names the browser; `ZYGO_SHOTS` a directory for pictures of every page, for people to look at.

use std::{env, process::ExitCode};

use anyhow::{Context as _, Result};
use tokio::process::Command;
use zygo_tests::{settings::Settings, world};

fn main() -> Result<ExitCode> {
    // What cargo asks of every test binary.
    if env::args().any(|argument| argument == "--list") {
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let passed = look().await;
        world::stop().await?;
        Ok(if passed? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn look() -> Result<bool> {
    let settings = Settings::read()?;
    let chrome = env::var("CHROME_PATH").context("CHROME_PATH is not set: start the tests with ./scripts/test")?;
    let system = world::for_browsers().await?;
    let mut command = Command::new("node");
    command.arg(settings.root.join("tests/browser/run.mjs"));
    command.args(["--port", system.port(), "--chrome", &chrome]).arg("--scratch").arg(settings.scratch.join("browser"));
    if let Some(shots) = env::var_os("ZYGO_SHOTS") {
        command.arg("--shots").arg(shots);
    }
    // What is given after `--` chooses tests by name.
    command.args(env::args().skip(1).filter(|argument| !argument.starts_with('-')));
    let passed = command.status().await.context("starting node")?.success();
    if passed {
        system.check().await?;
    }
    Ok(passed)
}
