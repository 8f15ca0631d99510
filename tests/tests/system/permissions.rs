//! `GET /permissions`

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{shape, tests, world};

tests![lists_the_catalogue, only_inside_an_organisation];

/// Categories and how many permissions each has, as `spec/access.md` has them.
const CATEGORIES: &[usize] = &[9, 4, 3, 3, 5, 4, 2, 10, 7, 6, 6, 7, 6, 6, 4, 12, 6, 6, 4, 4];

async fn lists_the_catalogue() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let answer = member.session.api.get("/permissions").await?.expect(200)?;
    ensure!(answer.round_trips()? == 0, "the catalogue is answered from memory");
    let list = answer.json()?;
    let data = list["data"].as_array().context("no data")?;
    ensure!(data.len() == 114 && list["next_cursor"].is_null(), "{} permissions", data.len());
    let count = |flag: &str| data.iter().filter(|permission| permission[flag] == true).count();
    ensure!(count("critical") == 18, "{} are critical", count("critical"));
    ensure!(count("mfa_required") == 3, "{} need a second factor", count("mfa_required"));
    for permission in data {
        ensure!(shape::members(permission)? == ["category", "critical", "description", "key", "mfa_required"], "{permission}");
    }
    let mut sizes: Vec<(&str, usize)> = Vec::new();
    for category in data.iter().filter_map(|permission| permission["category"].as_str()) {
        match sizes.last_mut().filter(|(last, _)| *last == category) {
            Some((_, size)) => *size += 1,
            None => sizes.push((category, 1)),
        }
    }
    let sizes: Vec<usize> = sizes.into_iter().map(|(_, size)| size).collect();
    ensure!(sizes == CATEGORIES, "{sizes:?}");
    let keys: Vec<&str> = data.iter().filter_map(|permission| permission["key"].as_str()).collect();
    ensure!(keys.first() == Some(&"billing.view") && keys.last() == Some(&"compliance.dpa.manage"), "the order is the catalogue's");

    let me = member.session.api.get("/users/me").await?.json_of(200)?;
    let held: Vec<&str> = me["permissions"].as_array().context("permissions")?.iter().filter_map(serde_json::Value::as_str).collect();
    ensure!(held == keys, "an owner holds all of them, in their order");
    Ok(())
}

async fn only_inside_an_organisation() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    session.api.get("/permissions").await?.expect(403)?.problem("PERMISSION_DENIED")?;
    Ok(())
}
