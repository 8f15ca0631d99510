//! openapi.json, generated from the route table.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

/// Writes the document, or with `check` compares it to what is there.
pub fn run(path: &Path, check: bool) -> Result<()> {
    let mut text = serde_json::to_string_pretty(&zygo_edge::openapi::document())?;
    text.push('\n');
    if !check {
        return fs::write(path, text).with_context(|| format!("writing {}", path.display()));
    }
    let found = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    if found != text {
        bail!("{} is not what the route table says; run: cargo run -p xtask --features routes -- openapi", path.display());
    }
    Ok(())
}
