//! Signing on by SAML at identity providers that others wrote, so that the quirks of our own do not become everybody's.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use zygo_tests::{
    Session,
    enterprise::{Enterprise, IDP, KEYS, form, saml},
    runner::trial,
    saml_peer::{Kind, SamlPeer, field},
    tab::location,
    world,
};

/// The tests of this module. Without pysaml2 its tests are left out, and said so.
pub fn tests() -> Vec<Trial> {
    let without = Kind::python().is_none();
    if without {
        eprintln!("skipped: the tests against pysaml2, which needs python3 with venv, and Debian's xmlsec1");
    }
    vec![
        trial(concat!(module_path!(), "::samlp_by_redirect"), || every_way(Kind::Samlp, "redirect", &[false, true])),
        trial(concat!(module_path!(), "::samlp_by_form"), || every_way(Kind::Samlp, "post", &[false])),
        trial(concat!(module_path!(), "::pysaml2_by_redirect"), || every_way(Kind::Pysaml2, "redirect", &[false])).with_ignored_flag(without),
        trial(concat!(module_path!(), "::pysaml2_by_form"), || every_way(Kind::Pysaml2, "post", &[false])).with_ignored_flag(without),
        trial(concat!(module_path!(), "::pysaml2_encrypts_by_what_is_not_listed"), three_times_des).with_ignored_flag(without),
    ]
}

/// What a peer is told: who it is, who we are, whom it recognises, how it speaks.
fn config(service: &str, email: &str, binding: &str, sign: &str, encrypt: bool) -> Value {
    let [idp, ..] = &*KEYS;
    json!({
        "entity_id": IDP, "key": *idp.key, "certificate": idp.certificate, "service": service, "binding": binding, "sign": sign, "encrypt": encrypt,
        "user": { "subject": email.split('@').next(), "email": email, "first_name": "Ada", "last_name": "Lovelace", "groups": ["staff"] },
    })
}

/// An organisation that knows the peer by the metadata that it publishes.
async fn acquainted(kind: Kind, binding: &str, sign: &str, encrypt: bool) -> Result<(Enterprise, SamlPeer, String)> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let service = system.api()?.get(&format!("/auth/sso/saml/{}/metadata", acme.connection)).await?.expect(200)?;
    let email = acme.address()?;
    let peer = SamlPeer::start(kind, &config(&String::from_utf8_lossy(&service.body), &email, binding, sign, encrypt)).await?;
    let mut change = json!({ "saml": { "metadata": peer.metadata().await? } });
    if binding == "post" {
        // Metadata that offers both is read as redirect.
        let read = acme.owner.session.api.call("PATCH", &acme.path())?.json(&change).send().await?.json_of(200)?;
        change = json!({ "saml": { "entity_id": IDP, "sso_url": read["saml"]["sso_url"], "binding": "post", "certificates": [idp.certificate] } });
    }
    let read = acme.owner.session.api.call("PATCH", &acme.path())?.json(&change).send().await?.json_of(200)?;
    ensure!(read["saml"]["entity_id"] == IDP && read["saml"]["binding"] == binding, "{read}");
    Ok((acme, peer, email))
}

async fn every_way(kind: Kind, binding: &'static str, encryption: &'static [bool]) -> Result<()> {
    for &encrypt in encryption {
        for sign in ["assertion", "response", "both"] {
            let (acme, peer, email) = acquainted(kind, binding, sign, encrypt).await?;
            let browser = acme.browser();
            let answer = through(&acme, &peer, &browser, binding).await.with_context(|| format!("{kind:?} {sign} {encrypt}"))?;
            let session = Session::read(answer, &browser.api)?;
            let user = &session.body["user"];
            ensure!(user["email"] == email && user["first_name"] == "Ada" && user["last_name"] == "Lovelace", "{user}");
        }
    }
    Ok(())
}

async fn through(acme: &Enterprise, peer: &SamlPeer, browser: &zygo_tests::Tab, binding: &str) -> Result<zygo_tests::Answer> {
    let start = browser.get(&format!("/auth/sso/saml/{}", acme.connection)).await?;
    let (response, state) = if binding == "redirect" {
        peer.by_redirect(&location(&start.expect(303)?)?).await?
    } else {
        let html = String::from_utf8_lossy(&start.expect(200)?.body).into_owned();
        let url = html.split("action=\"http").nth(1).and_then(|rest| rest.split('"').next()).context("action")?;
        peer.by_form(&format!("http{url}"), &field(&html, "SAMLRequest")?, &field(&html, "RelayState")?).await?
    };
    browser.post_form(&acme.acs(), &form(&response, &state)?).await
}

/// Its encryption is Triple DES, whatever our metadata asks for.
async fn three_times_des() -> Result<()> {
    let (acme, peer, _) = acquainted(Kind::Pysaml2, "redirect", "both", true).await?;
    through(&acme, &peer, &acme.browser(), "redirect").await?.expect(401)?.problem("TOKEN_INVALID")?;
    Ok(())
}
