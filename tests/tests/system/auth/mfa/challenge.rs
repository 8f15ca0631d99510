//! `POST /auth/mfa/challenge`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Session, factors::challenge_of, forge, shape, tests, wait::eventually, world};

tests![
    a_challenge_says_what_it_wants,
    the_answer_gives_a_session_with_both_factors,
    a_used_code_and_those_before_it_are_refused,
    a_neighbouring_step_is_taken,
    a_backup_code_works_once,
    five_wrong_answers_end_a_challenge,
    ten_wrong_answers_lock_whatever_the_challenge,
    a_challenge_is_its_persons,
    a_challenge_is_its_tenants,
    an_old_challenge_is_refused,
    what_is_no_token_is_refused,
    odd_inputs_are_refused,
    wrong_answers_stand_in_the_security_trail,
    cookies_are_set_where_the_sign_in_asked_for_them,
    only_a_hash_is_kept,
    the_answer_costs_two_round_trips,
];

async fn a_challenge_says_what_it_wants() -> Result<()> {
    let system = world::shared().await?;
    let (person, ..) = system.person_with_totp().await?;
    let answer = person.try_sign_in().await?;
    ensure!(answer.round_trips()? <= 2, "{answer}");
    let body = answer.json_of(200)?;
    ensure!(shape::members(&body)? == ["challenge_token", "expires_in", "factors", "mfa_required"], "{body}");
    ensure!(body["factors"] == json!(["totp", "backup_code"]) && body["mfa_required"] == true && body["expires_in"] == 300, "{body}");
    // Only for the right password.
    person.with_password("Heron-Lantern-Quartz wrong").try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn the_answer_gives_a_session_with_both_factors() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let input = json!({ "email": person.email, "password": person.password, "device_name": "Ada's laptop" });
    let token = challenge_of(&person.api.post("/auth/login", &input).await?)?;
    let answer = person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "code": app.code(0)? })).await?;
    let session = Session::read(answer, &person.api)?;
    let members = ["access_token", "expires_at", "expires_in", "refresh_token", "session", "tenant", "token_type", "user"];
    ensure!(shape::members(&session.body)? == members, "{}", session.body);
    ensure!(session.body["session"]["device"] == "Ada's laptop", "{}", session.body);
    let claims = forge::claims(&session.access)?;
    ensure!(claims["amr"] == json!(["pwd", "otp", "mfa"]), "{claims}");
    ensure!(claims["mfa_at"] == claims["iat"], "{claims}");
    session.api.get("/users/me").await?.expect(200)?;
    let refreshed = Session::read(session.refresh().await?, &person.api)?;
    let later = forge::claims(&refreshed.access)?;
    ensure!(later["amr"] == claims["amr"] && later["mfa_at"] == claims["mfa_at"], "{later}");
    // The challenge is used up.
    person.answer(&token, "totp", &app.code(1)?).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}

async fn a_used_code_and_those_before_it_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let (used, before) = (app.code(0)?, app.code(-1)?);
    let token = person.challenge().await?;
    // The set-up used the code before.
    person.answer(&token, "totp", &before).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "totp", &used).await?.expect(200)?;
    let token = person.challenge().await?;
    person.answer(&token, "totp", &used).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "totp", &before).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn a_neighbouring_step_is_taken() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    for (step, taken) in [(-4, false), (0, true), (1, true), (5, false)] {
        system.forget_steps(&session).await?;
        let token = person.challenge().await?;
        let status = person.answer(&token, "totp", &app.code(step)?).await?.status;
        ensure!(status == if taken { 200 } else { 401 }, "step {step}: {status}");
    }
    // People type blanks as apps show them.
    system.forget_steps(&session).await?;
    let code = app.code(0)?;
    let (first, second) = code.split_at(3);
    person.answer(&person.challenge().await?, "totp", &format!(" {first} {second} ")).await?.expect(200)?;
    Ok(())
}

async fn a_backup_code_works_once() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, _, codes) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    let session = Session::read(person.answer(&token, "backup_code", &codes[3].to_uppercase().replace('-', " ")).await?, &person.api)?;
    ensure!(forge::claims(&session.access)?["amr"] == json!(["pwd", "otp", "mfa"]), "{}", session.body);
    let token = person.challenge().await?;
    person.answer(&token, "backup_code", &codes[3]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "totp", &codes[4]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "backup_code", &codes[4]).await?.expect(200)?;
    Ok(())
}

async fn five_wrong_answers_end_a_challenge() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    for _ in 0..5 {
        person.answer(&token, "totp", &app.wrong_code()?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    for code in [app.wrong_code()?, app.code(0)?] {
        person.answer(&token, "totp", &code).await?.expect(429)?.problem("ACCOUNT_LOCKED")?;
    }
    // Another challenge is another five.
    person.answer(&person.challenge().await?, "totp", &app.code(0)?).await?.expect(200)?;
    Ok(())
}

async fn ten_wrong_answers_lock_whatever_the_challenge() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, codes) = system.person_with_totp().await?;
    for _ in 0..2 {
        let token = person.challenge().await?;
        for _ in 0..5 {
            person.answer(&token, "totp", &app.wrong_code()?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
        }
    }
    let token = person.challenge().await?;
    let refused = person.answer(&token, "backup_code", &codes[0]).await?.expect(429)?;
    refused.problem("ACCOUNT_LOCKED")?;
    let wait: u32 = refused.header("retry-after").context("Retry-After")?.parse()?;
    ensure!((1..=60).contains(&wait), "{refused}");
    session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(0)? })).await?.expect(429)?.problem("ACCOUNT_LOCKED")?;
    // Its owner is told, once.
    let mails = person.await_mails(2).await?;
    ensure!(mails.iter().filter(|mail| mail["tokens"]["verify"].is_null()).count() >= 1, "{mails:?}");
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("UPDATE mfa_state SET locked_until = now() WHERE user_id = $1", &[&user]).await?;
    person.answer(&token, "backup_code", &codes[0]).await?.expect(200)?;
    // The right one cleared the count.
    let token = person.challenge().await?;
    person.answer(&token, "totp", &app.wrong_code()?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn a_challenge_is_its_persons() -> Result<()> {
    let system = world::shared().await?;
    let (ada, _, adas_app, adas_codes) = system.person_with_totp().await?;
    let (eve, _, eves_app, eves_codes) = system.person_with_totp().await?;
    let (adas, eves) = (ada.challenge().await?, eve.challenge().await?);
    eve.answer(&adas, "totp", &eves_app.code(0)?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    eve.answer(&adas, "backup_code", &eves_codes[0]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    eve.answer(&eves, "backup_code", &adas_codes[0]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    // None of it used anything up.
    eve.answer(&eves, "backup_code", &eves_codes[0]).await?.expect(200)?;
    let session = Session::read(ada.answer(&adas, "totp", &adas_app.code(0)?).await?, &ada.api)?;
    ensure!(session.body["user"]["email"] == ada.email.as_str(), "{}", session.body);
    Ok(())
}

async fn a_challenge_is_its_tenants() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (app, _) = member.session.set_up_totp().await?;
    let (here, there) = (member.person.clone(), member.person.at(&member.host));
    let token = there.challenge().await?;
    here.answer(&token, "totp", &app.code(0)?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    let other = system.member().await?;
    member.person.at(&other.host).answer(&token, "totp", &app.code(0)?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    let session = Session::read(there.answer(&token, "totp", &app.code(0)?).await?, &there.api)?;
    ensure!(session.body["tenant"]["slug"] == member.slug.as_str(), "{}", session.body);
    // Suspended meanwhile.
    let token = there.challenge().await?;
    let user: uuid::Uuid = member.session.user_id.parse()?;
    system.database.bend("UPDATE user_roles SET status = 'suspended' WHERE user_id = $1", &[&user]).await?;
    there.answer(&token, "totp", &app.code(1)?).await?.expect(403)?.problem("USER_SUSPENDED")?;
    Ok(())
}

async fn an_old_challenge_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    let life = "SELECT round(extract(epoch FROM expires_at - created_at))::bigint FROM mfa_challenges WHERE user_id = $1";
    ensure!(system.database.count(life, &[&user]).await? == 300, "five minutes");
    system.database.execute("UPDATE mfa_challenges SET expires_at = now() WHERE user_id = $1", &[&user]).await?;
    person.answer(&token, "totp", &app.code(0)?).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    Ok(())
}

async fn what_is_no_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    let rest = token.strip_prefix("zf_").context("the prefix of its kind")?;
    let cases = [
        String::new(),
        "x".into(),
        rest.to_owned(),
        token.chars().take(token.len() - 1).collect(),
        token.chars().take(20).collect(),
        format!("{token}A"),
        format!("zt_{rest}"),
        format!("zv_{rest}"),
        token.to_uppercase(),
        format!("zf_{}", "A".repeat(43)),
        "x".repeat(100_000),
    ];
    for case in cases {
        person.answer(&case, "totp", &app.code(0)?).await?.expect(401)?.problem("TOKEN_INVALID").with_context(|| format!("{case:.50}"))?;
    }
    person.answer(&token, "totp", &app.code(0)?).await?.expect(200)?;
    Ok(())
}

async fn odd_inputs_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let good = json!({ "challenge_token": "zf_x", "factor": "totp", "code": "123456" });
    let cases: Vec<(&str, Value)> = vec![
        ("challenge_token", json!(1)),
        ("factor", json!("passkey")),
        ("factor", json!("fax")),
        ("code", json!(123_456)),
        ("code", json!("")),
        ("trust_device", json!("yes")),
        ("admin", json!(true)),
    ];
    for (field, value) in cases {
        let mut input = good.clone();
        input[field] = value;
        let fields = api.post("/auth/mfa/challenge", &input).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{field}: {fields:?}");
    }
    Ok(())
}

async fn wrong_answers_stand_in_the_security_trail() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    person.answer(&token, "totp", &app.wrong_code()?).await?.expect(401)?;
    let user: uuid::Uuid = session.user_id.parse()?;
    eventually(async || {
        let trail =
            "SELECT count(*) FROM security_events WHERE user_id = $1 AND kind = 'mfa.failed' AND details = '{\"factor\": \"totp\"}' AND ip = $2";
        let count = system.database.count(trail, &[&user, &person.api.address()]).await?;
        ensure!(count == 1, "{count} entries");
        Ok(())
    })
    .await
}

async fn cookies_are_set_where_the_sign_in_asked_for_them() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let input = json!({ "email": person.email, "password": person.password, "cookie": true });
    let login = person.api.post("/auth/login", &input).await?;
    ensure!(login.header_values("set-cookie").is_empty(), "{login}");
    let answer = person.answer(&challenge_of(&login)?, "totp", &app.code(0)?).await?.expect(200)?;
    let cookies = answer.header_values("set-cookie");
    ensure!(cookies.iter().any(|cookie| cookie.starts_with("__Host-zygo_refresh=zr_")), "{cookies:?}");
    ensure!(answer.json()?["refresh_token"].is_null(), "{answer}");
    Ok(())
}

async fn only_a_hash_is_kept() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, ..) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    let row = system.database.sql().await?.query_one("SELECT to_jsonb(c)::text FROM mfa_challenges c WHERE user_id = $1", &[&user]).await?;
    let kept: String = row.get(0);
    ensure!(!kept.contains(token.trim_start_matches("zf_")), "{kept}");
    Ok(())
}

async fn the_answer_costs_two_round_trips() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    let wrong = person.answer(&token, "totp", &app.wrong_code()?).await?.expect(401)?;
    ensure!(wrong.round_trips()? == 1, "{wrong}");
    let right = person.answer(&token, "totp", &app.code(0)?).await?.expect(200)?;
    ensure!(right.round_trips()? == 2, "{right}");
    let stepped = session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(1)? })).await?.expect(200)?;
    ensure!(stepped.round_trips()? == 2, "{stepped}");
    Ok(())
}
