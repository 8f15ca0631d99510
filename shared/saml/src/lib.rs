//! SAML 2.0 as a service provider: requests out, responses in, metadata both ways. Pure: no I/O, no clock.
//!
//! Rules that everything here keeps:
//! - XML is parsed by `uppsala`, signed and decrypted by `bergshamra`, written by `uppsala`'s writer; nothing by hand.
//! - A document has at most 256 KB and no document type, so no entity is ever expanded.
//! - What is read of a response is read from the very node that the verified signature covers: its reference resolves to
//!   the parent of the signature, in a document of one shape with unique ids. Where else a copy stands does not matter.
//! - Algorithms are on a list; SHA-1, RSA 1.5 and transforms beyond canonicalisation are not on it. CBC, which can be
//!   turned into an oracle, is decrypted only inside a response whose own signature was verified first.
//! - Why something was refused is for the log: [`Refusal`].
//!
//! Sources: SAML 2.0 core, bindings, profiles and metadata (OASIS, 2005) with errata; XML Signature 1.1; XML Encryption 1.1;
//! Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be" (2012), whose attacks the tests replay.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, reason = "a test fails by panicking")
)]

pub mod certificate;
#[cfg(any(test, feature = "draft"))]
pub mod draft;
pub mod keys;
pub mod metadata;
mod names;
pub mod request;
pub mod response;
mod xml;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;
use zygo_core::identity::saml::{Operation, Refusal};

pub use keys::ServiceKeys;

/// Does what is asked: the answer as JSON, or why not.
///
/// # Errors
/// The reason, for the log.
pub fn perform(operation: &Operation, keys: &ServiceKeys) -> Result<Value, Refusal> {
    match operation {
        Operation::Begin { provider, service, request_id, relay_state, now } => {
            encoded(&request::begin(provider, service, (request_id, relay_state), *now, keys)?)
        }
        Operation::Finish { provider, service, response, now } => encoded(&response::finish(provider, service, response, *now, keys)?),
        Operation::Metadata { service } => encoded(&metadata::write(service, keys)),
        Operation::ReadMetadata { xml } => encoded(&metadata::read(xml)?),
        Operation::ReadCertificates { certificates } => {
            encoded(&certificates.iter().map(|text| certificate::read(text)).collect::<Result<Vec<_>, _>>()?)
        }
    }
}

fn encoded<T: Serialize>(answer: &T) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|_| Refusal::Encoding)
}
