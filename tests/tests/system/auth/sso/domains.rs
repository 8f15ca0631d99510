//! `/sso/connections/{id}/domains`, and discovery by address

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    dns::Record,
    enterprise::{KEYS, saml},
    random, tests, world,
};

tests![a_claim_is_proved_by_the_dns, whoever_proves_it_first_has_it, what_is_no_domain, discovery_answers_by_domain];

async fn a_claim_is_proved_by_the_dns() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let (api, path) = (&acme.owner.session.api, format!("{}/domains", acme.path()));
    let domain = format!("second.{}", acme.domain);
    let claim = api.post(&path, &json!({ "domain": domain.to_uppercase() })).await?.json_of(201)?;
    ensure!(claim["domain"] == domain && claim["verified_at"].is_null() && claim["record"]["type"] == "TXT", "{claim}");
    let id = claim["id"].as_str().context("id")?;
    let name = claim["record"]["name"].as_str().context("name")?;
    ensure!(name == format!("_zygo-sign-on.{domain}"), "{name}");
    let verify = async || api.post(&format!("{path}/{id}/verify"), &json!({})).await;
    let dns = &system.federation()?.dns;
    verify().await?.expect(409)?.problem("CONFLICT")?;
    dns.set(name, Record::Text("zygo-sign-on=something-else".into()));
    verify().await?.expect(409)?.problem("CONFLICT")?;
    for broken in [Record::Failure, Record::Garbage] {
        dns.set(name, broken);
        verify().await?.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
    }
    let require = async |required: bool| api.call("PATCH", &format!("{path}/{id}"))?.json(&json!({ "sign_on_required": required })).send().await;
    require(true).await?.expect(409)?.problem("CONFLICT")?;
    dns.set(name, Record::Text(claim["record"]["value"].as_str().context("value")?.to_owned()));
    let verified = verify().await?.expect(200)?;
    ensure!(verified.round_trips()? == 2, "{verified}");
    ensure!(require(true).await?.json_of(200)?["sign_on_required"] == true);
    ensure!(api.get(&path).await?.json_of(200)?["data"].as_array().map(Vec::len) == Some(2));
    api.post(&path, &json!({ "domain": domain })).await?.expect(409)?.problem("CONFLICT")?;
    api.delete(&format!("{path}/{id}")).await?.expect(204)?;
    api.delete(&format!("{path}/{id}")).await?.expect(404)?;
    Ok(())
}

async fn whoever_proves_it_first_has_it() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let (acme, globex) = (system.enterprise(&saml(&[idp])).await?, system.enterprise(&saml(&[idp])).await?);
    let path = format!("{}/domains", globex.path());
    let claim = globex.owner.session.api.post(&path, &json!({ "domain": acme.domain })).await?.json_of(201)?;
    let record = |member: &str| claim["record"][member].as_str().context("record");
    // Even where both could write the record.
    system.federation()?.dns.set(record("name")?, Record::Text(record("value")?.to_owned()));
    let id = claim["id"].as_str().context("id")?;
    globex.owner.session.api.post(&format!("{path}/{id}/verify"), &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    Ok(())
}

async fn what_is_no_domain() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    for domain in ["", "localhost", "a@b.example", "*.example.com", "exa mple.com", "1.2.3.4", "-a.example"] {
        let answer = acme.owner.session.api.post(&format!("{}/domains", acme.path()), &json!({ "domain": domain })).await?.expect(422)?;
        ensure!(answer.fields()? == [("domain".to_owned(), "domain".to_owned())], "{domain}: {answer}");
    }
    Ok(())
}

async fn discovery_answers_by_domain() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let api = system.api()?;
    let discover = async |email: &str| api.get(&format!("/auth/sso/discover?email={email}")).await?.json_of(200);
    // Alike for an address with an account and for one without.
    let found = discover(&acme.address()?).await?;
    ensure!(found["connection"]["id"] == acme.connection && found["connection"]["kind"] == "saml", "{found}");
    ensure!(found["connection"]["url"] == format!("/auth/sso/saml/{}", acme.connection) && found["connection"]["required"] == false, "{found}");
    for email in [format!("a@{}.example", random::word()?), acme.owner.person.email.clone(), format!("a@sub.{}", acme.domain)] {
        ensure!(discover(&email).await? == json!({ "connection": null }), "{email}");
    }
    api.get("/auth/sso/discover?email=nonsense").await?.expect(422)?.problem("VALIDATION_FAILED")?;
    api.get("/auth/sso/discover").await?.expect(422)?.problem("VALIDATION_FAILED")?;
    acme.owner.session.api.call("PATCH", &acme.path())?.json(&json!({ "enabled": false })).send().await?.expect(200)?;
    ensure!(discover(&acme.address()?).await? == json!({ "connection": null }), "switched off");
    Ok(())
}
