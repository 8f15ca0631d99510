//! Encrypted assertions.

use bergshamra::{EncContext, KeysManager, core::algorithm as uri, keys::loader};
use zygo_core::identity::saml::Refusal;

use super::kit::{self, KEYS, finish};
use crate::draft::Draft;
use zygo_self_signed::Generated;

/// The assertion encrypted to a key.
fn encrypted(assertion: &str, cipher: &str, transport: &str, to: &Generated) -> String {
    let template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
         <xenc:EncryptionMethod Algorithm=\"{cipher}\"/><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"{transport}\"/><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey>\
         </ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    );
    let mut manager = KeysManager::new();
    manager.add_key(loader::load_x509_cert_pem(to.certificate.as_bytes()).unwrap());
    let data = bergshamra::encrypt(&EncContext::new(manager), &template, assertion.as_bytes()).unwrap();
    let data = data.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    format!("<saml:EncryptedAssertion>{}</saml:EncryptedAssertion>", data.trim())
}

fn sealed(draft: &Draft, cipher: &str) -> String {
    draft.around(&encrypted(&draft.assertion().unwrap(), cipher, uri::RSA_OAEP, &KEYS.service)).unwrap()
}

#[test]
fn inside_or_outside_a_signature() {
    for (sign_assertion, sign_response) in [(true, false), (false, true), (true, true)] {
        let draft = kit::with(|draft| (draft.sign_assertion, draft.sign_response) = (sign_assertion, sign_response));
        for cipher in [uri::AES128_GCM, uri::AES256_GCM] {
            assert_eq!(finish(&sealed(&draft, cipher)).unwrap().name_id, "ada", "{cipher}");
        }
    }
}

#[test]
fn cbc_only_in_a_signed_response() {
    for cipher in [uri::AES128_CBC, uri::AES256_CBC] {
        let signed = kit::with(|draft| draft.sign_response = true);
        assert_eq!(finish(&sealed(&signed, cipher)).unwrap().name_id, "ada");
        assert_eq!(finish(&sealed(&kit::draft(), cipher)).unwrap_err(), Refusal::Algorithm);
    }
}

#[test]
fn encryption_is_no_signature() {
    let draft = kit::with(|draft| draft.sign_assertion = false);
    assert_eq!(finish(&sealed(&draft, uri::AES256_GCM)).unwrap_err(), Refusal::Unsigned);
    let draft = kit::with(|draft| draft.key = KEYS.stranger.key.to_string());
    assert_eq!(finish(&sealed(&draft, uri::AES256_GCM)).unwrap_err(), Refusal::Signature);
}

#[test]
fn what_cannot_be_opened() {
    let draft = kit::draft();
    let other = draft.around(&encrypted(&draft.assertion().unwrap(), uri::AES256_GCM, uri::RSA_OAEP, &KEYS.stranger)).unwrap();
    assert_eq!(finish(&other).unwrap_err(), Refusal::Decryption);
    let good = sealed(&draft, uri::AES256_GCM);
    assert_eq!(finish(&good.replace(uri::RSA_OAEP, uri::RSA_PKCS1)).unwrap_err(), Refusal::Algorithm);
    assert_eq!(finish(&good.replace(uri::AES256_GCM, uri::TRIPLEDES_CBC)).unwrap_err(), Refusal::Algorithm);
    assert_eq!(finish(&good.replace("xmlenc#Element", "xmlenc#Content")).unwrap_err(), Refusal::Shape);
    // Not an assertion inside, or more than one.
    let twice = format!("{}{}", draft.assertion().unwrap(), draft.assertion().unwrap().replace("_assertion", "_other"));
    for inside in ["<x/>", "no element", &twice] {
        let xml = draft.around(&encrypted(inside, uri::AES256_GCM, uri::RSA_OAEP, &KEYS.service)).unwrap();
        assert!(finish(&xml).is_err(), "{inside}");
    }
}
