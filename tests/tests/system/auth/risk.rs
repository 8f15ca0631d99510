//! Sign-ins that look odd: noticed, asked for more, refused.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_test_authenticator::Kind;
use zygo_tests::{Answer, Api, Person, Session, System, eventually, forge, passkeys, people::PASSWORD_MARK, tests, world};

tests![
    a_new_device_is_noticed,
    a_browser_is_known_by_its_cookie,
    an_odd_sign_in_takes_a_mailed_code,
    a_mailed_code_is_good_for_its_challenge_alone,
    an_odd_sign_in_takes_the_second_factor_of_who_has_one,
    a_very_odd_sign_in_is_refused_like_a_wrong_password,
    a_passkey_speaks_for_its_owner,
    failures_make_a_new_device_odd,
    blocked_addresses_sign_nobody_in_or_up,
    a_throw_away_address_is_noted,
];

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0";

fn berlin(api: &Api) -> Api {
    api.located("DE", 3320, 52.52, 13.4)
}

fn porto(api: &Api) -> Api {
    api.located("PT", 2860, 41.15, -8.61)
}

/// A person as seen from a place, on a program.
fn there(person: &Person, place: fn(&Api) -> Api, agent: &str) -> Person {
    Person { api: place(&person.api.from_elsewhere()).agent(agent), ..person.clone() }
}

/// Somebody who has signed in from Berlin, `hours` ago, which is when the mail of sign-up was the last.
async fn berliner(system: &System, hours: i32) -> Result<Person> {
    let person = system.person().await?;
    there(&person, berlin, "one/1").sign_in().await?;
    let aged = "UPDATE sessions s SET created_at = s.created_at - make_interval(hours => $2) FROM users u WHERE u.id = s.user_id AND u.email = $1";
    system.database.execute(aged, &[&person.email, &hours]).await?;
    Ok(person)
}

async fn events(system: &System, person: &Person, kind: &str) -> Result<i64> {
    let sql = "SELECT count(*) FROM security_events e JOIN users u ON u.id = e.user_id WHERE u.email = $1 AND e.kind = $2";
    system.database.count(sql, &[&person.email, &kind]).await
}

async fn recorded(system: &System, person: &Person, kind: &str, count: i64) -> Result<()> {
    eventually(async || {
        let found = events(system, person, kind).await?;
        ensure!(found == count, "{found} events {kind}");
        Ok(())
    })
    .await
}

/// The challenge of a sign-in that looked odd, for somebody who has no second factor.
async fn asked(answer: Answer) -> Result<String> {
    ensure!(answer.round_trips()? <= 2, "{answer}");
    let body = answer.json_of(200)?;
    ensure!(body["mfa_required"] == true && body["factors"] == json!(["email"]), "{body}");
    body["challenge_token"].as_str().map(str::to_owned).context("no token")
}

fn code_of(mail: &Value) -> Result<String> {
    mail["tokens"]["code"].as_str().map(str::to_owned).with_context(|| format!("no code in {mail}"))
}

async fn give(person: &Person, token: &str, code: &str) -> Result<Answer> {
    person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "email", "code": code })).await
}

async fn a_new_device_is_noticed() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 1).await?;
    let answer = there(&person, berlin, "one/2").try_sign_in().await?.expect(200)?;
    ensure!(answer.round_trips()? <= 2, "{answer}");
    ensure!(person.mails().await?.len() == 1, "nothing is new");
    there(&person, berlin, "other/1").sign_in().await?;
    let mails = person.await_mails(2).await?;
    ensure!(mails[0]["text"].as_str().is_some_and(|text| text.contains("end-sessions")), "{}", mails[0]);
    // It is known from then on.
    there(&person, berlin, "other/1").sign_in().await?;
    system.settle().await?;
    ensure!(person.mails().await?.len() == 2, "told twice");
    Ok(())
}

async fn a_browser_is_known_by_its_cookie() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let browser = there(&person, berlin, FIREFOX);
    let first = browser.try_sign_in().await?.expect(200)?;
    let cookies = first.header_values("set-cookie");
    let cookie =
        cookies.iter().find_map(|cookie| cookie.split(';').next().filter(|pair| pair.starts_with("__Host-zygo_browser="))).context("no cookie")?;
    ensure!(cookies.iter().all(|cookie| cookie.contains("HttpOnly") && cookie.contains("Secure")), "{cookies:?}");
    let same = Person { api: browser.api.carrying("cookie", cookie), ..browser.clone() };
    let again = same.try_sign_in().await?.expect(200)?;
    ensure!(again.header_values("set-cookie").is_empty(), "a cookie twice");
    system.settle().await?;
    ensure!(person.mails().await?.len() == 1, "nothing is new");
    // The same browser without it, and it in another browser, are new.
    browser.sign_in().await?;
    person.await_mails(2).await?;
    let other = Person { api: same.api.agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/144.0"), ..person.clone() };
    other.sign_in().await?;
    person.await_mails(3).await?;
    Ok(())
}

async fn an_odd_sign_in_takes_a_mailed_code() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 48).await?;
    let odd = there(&person, porto, "other/1");
    let token = asked(odd.try_sign_in().await?).await?;
    let mails = person.await_mails(2).await?;
    let code = code_of(&mails[0])?;
    let text = mails[0]["text"].as_str().unwrap_or_default();
    ensure!(text.contains("a new device") && text.contains("a new country"), "the reasons are missing: {text}");
    recorded(&system, &person, "sign_in.suspicious", 1).await?;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    give(&odd, &token, wrong).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    let answer = give(&odd, &token, &code).await?;
    ensure!(answer.round_trips()? <= 2, "{answer}");
    let session = Session::read(answer, &odd.api)?;
    let claims = forge::claims(&session.access)?;
    ensure!(claims["amr"] == json!(["pwd", "otp"]) && claims["mfa_at"].is_null(), "a mailed code is no second factor: {claims}");
    give(&odd, &token, &code).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    // The owner is told, and the place is known from then on.
    let mails = person.await_mails(3).await?;
    ensure!(mails[0]["tokens"]["code"].is_null(), "{}", mails[0]);
    odd.sign_in().await?;
    Ok(())
}

async fn a_mailed_code_is_good_for_its_challenge_alone() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 48).await?;
    let odd = there(&person, porto, "other/1");
    let first = asked(odd.try_sign_in().await?).await?;
    let code = code_of(&person.await_mails(2).await?[0])?;
    let second = asked(odd.try_sign_in().await?).await?;
    person.await_mails(3).await?;
    give(&odd, &second, &code).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    give(&odd, &first, &code).await?.expect(200)?;
    Ok(())
}

async fn an_odd_sign_in_takes_the_second_factor_of_who_has_one() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 48).await?;
    let known = there(&person, berlin, "one/1");
    let mut device = passkeys::device(Kind::P256)?;
    known.sign_in().await?.add_passkey(&mut device).await?;
    // On a trusted device nobody is asked, unless it looks odd.
    let token = known.try_sign_in().await?.json_of(200)?["challenge_token"].as_str().context("no challenge")?.to_owned();
    let started = passkeys::start(&known.api, "login", &json!({ "challenge_token": token })).await?;
    let mut body = passkeys::answer(&known.api, &mut device, &started);
    body["challenge_token"] = json!(token);
    body["trust_device"] = json!(true);
    let trusted = passkeys::finish(&known.api, "login", &body).await?.json_of(200)?["device_token"].as_str().context("no device token")?.to_owned();
    let sign_in = async |person: &Person| {
        let input = json!({ "email": person.email, "password": person.password, "device_token": trusted });
        person.api.post("/auth/login", &input).await?.json_of(200)
    };
    ensure!(sign_in(&known).await?["access_token"].is_string(), "the device is trusted");
    let aged = "UPDATE sessions s SET created_at = s.created_at - interval '2 days' FROM users u WHERE u.id = s.user_id AND u.email = $1";
    system.database.execute(aged, &[&person.email]).await?;
    let odd = sign_in(&there(&person, porto, "other/1")).await?;
    ensure!(odd["mfa_required"] == true && odd["factors"] == json!(["passkey"]), "{odd}");
    Ok(())
}

async fn a_very_odd_sign_in_is_refused_like_a_wrong_password() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 0).await?;
    let odd = there(&person, porto, "other/1");
    let wrong = odd.with_password(&format!("{PASSWORD_MARK} wrong")).try_sign_in().await?.expect(401)?;
    let refused = odd.try_sign_in().await?.expect(401)?;
    ensure!(refused.alike()? == wrong.alike()? && refused.round_trips()? <= 2, "{refused}");
    recorded(&system, &person, "sign_in.refused", 1).await?;
    let mails = person.await_mails(2).await?;
    let text = mails[0]["text"].as_str().unwrap_or_default();
    ensure!(text.contains("refused") && text.contains("too far from the last sign-in"), "{text}");
    // It has locked nobody out.
    there(&person, berlin, "one/1").sign_in().await?;
    Ok(())
}

async fn a_passkey_speaks_for_its_owner() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 0).await?;
    let mut device = passkeys::device(Kind::Ed25519)?;
    there(&person, berlin, "one/1").sign_in().await?.add_passkey(&mut device).await?;
    let odd = there(&person, porto, "other/1");
    passkeys::try_sign_in(&odd.api, &mut device).await?.expect(200)?;
    // Sign-up, the passkey, and what was unusual.
    let mails = person.await_mails(3).await?;
    ensure!(mails.iter().any(|mail| mail["text"].as_str().is_some_and(|text| text.contains("unusual"))), "{mails:?}");
    Ok(())
}

async fn failures_make_a_new_device_odd() -> Result<()> {
    let system = world::shared().await?;
    let person = berliner(&system, 1).await?;
    for _ in 0..5 {
        let wrong = there(&person, berlin, "other/1").with_password(&format!("{PASSWORD_MARK} wrong"));
        wrong.try_sign_in().await?.expect(401)?;
    }
    // The known device is let in; another takes a code.
    asked(there(&person, berlin, "other/1").try_sign_in().await?).await?;
    there(&person, berlin, "one/1").sign_in().await?;
    Ok(())
}

async fn blocked_addresses_sign_nobody_in_or_up() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let blocked = member.person.from_elsewhere();
    let list = "UPDATE tenant_settings SET ip_block_list = ip_block_list || $2::text::inet WHERE tenant_id = $1";
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    system.database.execute(list, &[&tenant, &blocked.api.address()]).await?;
    let refused = blocked.at(&member.host).try_sign_in().await?.expect(401)?;
    refused.problem("INVALID_CREDENTIALS")?;
    let stranger = Person { api: blocked.api.clone(), ..Person::stranger(&system.api()?)? };
    stranger.at(&member.host).sign_up().await?.expect(403)?.problem("IP_NOT_ALLOWED")?;
    // Elsewhere, and from elsewhere, nothing is blocked.
    blocked.sign_in().await?;
    member.person.at(&member.host).sign_in().await?;
    stranger.sign_up().await?.expect(201)?;
    // The platform's list holds everywhere.
    let other = member.person.from_elsewhere();
    system.database.execute(list, &[&uuid::Uuid::nil(), &other.api.address()]).await?;
    other.at(&member.host).try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    other.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn a_throw_away_address_is_noted() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?.from_elsewhere();
    let email = format!("{}@mailinator.com", zygo_tests::random::word()?);
    let answer = api.post("/auth/signup", &json!({ "email": email, "password": format!("{PASSWORD_MARK} {email}") })).await?;
    answer.expect(201)?;
    let sql = "SELECT count(*) FROM security_events WHERE kind = 'sign_up.suspicious' AND ip = $1 AND details -> 'reasons' ? 'disposable_mail'";
    eventually(async || {
        ensure!(system.database.count(sql, &[&api.address()]).await? == 1, "not noted");
        Ok(())
    })
    .await
}
