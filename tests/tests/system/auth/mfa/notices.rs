//! What the owner of an account is told about their second factors.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, tests, world};

tests![every_change_is_told];

/// Mails whose link ends all sessions.
async fn notices(person: &Person, count: usize) -> Result<Vec<String>> {
    let mails = person.await_mails(count + 1).await?;
    let told = mails.iter().filter(|mail| mail["text"].as_str().is_some_and(|text| text.contains("/end-sessions?token=")));
    let subjects: Vec<String> = told.filter_map(|mail| mail["text"].as_str()).map(str::to_owned).collect();
    ensure!(subjects.len() == count, "{} of {count} notices: {subjects:?}", subjects.len());
    Ok(subjects)
}

async fn every_change_is_told() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, codes) = system.person_with_totp().await?;
    notices(&person, 1).await?;
    person.answer(&person.challenge().await?, "backup_code", &codes[0]).await?.expect(200)?;
    notices(&person, 2).await?;
    let stepped = session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(0)? })).await?.json_of(200)?;
    let api = session.api.with(stepped["access_token"].as_str().context("token")?);
    api.post("/auth/mfa/backup-codes", &json!({})).await?.expect(200)?;
    notices(&person, 3).await?;
    api.delete("/auth/mfa/totp").await?.expect(204)?;
    let told = notices(&person, 4).await?;
    ensure!(told.iter().all(|text| !text.contains(&codes[0])), "a code stands in a mail");
    Ok(())
}
