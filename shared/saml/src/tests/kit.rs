//! The parties, and what becomes of what they say.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand_core::OsRng;
use zygo_core::{
    identity::saml::{Binding, IdentityProvider, Refusal, ServiceProvider, SignedOn},
    time::Timestamp,
};

use zygo_self_signed::Generated;

use crate::{ServiceKeys, certificate, draft::Draft, response};

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

/// What an honest provider would say.
pub fn draft() -> Draft {
    Draft::new(IDP, &service(), REQUEST, &KEYS.idp.key, NOW)
}

/// The same with a change.
pub fn with(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = draft();
    change(&mut draft);
    draft
}

/// What comes of a draft.
pub trait Finish {
    fn finish(&self) -> Result<SignedOn, Refusal>;
}

impl Finish for Draft {
    fn finish(&self) -> Result<SignedOn, Refusal> {
        finish(&self.response().unwrap())
    }
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
