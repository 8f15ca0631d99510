//! Attacks on access tokens.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Member, System, eventually, forge, random, tests, world};

tests![what_we_sign_ourselves_is_taken, forgeries_are_refused, odd_authorizations_are_refused, a_token_is_of_one_tenant, permissions_are_the_tokens,];

/// A token of ours with some claims changed.
fn with(system: &System, claims: &Value, changes: Value) -> String {
    let mut claims = claims.clone();
    if let (Some(claims), Value::Object(changes)) = (claims.as_object_mut(), changes) {
        for (name, value) in changes {
            if value.is_null() { drop(claims.remove(&name)) } else { drop(claims.insert(name, value)) }
        }
    }
    system.secrets.sign(&claims)
}

async fn claims_of(member: &Member) -> Result<(Value, i64)> {
    let claims = forge::claims(&member.session.access)?;
    let issued = claims["iat"].as_i64().context("iat")?;
    Ok((claims, issued))
}

/// The control of what follows: with the key in hand, a token is good.
async fn what_we_sign_ourselves_is_taken() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (claims, issued) = claims_of(&member).await?;
    for changes in [json!({}), json!({ "jti": "another" }), json!({ "nbf": issued }), json!({ "exp": issued + 60 })] {
        let token = with(&system, &claims, changes);
        system.api()?.with(&token).get("/users/me").await?.expect(200)?;
    }
    Ok(())
}

/// What is wrong with a token, the code that says so, and the token.
async fn forgeries(system: &System, member: &Member) -> Result<Vec<(&'static str, &'static str, String)>> {
    let (claims, issued) = claims_of(member).await?;
    let none = |alg: &str| forge::unsigned(&json!({ "alg": alg, "typ": "at+jwt", "kid": system.secrets.kid }), &claims);
    let good = &member.session.access;
    let (head, signature) = good.rsplit_once('.').context("three parts")?;
    Ok(vec![
        ("alg none", "TOKEN_INVALID", none("none")),
        ("alg None", "TOKEN_INVALID", none("None")),
        ("alg NONE", "TOKEN_INVALID", none("NONE")),
        ("alg empty", "TOKEN_INVALID", none("")),
        ("alg EdDSA, no signature", "TOKEN_INVALID", format!("{head}.")),
        ("two parts", "TOKEN_INVALID", head.to_owned()),
        ("four parts", "TOKEN_INVALID", format!("{good}.{signature}")),
        ("cut signature", "TOKEN_INVALID", good.chars().take(good.len() - 4).collect()),
        ("HS256 with the public key", "TOKEN_INVALID", system.secrets.sign_hs256(&claims)?),
        ("a foreign kid", "TOKEN_INVALID", system.secrets.sign_as(&random::word()?, &claims)),
        ("a path for a kid", "TOKEN_INVALID", system.secrets.sign_as("../../../dev/null", &claims)),
        ("our kid, a foreign key", "TOKEN_INVALID", forge::foreign(&system.secrets.kid, &claims)?),
        ("expired", "TOKEN_EXPIRED", with(system, &claims, json!({ "iat": issued - 1000, "exp": issued - 100 }))),
        ("expired just now", "TOKEN_EXPIRED", with(system, &claims, json!({ "iat": issued - 901, "exp": issued - 1 }))),
        ("not yet valid", "TOKEN_INVALID", with(system, &claims, json!({ "nbf": issued + 600 }))),
        ("issued in the future", "TOKEN_INVALID", with(system, &claims, json!({ "iat": issued + 600, "exp": issued + 1500 }))),
        ("without an end", "TOKEN_INVALID", with(system, &claims, json!({ "exp": null }))),
        ("another audience", "TOKEN_INVALID", with(system, &claims, json!({ "aud": "elsewhere" }))),
        ("no audience", "TOKEN_INVALID", with(system, &claims, json!({ "aud": null }))),
        ("another issuer", "TOKEN_INVALID", with(system, &claims, json!({ "iss": "https://evil.example" }))),
        ("no issuer", "TOKEN_INVALID", with(system, &claims, json!({ "iss": null }))),
        ("no subject", "TOKEN_INVALID", with(system, &claims, json!({ "sub": null }))),
        ("a subject that is none", "TOKEN_INVALID", with(system, &claims, json!({ "sub": "admin" }))),
        ("permissions that are none", "TOKEN_INVALID", with(system, &claims, json!({ "perms": "zz" }))),
        ("more permissions than there are", "TOKEN_INVALID", with(system, &claims, json!({ "perms": "f".repeat(64) }))),
        ("edited permissions", "TOKEN_INVALID", forge::edited(good, "perms", json!("f".repeat(28)))?),
        ("edited tenant", "TOKEN_INVALID", forge::edited(good, "tid", json!("019a0000-0000-7000-8000-000000000001"))?),
        ("edited subject", "TOKEN_INVALID", forge::edited(good, "sub", json!("019a0000-0000-7000-8000-000000000001"))?),
        ("edited end", "TOKEN_INVALID", forge::edited(good, "exp", json!(issued + 99_999))?),
        ("the refresh token", "TOKEN_INVALID", member.session.refresh.clone()),
        ("the operators' token", "TOKEN_INVALID", system.secrets.ops_token.clone()),
        ("nonsense", "TOKEN_INVALID", "nonsense".into()),
        ("dots", "TOKEN_INVALID", "..".into()),
        ("long", "TOKEN_INVALID", format!("{good}{}", "A".repeat(6000))),
    ])
}

async fn forgeries_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for (what, code, token) in forgeries(&system, &member).await? {
        let answer = system.api()?.with(&token).get("/users/me").await?.expect(401).with_context(|| what.to_owned())?;
        answer.problem(code).with_context(|| what.to_owned())?;
        ensure!(answer.round_trips()? == 0, "{what}: a forgery costs Postgres");
        // The same at the organisation's own host, and where Postgres is not asked at all.
        let answer = system.api()?.with(&token).at(&member.host).get("/permissions").await?.expect(401)?;
        answer.problem(code).with_context(|| what.to_owned())?;
    }
    member.session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn odd_authorizations_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let token = &session.access;
    let cases = ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", &format!("Token {token}"), token, &format!("Bearer{token}")];
    for value in cases {
        let answer = system.api()?.call("GET", "/users/me")?.header("authorization", value).send().await?.expect(401)?;
        let code = answer.json()?["code"].clone();
        ensure!(code == "UNAUTHENTICATED" || (value.trim() == "Bearer" && code == "TOKEN_INVALID"), "{value:.20}: {code}");
    }
    for path in [format!("/users/me?access_token={token}"), format!("/users/me?token={token}")] {
        system.api()?.get(&path).await?.expect(401)?.problem("UNAUTHENTICATED")?;
    }
    let lower = system.api()?.call("GET", "/users/me")?.header("authorization", &format!("bearer {token}"));
    lower.send().await?.expect(200)?;
    Ok(())
}

async fn a_token_is_of_one_tenant() -> Result<()> {
    let system = world::shared().await?;
    let (acme, globex) = tokio::try_join!(system.member(), system.member())?;
    for path in ["/users/me", "/permissions", "/tenants", "/auth/sessions", &format!("/tenants/{}", globex.tenant_id)] {
        acme.session.api.at(&globex.host).get(path).await?.expect(403)?.problem("TENANT_MISMATCH")?;
        acme.session.api.at(&acme.host).get(path).await?;
    }
    let globex_id: uuid::Uuid = globex.tenant_id.parse()?;
    eventually(async || {
        let trail = "SELECT count(*) FROM security_events WHERE tenant_id = $1 AND kind LIKE '%tenant_mismatch'";
        let events = system.database.count(trail, &[&globex_id]).await?;
        ensure!(events == 5, "{events} of 5 attempts were recorded");
        Ok(())
    })
    .await
}

async fn permissions_are_the_tokens() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (claims, _) = claims_of(&member).await?;
    let api = system.api()?.with(&with(&system, &claims, json!({ "perms": "5" })));
    let me = api.get("/users/me").await?.json_of(200)?;
    ensure!(me["permissions"] == json!(["billing.view", "billing.payment_methods.manage"]), "{}", me["permissions"]);
    Ok(())
}
