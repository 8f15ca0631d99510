//! `POST /users/me/change-email`, `/auth/confirm-email` and `/auth/revert-email`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Person, Session, System, eventually, one_time::Redeeming, people::PASSWORD_MARK, tests, world};

tests![
    the_new_address_confirms_and_the_old_one_is_told,
    the_password_must_be_known,
    whether_the_new_address_is_taken_shows_nowhere,
    an_address_that_was_proved_meanwhile_stays_its_owners,
    the_old_address_takes_the_account_back,
    who_squats_on_the_old_address_keeps_nobody_out,
    a_later_change_does_not_save_the_first,
    confirming_is_for_one_of_twenty_and_the_token_itself,
    reverting_is_for_one_of_twenty_and_the_token_itself,
    old_tokens_are_refused,
    mailed_tokens_die_with_the_address,
];

async fn wish(session: &Session, person: &Person, email: &str) -> Result<Answer> {
    session.api.post("/users/me/change-email", &json!({ "email": email, "password": person.password })).await
}

fn confirming(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/confirm-email", beside: json!({}), status: 200 }
}

fn reverting(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/revert-email", beside: json!({}), status: 204 }
}

/// The same person at another address.
fn moved(person: &Person, system: &System) -> Result<Person> {
    let email = Person::stranger(&system.api()?)?.email;
    Ok(Person { email, ..person.clone() })
}

/// Somebody who has wished for another address, and the token that went there.
async fn wished(system: &System) -> Result<(Person, Person, Session, String)> {
    let (old, session) = system.session().await?;
    let new = moved(&old, system)?;
    wish(&session, &old, &new.email).await?.expect(202)?;
    let token = new.token_for("/confirm-email").await?;
    Ok((old, new, session, token))
}

/// Somebody whose address has changed, and the token that went to the old one.
async fn changed(system: &System) -> Result<(Person, Person, Session, String)> {
    let (old, new, session, token) = wished(system).await?;
    confirming(&new).redeem(&token).await?.expect(200)?;
    let token = old.token_for("/revert-email").await?;
    Ok((old, new, session, token))
}

async fn the_new_address_confirms_and_the_old_one_is_told() -> Result<()> {
    let system = world::shared().await?;
    let (old, new, session, token) = wished(&system).await?;
    ensure!(session.api.get("/users/me").await?.json_of(200)?["email"] == old.email.as_str(), "it changed too early");
    let user = confirming(&new).redeem(&token).await?.json_of(200)?;
    ensure!(user["user"]["email"] == new.email.as_str() && user["user"]["email_verified"] == true, "{user}");
    ensure!(session.api.get("/users/me").await?.json_of(200)?["email"] == new.email.as_str(), "it did not change");
    confirming(&new).is_consumed(&token).await?;
    old.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    new.sign_in().await?;
    old.token_for("/revert-email").await?;
    ensure!(old.mails().await?[0]["subject"] == "The mail address of your account was changed", "the old address was not told");
    Ok(())
}

async fn the_password_must_be_known() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let new = moved(&person, &system)?;
    let wrong = person.with_password(&format!("{PASSWORD_MARK} wrong"));
    wish(&session, &wrong, &new.email).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    let without = session.api.post("/users/me/change-email", &json!({ "email": moved(&person, &system)?.email })).await?.expect(422)?;
    ensure!(without.fields()? == [("password".to_owned(), "required".to_owned())], "{without}");
    let same = wish(&session, &person, &person.email).await?.expect(422)?;
    ensure!(same.fields()? == [("email".to_owned(), "unchanged".to_owned())], "{same}");
    // Whoever has no password cannot give one.
    system.database.execute("UPDATE users SET password_hash = NULL WHERE email = $1", &[&person.email]).await?;
    session.api.post("/users/me/change-email", &json!({ "email": new.email })).await?.expect(202)?;
    new.token_for("/confirm-email").await?;
    ensure!(new.mails().await?.len() == 1, "the refused wish was heard");
    Ok(())
}

async fn whether_the_new_address_is_taken_shows_nowhere() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let taken = system.person().await?;
    let unverified = Person::stranger(&system.api()?)?;
    unverified.sign_up().await?.expect(201)?;
    let free = moved(&person, &system)?;
    let mut seen: Vec<(Value, u32)> = Vec::new();
    for address in [&taken, &unverified, &free] {
        let answer = wish(&session, &person, &address.email).await?.expect(202)?;
        seen.push((answer.alike()?, answer.round_trips()?));
    }
    ensure!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    let mails = taken.await_mails(2).await?;
    ensure!(mails[0]["subject"] == "You already have an account", "{}", mails[0]);
    free.token_for("/confirm-email").await?;
    unverified.token_for("/confirm-email").await?;
    Ok(())
}

async fn an_address_that_was_proved_meanwhile_stays_its_owners() -> Result<()> {
    let system = world::shared().await?;
    let (old, new, _, token) = wished(&system).await?;
    let rival = Person { email: new.email.clone(), ..Person::stranger(&system.api()?)? };
    rival.sign_up().await?.expect(201)?;
    rival.verify(&rival.token_for("/verify-email").await?).await?.expect(200)?;
    confirming(&new).redeem(&token).await?.expect(409)?.problem("EMAIL_TAKEN")?;
    old.sign_in().await?;
    rival.sign_in().await?;
    Ok(())
}

async fn the_old_address_takes_the_account_back() -> Result<()> {
    let system = world::shared().await?;
    let (old, new, session, token) = changed(&system).await?;
    let other = new.sign_in().await?;
    let member = system.member_of_new(new.clone(), &other).await?;
    // Whoever did it goes for good.
    reverting(&old).redeem(&token).await?.expect(204)?;
    for ended in [&session, &other, &member.session] {
        ended.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        eventually(async || ended.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    }
    for person in [&old, &new] {
        person.from_elsewhere().try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    }
    // The stranger may know the password, so it is gone; the mail that sets a new one went to the old address.
    let reset = old.token_for("/reset").await?;
    let password = format!("{PASSWORD_MARK} mine again {}", old.email);
    old.api.post("/auth/reset-password", &json!({ "token": reset, "password": password })).await?.expect(204)?;
    let back = old.with_password(&password).from_elsewhere().sign_in().await?;
    ensure!(back.user_id == session.user_id, "another account");
    reverting(&old).is_consumed(&token).await
}

async fn who_squats_on_the_old_address_keeps_nobody_out() -> Result<()> {
    let system = world::shared().await?;
    let (old, _, _, token) = changed(&system).await?;
    let squatter = old.with_password(&format!("{PASSWORD_MARK} squatter {}", old.email)).from_elsewhere();
    squatter.sign_up().await?.expect(201)?;
    reverting(&old).redeem(&token).await?.expect(204)?;
    let owners = system.database.count("SELECT count(*) FROM users WHERE email = $1 AND email_verified_at IS NOT NULL", &[&old.email]).await?;
    ensure!(owners == 1, "{owners} owners");
    // Proved by another account, it is that one's.
    let (old, _, _, token) = changed(&system).await?;
    let rival = Person { email: old.email.clone(), ..Person::stranger(&system.api()?)? };
    rival.sign_up().await?.expect(201)?;
    eventually(async || {
        let token = rival.token_for("/verify-email").await?;
        rival.verify(&token).await?.expect(200)
    })
    .await?;
    reverting(&old).redeem(&token).await?.expect(409)?.problem("EMAIL_TAKEN")?;
    Ok(())
}

async fn a_later_change_does_not_save_the_first() -> Result<()> {
    let system = world::shared().await?;
    let (old, new, session, token) = changed(&system).await?;
    let further = moved(&new, &system)?;
    wish(&session, &new, &further.email).await?.expect(202)?;
    let confirm = further.token_for("/confirm-email").await?;
    confirming(&further).redeem(&confirm).await?.expect(200)?;
    let later = new.token_for("/revert-email").await?;
    session.api.delete("/users/me").await?.expect(202)?;
    reverting(&old).redeem(&token).await?.expect(204)?;
    reverting(&new).is_consumed(&later).await?;
    let sql = "SELECT count(*) FROM users WHERE email = $1 AND status = 'active'";
    ensure!(system.database.count(sql, &[&old.email]).await? == 1, "the account is not back");
    Ok(())
}

async fn confirming_is_for_one_of_twenty_and_the_token_itself() -> Result<()> {
    let system = world::shared().await?;
    let (_, new, _, token) = wished(&system).await?;
    confirming(&new).refuses_all_but(&token).await?;
    confirming(&new).race(&token).await?;
    Ok(())
}

async fn reverting_is_for_one_of_twenty_and_the_token_itself() -> Result<()> {
    let system = world::shared().await?;
    let (old, _, _, token) = changed(&system).await?;
    reverting(&old).refuses_all_but(&token).await?;
    reverting(&old).race(&token).await?;
    Ok(())
}

async fn old_tokens_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let life =
        "SELECT round(extract(epoch FROM t.expires_at - t.created_at) / 3600)::bigint FROM one_time_tokens t WHERE t.email = $1 AND purpose = $2";
    let age = "UPDATE one_time_tokens SET expires_at = now() WHERE email = $1 AND purpose = $2";
    let (_, new, _, token) = wished(&system).await?;
    ensure!(system.database.count(life, &[&new.email, &"confirm_email"]).await? == 24, "a day");
    system.database.execute(age, &[&new.email, &"confirm_email"]).await?;
    confirming(&new).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    let (old, _, session, token) = changed(&system).await?;
    ensure!(system.database.count(life, &[&old.email, &"revert_email"]).await? == 7 * 24, "seven days");
    system.database.execute(age, &[&old.email, &"revert_email"]).await?;
    reverting(&old).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    session.refresh().await?.expect(200)?;
    Ok(())
}

/// A mail that lies at the old address opens nothing any more.
async fn mailed_tokens_die_with_the_address() -> Result<()> {
    let system = world::shared().await?;
    let (old, new, _, token) = wished(&system).await?;
    old.api.post("/auth/forgot-password", &json!({ "email": old.email })).await?.expect(202)?;
    old.api.post("/auth/magic-link", &json!({ "email": old.email })).await?.expect(202)?;
    let (reset, magic) = (old.token_for("/reset").await?, old.token_for("/magic").await?);
    confirming(&new).redeem(&token).await?.expect(200)?;
    let reset = old.api.post("/auth/reset-password", &json!({ "token": reset, "password": format!("{PASSWORD_MARK} stale") })).await?;
    reset.expect(410)?.problem("TOKEN_CONSUMED").context("reset")?;
    let magic = old.api.post("/auth/magic-link/redeem", &json!({ "token": magic })).await?;
    magic.expect(410)?.problem("TOKEN_CONSUMED").context("magic link")?;
    Ok(())
}
