//! Whatever comes in: an answer or a refusal, never a panic, and never somebody else's name.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::kit::{self, NOW, finish};
use crate::{certificate, metadata, response};

/// A signed response with one byte, or one range, changed.
fn changed() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let original = kit::draft().response().unwrap().into_bytes();
    let length = original.len();
    (0..length, 0_usize..40, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(move |(at, span, put)| {
        let mut bytes = original.clone();
        bytes.splice(at..(at + span).min(length), put);
        (original.clone(), bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(response::finish(&kit::provider(), &kit::service(), &STANDARD.encode(&bytes), NOW, &kit::service_keys()).is_err());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(metadata::read(&text).is_err());
        prop_assert!(certificate::read(&text).is_err());
    }

    #[test]
    fn random_markup(text in "(<[a-z:/!?]{0,6}( [a-zA-Z:]{1,5}=\"[^\"<]{0,6}\")?/?>|&[a-z#0-9]{1,6};|\\PC){0,60}") {
        prop_assert!(finish(&text).is_err());
        prop_assert!(metadata::read(&text).is_err());
    }

    #[test]
    fn a_changed_response((original, bytes) in changed()) {
        let outcome = response::finish(&kit::provider(), &kit::service(), &STANDARD.encode(&bytes), NOW, &kit::service_keys());
        // A change outside of what is signed, or of what canonicalisation drops, may pass; what is read is what was signed.
        if let Ok(on) = outcome {
            let honest = finish(std::str::from_utf8(&original).unwrap()).unwrap();
            prop_assert_eq!(on, honest);
        }
    }
}
