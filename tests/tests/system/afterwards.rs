//! What all the tests together left behind.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{codes, tests, world};

tests![no_work_and_no_secret_was_left_behind, every_code_of_the_stage_was_seen];

async fn no_work_and_no_secret_was_left_behind() -> Result<()> {
    for (name, system) in world::started() {
        system.check().await.with_context(|| format!("in the {name} system"))?;
    }
    Ok(())
}

/// Only after a whole run does this say something: a part of the tests sees a part of the codes.
async fn every_code_of_the_stage_was_seen() -> Result<()> {
    let missing = codes::missing();
    ensure!(missing.is_empty(), "no test brought about {missing:?}");
    Ok(())
}
