//! `/.well-known`

use anyhow::{Context as _, Result, ensure};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;
use zygo_tests::{forge, tests, world};

tests![another_librarys_reader_verifies_our_tokens, the_keys_are_public];

async fn another_librarys_reader_verifies_our_tokens() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let set: JwkSet = serde_json::from_value(system.api()?.get("/.well-known/jwks.json").await?.json_of(200)?)?;
    let header = decode_header(&member.session.access)?;
    ensure!(header.alg == Algorithm::EdDSA, "{header:?}");
    let key = set.find(header.kid.as_deref().context("no kid")?).context("the key is not in the set")?;
    let ours = forge::claims(&member.session.access)?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["zygo"]);
    rules.set_issuer(&[ours["iss"].as_str().context("iss")?]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let read = decode::<Value>(&member.session.access, &DecodingKey::from_jwk(key)?, &rules)?;
    ensure!(read.claims == ours, "{}", read.claims);
    let edited = forge::edited(&member.session.access, "sub", "019a0000-0000-7000-8000-000000000001".into())?;
    ensure!(decode::<Value>(&edited, &DecodingKey::from_jwk(key)?, &rules).is_err(), "an edited token was verified");
    Ok(())
}

async fn the_keys_are_public() -> Result<()> {
    let system = world::shared().await?;
    let answer = system.api()?.get("/.well-known/jwks.json").await?.expect(200)?;
    ensure!(answer.header("cache-control").is_some_and(|value| value.starts_with("public, max-age=")), "{:?}", answer.headers);
    let keys = answer.json()?;
    for key in keys["keys"].as_array().context("no keys")? {
        ensure!(zygo_tests::shape::members(key)? == ["alg", "crv", "kid", "kty", "use", "x"], "more than public: {key}");
        ensure!(key["kty"] == "OKP" && key["crv"] == "Ed25519" && key["alg"] == "EdDSA" && key["use"] == "sig", "{key}");
    }
    Ok(())
}
