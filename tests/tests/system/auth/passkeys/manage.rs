//! Listing and removing passkeys.

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use zygo_test_authenticator::Kind;
use zygo_tests::{
    Session,
    passkeys::{device, try_sign_in},
    tests, world,
};

tests![one_that_is_removed_signs_in_no_more, nobody_sees_or_removes_anothers, the_last_way_in_stays, of_two_last_ones_one_stays];

async fn one_that_is_removed_signs_in_no_more() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    let id = session.add_passkey(&mut device).await?;
    let fresh = Session::read(try_sign_in(&person.api, &mut device).await?, &person.api)?;
    fresh.api.delete(&format!("/auth/passkeys/{id}")).await?.expect(204)?;
    ensure!(fresh.passkeys().await?.is_empty(), "it is listed still");
    try_sign_in(&person.api, &mut device).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    fresh.api.delete(&format!("/auth/passkeys/{id}")).await?.expect(404)?.problem("NOT_FOUND")?;
    // Verification, added, removed.
    person.await_mails(3).await?;
    let count = "SELECT count(*) FROM events WHERE type IN ('passkey.added', 'passkey.removed') AND data ->> 'passkey_id' = $1";
    ensure!(system.database.count(count, &[&id]).await? == 2, "no events");
    Ok(())
}

async fn nobody_sees_or_removes_anothers() -> Result<()> {
    let system = world::shared().await?;
    let ((_, one), (_, two)) = (system.session().await?, system.session().await?);
    let id = one.add_passkey(&mut device(Kind::P256)?).await?;
    ensure!(two.passkeys().await?.is_empty(), "it shows");
    for path in [format!("/auth/passkeys/{id}"), "/auth/passkeys/7".into()] {
        two.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    ensure!(one.passkeys().await?.len() == 1, "it is gone");
    Ok(())
}

const FORGET_PASSWORD: &str = "UPDATE users SET password_hash = NULL WHERE id = $1";

async fn the_last_way_in_stays() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let (mut one, mut two) = (device(Kind::P256)?, device(Kind::Ed25519)?);
    let first = session.add_passkey(&mut one).await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute(FORGET_PASSWORD, &[&user]).await?;
    let session = Session::read(try_sign_in(&person.api, &mut one).await?, &person.api)?;
    session.api.delete(&format!("/auth/passkeys/{first}")).await?.expect(409)?.problem("CONFLICT")?;
    session.add_passkey(&mut two).await?;
    session.api.delete(&format!("/auth/passkeys/{first}")).await?.expect(204)?;
    try_sign_in(&person.api, &mut two).await?.expect(200)?;
    Ok(())
}

async fn of_two_last_ones_one_stays() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut one = device(Kind::P256)?;
    let first = session.add_passkey(&mut one).await?;
    let session = Session::read(try_sign_in(&person.api, &mut one).await?, &person.api)?;
    let second = session.add_passkey(&mut device(Kind::P256)?).await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute(FORGET_PASSWORD, &[&user]).await?;
    let mut removals = JoinSet::new();
    for id in [first, second] {
        let api = session.api.clone();
        removals.spawn(async move { api.delete(&format!("/auth/passkeys/{id}")).await });
    }
    let mut statuses = Vec::new();
    while let Some(answer) = removals.join_next().await {
        statuses.push(answer??.status);
    }
    statuses.sort_unstable();
    ensure!(statuses == [204, 409], "{statuses:?}");
    ensure!(session.passkeys().await?.len() == 1, "none is left");
    Ok(())
}
