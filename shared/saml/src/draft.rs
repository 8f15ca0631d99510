//! An identity provider of the tests' own: it says what it is told to, true or not, signed by the library.

use bergshamra::{DsigContext, KeysManager, core::algorithm as uri, keys::loader};
use zygo_core::{
    identity::saml::{Refusal, ServiceProvider},
    time::Timestamp,
};

/// A response about to be written. Times are seconds from `now`; `name` and `more_*` are XML.
#[derive(Clone)]
pub struct Draft {
    /// The instant.
    pub now: Timestamp,
    /// Identifier of the assertion.
    pub assertion_id: String,
    /// Identifier of the response.
    pub response_id: String,
    /// Who speaks.
    pub issuer: String,
    /// `Destination` of the response.
    pub destination: Option<String>,
    /// `InResponseTo` of the confirmation.
    pub answers: Option<String>,
    /// `InResponseTo` of the response.
    pub response_answers: Option<String>,
    /// For whom it is meant.
    pub audience: Option<String>,
    /// `Recipient` of the confirmation.
    pub recipient: String,
    /// From when it holds.
    pub not_before: i64,
    /// Until when it holds.
    pub not_after: i64,
    /// Until when it is confirmed.
    pub confirmed_until: i64,
    /// Until when the session there lasts.
    pub session_until: i64,
    /// The `NameID`.
    pub name: String,
    /// The value of the attribute `email`.
    pub email: String,
    /// The status.
    pub status: String,
    /// How it is confirmed.
    pub method: String,
    /// Further conditions.
    pub more_conditions: String,
    /// Further attributes.
    pub more_attributes: String,
    /// Whether it says how the subject was recognised.
    pub statement: bool,
    /// Whether the response is signed.
    pub sign_response: bool,
    /// Whether the assertion is signed.
    pub sign_assertion: bool,
    /// The key that signs, PKCS#8 in PEM.
    pub key: String,
}

impl Draft {
    /// What an honest provider would say to this service, in answer to this request, at this instant.
    #[must_use]
    pub fn new(issuer: &str, service: &ServiceProvider, request: &str, key_pem: &str, now: Timestamp) -> Self {
        Self {
            now,
            assertion_id: "_assertion".into(),
            response_id: "_response".into(),
            issuer: issuer.into(),
            destination: Some(service.acs_url.clone()),
            answers: Some(request.into()),
            response_answers: Some(request.into()),
            audience: Some(service.entity_id.clone()),
            recipient: service.acs_url.clone(),
            not_before: -10,
            not_after: 300,
            confirmed_until: 300,
            session_until: 3600,
            name: "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">ada</saml:NameID>".into(),
            email: "ada@acme.test".into(),
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".into(),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".into(),
            more_conditions: String::new(),
            more_attributes: String::new(),
            statement: true,
            sign_response: false,
            sign_assertion: true,
            key: key_pem.to_owned(),
        }
    }

    /// The assertion, signed if it is to be.
    ///
    /// # Errors
    /// [`Refusal::Keys`] if it cannot be signed.
    pub fn assertion(&self) -> Result<String, Refusal> {
        let at = |seconds| self.now.plus_seconds(seconds).to_string();
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
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\">\
             <saml:Issuer>{issuer}</saml:Issuer>{frame}<saml:Subject>{name}<saml:SubjectConfirmation Method=\"{method}\">\
             <saml:SubjectConfirmationData Recipient=\"{recipient}\" NotOnOrAfter=\"{until}\"{answers}/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{to}\">{audience}{conditions}</saml:Conditions>{statement}\
             <saml:AttributeStatement><saml:Attribute Name=\"email\"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute>\
             {attributes}</saml:AttributeStatement></saml:Assertion>",
            id = self.assertion_id,
            now = at(0),
            issuer = self.issuer,
            frame = if self.sign_assertion { frame(&self.assertion_id) } else { String::new() },
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
            email = self.email,
            attributes = self.more_attributes,
        );
        if self.sign_assertion { self.sign(text) } else { Ok(text) }
    }

    /// A response around some content, signed if it is to be.
    ///
    /// # Errors
    /// [`Refusal::Keys`] if it cannot be signed.
    pub fn around(&self, content: &str) -> Result<String, Refusal> {
        let attribute = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(" {name}=\"{value}\"")).unwrap_or_default();
        let text = format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\"{destination}{answers}><saml:Issuer>{issuer}</saml:Issuer>{frame}\
             <samlp:Status><samlp:StatusCode Value=\"{status}\"/></samlp:Status>{content}</samlp:Response>",
            id = self.response_id,
            now = self.now,
            destination = attribute("Destination", &self.destination),
            answers = attribute("InResponseTo", &self.response_answers),
            issuer = self.issuer,
            frame = if self.sign_response { frame(&self.response_id) } else { String::new() },
            status = self.status,
        );
        if self.sign_response { self.sign(text) } else { Ok(text) }
    }

    /// The response with its assertion.
    ///
    /// # Errors
    /// [`Refusal::Keys`].
    pub fn response(&self) -> Result<String, Refusal> {
        self.around(&self.assertion()?)
    }

    fn sign(&self, text: String) -> Result<String, Refusal> {
        let mut manager = KeysManager::new();
        manager.add_key(loader::load_rsa_private_pem(self.key.as_bytes()).map_err(|_| Refusal::Keys)?);
        bergshamra::dsig::sign::sign_owned(&DsigContext::new(manager), text).map_err(|_| Refusal::Keys)
    }
}

/// A signature to be filled in.
#[must_use]
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
