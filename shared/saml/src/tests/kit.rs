//! An identity provider that says what it is told to, signed by the library.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::{DsigContext, KeysManager, core::algorithm as uri, keys::loader};
use rand_core::OsRng;
use zygo_core::{
    identity::saml::{Binding, IdentityProvider, Refusal, ServiceProvider, SignedOn},
    time::Timestamp,
};

use zygo_self_signed::Generated;

use crate::{ServiceKeys, certificate, response};

/// 2026-01-28T09:30:00Z
pub const NOW: Timestamp = Timestamp::from_millis(1_769_592_600_000);
pub const IDP: &str = "https://idp.example/metadata";
pub const SP: &str = "https://api.zygo.test/auth/sso/saml/1/metadata";
pub const ACS: &str = "https://api.zygo.test/auth/sso/saml/1/acs";
pub const REQUEST: &str = "_request";

pub struct Keys {
    pub idp: Generated,
    pub next: Generated,
    pub stranger: Generated,
    pub service: Generated,
}

pub static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let make = |name| zygo_self_signed::rsa(2048, name, NOW, &mut OsRng).unwrap();
    Keys { idp: make("idp"), next: make("next"), stranger: make("stranger"), service: make("service") }
});

pub fn service_keys() -> ServiceKeys {
    let ring = serde_json::json!([{ "key": *KEYS.service.key, "certificate": KEYS.service.certificate }]);
    ServiceKeys::parse(&ring.to_string()).unwrap()
}

pub fn provider() -> IdentityProvider {
    let certificates = vec![certificate::read(&KEYS.idp.certificate).unwrap().der];
    IdentityProvider { entity_id: IDP.into(), sso_url: "https://idp.example/sso".into(), binding: Binding::Redirect, certificates }
}

pub fn service() -> ServiceProvider {
    ServiceProvider { entity_id: SP.into(), acs_url: ACS.into() }
}

pub fn ring(key: &Generated) -> KeysManager {
    let mut manager = KeysManager::new();
    manager.add_key(loader::load_rsa_private_pem(key.key.as_bytes()).unwrap());
    manager
}

/// A response about to be written. Times are seconds from [`NOW`]; `name` and `more_*` are XML.
#[derive(Clone)]
pub struct Draft {
    pub issuer: String,
    pub destination: Option<String>,
    pub answers: Option<String>,
    pub response_answers: Option<String>,
    pub audience: Option<String>,
    pub recipient: String,
    pub not_before: i64,
    pub not_after: i64,
    pub confirmed_until: i64,
    pub session_until: i64,
    pub name: String,
    pub status: String,
    pub method: String,
    pub more_conditions: String,
    pub more_attributes: String,
    pub statement: bool,
    pub sign_response: bool,
    pub sign_assertion: bool,
    pub key: Generated,
}

impl Draft {
    pub fn new() -> Self {
        Self {
            issuer: IDP.into(),
            destination: Some(ACS.into()),
            answers: Some(REQUEST.into()),
            response_answers: Some(REQUEST.into()),
            audience: Some(SP.into()),
            recipient: ACS.into(),
            not_before: -10,
            not_after: 300,
            confirmed_until: 300,
            session_until: 3600,
            name: "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">ada</saml:NameID>".into(),
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".into(),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".into(),
            more_conditions: String::new(),
            more_attributes: String::new(),
            statement: true,
            sign_response: false,
            sign_assertion: true,
            key: KEYS.idp.clone(),
        }
    }

    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut draft = Self::new();
        change(&mut draft);
        draft
    }

    /// The assertion, signed if it is to be.
    pub fn assertion(&self) -> String {
        let at = |seconds| NOW.plus_seconds(seconds).to_string();
        let attribute = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default();
        let audience = self
            .audience
            .as_ref()
            .map(|audience| format!("<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"));
        let statement = format!(
            "<saml:AuthnStatement AuthnInstant=\"{}\" SessionNotOnOrAfter=\"{}\"><saml:AuthnContext><saml:AuthnContextClassRef>urn:x\
             </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
            at(-5),
            at(self.session_until)
        );
        let text = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_assertion\" Version=\"2.0\" IssueInstant=\"{now}\">\
             <saml:Issuer>{issuer}</saml:Issuer>{frame}<saml:Subject>{name}<saml:SubjectConfirmation Method=\"{method}\">\
             <saml:SubjectConfirmationData Recipient=\"{recipient}\" NotOnOrAfter=\"{until}\"{answers}/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{to}\">{audience}{conditions}</saml:Conditions>{statement}\
             <saml:AttributeStatement><saml:Attribute Name=\"email\"><saml:AttributeValue>ada@acme.test</saml:AttributeValue></saml:Attribute>\
             {attributes}</saml:AttributeStatement></saml:Assertion>",
            now = at(0),
            issuer = self.issuer,
            frame = if self.sign_assertion { frame("_assertion") } else { String::new() },
            name = self.name,
            method = self.method,
            recipient = self.recipient,
            until = at(self.confirmed_until),
            answers = attribute("InResponseTo", &self.answers),
            from = at(self.not_before),
            to = at(self.not_after),
            audience = audience.unwrap_or_default(),
            conditions = self.more_conditions,
            statement = if self.statement { statement } else { String::new() },
            attributes = self.more_attributes,
        );
        if self.sign_assertion { self.sign(text) } else { text }
    }

    /// A response around some content, signed if it is to be.
    pub fn around(&self, content: &str) -> String {
        let attribute = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default();
        let text = format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             ID=\"_response\" Version=\"2.0\" IssueInstant=\"{NOW}\"{destination}{answers}><saml:Issuer>{issuer}</saml:Issuer>{frame}\
             <samlp:Status><samlp:StatusCode Value=\"{status}\"/></samlp:Status>{content}</samlp:Response>",
            destination = attribute("Destination", &self.destination),
            answers = attribute("InResponseTo", &self.response_answers),
            issuer = self.issuer,
            frame = if self.sign_response { frame("_response") } else { String::new() },
            status = self.status,
        );
        if self.sign_response { self.sign(text) } else { text }
    }

    pub fn response(&self) -> String {
        self.around(&self.assertion())
    }

    pub fn finish(&self) -> Result<SignedOn, Refusal> {
        finish(&self.response())
    }

    fn sign(&self, text: String) -> String {
        bergshamra::dsig::sign::sign_owned(&DsigContext::new(ring(&self.key)), text).unwrap()
    }
}

/// A signature to be filled in.
pub fn frame(id: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{c14n}\"/>\
         <ds:SignatureMethod Algorithm=\"{method}\"/><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{enveloped}\"/>\
         <ds:Transform Algorithm=\"{c14n}\"/></ds:Transforms><ds:DigestMethod Algorithm=\"{digest}\"/><ds:DigestValue></ds:DigestValue>\
         </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>",
        c14n = uri::EXC_C14N,
        method = uri::RSA_SHA256,
        enveloped = uri::ENVELOPED_SIGNATURE,
        digest = uri::SHA256,
    )
}

pub fn finish(xml: &str) -> Result<SignedOn, Refusal> {
    response::finish(&provider(), &service(), &STANDARD.encode(xml), NOW, &service_keys())
}

/// The part of a text from `start` to the end of `end`.
pub fn cut<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let from = text.find(start).unwrap();
    let to = from + text[from..].rfind(end).unwrap() + end.len();
    &text[from..to]
}
