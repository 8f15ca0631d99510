//! What the edge and the SAML Worker say to each other, and what a sign-on by SAML comes to.
//!
//! SAML itself (XML, its signatures and encryption) is read by `zygo-saml` in a Worker of its own, which holds the
//! service provider's private keys and nothing else; see `ARCHITECTURE.md`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Certificates of one identity provider at most: two while they are rolled over, and some room.
pub const MOST_CERTIFICATES: usize = 4;

/// The binding a request is sent by (SAML bindings, 3.4 and 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// In the query of a redirect.
    Redirect,
    /// In a form that the browser posts.
    Post,
}

/// An identity provider, as its metadata or an administrator describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// Its entity id: the only issuer whose statements count.
    pub entity_id: String,
    /// Where requests go.
    pub sso_url: String,
    /// How they go there.
    pub binding: Binding,
    /// Certificates whose keys sign, X.509 in DER and base64. Two at once while they are rolled over.
    pub certificates: Vec<String>,
}

/// We, towards one identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProvider {
    /// Our entity id: the audience of what is meant for us.
    pub entity_id: String,
    /// Where responses are posted: their destination and recipient.
    pub acs_url: String,
}

/// What the SAML Worker is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// Write and sign an `AuthnRequest`. Answers [`Started`].
    Begin {
        /// To whom.
        provider: IdentityProvider,
        /// From whom.
        service: ServiceProvider,
        /// Its identifier, an XML name.
        request_id: String,
        /// What the provider is to hand back with its answer.
        relay_state: String,
        /// The instant.
        now: Timestamp,
    },
    /// Verify and read a response. Answers [`SignedOn`].
    Finish {
        /// Who must have signed it.
        provider: IdentityProvider,
        /// For whom it must be meant.
        service: ServiceProvider,
        /// The form's `SAMLResponse`, base64.
        response: String,
        /// The instant.
        now: Timestamp,
    },
    /// Write our metadata. Answers a text.
    Metadata {
        /// Whose.
        service: ServiceProvider,
    },
    /// Read an identity provider's metadata. Answers [`Description`].
    ReadMetadata {
        /// The document.
        xml: String,
    },
    /// Read certificates, each in PEM, or DER in base64. Answers a list of [`Certificate`].
    ReadCertificates {
        /// Them.
        certificates: Vec<String>,
    },
}

/// How a browser carries a request to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Started {
    /// A redirect to this URL.
    Redirect {
        /// It.
        url: String,
    },
    /// A form posted to this URL.
    Post {
        /// It.
        url: String,
        /// The field `SAMLRequest`.
        request: String,
    },
}

/// What a verified response says. `Debug` shows no more than the assertion's id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOn {
    /// Identifier of the assertion, to be accepted once.
    pub assertion_id: String,
    /// Until when it could be presented again.
    pub valid_until: Timestamp,
    /// The request it answers.
    pub in_response_to: String,
    /// The subject's name.
    pub name_id: String,
    /// The name's format, where it has one.
    pub name_id_format: Option<String>,
    /// Attributes by name, each with its values.
    pub attributes: Vec<(String, Vec<String>)>,
    /// How the identity provider recognised the subject, as it names it.
    pub context: Option<String>,
}

impl std::fmt::Debug for SignedOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedOn").field("assertion_id", &self.assertion_id).finish_non_exhaustive()
    }
}

/// An identity provider, as a connection keeps it: with what an administrator must see of its certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its entity id.
    pub entity_id: String,
    /// Where requests go.
    pub sso_url: String,
    /// How they go there.
    pub binding: Binding,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
}

impl Description {
    /// The provider.
    #[must_use]
    pub fn provider(&self) -> IdentityProvider {
        IdentityProvider {
            entity_id: self.entity_id.clone(),
            sso_url: self.sso_url.clone(),
            binding: self.binding,
            certificates: self.certificates.iter().map(|certificate| certificate.der.clone()).collect(),
        }
    }
}

/// A certificate, as far as an administrator must see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// X.509 in DER, base64.
    pub der: String,
    /// SHA-256 of it, hexadecimal.
    pub fingerprint: String,
    /// When it ends. Signatures count until the certificate is removed: metadata binds a key, its dates are advice.
    pub not_after: Timestamp,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $key:literal,)+) => {
        /// Why something was refused. The log alone learns which: a client that knew would be an oracle.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Refusal {
            $($(#[$doc])* #[serde(rename = $key)] $name,)+
        }

        impl Refusal {
            /// Every refusal, in the order they are looked for.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in logs and security events.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }
        }
    };
}

refusals! {
    /// Not base64.
    Encoding = "encoding",
    /// More than 256 KB.
    TooLarge = "too_large",
    /// Not XML with namespaces, or nested too deep, or with a document type: no entity is ever expanded.
    Xml = "xml",
    /// Not a response, or not of the one shape that is read: one assertion, signatures where they belong, unique ids.
    Shape = "shape",
    /// The identity provider says that it did not recognise anybody.
    Status = "status",
    /// Neither the response nor the assertion is signed.
    Unsigned = "unsigned",
    /// Signed or encrypted by an algorithm that is not on the list, or transformed by one.
    Algorithm = "algorithm",
    /// No trusted certificate made this signature over this element.
    Signature = "signature",
    /// It could not be decrypted.
    Decryption = "decryption",
    /// Issued by somebody else.
    Issuer = "issuer",
    /// Sent to another address.
    Destination = "destination",
    /// Meant for another service.
    Audience = "audience",
    /// Not confirmed for whoever brings it here, by this address and in time.
    Confirmation = "confirmation",
    /// It answers no request.
    Unsolicited = "unsolicited",
    /// Not yet valid, or no longer.
    Expired = "expired",
    /// A condition that is not understood.
    Condition = "condition",
    /// No subject's name, or one with something else than text in it.
    NameId = "name_id",
    /// Metadata that describes no identity provider that could be used.
    Metadata = "metadata",
    /// Not a certificate with a key that may sign: RSA of 2,048 bits and more, or P-256, P-384 or P-521.
    Certificate = "certificate",
    /// The service provider's own keys are missing or unusable.
    Keys = "keys",
}
