//! Names of namespaces, bindings and formats.

/// Assertions.
pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Requests and responses.
pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Metadata.
pub const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML Signature.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// HTTP redirect binding.
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// HTTP POST binding.
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// Confirmation for whoever brings it.
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Status: somebody was recognised.
pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
/// A name that is a mail address.
pub const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// A name that stays.
pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
