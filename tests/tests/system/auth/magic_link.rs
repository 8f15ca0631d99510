//! `POST /auth/magic-link` and `/auth/magic-link/redeem`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, System, factors::challenge_of, forge, one_time::Redeeming, tests, world};

tests![
    signs_in,
    signs_in_to_a_tenant_its_members_only,
    of_twenty_at_once_one_wins,
    what_is_no_token_is_refused,
    an_old_token_is_refused,
    proves_the_address_and_takes_the_password_of_whoever_did_not,
    a_second_factor_is_still_asked_for,
    suspended_people_stay_out,
    gives_cookies_to_browsers,
];

fn redeeming(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/magic-link/redeem", beside: json!({ "device_name": "a tablet" }), status: 200 }
}

async fn ask(person: &Person) -> Result<String> {
    person.api.at("localhost").post("/auth/magic-link", &json!({ "email": person.email })).await?.expect(202)?;
    person.token_for("/magic").await
}

async fn asked(system: &System) -> Result<(Person, String)> {
    let person = system.person().await?;
    let token = ask(&person).await?;
    Ok((person, token))
}

async fn signs_in() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    ensure!(person.mails().await?[0]["tokens"]["magic"] == token.as_str(), "the mailbox shows the token");
    let session = Session::read(redeeming(&person).redeem(&token).await?, &person.api)?;
    ensure!(session.body["session"]["device"] == "a tablet" && session.body["user"]["email"] == person.email.as_str(), "{}", session.body);
    ensure!(forge::claims(&session.access)?["amr"] == json!(["otp"]), "how it was proved");
    session.api.get("/users/me").await?.expect(200)?;
    session.refresh().await?.expect(200)?;
    redeeming(&person).is_consumed(&token).await?;
    // The password of a proved address stays.
    person.sign_in().await?;
    Ok(())
}

async fn signs_in_to_a_tenant_its_members_only() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let other = system.member().await?;
    let token = ask(&member.person).await?;
    let at = |host: &str| Redeeming { api: member.person.api.at(host), ..redeeming(&member.person) };
    at(&other.host).redeem(&token).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    let session = at(&member.host).redeem(&token).await?.json_of(200)?;
    ensure!(session["tenant"]["id"] == member.tenant_id.as_str(), "{session}");
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    redeeming(&person).race(&token).await?;
    let sessions = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1";
    ensure!(system.database.count(sessions, &[&person.email]).await? == 1, "more than one session");
    Ok(())
}

async fn what_is_no_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    redeeming(&person).refuses_all_but(&token).await?;
    redeeming(&person).redeem(&token).await?.expect(200)?;
    Ok(())
}

async fn an_old_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    let life = "SELECT round(extract(epoch FROM expires_at - created_at) / 60)::bigint FROM one_time_tokens WHERE email = $1";
    ensure!(system.database.count(life, &[&person.email]).await? == 10, "ten minutes");
    system.database.execute("UPDATE one_time_tokens SET expires_at = now() WHERE email = $1", &[&person.email]).await?;
    redeeming(&person).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    Ok(())
}

/// Somebody signs up with another's address and waits for its owner to open the account.
async fn proves_the_address_and_takes_the_password_of_whoever_did_not() -> Result<()> {
    let system = world::shared().await?;
    let stranger = Person::stranger(&system.api()?)?;
    stranger.sign_up().await?.expect(201)?;
    let token = ask(&stranger).await?;
    let answer = redeeming(&stranger).redeem(&token).await?.json_of(200)?;
    ensure!(answer["user"]["email_verified"] == true, "{answer}");
    stranger.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn a_second_factor_is_still_asked_for() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let token = ask(&person).await?;
    let challenge = challenge_of(&redeeming(&person).redeem(&token).await?)?;
    redeeming(&person).is_consumed(&token).await?;
    let session = Session::read(person.answer(&challenge, "totp", &app.code(0)?).await?, &person.api)?;
    ensure!(session.body["session"]["device"] == "a tablet", "{}", session.body);
    Ok(())
}

async fn suspended_people_stay_out() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE email = $1", &[&person.email]).await?;
    redeeming(&person).redeem(&token).await?.expect(403)?.problem("USER_SUSPENDED")?;
    Ok(())
}

async fn gives_cookies_to_browsers() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = asked(&system).await?;
    let answer = Redeeming { beside: json!({ "cookie": true }), ..redeeming(&person) }.redeem(&token).await?.expect(200)?;
    let cookies = answer.header_values("set-cookie");
    ensure!(cookies.iter().any(|cookie| cookie.starts_with("__Host-zygo_refresh=") && cookie.contains("HttpOnly")), "{cookies:?}");
    ensure!(answer.json()?.get("refresh_token").context("refresh_token")?.is_null(), "{answer}");
    Ok(())
}
