//! `/auth/mfa/sms`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    Session,
    factors::{number, other_than},
    forge, shape, tests,
    wait::eventually,
    world,
};

tests![
    a_number_is_set_up_and_answers,
    odd_numbers_are_refused,
    a_wrong_code_and_an_old_one_confirm_nothing,
    five_answers_per_code,
    only_the_latest_code_counts,
    a_code_answers_once_and_for_one_purpose,
    it_steps_up_and_is_taken_off,
    asking_for_a_code_counts_as_no_answer,
    five_messages_in_an_hour,
    who_has_no_number_gets_no_code,
    where_no_messages_are_sent_nothing_is_there,
    twilio_is_sent_what_it_wants,
    a_transport_that_is_away_is_tried_again,
];

async fn a_number_is_set_up_and_answers() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = number();
    let spelt = format!(" {} {}-{} ", &number[..3], &number[3..7], &number[7..]);
    let sent = session.api.post("/auth/mfa/sms/setup", &json!({ "phone": spelt })).await?;
    ensure!(sent.round_trips()? == 1, "{sent}");
    ensure!(sent.json_of(200)? == json!({ "sent": true, "expires_in": 600 }), "what is sent");
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"] == json!({ "enabled": false, "factors": [] }), "not before it is confirmed: {me}");
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    let verified = session.api.post("/auth/mfa/sms/verify", &json!({ "code": code })).await?;
    ensure!(verified.round_trips()? == 1, "{verified}");
    let verified = verified.json_of(200)?;
    ensure!(verified["backup_codes"].as_array().context("codes")?.len() == 10, "{verified}");
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"] == json!({ "enabled": true, "factors": ["sms", "backup_code"] }), "{me}");
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(409)?.problem("CONFLICT")?;

    let token = person.challenge().await?;
    let asked = person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "sms" })).await?;
    ensure!(asked.round_trips()? == 2, "{asked}");
    ensure!(asked.json_of(200)? == json!({ "sent": true, "expires_in": 600 }), "a code is on its way");
    let code = person.await_codes(&number, 2).await?.swap_remove(0);
    let answered = Session::read(person.answer(&token, "sms", &code).await?, &person.api)?;
    ensure!(forge::claims(&answered.access)?["amr"] == json!(["pwd", "sms", "mfa"]), "{}", answered.body);
    Ok(())
}

async fn odd_numbers_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for path in ["/auth/mfa/sms/setup", "/auth/phone/verify"] {
        for phone in [
            json!("0151 12345678"),
            json!("+49"),
            json!("+49151x234567"),
            json!("+0123456789"),
            json!(4_915_112_345_678_i64),
            json!("+4915112345678901"),
        ] {
            let fields = session.api.post(path, &json!({ "phone": phone })).await?.expect(422)?.fields()?;
            ensure!(fields.iter().any(|(field, _)| field == "phone"), "{phone}: {fields:?}");
        }
    }
    Ok(())
}

async fn a_wrong_code_and_an_old_one_confirm_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let verify = async |code: &str| session.api.post("/auth/mfa/sms/verify", &json!({ "code": code })).await;
    verify("123456").await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    let number = number();
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(200)?;
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    verify(&other_than(&code)).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    let user: uuid::Uuid = session.user_id.parse()?;
    let life = "SELECT round(extract(epoch FROM expires_at - created_at))::bigint FROM sms_codes WHERE user_id = $1";
    ensure!(system.database.count(life, &[&user]).await? == 600, "ten minutes");
    system.database.execute("UPDATE sms_codes SET expires_at = now() WHERE user_id = $1", &[&user]).await?;
    verify(&code).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    // Neither the code nor the number stand in the database for whoever reads it.
    let row = system.database.sql().await?.query_one("SELECT to_jsonb(c)::text FROM sms_codes c WHERE user_id = $1", &[&user]).await?;
    ensure!(!row.get::<_, String>(0).contains(&code), "the code is kept");
    let sealed = "SELECT convert_from(secret_sealed, 'UTF8') FROM mfa_tokens WHERE user_id = $1";
    ensure!(system.database.sql().await?.query_one(sealed, &[&user]).await?.get::<_, String>(0).starts_with("zs1."), "the number is sealed");
    Ok(())
}

async fn five_answers_per_code() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = number();
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(200)?;
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    let wrong = other_than(&code);
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let (api, wrong) = (session.api.clone(), wrong.clone());
            tokio::spawn(async move { api.post("/auth/mfa/sms/verify", &json!({ "code": wrong })).await })
        })
        .collect();
    for racer in racers {
        racer.await??.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    let user: uuid::Uuid = session.user_id.parse()?;
    let answers = system.database.count("SELECT answers::bigint FROM sms_codes WHERE user_id = $1", &[&user]).await?;
    ensure!(answers == 5, "{answers} answers were looked at");
    session.api.post("/auth/mfa/sms/verify", &json!({ "code": code })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn only_the_latest_code_counts() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = number();
    let mut codes = Vec::new();
    for n in 1..=2 {
        session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(200)?;
        codes.push(person.await_codes(&number, n).await?.swap_remove(0));
    }
    if codes[0] != codes[1] {
        session.api.post("/auth/mfa/sms/verify", &json!({ "code": codes[0] })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    // Of twenty at once with the right one, one confirms.
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let (api, code) = (session.api.clone(), codes[1].clone());
            tokio::spawn(async move { api.post("/auth/mfa/sms/verify", &json!({ "code": code })).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await??.status == 200);
    }
    ensure!(won == 1, "{won} of 20 won");
    Ok(())
}

async fn a_code_answers_once_and_for_one_purpose() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = person.set_up_sms(&session).await?;
    let token = person.challenge().await?;
    person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "sms" })).await?.expect(200)?;
    let code = person.await_codes(&number, 2).await?.swap_remove(0);
    session.api.post("/auth/phone/verify", &json!({ "code": code })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "totp", &code).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "sms", &other_than(&code)).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "sms", &code).await?.expect(200)?;
    person.answer(&person.challenge().await?, "sms", &code).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn it_steps_up_and_is_taken_off() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = person.set_up_sms(&session).await?;
    session.api.delete("/auth/mfa/sms").await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    let asked = session.api.post("/auth/mfa/step-up", &json!({ "factor": "sms" })).await?.json_of(200)?;
    ensure!(shape::members(&asked)? == ["expires_in", "sent"], "{asked}");
    let code = person.await_codes(&number, 2).await?.swap_remove(0);
    let stepped = session.api.post("/auth/mfa/step-up", &json!({ "factor": "sms", "code": code })).await?.json_of(200)?;
    let api = session.api.with(stepped["access_token"].as_str().context("token")?);
    api.delete("/auth/mfa/totp").await?.expect(404)?.problem("NOT_FOUND")?;
    api.delete("/auth/mfa/sms").await?.expect(204)?;
    person.sign_in().await?;
    Ok(())
}

async fn asking_for_a_code_counts_as_no_answer() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = person.set_up_sms(&session).await?;
    let token = person.challenge().await?;
    for _ in 0..4 {
        person.answer(&token, "sms", "000000").await?;
    }
    for n in 2..=4 {
        person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "sms" })).await?.expect(200)?;
        person.await_codes(&number, n).await?;
    }
    let code = person.await_codes(&number, 4).await?.swap_remove(0);
    person.answer(&token, "sms", &code).await?.expect(200)?;
    // Nor does one go to whoever has no open challenge.
    person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "sms" })).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    for factor in ["totp", "backup_code"] {
        let fields = person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": factor })).await?.expect(422)?.fields()?;
        ensure!(fields == [("code".to_owned(), "required".to_owned())], "{fields:?}");
    }
    Ok(())
}

async fn five_messages_in_an_hour() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for n in 0..6 {
        let answer = session.api.post("/auth/phone/verify", &json!({ "phone": number() })).await?;
        if n < 5 {
            answer.expect(200)?;
        } else {
            answer.expect(429)?.problem("RATE_LIMITED")?;
        }
    }
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number() })).await?.expect(429)?.problem("RATE_LIMITED")?;
    Ok(())
}

async fn who_has_no_number_gets_no_code() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, ..) = system.person_with_totp().await?;
    let token = person.challenge().await?;
    person.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": "sms" })).await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.post("/auth/mfa/step-up", &json!({ "factor": "sms" })).await?.expect(404)?.problem("NOT_FOUND")?;
    // A number that waits to be confirmed is none.
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number() })).await?.expect(200)?;
    session.api.post("/auth/mfa/step-up", &json!({ "factor": "sms" })).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn where_no_messages_are_sent_nothing_is_there() -> Result<()> {
    let system = world::strict().await?;
    let person = zygo_tests::Person::stranger(&system.api()?)?;
    person.sign_up().await?.expect(201)?;
    system.database.execute("UPDATE users SET email_verified_at = now() WHERE email = $1", &[&person.email]).await?;
    let session = person.sign_in().await?;
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number() })).await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.post("/auth/phone/verify", &json!({ "phone": number() })).await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.post("/auth/mfa/step-up", &json!({ "factor": "sms" })).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn twilio_is_sent_what_it_wants() -> Result<()> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (system, _turn) = world::fragile().await?;
    let twilio = system.sms.as_ref().context("a false Twilio")?;
    let (person, session) = system.session().await?;
    let number = number();
    session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(200)?;
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    let posted = twilio.posted(&number);
    ensure!(posted.len() == 1, "{posted:?}");
    let (account, token) = (&system.secrets.twilio_account, &system.secrets.twilio_token);
    ensure!(posted[0].request == format!("POST /2010-04-01/Accounts/{account}/Messages.json HTTP/1.1"), "{posted:?}");
    let basic = format!("Basic {}", STANDARD.encode(format!("{account}:{token}")));
    ensure!(posted[0].header("authorization") == Some(basic.as_str()), "{posted:?}");
    ensure!(posted[0].header("content-type") == Some("application/x-www-form-urlencoded"), "{posted:?}");
    let names: Vec<&str> = posted[0].fields.iter().map(|(name, _)| name.as_str()).collect();
    ensure!(names == ["To", "From", "Body"] && posted[0].field("From") == Some("+15005550006"), "{posted:?}");
    let text = posted[0].field("Body").context("Body")?;
    ensure!(text == format!("{code} is your Zygo code. It is good for 10 minutes. Give it to nobody."), "{text}");
    Ok(())
}

async fn a_transport_that_is_away_is_tried_again() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let twilio = system.sms.as_ref().context("a false Twilio")?;
    let (person, session) = system.session().await?;
    let (away, refused) = (number(), number());
    twilio.refuse(&away, &[503, 429]);
    session.api.post("/auth/phone/verify", &json!({ "phone": away })).await?.expect(200)?;
    eventually(async || {
        ensure!(!twilio.posted(&away).is_empty(), "not tried");
        Ok(())
    })
    .await?;
    system.settle().await?;
    let code = person.await_codes(&away, 1).await?.swap_remove(0);
    ensure!(twilio.posted(&away).iter().map(|posted| posted.status).eq([503, 429, 201]), "{:?}", twilio.posted(&away));
    session.api.post("/auth/phone/verify", &json!({ "code": code })).await?.expect(200)?;
    // What it will not take, it is not asked again.
    twilio.refuse(&refused, &[400]);
    session.api.post("/auth/phone/verify", &json!({ "phone": refused })).await?.expect(200)?;
    eventually(async || {
        ensure!(twilio.posted(&refused).len() == 1, "{:?}", twilio.posted(&refused));
        Ok(())
    })
    .await?;
    system.settle().await?;
    ensure!(twilio.posted(&refused).len() == 1, "{:?}", twilio.posted(&refused));
    Ok(())
}
