//! Responses: verified, then read from nothing but what was verified.

mod claims;
mod decrypt;
mod shape;
mod signature;

use zygo_core::{
    identity::saml::{IdentityProvider, Refusal, ServiceProvider, SignedOn},
    time::Timestamp,
};

use self::{
    claims::Expected,
    shape::{Content, Shape},
};
use crate::{certificate, keys::ServiceKeys, names, xml};

/// Verifies a response and reads who signed on.
///
/// # Errors
/// Why it is refused.
pub fn finish(
    provider: &IdentityProvider,
    service: &ServiceProvider,
    response: &str,
    now: Timestamp,
    keys: &ServiceKeys,
) -> Result<SignedOn, Refusal> {
    let trusted = certificate::trusted(provider)?;
    let text = xml::decode(response)?;
    let doc = xml::parse(&text)?;
    let shape = Shape::read(&doc)?;
    succeeded(&shape)?;
    let expected = Expected { provider, service, now };
    let assertion = match shape.content {
        Content::Nothing => return Err(Refusal::Shape),
        Content::Plain(assertion) => {
            signature::verify(&doc, &shape.signatures(), trusted)?;
            assertion
        }
        Content::Encrypted(encrypted) => {
            let sealed = shape.response_signature.is_some();
            let opened = if sealed {
                signature::verify(&doc, &shape.signatures(), certificate::trusted(provider)?)?;
                decrypt::open(&text, encrypted, keys, true)?
            } else {
                decrypt::open(&text, encrypted, keys, false)?
            };
            return inside(&opened, sealed, trusted, &expected);
        }
    };
    claims::read(shape.root, assertion, &expected)
}

/// Reads the assertion of a response that was decrypted. `sealed`: the response's signature was verified as it came.
fn inside(opened: &str, sealed: bool, trusted: bergshamra::KeysManager, expected: &Expected<'_>) -> Result<SignedOn, Refusal> {
    let doc = xml::parse(opened)?;
    let shape = Shape::read_opened(&doc)?;
    let Content::Plain(assertion) = shape.content else { return Err(Refusal::Shape) };
    // The response's own signature was over the encrypted form; what stands in the clear is covered by it or by its own.
    let own: Vec<_> = shape.assertion_signature.map(|signature| (signature, assertion)).into_iter().collect();
    if !own.is_empty() || !sealed {
        signature::verify(&doc, &own, trusted)?;
    }
    claims::read(shape.root, assertion, expected)
}

/// Whether the identity provider recognised somebody. Read before a signature was verified, so it can only refuse.
fn succeeded(shape: &Shape<'_, '_>) -> Result<(), Refusal> {
    let status = shape.root.one(names::SAMLP, "Status")?.ok_or(Refusal::Status)?;
    let code = status.one(names::SAMLP, "StatusCode")?.and_then(|code| code.attribute("Value"));
    if code == Some(names::SUCCESS) { Ok(()) } else { Err(Refusal::Status) }
}
