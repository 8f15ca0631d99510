//! Signing on by SAML, where everybody is honest.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use zygo_tests::{
    Session, Tab,
    enterprise::{KEYS, form, saml},
    forge,
    tab::{location, target},
    tests, world,
};

tests![
    somebody_new_becomes_a_member_and_comes_again,
    a_sign_on_runs_at_the_organisations_host,
    a_browser_is_sent_on_with_its_session_in_cookies,
    roles_come_from_the_provider,
    only_members_where_none_are_made,
    a_provider_that_wants_forms,
    certificates_are_rolled_over,
    we_describe_ourselves,
];

fn xml(draft: &zygo_saml::draft::Draft) -> Result<String> {
    draft.response().map_err(|refusal| anyhow::anyhow!(refusal.key()))
}

async fn somebody_new_becomes_a_member_and_comes_again() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let (browser, email) = (acme.browser(), acme.address()?);
    let answer = acme.sign_on(&browser, &email).await?;
    let session = Session::read(answer, &browser.api)?;
    ensure!(session.body["tenant"]["id"] == acme.owner.tenant_id && session.body["user"]["email"] == email, "{}", session.body);
    ensure!(session.body["user"]["email_verified"] == true, "{}", session.body);
    let claims = forge::claims(&session.access)?;
    ensure!(claims["amr"] == json!(["sso"]) && claims["role"] == "member" && claims["mfa_at"].is_null(), "{claims}");
    let again = Session::read(session.refresh().await?, &browser.api)?;
    again.api.get("/users/me").await?.expect(200)?;

    let elsewhere = acme.browser();
    let second = Session::read(acme.sign_on(&elsewhere, &email).await?, &elsewhere.api)?;
    ensure!(second.user_id == session.user_id, "another account was made");
    let user: uuid::Uuid = session.user_id.parse()?;
    let events = system.database.column("SELECT DISTINCT type FROM events WHERE user_id = $1 ORDER BY 1", &[&user]).await?;
    for event in ["member.provisioned", "session.created", "user.email_verified", "user.signed_up"] {
        ensure!(events.iter().any(|known| known == event), "{event} in {events:?}");
    }
    Ok(())
}

async fn a_sign_on_runs_at_the_organisations_host() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let at_the_api = Tab::new(system.api()?);
    let there = at_the_api.get(&format!("/auth/sso/saml/{}?redirect_to=/x", acme.connection)).await?.expect(303)?;
    let there = location(&there)?;
    ensure!(there.host_str() == Some(acme.owner.host.as_str()) && there.path().ends_with(&acme.connection), "{there}");
    ensure!(there.query() == Some("redirect_to=/x"), "{there}");
    // The provider knows the API's host alone; the form travels on to the host that has the cookie.
    let (browser, email) = (acme.browser(), acme.address()?);
    let at = acme.start(&browser, "").await?;
    let response = form(&STANDARD.encode(xml(&acme.draft(&at, &email))?), &at.state)?;
    let handed_on = at_the_api.post_form(&acme.acs(), &response).await?.expect(307)?;
    let handed_on = location(&handed_on)?;
    ensure!(handed_on.host_str() == Some(acme.owner.host.as_str()) && handed_on.path() == acme.acs(), "{handed_on}");
    Session::read(browser.post_form(&target(&handed_on), &response).await?, &browser.api)?;
    Ok(())
}

async fn a_browser_is_sent_on_with_its_session_in_cookies() -> Result<()> {
    let system = world::federated().await?;
    let [idp, _, stranger, _] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let (browser, email) = (acme.browser(), acme.address()?);
    let at = acme.start(&browser, "redirect_to=/welcome").await?;
    let answer = acme.post(&browser, &xml(&acme.draft(&at, &email))?, &at.state).await?.expect(303)?;
    ensure!(answer.header("location") == Some("/welcome"), "{answer}");
    let cookies = browser.cookies();
    ensure!(cookies.contains("__Host-zygo_refresh=") && !cookies.contains("__Host-zygo_flow_"), "{cookies}");
    let at = acme.start(&browser, "redirect_to=/welcome").await?;
    let mut forged = acme.draft(&at, &email);
    forged.key = stranger.key.to_string();
    let told = acme.post(&browser, &xml(&forged)?, &at.state).await?.expect(303)?;
    ensure!(told.header("location") == Some("/welcome?error=TOKEN_INVALID"), "{told}");
    let open = browser.get(&format!("/auth/sso/saml/{}?redirect_to=https://evil.example/", acme.connection)).await?;
    open.expect(422)?.problem("VALIDATION_FAILED")?;
    Ok(())
}

async fn roles_come_from_the_provider() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let tenant: uuid::Uuid = acme.owner.tenant_id.parse()?;
    let ids =
        system.database.column("SELECT id::text FROM roles WHERE tenant_id = $1 AND key IN ('manager', 'viewer') ORDER BY key", &[&tenant]).await?;
    let [manager, viewer] = ids.as_slice() else { anyhow::bail!("{ids:?}") };
    let change = json!({ "attributes": { "roles": "groups" }, "default_role_id": viewer, "roles": [{ "value": "Leads", "role_id": manager }] });
    acme.owner.session.api.call("PATCH", &acme.path())?.json(&change).send().await?.expect(200)?;
    for (groups, role) in [("Leads", "manager"), ("Others", "viewer")] {
        let (browser, email) = (acme.browser(), acme.address()?);
        let at = acme.start(&browser, "").await?;
        let mut draft = acme.draft(&at, &email);
        draft.more_attributes = format!("<saml:Attribute Name=\"groups\"><saml:AttributeValue>{groups}</saml:AttributeValue></saml:Attribute>");
        let session = Session::read(acme.post(&browser, &xml(&draft)?, &at.state).await?, &browser.api)?;
        ensure!(forge::claims(&session.access)?["role"] == role, "{groups}");
    }
    Ok(())
}

async fn only_members_where_none_are_made() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let member = acme.address()?;
    acme.sign_on(&acme.browser(), &member).await?.expect(200)?;
    acme.owner.session.api.call("PATCH", &acme.path())?.json(&json!({ "provision": false })).send().await?.expect(200)?;
    acme.sign_on(&acme.browser(), &acme.address()?).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    acme.sign_on(&acme.browser(), &member).await?.expect(200)?;
    // Nobody of another domain, whoever they are.
    acme.sign_on(&acme.browser(), &acme.owner.person.email).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    // A plan that is full, and one that does not cover it any more.
    acme.owner.session.api.call("PATCH", &acme.path())?.json(&json!({ "provision": true })).send().await?.expect(200)?;
    let tenant: uuid::Uuid = acme.owner.tenant_id.parse()?;
    let add = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'members', '2')";
    system.database.execute(add, &[&tenant]).await?;
    let full = acme.sign_on(&acme.browser(), &acme.address()?).await?.expect(403)?;
    ensure!(full.problem("PLAN_LIMIT")?["details"]["feature"] == "members", "{full}");
    system.database.execute("UPDATE tenants SET plan = 'free' WHERE id = $1", &[&tenant]).await?;
    let free = acme.browser().get(&format!("/auth/sso/saml/{}", acme.connection)).await?.expect(403)?;
    ensure!(free.problem("PLAN_LIMIT")?["details"]["feature"] == "sso", "{free}");
    Ok(())
}

async fn a_provider_that_wants_forms() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let mut description = saml(&[idp]);
    description["saml"]["binding"] = "post".into();
    let acme = system.enterprise(&description).await?;
    let page = acme.browser().get(&format!("/auth/sso/saml/{}", acme.connection)).await?.expect(200)?;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    ensure!(html.contains("action=\"https://idp.zygo-tests.example/sso\"") && html.contains("name=\"RelayState\""), "{html}");
    let request = html.split("name=\"SAMLRequest\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).context("request")?;
    let request = String::from_utf8(STANDARD.decode(request.replace("&#x2B;", "+").replace("&#43;", "+"))?)?;
    ensure!(request.contains("<ds:SignatureValue>") && request.contains("AuthnRequest"), "{request}");
    let policy = page.header("content-security-policy").context("policy")?;
    ensure!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    Ok(())
}

async fn certificates_are_rolled_over() -> Result<()> {
    let system = world::federated().await?;
    let [idp, next, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp, next])).await?;
    for (certificates, signer, status) in [(None, idp, 200), (None, next, 200), (Some(saml(&[next])), idp, 401), (None, next, 200)] {
        if let Some(change) = certificates {
            acme.owner.session.api.call("PATCH", &acme.path())?.json(&change).send().await?.expect(200)?;
        }
        let browser = acme.browser();
        let at = acme.start(&browser, "").await?;
        let mut draft = acme.draft(&at, &acme.address()?);
        draft.key = signer.key.to_string();
        acme.post(&browser, &xml(&draft)?, &at.state).await?.expect(status)?;
    }
    Ok(())
}

async fn we_describe_ourselves() -> Result<()> {
    let system = world::federated().await?;
    let [idp, .., service] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let answer = system.api()?.get(&format!("/auth/sso/saml/{}/metadata", acme.connection)).await?.expect(200)?;
    ensure!(answer.header("content-type") == Some("application/samlmetadata+xml"), "{answer}");
    let xml = String::from_utf8_lossy(&answer.body).into_owned();
    let certificate: String = service.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    ensure!(xml.contains(&certificate) && xml.contains(&format!("{}/acs\"", acme.connection)), "{xml}");
    Ok(())
}
