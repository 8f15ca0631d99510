//! The runtime killed under load, and started again.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, System, tests, world};

tests![no_mail_is_lost_and_no_token_sent_twice, sessions_outlive_the_runtime];

/// Clients that sign people up at once.
const CLIENTS: usize = 16;

/// Signs people up until the runtime is killed after so many answers. Answers those who were told 201.
async fn sign_up_under_fire(system: &System, count: usize, kill_after: usize) -> Result<Vec<Person>> {
    let api = system.api()?;
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..CLIENTS {
        let strangers = (0..count / CLIENTS).map(|_| Person::stranger(&api)).collect::<Result<Vec<_>>>()?;
        let send = send.clone();
        tokio::spawn(async move {
            for person in strangers {
                // What was not answered is nobody's promise.
                if person.sign_up().await.is_ok_and(|answer| answer.status == 201) {
                    send.send(person).ok();
                }
            }
        });
    }
    drop(send);
    let mut promised = Vec::new();
    while let Some(person) = receive.recv().await {
        promised.push(person);
        if promised.len() == kill_after {
            system.kill().await?;
        }
    }
    ensure!(promised.len() >= kill_after, "only {} of {count} were answered before the kill", promised.len());
    Ok(promised)
}

async fn no_mail_is_lost_and_no_token_sent_twice() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let mut promised = Vec::new();
    for kill_after in [30, 120] {
        promised.extend(sign_up_under_fire(&system, 200, kill_after).await?);
        system.restart().await?;
    }
    // What was on a queue died with it; the sweep finds the rows, those that a dead run holds too.
    system.settle().await?;

    let mut tokens = BTreeSet::new();
    for person in &promised {
        let mails = person.mails().await?;
        ensure!(!mails.is_empty(), "a sign-up that was answered 201 got no mail");
        for mail in &mails {
            let token = mail["tokens"]["verify"].as_str().context("no token")?;
            ensure!(tokens.insert(token.to_owned()), "one token in two mails");
        }
        let token = mails[0]["tokens"]["verify"].as_str().context("no token")?;
        person.verify(token).await?.expect(200)?;
    }
    // Nor was any sign-up made that owes nothing.
    let orphans = "SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.payload ->> 'user_id' = u.id::text)";
    ensure!(system.database.count(orphans, &[]).await? == 0, "an account without its mail job");
    Ok(())
}

async fn sessions_outlive_the_runtime() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let ended = member.person.sign_in().await?;
    ended.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    system.kill().await?;
    system.restart().await?;
    member.session.api.at(&member.host).get("/users/me").await?.expect(200)?;
    member.session.refresh().await?.expect(200)?;
    // What was ended stays so: neither by its refresh token nor, once the gate is asked, by its access token.
    ended.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    ended.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}
