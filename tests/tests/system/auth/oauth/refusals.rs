//! Everything that must not lead in: states, tokens, providers that misbehave, providers that are not there.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use serde_json::{Value, json};
use zygo_tests::{
    providers::{Reply, SECRET_MARK, Signature},
    random,
    stub::Response,
    tab::parameter,
    tests, world,
};

use super::{accounts, by_false, come_back, newcomer, tokens};

tests![
    states_are_ones_own_and_once,
    of_twenty_at_once_one_comes_in,
    tokens_that_are_not_to_be_believed,
    keys_are_fetched_anew_but_not_for_every_stranger,
    providers_that_misbehave,
    github_that_misbehaves,
    a_code_works_once_and_for_its_flow,
    destinations_elsewhere,
    providers_that_are_not_configured,
];

fn callback(provider: &str, state: &str, code: &str) -> String {
    format!("/auth/oauth/{provider}/callback?state={state}&code={code}")
}

async fn states_are_ones_own_and_once() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let providers = &system.federation()?.providers;
    let authorization = browser.start("apple", "redirect_to=/in").await?;
    let code = providers.issue(&authorization, tokens(&random::word()?, &person.email))?;
    let state = parameter(&authorization, "state")?;

    // No state, a made-up one, a changed one: problems of their own, since no destination is to be believed.
    let mut changed = state.clone();
    changed.replace_range(state.len() - 2..state.len() - 1, if state.as_bytes()[state.len() - 2] == b'A' { "B" } else { "A" });
    for state in ["", "made-up", "zs1.a.AAAA", &changed] {
        browser.get(&callback("apple", state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    browser.get(&format!("/auth/oauth/apple/callback?code={code}")).await?.expect(401)?.problem("TOKEN_INVALID")?;
    browser.get("/auth/oauth/apple/callback").await?.expect(401)?.problem("TOKEN_INVALID")?;
    // Another browser, with or without a flow of its own: login forgery.
    let (_, other) = newcomer(&system).await?;
    other.get(&callback("apple", &state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    other.start("apple", "").await?;
    other.get(&callback("apple", &state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // Another provider's callback.
    browser.get(&callback("microsoft", &state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // A cookie of another flow under this flow's name.
    let cookies = browser.cookies();
    let (name, _) = cookies.split_once('=').context("no cookie")?;
    let theirs = other.cookies();
    let (_, value) = theirs.split_once('=').context("no cookie")?;
    let call = browser.api.call("GET", &callback("apple", &state, &code))?.header("cookie", &format!("{name}={value}"));
    call.send().await?.expect(401)?.problem("TOKEN_INVALID")?;
    // A parameter twice.
    browser.get(&format!("{}&code=x", callback("apple", &state, &code))).await?.expect(400)?.problem("BAD_REQUEST")?;

    // None of that used it up; once it was used, it is, also by whoever kept the cookie.
    browser.get(&callback("apple", &state, &code)).await?.expect(303)?;
    let replay = || browser.api.call("GET", &callback("apple", &state, &code)).map(|call| call.header("cookie", &cookies));
    replay()?.send().await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    browser.get(&callback("apple", &state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    Ok(())
}

async fn of_twenty_at_once_one_comes_in() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let authorization = browser.start("apple", "").await?;
    let code = system.federation()?.providers.issue(&authorization, tokens(&random::word()?, &person.email))?;
    let path = callback("apple", &parameter(&authorization, "state")?, &code);
    let cookies = browser.cookies();
    let tries = (0..20).map(|_| async { browser.api.call("GET", &path)?.header("cookie", &cookies).send().await });
    let mut statuses = Vec::new();
    for answer in join_all(tries).await {
        statuses.push(answer?.status);
    }
    statuses.sort_unstable();
    ensure!(statuses[0] == 200 && statuses[1..].iter().all(|status| *status == 410), "{statuses:?}");
    ensure!(accounts(&system, &person.email).await? == 1);
    Ok(())
}

async fn tokens_that_are_not_to_be_believed() -> Result<()> {
    let system = world::federated().await?;
    let long_ago = json!(1_000_000_000);
    let (person, browser) = newcomer(&system).await?;
    let cases: Vec<(&str, Value, Signature)> = vec![
        ("unsigned", json!({}), Signature::None),
        ("forged", json!({}), Signature::Forged),
        ("of an unknown key", json!({}), Signature::UnknownKey),
        ("another nonce", json!({ "nonce": "other" }), Signature::Good),
        ("no nonce", json!({ "nonce": null }), Signature::Good),
        ("another audience", json!({ "aud": "other" }), Signature::Good),
        ("ours among others", json!({ "aud": ["apple-client", "other"] }), Signature::Good),
        ("another party", json!({ "azp": "other" }), Signature::Good),
        ("another issuer", json!({ "iss": "https://evil.example" }), Signature::Good),
        ("expired", json!({ "exp": long_ago }), Signature::Good),
        ("without an end", json!({ "exp": null }), Signature::Good),
        ("issued long ago", json!({ "iat": long_ago }), Signature::Good),
        ("about nobody", json!({ "sub": "" }), Signature::Good),
        ("without a subject", json!({ "sub": null }), Signature::Good),
    ];
    for (name, changes, signature) in cases {
        let mut claims = json!({ "sub": random::word()?, "email": person.email, "email_verified": true });
        claims.as_object_mut().context("claims")?.extend(changes.as_object().cloned().context("changes")?);
        let answer = by_false(&system, &browser, "apple", Reply::Tokens(claims, signature), "").await?;
        answer.expect(401).with_context(|| name)?.problem("TOKEN_INVALID")?;
    }
    ensure!(accounts(&system, &person.email).await? == 0);
    Ok(())
}

async fn keys_are_fetched_anew_but_not_for_every_stranger() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let sub = random::word()?;
    let claims = json!({ "sub": sub, "email": person.email, "email_verified": true });
    by_false(&system, &browser, "apple", Reply::Tokens(claims.clone(), Signature::Good), "").await?.expect(200)?;
    let before = system.federation()?.providers.key_requests();
    for _ in 0..10 {
        let answer = by_false(&system, &browser, "apple", Reply::Tokens(claims.clone(), Signature::UnknownKey), "").await?;
        answer.expect(401)?.problem("TOKEN_INVALID")?;
    }
    // Microsoft's keys lie at another URL; other tests may have had these fetched once more meanwhile.
    let asked = system.federation()?.providers.key_requests() - before;
    ensure!(asked <= 3, "asked {asked} times for 10 strangers");
    Ok(())
}

async fn providers_that_misbehave() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let raw = |status, body: &str| Reply::Raw(Response::text(status, body));
    let endless = Response::json(200, &json!({ "access_token": "a".repeat(400_000), "token_type": "bearer" }));
    let cases = [
        ("garbage", raw(200, "<html>oops</html>")),
        ("nothing", raw(200, "")),
        ("no ID token", Reply::Raw(Response::json(200, &json!({ "access_token": "a", "token_type": "bearer" })))),
        ("another kind of token", Reply::Raw(Response::json(200, &json!({ "access_token": "a", "token_type": "mac", "id_token": "x" })))),
        ("broken", raw(500, "{}")),
        ("away", raw(503, "")),
        ("our client is unknown", Reply::Raw(Response::json(401, &json!({ "error": "invalid_client" })))),
        ("a redirect", Reply::Raw(Response::text(302, "").header("location", "http://127.0.0.1:1/"))),
        ("endless", Reply::Raw(endless)),
        ("slow", Reply::Slow(Duration::from_secs(12))),
    ];
    for (name, reply) in cases {
        let answer = by_false(&system, &browser, "apple", reply, "").await?;
        answer.expect(503).with_context(|| name)?.problem("DEPENDENCY_UNAVAILABLE")?;
    }
    let refused = Reply::Raw(Response::json(400, &json!({ "error": "invalid_grant" })));
    by_false(&system, &browser, "apple", refused, "").await?.expect(401)?.problem("TOKEN_INVALID")?;
    // What it says itself, instead of a code.
    for (error, status, code) in [
        ("access_denied", 401, "INVALID_CREDENTIALS"),
        ("user_cancelled_authorize", 401, "INVALID_CREDENTIALS"),
        ("server_error", 503, "DEPENDENCY_UNAVAILABLE"),
        ("temporarily_unavailable", 503, "DEPENDENCY_UNAVAILABLE"),
        ("invalid_request", 503, "DEPENDENCY_UNAVAILABLE"),
    ] {
        let state = parameter(&browser.start("apple", "").await?, "state")?;
        browser.get(&format!("/auth/oauth/apple/callback?state={state}&error={error}")).await?.expect(status)?.problem(code)?;
    }
    let state = parameter(&browser.start("apple", "").await?, "state")?;
    browser.get(&format!("/auth/oauth/apple/callback?state={state}")).await?.expect(400)?.problem("BAD_REQUEST")?;
    ensure!(accounts(&system, &person.email).await? == 0);
    Ok(())
}

async fn github_that_misbehaves() -> Result<()> {
    let system = world::federated().await?;
    let (_, browser) = newcomer(&system).await?;
    let refused = Reply::Raw(Response::json(200, &json!({ "error": "bad_verification_code", "error_description": "expired" })));
    by_false(&system, &browser, "github", refused, "").await?.expect(401)?.problem("TOKEN_INVALID")?;
    for reply in [
        Reply::User(json!({}), json!([])),
        Reply::User(json!({ "id": "1" }), json!([])),
        Reply::User(json!({ "id": 1 }), json!({ "message": "no" })),
        Reply::Raw(Response::json(200, &json!({ "access_token": "unknown", "token_type": "bearer" }))),
    ] {
        by_false(&system, &browser, "github", reply, "").await?.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
    }
    Ok(())
}

/// The provider holds the verifier against the challenge: a code of one flow is nothing to another.
async fn a_code_works_once_and_for_its_flow() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let providers = &system.federation()?.providers;
    let (mine, other) = (browser.start("apple", "").await?, browser.start("apple", "").await?);
    let code = providers.issue(&other, tokens(&random::word()?, &person.email))?;
    let state = parameter(&mine, "state")?;
    browser.get(&callback("apple", &state, &code)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // Two tabs do not lose each other's flow.
    come_back(&system, &browser, "apple", &other, tokens(&random::word()?, &person.email)).await?.expect(200)?;
    Ok(())
}

async fn destinations_elsewhere() -> Result<()> {
    let system = world::federated().await?;
    let (_, browser) = newcomer(&system).await?;
    for destination in [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "javascript:alert(1)",
        "https://localhost@evil.example/",
        "",
    ] {
        let answer = browser.get(&format!("/auth/oauth/google?redirect_to={destination}")).await?.expect(422).with_context(|| destination)?;
        ensure!(answer.fields()? == [("redirect_to".to_owned(), "destination".to_owned())], "{answer}");
    }
    for (query, field) in [("cookie=1", "cookie"), ("locale=klingon", "locale")] {
        let answer = browser.get(&format!("/auth/oauth/google?{query}")).await?.expect(422)?;
        ensure!(answer.fields()?[0].0 == field, "{answer}");
    }
    // A page at the public host is known.
    browser.start("google", "redirect_to=http://getzygo.localhost:8787/account").await?;
    Ok(())
}

async fn providers_that_are_not_configured() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    for provider in ["google", "github", "microsoft", "apple", "facebook"] {
        for path in [format!("/auth/oauth/{provider}"), format!("/auth/oauth/{provider}/callback?state=x&code=y")] {
            person.api.get(&path).await?.expect(404)?.problem("NOT_FOUND")?;
        }
    }
    session.api.post("/auth/oauth/link", &json!({ "provider": "google" })).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(!system.log().await?.contains(SECRET_MARK));
    Ok(())
}
