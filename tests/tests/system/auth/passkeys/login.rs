//! Signing in with a passkey alone.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_test_authenticator::{Authenticator, BACKED_UP, ELIGIBLE, Kind, PRESENT, VERIFIED};
use zygo_tests::{
    Session, eventually, forge,
    passkeys::{answer, device, finish, start, try_sign_in},
    tests, world,
};

tests![
    it_signs_in_as_more_than_one_factor,
    a_synchronised_one_says_so,
    the_host_decides_the_tenant,
    every_refusal_is_alike,
    a_counter_that_goes_back_is_refused_and_recorded,
    suspended_people_are_told,
    it_costs_two_round_trips,
];

async fn it_signs_in_as_more_than_one_factor() -> Result<()> {
    let system = world::shared().await?;
    for kind in [Kind::P256, Kind::Ed25519] {
        let (person, session) = system.session().await?;
        let mut device = device(kind)?;
        session.add_passkey(&mut device).await?;
        ensure!(session.passkeys().await?[0]["last_used_at"].is_null(), "not used yet");
        let signed_in = Session::read(try_sign_in(&person.api, &mut device).await?, &person.api)?;
        ensure!(signed_in.user_id == session.user_id && signed_in.body["tenant"].is_null(), "{}", signed_in.body);
        let claims = forge::claims(&signed_in.access)?;
        ensure!(claims["amr"] == json!(["hwk", "user", "mfa"]) && claims["mfa_at"].is_i64(), "{claims}");
        let listed = session.passkeys().await?;
        ensure!(listed.len() == 1 && !listed[0]["last_used_at"].is_null(), "{listed:?}");
        // And again, the counter having moved on.
        try_sign_in(&person.api, &mut device).await?.expect(200)?;
    }
    Ok(())
}

async fn a_synchronised_one_says_so() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    (device.counter, device.flags) = (None, PRESENT | VERIFIED | ELIGIBLE);
    session.add_passkey(&mut device).await?;
    ensure!(session.passkeys().await?[0]["backed_up"] == false, "not copied yet");
    device.flags |= BACKED_UP;
    for _ in 0..2 {
        let signed_in = Session::read(try_sign_in(&person.api, &mut device).await?, &person.api)?;
        ensure!(forge::claims(&signed_in.access)?["amr"] == json!(["swk", "user", "mfa"]), "{}", signed_in.body);
    }
    let listed = &session.passkeys().await?[0];
    ensure!(listed["backup_eligible"] == true && listed["backed_up"] == true, "{listed}");
    Ok(())
}

async fn the_host_decides_the_tenant() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let stranger = system.member().await?;
    let there = member.person.at(&member.host);
    let mut device = device(Kind::P256)?;
    let session = Session::read(there.try_sign_in().await?, &there.api)?;
    session.add_passkey(&mut device).await?;
    let signed_in = Session::read(try_sign_in(&there.api, &mut device).await?, &there.api)?;
    ensure!(signed_in.body["tenant"]["slug"] == member.slug.as_str(), "{}", signed_in.body);
    // Another organisation's host has the same domain, but the person is nobody there.
    try_sign_in(&there.api.at(&stranger.host), &mut device).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    // The API's host has a domain of its own, for which this passkey is none.
    try_sign_in(&member.person.api, &mut device).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    // An address has no domain.
    let bare = member.person.api.at("127.0.0.1").post("/auth/passkeys/login/start", &json!({})).await?;
    bare.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

/// Bends an authenticator, or the answer that it gave.
enum Bend {
    Device(fn(&mut Authenticator)),
    Answer(fn(&mut Value)),
}

async fn every_refusal_is_alike() -> Result<()> {
    use Bend::{Answer, Device};
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let (other, others) = system.session().await?;
    let mut good = device(Kind::P256)?;
    session.add_passkey(&mut good).await?;
    let mut foreign = device(Kind::P256)?;
    others.add_passkey(&mut foreign).await?;
    let bends: Vec<(&str, Bend)> = vec![
        ("another origin", Device(|a| a.client_data = json!({ "origin": "http://localhost.evil.example" }))),
        ("another port", Device(|a| a.client_data = json!({ "origin": "http://localhost:1" }))),
        ("a secure page, where this is none", Device(|a| a.client_data = json!({ "origin": "https://localhost" }))),
        ("inside of another page", Device(|a| a.client_data = json!({ "crossOrigin": true }))),
        ("another challenge", Device(|a| a.client_data = json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAA" }))),
        ("a challenge of another length", Device(|a| a.client_data = json!({ "challenge": "AAAA" }))),
        ("made for registration", Device(|a| a.client_data = json!({ "type": "webauthn.create" }))),
        ("another relying party", Device(|a| a.rp_id = Some("app.localhost".into()))),
        ("nobody present", Device(|a| a.flags = VERIFIED)),
        ("nobody verified", Device(|a| a.flags = PRESENT)),
        ("suddenly backed up", Device(|a| a.flags |= ELIGIBLE | BACKED_UP)),
        ("another person's handle", Device(|a| a.user_handle = vec![0; 16])),
        ("a credential that nobody has", Device(|a| a.id = vec![7; 32])),
        ("a bent signature", Answer(|body| bend(body, "signature", 8))),
        ("bent data", Answer(|body| bend(body, "authenticatorData", 36))),
        ("truncated data", Answer(|body| truncate(body, "authenticatorData", 40))),
        ("nearly no data", Answer(|body| truncate(body, "authenticatorData", 4))),
        ("truncated client data", Answer(|body| truncate(body, "clientDataJSON", 20))),
        ("no signature", Answer(|body| truncate(body, "signature", 0))),
    ];
    let mut answers = Vec::new();
    for (what, bend) in bends {
        let mut device = good.clone();
        let api = person.api.from_elsewhere();
        let started = start(&api, "login", &json!({})).await?;
        if let Device(bend) = &bend {
            bend(&mut device);
        }
        let mut body = answer(&api, &mut device, &started);
        if let Answer(bend) = &bend {
            bend(&mut body);
        }
        let refused = finish(&api, "login", &body).await?.expect(401).with_context(|| what.to_owned())?;
        refused.problem("INVALID_CREDENTIALS")?;
        answers.push(refused.alike()?);
    }
    // Somebody's credential with somebody else's signature.
    let started = start(&other.api, "login", &json!({})).await?;
    let mut body = answer(&other.api, &mut foreign, &started);
    let swapped = answer(&other.api, &mut good, &started);
    for member in ["id", "rawId"] {
        body["credential"][member] = swapped["credential"][member].clone();
    }
    answers.push(finish(&other.api, "login", &body).await?.expect(401)?.alike()?);
    ensure!(answers.windows(2).all(|pair| pair[0] == pair[1]), "refusals differ: {answers:?}");
    // None of it has locked anybody out.
    try_sign_in(&person.api.from_elsewhere(), &mut good).await?.expect(200)?;
    Ok(())
}

fn text<'a>(body: &'a mut Value, member: &str) -> Option<&'a mut String> {
    match body.pointer_mut(&format!("/credential/response/{member}")) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Another letter in the middle of a base64url text is another byte.
fn bend(body: &mut Value, member: &str, at: usize) {
    if let Some(text) = text(body, member) {
        let other = if text.get(at..=at) == Some("A") { "B" } else { "A" };
        text.replace_range(at..=at, other);
    }
}

fn truncate(body: &mut Value, member: &str, length: usize) {
    if let Some(text) = text(body, member) {
        text.truncate(length);
    }
}

const RECORDED: &str = "SELECT count(*) FROM security_events WHERE kind = 'passkey.counter' AND user_id = $1";

async fn a_counter_that_goes_back_is_refused_and_recorded() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::Ed25519)?;
    session.add_passkey(&mut device).await?;
    device.counter = Some(7);
    let copy = device.clone();
    try_sign_in(&person.api, &mut device).await?.expect(200)?;
    // The copy is where the original was: its next count is the one that was seen.
    try_sign_in(&person.api, &mut copy.clone()).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    let mut back = copy;
    back.counter = Some(2);
    try_sign_in(&person.api, &mut back).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    let user: uuid::Uuid = session.user_id.parse()?;
    // Events are written after the answer.
    eventually(async || {
        let events = system.database.count(RECORDED, &[&user]).await?;
        ensure!(events == 2, "{events} events");
        Ok(())
    })
    .await?;
    // The one that went on is good still.
    try_sign_in(&person.api, &mut device).await?.expect(200)?;
    Ok(())
}

async fn suspended_people_are_told() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE id = $1", &[&user]).await?;
    try_sign_in(&person.api, &mut device).await?.expect(403)?.problem("USER_SUSPENDED")?;
    Ok(())
}

async fn it_costs_two_round_trips() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let started = person.api.post("/auth/passkeys/login/start", &json!({})).await?;
    ensure!(started.round_trips()? == 0, "to begin takes none: {started}");
    let body = answer(&person.api, &mut device, &started.json_of(200)?);
    let signed_in = finish(&person.api, "login", &body).await?.expect(200)?;
    ensure!(signed_in.round_trips()? <= 2, "{signed_in}");
    Ok(())
}
