//! `POST /auth/refresh`

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::sleep;
use zygo_tests::{Answer, Session, eventually, forge, tests, world};

tests![
    rotates_at_every_use,
    a_retry_within_ten_seconds_gets_the_same_successor,
    twins_at_once_get_the_same_successor,
    a_retry_by_another_client_ends_the_family,
    a_token_rotated_long_ago_ends_the_family,
    a_retry_after_ten_seconds_ends_the_family,
    what_is_no_token_changes_nothing,
    stays_in_its_tenant,
    the_session_goes_on,
];

async fn successor(session: &Session) -> Result<Session> {
    Session::read(session.refresh().await?, &session.api.without_token())
}

/// The family is over: no token of it refreshes, no access token of it opens.
async fn is_over(sessions: &[&Session]) -> Result<()> {
    for session in sessions {
        session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        session.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")?;
    }
    Ok(())
}

async fn rotates_at_every_use() -> Result<()> {
    let system = world::shared().await?;
    let (_, first) = system.session().await?;
    let second = successor(&first).await?;
    let third = successor(&second).await?;
    ensure!(first.refresh != second.refresh && second.refresh != third.refresh && first.refresh != third.refresh, "a token came twice");
    ensure!(first.id == third.id && first.user_id == third.user_id, "another session");
    ensure!(forge::claims(&first.access)?["jti"] != forge::claims(&third.access)?["jti"], "the same access token");
    third.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn a_retry_within_ten_seconds_gets_the_same_successor() -> Result<()> {
    let system = world::shared().await?;
    let (_, first) = system.session().await?;
    let second = successor(&first).await?;
    for _ in 0..3 {
        let again = successor(&first).await?;
        ensure!(again.refresh == second.refresh, "a retry got another successor");
    }
    successor(&second).await?;
    Ok(())
}

async fn twins_at_once_get_the_same_successor() -> Result<()> {
    let system = world::shared().await?;
    let (_, first) = system.session().await?;
    let twins: Vec<_> = (0..10)
        .map(|_| {
            let first = first.clone();
            tokio::spawn(async move { successor(&first).await })
        })
        .collect();
    let mut tokens = std::collections::BTreeSet::new();
    let mut last = None;
    for twin in twins {
        let session = twin.await??;
        tokens.insert(session.refresh.clone());
        last = Some(session);
    }
    ensure!(tokens.len() == 1, "{} successors of one token", tokens.len());
    successor(&last.context("no twin")?).await?;
    Ok(())
}

async fn reused(answer: Answer) -> Result<()> {
    answer.expect(401)?.problem("REFRESH_TOKEN_REUSED").map(drop)
}

async fn a_retry_by_another_client_ends_the_family() -> Result<()> {
    let system = world::shared().await?;
    for elsewhere in [true, false] {
        let (_, first) = system.session().await?;
        let second = successor(&first).await?;
        let api = if elsewhere { first.api.from_elsewhere() } else { first.api.agent("curl/8") };
        reused(Session { api, ..first.clone() }.refresh().await?).await?;
        is_over(&[&second, &first]).await?;
        let id: uuid::Uuid = first.id.parse()?;
        eventually(async || {
            let trail = "SELECT count(*) FROM security_events WHERE kind LIKE '%refresh_token_reused' AND details ->> 'session_id' = $1";
            let events = system.database.count(trail, &[&id.to_string()]).await?;
            ensure!(events == 1, "{events} security events");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn a_token_rotated_long_ago_ends_the_family() -> Result<()> {
    let system = world::shared().await?;
    let (_, first) = system.session().await?;
    let second = successor(&first).await?;
    let third = successor(&second).await?;
    // Two rotations back: not a retry, however soon and from wherever.
    reused(first.refresh().await?).await?;
    is_over(&[&third]).await
}

async fn a_retry_after_ten_seconds_ends_the_family() -> Result<()> {
    let system = world::shared().await?;
    let (person, first) = system.session().await?;
    let unrelated = person.sign_in().await?;
    let second = successor(&first).await?;
    sleep(Duration::from_millis(10_500)).await;
    reused(first.refresh().await?).await?;
    is_over(&[&second]).await?;
    // Another session of the same person is another family.
    successor(&unrelated).await?.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn what_is_no_token_changes_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let token = &session.refresh;
    let mut wrong_secret: Vec<char> = token.chars().collect();
    if let Some(letter) = wrong_secret.iter_mut().rev().nth(5) {
        *letter = if *letter == 'A' { 'B' } else { 'A' };
    }
    let cases = [
        String::new(),
        "zr_".into(),
        "zr_AAAA".into(),
        token.chars().take(token.len() - 2).collect(),
        format!("{token}AAAA"),
        token.trim_start_matches("zr_").to_owned(),
        wrong_secret.into_iter().collect(),
        session.access.clone(),
        "x".repeat(100_000),
    ];
    for case in cases {
        let answer = session.api.without_token().post("/auth/refresh", &json!({ "refresh_token": case })).await?;
        answer.expect(401)?.problem("TOKEN_INVALID").with_context(|| format!("{case:.40}"))?;
    }
    let none = session.api.without_token().post("/auth/refresh", &json!({})).await?.expect(422)?;
    ensure!(none.fields()?.iter().any(|(path, _)| path == "refresh_token"), "{none}");
    successor(&session).await?.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn stays_in_its_tenant() -> Result<()> {
    let system = world::shared().await?;
    let (acme, globex) = tokio::try_join!(system.member(), system.member())?;
    let strayed = Session { api: acme.session.api.at(&globex.host), ..acme.session.clone() };
    strayed.refresh().await?.expect(403)?.problem("TENANT_MISMATCH")?;
    let next = Session { api: acme.session.api.at(&acme.host), ..acme.session.clone() };
    let next = successor(&next).await?;
    ensure!(next.body["tenant"]["id"] == acme.tenant_id.as_str(), "{}", next.body);
    ensure!(forge::claims(&next.access)?["tid"] == acme.tenant_id.as_str(), "the token left the tenant");
    Ok(())
}

async fn the_session_goes_on() -> Result<()> {
    let system = world::shared().await?;
    let (_, first) = system.session().await?;
    sleep(Duration::from_millis(1100)).await;
    let second = successor(&first).await?;
    let instant = |session: &Session, member: &str| zygo_tests::shape::instant(&session.body["session"][member]);
    ensure!(instant(&first, "created_at")? == instant(&second, "created_at")?, "it began anew");
    ensure!(instant(&first, "expires_at")? < instant(&second, "expires_at")?, "its end did not move");
    ensure!(instant(&first, "last_seen_at")? < instant(&second, "last_seen_at")?, "it was not seen");
    Ok(())
}
