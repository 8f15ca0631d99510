//! Signing on by SAML, where somebody is not honest.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::join_all;
use zygo_saml::draft::Draft;
use zygo_tests::{
    Tab,
    enterprise::{AtIdp, Enterprise, KEYS, form, saml},
    tests, world,
};

tests![responses_that_are_not_to_be_believed, documents_that_attack, a_response_of_another_flow, of_twenty_at_once_one_wins, nothing_tells_why,];

fn xml(draft: &Draft) -> Result<String> {
    draft.response().map_err(|refusal| anyhow::anyhow!(refusal.key()))
}

/// Begins, says something, and is refused.
async fn refused(acme: &Enterprise, name: &str, code: &str, say: impl FnOnce(Draft) -> Result<String>) -> Result<()> {
    let browser = acme.browser();
    let at = acme.start(&browser, "").await?;
    let text = say(acme.draft(&at, &acme.address()?))?;
    let answer = acme.post(&browser, &text, &at.state).await?;
    ensure!(answer.status >= 400, "{name} was accepted");
    answer.problem(code).with_context(|| name.to_owned())?;
    Ok(())
}

async fn responses_that_are_not_to_be_believed() -> Result<()> {
    type Case = (&'static str, &'static str, fn(&mut Draft));
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let cases: [Case; 14] = [
        ("unsigned", "TOKEN_INVALID", |d| d.sign_assertion = false),
        ("unknown certificate", "TOKEN_INVALID", |d| d.key = KEYS[2].key.to_string()),
        ("another audience", "TOKEN_INVALID", |d| d.audience = Some("https://other.example".into())),
        ("another recipient", "TOKEN_INVALID", |d| d.recipient = "https://other.example/acs".into()),
        ("another destination", "TOKEN_INVALID", |d| d.destination = Some("https://other.example/acs".into())),
        ("another issuer", "TOKEN_INVALID", |d| d.issuer = "https://evil.example".into()),
        ("another request", "TOKEN_INVALID", |d| (d.answers, d.response_answers) = (Some("_other".into()), Some("_other".into()))),
        ("no request", "TOKEN_INVALID", |d| (d.answers, d.response_answers) = (None, None)),
        ("expired", "TOKEN_EXPIRED", |d| (d.not_after, d.confirmed_until) = (-120, -120)),
        ("not yet", "TOKEN_EXPIRED", |d| d.not_before = 600),
        ("not for the bearer", "TOKEN_INVALID", |d| d.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into()),
        ("nobody", "INVALID_CREDENTIALS", |d| d.status = "urn:oasis:names:tc:SAML:2.0:status:Responder".into()),
        ("a comment in the name", "TOKEN_INVALID", |d| d.name = d.name.replace("</saml:NameID>", "<!---->.evil</saml:NameID>")),
        ("no address", "INVALID_CREDENTIALS", |d| d.email = "nonsense".into()),
    ];
    for (name, code, change) in cases {
        refused(&acme, name, code, |mut draft| {
            change(&mut draft);
            xml(&draft)
        })
        .await?;
    }
    let reasons = "SELECT count(DISTINCT details ->> 'reason') FROM security_events WHERE kind = 'sso.refused' AND details ->> 'connection_id' = $1";
    zygo_tests::eventually(async || {
        let known = system.database.count(reasons, &[&acme.connection]).await?;
        ensure!(known >= 10, "{known} reasons on record");
        Ok(())
    })
    .await
}

async fn documents_that_attack() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    for (name, doctype) in [("XXE", "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"), ("entity expansion", laughs)] {
        refused(&acme, name, "TOKEN_INVALID", |draft| Ok(format!("{doctype}{}", xml(&draft)?))).await?;
    }
    refused(&acme, "SHA-1", "TOKEN_INVALID", |draft| {
        Ok(xml(&draft)?.replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"))
    })
    .await?;
    // The attack that the others are variations of: a forged assertion before the signed one.
    refused(&acme, "wrapped", "TOKEN_INVALID", |draft| {
        let signed = draft.assertion().map_err(|refusal| anyhow::anyhow!(refusal.key()))?;
        let (head, rest) = signed.split_once("<ds:Signature").context("signature")?;
        let tail = rest.split_once("</ds:Signature>").context("signature")?.1;
        let forged = format!("{head}{tail}").replace(&draft.assertion_id, "_evil");
        draft.around(&format!("{forged}{signed}")).map_err(|refusal| anyhow::anyhow!(refusal.key()))
    })
    .await?;
    refused(&acme, "300 KB", "TOKEN_INVALID", |draft| {
        Ok(xml(&draft)?.replace("<samlp:Status>", &format!("{}<samlp:Status>", " ".repeat(300 * 1024))))
    })
    .await?;
    refused(&acme, "5 MB", "BODY_TOO_LARGE", |draft| Ok(xml(&draft)?.replace("<samlp:Status>", &format!("{}<samlp:Status>", " ".repeat(5 << 20)))))
        .await?;
    refused(&acme, "nothing", "TOKEN_INVALID", |_| Ok(String::new())).await?;
    refused(&acme, "deep", "TOKEN_INVALID", |_| Ok("<a>".repeat(30_000))).await?;
    // Nothing of it hurt anybody else.
    acme.sign_on(&acme.browser(), &acme.address()?).await?.expect(200)?;
    Ok(())
}

async fn a_response_of_another_flow() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let (acme, globex) = (system.enterprise(&saml(&[idp])).await?, system.enterprise(&saml(&[idp])).await?);
    let (browser, email) = (acme.browser(), acme.address()?);
    let at = acme.start(&browser, "").await?;
    let response = xml(&acme.draft(&at, &email))?;
    // Another browser has no cookie, another connection's flow is not this one's, and a state must be ours.
    acme.post(&acme.browser(), &response, &at.state).await?.expect(401)?.problem("TOKEN_INVALID")?;
    for state in ["", "zs1.k.AAAA"] {
        acme.post(&browser, &response, state).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    let there = globex.browser();
    let other = globex.start(&there, "").await?;
    globex.post(&there, &response, &other.state).await?.expect(401)?.problem("TOKEN_INVALID")?;
    let path = format!("/auth/sso/saml/{}/acs", globex.connection);
    browser.post_form(&path, &form(&STANDARD.encode(&response), &at.state)?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // It is still good where it belongs, and there once: neither for its own flow nor for the next.
    acme.post(&browser, &response, &at.state).await?.expect(200)?;
    acme.post(&browser, &response, &at.state).await?.expect(401)?.problem("TOKEN_INVALID")?;
    let next = acme.start(&browser, "").await?;
    acme.post(&browser, &response, &next.state).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // Nor does an assertion come twice, whatever request it answers.
    let again = acme.start(&browser, "").await?;
    let mut draft = acme.draft(&again, &email);
    draft.assertion_id = acme.draft(&at, &email).assertion_id;
    acme.post(&browser, &xml(&draft)?, &again.state).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let browser = acme.browser();
    let at: AtIdp = acme.start(&browser, "").await?;
    let (response, cookies) = (form(&STANDARD.encode(xml(&acme.draft(&at, &acme.address()?))?), &at.state)?, browser.cookies());
    let send = || async {
        let tab = Tab::new(browser.api.clone());
        let call = tab.api.call("POST", &acme.acs())?.header("cookie", &cookies).header("content-type", "application/x-www-form-urlencoded");
        call.body(response.clone()).send().await
    };
    let answers = join_all((0..20).map(|_| send())).await.into_iter().collect::<Result<Vec<_>>>()?;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    ensure!(won == 1, "{won} of twenty won");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("TOKEN_CONSUMED")?;
    }
    Ok(())
}

async fn nothing_tells_why() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let mut documents = Vec::new();
    let changes: [fn(&mut Draft); 3] =
        [|d| d.sign_assertion = false, |d| d.audience = Some("https://other.example".into()), |d| d.key = KEYS[2].key.to_string()];
    for change in changes {
        let browser = acme.browser();
        let at = acme.start(&browser, "").await?;
        let mut draft = acme.draft(&at, &acme.address()?);
        change(&mut draft);
        documents.push(acme.post(&browser, &xml(&draft)?, &at.state).await?.expect(401)?.alike()?);
    }
    ensure!(documents.windows(2).all(|pair| pair[0] == pair[1]), "{documents:?}");
    Ok(())
}
