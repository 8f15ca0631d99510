//! Ceremonies: each answered once, where and for what it was begun.

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use zygo_test_authenticator::Kind;
use zygo_tests::{
    passkeys::{answer, device, finish, start, try_sign_in},
    tests, world,
};

tests![
    a_challenge_is_answered_once,
    of_twenty_answers_at_once_one_wins,
    a_refused_answer_uses_its_challenge_up,
    a_ceremony_is_finished_where_it_was_begun,
    a_ceremony_serves_its_purpose_only,
];

async fn a_challenge_is_answered_once() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    let started = start(&session.api, "register", &json!({})).await?;
    let body = answer(&session.api, &mut device, &started);
    finish(&session.api, "register", &body).await?.expect(201)?;
    finish(&session.api, "register", &body).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    // Nor by another credential.
    let second = answer(&session.api, &mut zygo_tests::passkeys::device(Kind::P256)?, &started);
    finish(&session.api, "register", &second).await?.expect(410)?.problem("TOKEN_CONSUMED")?;

    let started = start(&person.api, "login", &json!({})).await?;
    let body = answer(&person.api, &mut device, &started);
    finish(&person.api, "login", &body).await?.expect(200)?;
    finish(&person.api, "login", &body).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}

async fn of_twenty_answers_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let started = start(&person.api, "login", &json!({})).await?;
    let body = answer(&person.api, &mut device, &started);
    // From twenty addresses, so that no limit stands in the way.
    let mut answers = JoinSet::new();
    for _ in 0..20 {
        let (api, body) = (person.api.from_elsewhere(), body.clone());
        answers.spawn(async move { finish(&api, "login", &body).await });
    }
    let (mut wins, mut losses) = (0, 0);
    while let Some(answer) = answers.join_next().await {
        let answer = answer??;
        match answer.status {
            200 => wins += 1,
            _ => losses += i32::from(answer.problem("TOKEN_CONSUMED").is_ok()),
        }
    }
    ensure!((wins, losses) == (1, 19), "{wins} won, {losses} lost");
    Ok(())
}

async fn a_refused_answer_uses_its_challenge_up() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let started = start(&person.api, "login", &json!({})).await?;
    let mut bent = device.clone();
    bent.rp_id = Some("evil.example".into());
    finish(&person.api, "login", &answer(&person.api, &mut bent, &started)).await?.expect(401)?;
    finish(&person.api, "login", &answer(&person.api, &mut device, &started)).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    try_sign_in(&person.api, &mut device).await?.expect(200)?;
    Ok(())
}

async fn a_ceremony_is_finished_where_it_was_begun() -> Result<()> {
    let system = world::shared().await?;
    let (one, two) = (system.member().await?, system.member().await?);
    let mut device = device(Kind::P256)?;
    let api = one.person.api.at(&one.host);
    let session = zygo_tests::Session::read(one.person.at(&one.host).try_sign_in().await?, &api)?;
    session.add_passkey(&mut device).await?;
    let started = start(&api, "login", &json!({})).await?;
    let body = answer(&api, &mut device, &started);
    for host in [two.host.as_str(), "localhost"] {
        finish(&api.at(host), "login", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    finish(&api, "login", &body).await?.expect(200)?;
    Ok(())
}

async fn a_ceremony_serves_its_purpose_only() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let (_, others) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let login = start(&person.api, "login", &json!({})).await?;
    let register = start(&session.api, "register", &json!({})).await?;
    let step_up = start(&session.api, "step-up", &json!({})).await?;
    for other in [&register, &step_up] {
        let mut body = answer(&person.api, &mut device, &login);
        body["ceremony"] = other["ceremony"].clone();
        finish(&person.api, "login", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    let mut body = answer(&session.api, &mut device, &login);
    finish(&session.api, "step-up", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    for odd in ["", "zs1", "zs1.k.AAAA", "not a ceremony"] {
        body["ceremony"] = json!(odd);
        finish(&person.api, "login", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    // What one person began, another cannot finish.
    let mut fresh = zygo_tests::passkeys::device(Kind::P256)?;
    let body = answer(&others.api, &mut fresh, &register);
    finish(&others.api, "register", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    Ok(())
}
