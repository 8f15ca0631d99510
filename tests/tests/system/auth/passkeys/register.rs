//! Adding a passkey.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_test_authenticator::{Authenticator, Kind, PRESENT, VERIFIED};
use zygo_tests::{
    passkeys::{answer, device, finish, start},
    shape, tests, world,
};

tests![the_browser_is_told_what_is_wanted, the_owner_is_told, answers_that_do_not_are_refused, a_known_one_is_refused, odd_inputs_are_refused];

async fn the_browser_is_told_what_is_wanted() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let started = start(&session.api, "register", &json!({})).await?;
    ensure!(shape::members(&started)? == ["ceremony", "expires_in", "options"] && started["expires_in"] == 300, "{started}");
    let options = &started["options"];
    ensure!(options["rp"]["id"] == "localhost" && options["user"]["name"] == person.email.as_str(), "{options}");
    ensure!(options["authenticatorSelection"]["userVerification"] == "required", "{options}");
    ensure!(options["authenticatorSelection"]["residentKey"] == "required" && options["attestation"] == "none", "{options}");
    let excluded = options["excludeCredentials"].as_array().context("excludeCredentials")?;
    ensure!(excluded.len() == 1 && excluded[0]["transports"] == json!(["hybrid", "internal"]), "{options}");
    let another = start(&session.api, "register", &json!({})).await?;
    ensure!(another["options"]["challenge"] != options["challenge"], "a challenge twice");
    Ok(())
}

async fn the_owner_is_told() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::Ed25519)?;
    let started = start(&session.api, "register", &json!({})).await?;
    let mut body = answer(&session.api, &mut device, &started);
    body["name"] = json!("Ada's phone");
    let added = finish(&session.api, "register", &body).await?.json_of(201)?;
    let members = ["backed_up", "backup_eligible", "created_at", "domain", "id", "last_used_at", "name", "transports"];
    ensure!(shape::members(&added)? == members && added["name"] == "Ada's phone" && added["domain"] == "localhost", "{added}");
    ensure!(session.passkeys().await? == [added], "it is listed as it was answered");
    let mails = person.await_mails(2).await?;
    ensure!(!mails[0].to_string().contains("Ada's phone"), "a mail carries no name that somebody chose: {}", mails[0]);
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"]["enabled"] == true && me["mfa"]["factors"] == json!(["passkey"]), "{me}");
    Ok(())
}

async fn answers_that_do_not_are_refused() -> Result<()> {
    type Bend = fn(&mut Authenticator, &mut Value);
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let bends: [(&str, Bend); 9] = [
        ("another origin", |a, _| a.client_data = json!({ "origin": "http://evil.example" })),
        ("another challenge", |a, _| a.client_data = json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAA" })),
        ("made for a sign-in", |a, _| a.client_data = json!({ "type": "webauthn.get" })),
        ("inside of another page", |a, _| a.client_data = json!({ "crossOrigin": true })),
        ("another relying party", |a, _| a.rp_id = Some("evil.example".into())),
        ("nobody present", |a, _| a.flags = VERIFIED),
        ("nobody verified", |a, _| a.flags = PRESENT),
        ("another id", |_, body| {
            body["credential"]["id"] = json!("AAAA");
            body["credential"]["rawId"] = json!("AAAA");
        }),
        ("truncated", |_, body| {
            let object: String = body["credential"]["response"]["attestationObject"].as_str().unwrap_or_default().chars().take(60).collect();
            body["credential"]["response"]["attestationObject"] = object.into();
        }),
    ];
    let mut answers = Vec::new();
    for (what, bend) in bends {
        let mut device = device(Kind::P256)?;
        bend(&mut device, &mut json!({ "credential": { "response": {} } }));
        let started = start(&session.api, "register", &json!({})).await?;
        let mut body = answer(&session.api, &mut device, &started);
        bend(&mut device, &mut body);
        let refused = finish(&session.api, "register", &body).await?.expect(422).with_context(|| what.to_owned())?;
        ensure!(refused.fields()? == [("credential".to_owned(), "credential".to_owned())], "{what}: {refused}");
        answers.push(refused.alike()?);
    }
    ensure!(answers.windows(2).all(|pair| pair[0] == pair[1]), "refusals differ: {answers:?}");
    ensure!(session.passkeys().await?.is_empty(), "one was added");
    Ok(())
}

async fn a_known_one_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let ((_, one), (_, two)) = (system.session().await?, system.session().await?);
    let mut device = device(Kind::P256)?;
    one.add_passkey(&mut device).await?;
    // The same credential once more, by its owner and by somebody else.
    let started = start(&two.api, "register", &json!({})).await?;
    finish(&two.api, "register", &answer(&two.api, &mut device, &started)).await?.expect(409)?.problem("CONFLICT")?;
    ensure!(two.passkeys().await?.is_empty() && one.passkeys().await?.len() == 1, "it changed hands");
    Ok(())
}

async fn odd_inputs_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    let started = start(&session.api, "register", &json!({})).await?;
    let good = answer(&session.api, &mut device, &started);
    let cases: [(&str, &str, Value); 8] = [
        ("/ceremony", "ceremony", json!(7)),
        ("/name", "name", json!("")),
        ("/name", "name", json!("x".repeat(101))),
        ("/surplus", "surplus", json!(1)),
        ("/credential", "credential", json!("text")),
        ("/credential/type", "credential", json!("password")),
        ("/credential/rawId", "credential", json!("AAAA")),
        ("/credential/response/attestationObject", "credential", json!("*")),
    ];
    for (pointer, field, value) in cases {
        let mut body = good.clone();
        match body.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => body[pointer.trim_start_matches('/')] = value,
        }
        let fields = finish(&session.api, "register", &body).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{pointer}: {fields:?}");
    }
    // What browsers add to a credential is passed over.
    let mut body = good;
    body["credential"]["response"]["publicKeyAlgorithm"] = json!(-7);
    body["credential"]["somethingNew"] = json!({});
    finish(&session.api, "register", &body).await?.expect(201)?;
    Ok(())
}
