//! `POST /auth/forgot-password` and `/auth/reset-password`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, System, eventually, one_time::Redeeming, people::PASSWORD_MARK, tests, world};

tests![
    sets_the_password_and_ends_every_session,
    of_twenty_at_once_one_wins,
    what_is_no_token_is_refused,
    an_old_token_is_refused,
    a_weak_password_leaves_the_token_good,
    the_first_redeemed_uses_up_all,
    opens_a_locked_account_and_verifies_the_address,
    a_sign_in_half_way_does_not_outlive_it,
    only_a_hash_is_kept,
];

fn new_password(person: &Person) -> String {
    format!("{PASSWORD_MARK} reset {}", person.email)
}

fn redeeming(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/reset-password", beside: json!({ "password": new_password(person) }), status: 204 }
}

async fn forget(person: &Person) -> Result<String> {
    person.api.post("/auth/forgot-password", &json!({ "email": person.email })).await?.expect(202)?;
    person.token_for("/reset").await
}

async fn forgotten(system: &System) -> Result<(Person, String)> {
    let person = system.person().await?;
    let token = forget(&person).await?;
    Ok((person, token))
}

async fn sets_the_password_and_ends_every_session() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let member = system.member_of_new(person.clone(), &session).await?;
    let token = forget(&person).await?;
    ensure!(person.mails().await?[0]["tokens"]["reset"] == token.as_str(), "the mailbox shows the token");
    redeeming(&person).redeem(&token).await?.expect(204)?;
    for ended in [&session, &member.session] {
        ended.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        eventually(async || ended.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    }
    person.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    person.with_password(&new_password(&person)).sign_in().await?;
    redeeming(&person).is_consumed(&token).await?;
    person.token_for("/end-sessions").await?;
    ensure!(person.mails().await?[0]["subject"] == "Your password was changed", "no notice");
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = forgotten(&system).await?;
    redeeming(&person).race(&token).await?;
    Ok(())
}

async fn what_is_no_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = forgotten(&system).await?;
    redeeming(&person).refuses_all_but(&token).await?;
    person.sign_in().await?;
    redeeming(&person).redeem(&token).await?.expect(204)?;
    Ok(())
}

async fn an_old_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = forgotten(&system).await?;
    let life = "SELECT round(extract(epoch FROM expires_at - created_at) / 60)::bigint FROM password_reset_tokens WHERE email = $1";
    ensure!(system.database.count(life, &[&person.email]).await? == 60, "an hour");
    system.database.execute("UPDATE password_reset_tokens SET expires_at = now() WHERE email = $1", &[&person.email]).await?;
    redeeming(&person).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    person.sign_in().await?;
    Ok(())
}

async fn a_weak_password_leaves_the_token_good() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = forgotten(&system).await?;
    for weak in ["short", "passwordpassword", &person.email.clone()] {
        let refused = Redeeming { beside: json!({ "password": weak }), ..redeeming(&person) }.redeem(&token).await?.expect(422)?;
        refused.problem("PASSWORD_TOO_WEAK")?;
    }
    redeeming(&person).redeem(&token).await?.expect(204)?;
    Ok(())
}

async fn the_first_redeemed_uses_up_all() -> Result<()> {
    let system = world::shared().await?;
    let (person, first) = forgotten(&system).await?;
    forget(&person).await?;
    let second = eventually(async || {
        let second = person.token_for("/reset").await?;
        ensure!(second != first, "the same token");
        Ok(second)
    })
    .await?;
    redeeming(&person).redeem(&second).await?.expect(204)?;
    redeeming(&person).is_consumed(&first).await
}

async fn opens_a_locked_account_and_verifies_the_address() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    person.sign_up().await?.expect(201)?;
    let lock = "UPDATE users SET failed_sign_ins = 12, locked_until = now() + interval '1 hour' WHERE email = $1";
    system.database.execute(lock, &[&person.email]).await?;
    let token = forget(&person).await?;
    redeeming(&person).redeem(&token).await?.expect(204)?;
    person.with_password(&new_password(&person)).sign_in().await?;
    Ok(())
}

/// Somebody has proved the old password, and waits with the second factor until it is reset.
async fn a_sign_in_half_way_does_not_outlive_it() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let challenge = person.challenge().await?;
    let token = forget(&person).await?;
    redeeming(&person).redeem(&token).await?.expect(204)?;
    person.answer(&challenge, "totp", &app.code(0)?).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    let challenge = person.with_password(&new_password(&person)).challenge().await?;
    person.answer(&challenge, "totp", &app.code(0)?).await?.expect(200)?;
    Ok(())
}

async fn only_a_hash_is_kept() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = forgotten(&system).await?;
    let secret = token.strip_prefix("zp_").context("the prefix of its purpose")?;
    let rows = "SELECT to_jsonb(t)::text FROM password_reset_tokens t JOIN users u ON u.id = t.user_id WHERE u.email = $1";
    let jobs = "SELECT to_jsonb(o)::text FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text WHERE u.email = $1";
    for (what, statement) in [("token", rows), ("job", jobs)] {
        let kept = system.database.column(statement, &[&person.email]).await?;
        ensure!(!kept.is_empty() && kept.iter().all(|row| !row.contains(secret)), "a {what} holds the token");
        ensure!(what == "token" || kept.iter().all(|row| !row.contains(&person.email)), "a {what} holds the address");
    }
    Ok(())
}
