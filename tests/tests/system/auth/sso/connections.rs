//! `/sso/connections`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    enterprise::{self, IDP, KEYS, saml},
    tests, world,
};

tests![
    a_plan_without_sign_on,
    described_by_hand_and_by_metadata,
    changes_and_versions,
    what_is_no_description,
    roles_above_ones_own,
    secrets_stay_inside,
    nothing_crosses_organisations,
];

fn metadata(more: &str) -> String {
    let [idp, ..] = &*KEYS;
    let certificate: String = idp.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    format!(
        "{more}<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{IDP}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\
         <X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/post\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

fn with(provider: Value) -> Value {
    let mut body = json!({ "name": "Login" });
    if let (Some(body), Some(provider)) = (body.as_object_mut(), provider.as_object()) {
        body.extend(provider.clone());
    }
    body
}

async fn a_plan_without_sign_on() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let [idp, ..] = &*KEYS;
    let answer = member.session.api.post("/sso/connections", &with(saml(&[idp]))).await?.expect(403)?;
    ensure!(answer.problem("PLAN_LIMIT")?["details"]["feature"] == "sso", "{answer}");
    // The tenant's own feature goes over the plan.
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let add = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'sso', 'true')";
    system.database.execute(add, &[&tenant]).await?;
    member.session.api.post("/sso/connections", &with(saml(&[idp]))).await?.expect(201)?;
    Ok(())
}

async fn described_by_hand_and_by_metadata() -> Result<()> {
    let system = world::federated().await?;
    let owner = system.business().await?;
    let [idp, next, ..] = &*KEYS;
    let answer = owner.session.api.post("/sso/connections", &with(saml(&[idp, next]))).await?.expect(201)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let made = answer.json()?;
    ensure!(made["kind"] == "saml" && made["enabled"] == false && made["provision"] == false && made["oidc"].is_null(), "{made}");
    ensure!(made["saml"]["certificates"].as_array().map(Vec::len) == Some(2) && made["saml"]["binding"] == "redirect", "{made}");
    let id = made["id"].as_str().context("id")?;
    ensure!(made["saml"]["acs_url"] == format!("http://localhost:8787/auth/sso/saml/{id}/acs"), "{made}");

    let from_metadata = owner.session.api.post("/sso/connections", &with(json!({ "saml": { "metadata": metadata("") } }))).await?.json_of(201)?;
    ensure!(from_metadata["saml"]["entity_id"] == IDP && from_metadata["saml"]["binding"] == "post", "{from_metadata}");
    ensure!(from_metadata["saml"]["certificates"][0] == made["saml"]["certificates"][0], "the same certificate");
    let list = owner.session.api.get("/sso/connections").await?.json_of(200)?;
    ensure!(list["data"].as_array().map(Vec::len) == Some(2) && list["next_cursor"].is_null(), "{list}");
    Ok(())
}

async fn changes_and_versions() -> Result<()> {
    let system = world::federated().await?;
    let [idp, next, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let api = &acme.owner.session.api;
    let read = api.get(&acme.path()).await?.expect(200)?;
    let tag = read.header("etag").context("etag")?.to_owned();
    let patch = async |body: Value| api.call("PATCH", &acme.path())?.json(&body).send().await;
    let changed = patch(json!({ "name": "Renamed", "saml": saml(&[idp, next])["saml"] })).await?.json_of(200)?;
    ensure!(changed["name"] == "Renamed" && changed["enabled"] == true, "{changed}");
    ensure!(changed["saml"]["certificates"].as_array().map(Vec::len) == Some(2), "{changed}");
    let late = api.call("PATCH", &acme.path())?.header("if-match", &tag).json(&json!({ "name": "Late" })).send().await?;
    late.expect(412)?.problem("PRECONDITION_FAILED")?;
    let kind = patch(json!({ "oidc": { "issuer": "https://op.example", "client_id": "c" } })).await?;
    ensure!(kind.expect(422)?.fields()? == [("oidc".to_owned(), "kind".to_owned())]);
    api.call("DELETE", &acme.path())?.header("if-match", &tag).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    api.delete(&acme.path()).await?.expect(204)?;
    api.delete(&acme.path()).await?.expect(404)?.problem("NOT_FOUND")?;
    patch(json!({ "name": "Gone" })).await?.expect(404)?.problem("NOT_FOUND")?;
    acme.browser().get(&format!("/auth/sso/saml/{}", acme.connection)).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn what_is_no_description() -> Result<()> {
    let system = world::federated().await?;
    let owner = system.business().await?;
    let [idp, ..] = &*KEYS;
    let weak = zygo_self_signed::rsa(1024, "weak", enterprise::now(), &mut rand_core::OsRng).map_err(anyhow::Error::msg)?;
    let doctype = "<!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let by_hand = |url: &str| json!({ "saml": { "entity_id": "x", "sso_url": url, "certificates": [idp.certificate] } });
    for (provider, field, code) in [
        (json!({}), "saml", "required"),
        (json!({ "saml": saml(&[idp])["saml"], "oidc": { "issuer": "https://op.example", "client_id": "c" } }), "oidc", "exclusive"),
        (saml(&[]), "saml.certificates", "count"),
        (saml(&[&weak]), "saml.certificates", "certificate"),
        (by_hand("http://10.0.0.1/"), "saml.sso_url", "url"),
        (by_hand("javascript:alert(1)"), "saml.sso_url", "url"),
        (json!({ "saml": { "metadata": "<x/>" } }), "saml.metadata", "metadata"),
        (json!({ "saml": { "metadata": metadata(doctype) } }), "saml.metadata", "xml"),
        (json!({ "oidc": { "issuer": "https://169.254.169.254/", "client_id": "c" } }), "oidc.issuer", "url"),
        (json!({ "oidc": { "issuer": "https://op.example", "client_id": "c", "scope": "email" } }), "oidc.scope", "openid"),
    ] {
        let answer = owner.session.api.post("/sso/connections", &with(provider.clone())).await?.expect(422)?;
        ensure!(answer.fields()? == [(field.to_owned(), code.to_owned())], "{provider}: {answer}");
    }
    Ok(())
}

async fn roles_above_ones_own() -> Result<()> {
    let system = world::federated().await?;
    let owner = system.business().await?;
    let [idp, ..] = &*KEYS;
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    let role = async |key: &str| {
        let ids = system.database.column("SELECT id::text FROM roles WHERE tenant_id = $1 AND key = $2", &[&tenant, &key]).await?;
        ids.into_iter().next().context("role")
    };
    let body = |role: &str| with(json!({ "saml": saml(&[idp])["saml"], "roles": [{ "value": "Everybody", "role_id": role }] }));
    let post = async |role: &str| owner.session.api.post("/sso/connections", &body(role)).await;
    post(&role("owner").await?).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    let unknown = post("019a0000-0000-7000-8000-00000000dead").await?.expect(422)?;
    ensure!(unknown.fields()? == [("roles".to_owned(), "unknown".to_owned())], "{unknown}");
    post(&role("admin").await?).await?.expect(201)?;
    Ok(())
}

async fn secrets_stay_inside() -> Result<()> {
    let system = world::federated().await?;
    let owner = system.business().await?;
    let secret = "Enterprise-Client-Secret";
    let body = with(json!({ "oidc": { "issuer": "https://op.example", "client_id": "c", "client_secret": secret } }));
    let answer = owner.session.api.post("/sso/connections", &body).await?.expect(201)?;
    let made = answer.json()?;
    ensure!(made["oidc"]["has_secret"] == true && !made.to_string().contains(secret), "{made}");
    let id: uuid::Uuid = made["id"].as_str().context("id")?.parse()?;
    let kept = system.database.column("SELECT convert_from(secret_sealed, 'UTF8') FROM sso_connections WHERE id = $1", &[&id]).await?;
    ensure!(kept.iter().all(|sealed| sealed.starts_with("zs1.") && !sealed.contains(secret)), "{kept:?}");
    let audited = system.database.count("SELECT count(*) FROM audit_logs WHERE resource_id = $1 AND after ? 'secret_sealed'", &[&id]).await?;
    ensure!(audited == 0, "the trail has it");
    // A change without one keeps it.
    let change = json!({ "oidc": { "issuer": "https://other.example", "client_id": "c" } });
    let changed = owner.session.api.call("PATCH", &format!("/sso/connections/{id}"))?.json(&change).send().await?.json_of(200)?;
    ensure!(changed["oidc"]["has_secret"] == true && changed["oidc"]["issuer"] == "https://other.example", "{changed}");
    Ok(())
}

async fn nothing_crosses_organisations() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let (acme, other) = (system.enterprise(&saml(&[idp])).await?, system.business().await?);
    let api = &other.session.api;
    api.get(&acme.path()).await?.expect(404)?.problem("NOT_FOUND")?;
    api.call("PATCH", &acme.path())?.json(&json!({ "enabled": false })).send().await?.expect(404)?;
    api.delete(&acme.path()).await?.expect(404)?;
    let domains = format!("{}/domains", acme.path());
    ensure!(api.get(&domains).await?.json_of(200)?["data"] == json!([]));
    api.post(&domains, &json!({ "domain": "other.example" })).await?.expect(404)?;
    let domain = format!("{domains}/{}", acme.domain_id);
    api.call("PATCH", &domain)?.json(&json!({ "sign_on_required": true })).send().await?.expect(404)?;
    api.post(&format!("{domain}/verify"), &json!({})).await?.expect(404)?;
    api.delete(&domain).await?.expect(404)?;
    acme.owner.session.api.get(&acme.path()).await?.expect(200)?;
    Ok(())
}
