//! Organisations with an identity provider of their own, and browsers that sign on through it.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand_core::OsRng;
use reqwest::Url;
use serde_json::{Value, json};
use zygo_core::{identity::saml::ServiceProvider, time::Timestamp};
use zygo_saml::draft::Draft;
use zygo_self_signed::Generated;

use crate::{
    Answer, Member, System, Tab,
    dns::Record,
    people::MAIL_DOMAIN,
    random,
    tab::{location, parameter},
};

/// The entity id of the tests' own identity provider.
pub const IDP: &str = "https://idp.zygo-tests.example/metadata";

/// Keys of the tests: an identity provider's, the one that it rolls over to, a stranger's, and the service's own.
pub static KEYS: LazyLock<[Generated; 4]> = LazyLock::new(|| {
    let make = |name| {
        zygo_self_signed::rsa(2048, name, now(), &mut OsRng).unwrap_or_else(|_| Generated { key: String::new().into(), certificate: String::new() })
    };
    ["idp", "next", "stranger", "service"].map(make)
});

/// `SAML_KEYS` of every runtime.
#[must_use]
pub fn service_keys() -> String {
    let [.., service] = &*KEYS;
    json!([{ "key": *service.key, "certificate": service.certificate }]).to_string()
}

/// The present instant: an identity provider has a clock of its own.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an identity provider has a clock of its own")]
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// An organisation that may sign on: its owner, a connection, and the proved domain of its addresses.
pub struct Enterprise {
    /// The owner.
    pub owner: Member,
    /// Identifier of the connection.
    pub connection: String,
    /// The domain.
    pub domain: String,
    /// Identifier of its claim.
    pub domain_id: String,
}

/// A browser at the identity provider.
#[derive(Debug, Clone)]
pub struct AtIdp {
    /// Where it was sent.
    pub url: String,
    /// Identifier of the request that it carries.
    pub request: String,
    /// What must come back with the answer.
    pub state: String,
}

impl System {
    /// An organisation of the plan that covers sign-on.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn business(&self) -> Result<Member> {
        let member = self.member().await?;
        let tenant: uuid::Uuid = member.tenant_id.parse()?;
        self.database.execute("UPDATE tenants SET plan = 'business' WHERE id = $1", &[&tenant]).await?;
        Ok(member)
    }

    /// Somebody in an organisation of the largest plan.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn enterprise_member(&self) -> Result<Member> {
        let mut member = self.member().await?;
        let tenant: uuid::Uuid = member.tenant_id.parse()?;
        self.database.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&tenant]).await?;
        // The plan's rate is in the token.
        member.session = crate::people::Session::read(member.session.refresh().await?, &member.person.api)?;
        Ok(member)
    }

    /// An organisation with a connection of this description, which makes members of whom it recognises.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn enterprise(&self, provider: &Value) -> Result<Enterprise> {
        let owner = self.business().await?;
        let mut body = json!({ "name": "Company login", "provision": true, "enabled": true });
        if let (Some(body), Some(provider)) = (body.as_object_mut(), provider.as_object()) {
            body.extend(provider.clone());
        }
        let made = owner.session.api.post("/sso/connections", &body).await?.json_of(201)?;
        let connection = made["id"].as_str().context("id")?.to_owned();
        let domain = format!("{}.{MAIL_DOMAIN}", random::word()?);
        let domain_id = self.prove(&owner, &connection, &domain).await?;
        Ok(Enterprise { owner, connection, domain, domain_id })
    }

    /// Claims a domain, and proves it.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn prove(&self, owner: &Member, connection: &str, domain: &str) -> Result<String> {
        let path = format!("/sso/connections/{connection}/domains");
        let claim = owner.session.api.post(&path, &json!({ "domain": domain })).await?.json_of(201)?;
        let record = |member: &str| claim["record"][member].as_str().context("record");
        self.federation()?.dns.set(record("name")?, Record::Text(record("value")?.to_owned()));
        let id = claim["id"].as_str().context("id")?.to_owned();
        let verified = owner.session.api.post(&format!("{path}/{id}/verify"), &json!({})).await?.json_of(200)?;
        ensure!(verified["verified_at"].is_string(), "{verified}");
        Ok(id)
    }
}

/// The description of the tests' own identity provider, with these certificates.
#[must_use]
pub fn saml(certificates: &[&Generated]) -> Value {
    let certificates: Vec<&str> = certificates.iter().map(|one| one.certificate.as_str()).collect();
    json!({ "saml": { "entity_id": IDP, "sso_url": "https://idp.zygo-tests.example/sso", "certificates": certificates } })
}

impl Enterprise {
    /// A path of the connection.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/sso/connections/{}", self.connection)
    }

    /// The path where responses are posted.
    #[must_use]
    pub fn acs(&self) -> String {
        format!("/auth/sso/saml/{}/acs", self.connection)
    }

    /// A browser at the organisation's host.
    #[must_use]
    pub fn browser(&self) -> Tab {
        Tab::new(self.owner.person.api.without_token().from_elsewhere().at(&self.owner.host))
    }

    /// An address of the domain.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn address(&self) -> Result<String> {
        Ok(format!("{}@{}", random::word()?, self.domain))
    }

    /// Sends a browser to the identity provider, by redirect.
    ///
    /// # Errors
    /// When it is not sent there, or not with a request.
    pub async fn start(&self, browser: &Tab, query: &str) -> Result<AtIdp> {
        let answer = browser.get(&format!("/auth/sso/saml/{}?{query}", self.connection)).await?.expect(303)?;
        let url = location(&answer)?;
        let deflated = STANDARD.decode(parameter(&url, "SAMLRequest")?)?;
        let xml = miniz_oxide::inflate::decompress_to_vec(&deflated).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let xml = String::from_utf8(xml)?;
        let request = xml.split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next()).context("no ID")?.to_owned();
        Ok(AtIdp { url: url.to_string(), request, state: parameter(&url, "RelayState")? })
    }

    /// What an honest identity provider would say of somebody in answer.
    #[must_use]
    pub fn draft(&self, at: &AtIdp, email: &str) -> Draft {
        let [idp, ..] = &*KEYS;
        let base = format!("http://localhost:8787/auth/sso/saml/{}", self.connection);
        let service = ServiceProvider { entity_id: format!("{base}/metadata"), acs_url: format!("{base}/acs") };
        let mut draft = Draft::new(IDP, &service, &at.request, &idp.key, now());
        draft.assertion_id = format!("_{}", at.request);
        let subject = email.split('@').next().unwrap_or_default();
        draft.name = format!("<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{subject}</saml:NameID>");
        draft.email = email.to_owned();
        draft
    }

    /// Posts a response.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, browser: &Tab, xml: &str, state: &str) -> Result<Answer> {
        browser.post_form(&self.acs(), &form(&STANDARD.encode(xml), state)?).await
    }

    /// Signs somebody on.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn sign_on(&self, browser: &Tab, email: &str) -> Result<Answer> {
        let at = self.start(browser, "").await?;
        let xml = self.draft(&at, email).response().map_err(|refusal| anyhow::anyhow!(refusal.key()))?;
        self.post(browser, &xml, &at.state).await
    }
}

/// The form that an identity provider's page posts.
///
/// # Errors
/// Never, in fact.
pub fn form(response: &str, state: &str) -> Result<String> {
    let url = Url::parse_with_params("http://x/", [("SAMLResponse", response), ("RelayState", state)])?;
    Ok(url.query().unwrap_or_default().to_owned())
}
