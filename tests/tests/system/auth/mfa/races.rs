//! Twenty at the same moment: exactly one wins.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, tests, world};

tests![one_challenge, one_totp_code, one_backup_code, guesses_get_no_more_than_five];

async fn race(requests: Vec<impl Future<Output = Result<Answer>> + Send + 'static>) -> Result<Vec<Answer>> {
    let racers: Vec<_> = requests.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for racer in racers {
        answers.push(racer.await??);
    }
    Ok(answers)
}

fn winners(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

/// The same challenge with the same right code.
async fn one_challenge() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let (token, code) = (person.challenge().await?, app.code(0)?);
    let requests = (0..20).map(|_| {
        let (person, token, code) = (person.from_elsewhere(), token.clone(), code.clone());
        async move { person.answer(&token, "totp", &code).await }
    });
    let answers = race(requests.collect()).await?;
    ensure!(winners(&answers) == 1, "{} of 20 won", winners(&answers));
    ensure!(answers.iter().all(|answer| matches!(answer.status, 200 | 401 | 410 | 429)), "{answers:?}");
    Ok(())
}

/// One code, each time with a challenge of its own.
async fn one_totp_code() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let code = app.code(0)?;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(person.from_elsewhere().challenge().await?);
    }
    let requests = tokens.into_iter().map(|token| {
        let (person, code) = (person.from_elsewhere(), code.clone());
        async move { person.answer(&token, "totp", &code).await }
    });
    let answers = race(requests.collect()).await?;
    ensure!(winners(&answers) == 1, "{} won", winners(&answers));
    // And in step-ups of one session.
    let code = app.code(1)?;
    let requests = (0..20).map(|_| {
        let (api, code) = (session.api.clone(), code.clone());
        async move { api.post("/auth/mfa/step-up", &json!({ "code": code })).await }
    });
    let answers = race(requests.collect()).await?;
    ensure!(winners(&answers) == 1, "{} of 20 won", winners(&answers));
    Ok(())
}

async fn one_backup_code() -> Result<()> {
    let system = world::shared().await?;
    let (_, session, _, codes) = system.person_with_totp().await?;
    let requests = (0..20).map(|_| {
        let (api, code) = (session.api.clone(), codes[0].clone());
        async move { api.post("/auth/mfa/step-up", &json!({ "factor": "backup_code", "code": code })).await }
    });
    let answers = race(requests.collect()).await?;
    ensure!(winners(&answers) == 1, "{} of 20 won", winners(&answers));
    Ok(())
}

/// However many are sent at once, five are looked at.
async fn guesses_get_no_more_than_five() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let (token, wrong) = (person.challenge().await?, app.wrong_code()?);
    let requests = (0..20).map(|_| {
        let (person, token, code) = (person.from_elsewhere(), token.clone(), wrong.clone());
        async move { person.answer(&token, "totp", &code).await }
    });
    let answers = race(requests.collect()).await?;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    ensure!(looked_at == 5, "{looked_at} were looked at");
    ensure!(answers.iter().filter(|answer| answer.status == 429).count() == 15, "{answers:?}");
    Ok(())
}
