//! What is accepted, and what is read of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::kit::{self, Finish as _, KEYS, NOW};
use crate::{certificate, response};

#[test]
fn a_signed_assertion_a_signed_response_or_both() {
    for (sign_assertion, sign_response) in [(true, false), (false, true), (true, true)] {
        let draft = kit::with(|draft| (draft.sign_assertion, draft.sign_response) = (sign_assertion, sign_response));
        let on = draft.finish().unwrap();
        assert_eq!((on.name_id.as_str(), on.in_response_to.as_str(), on.assertion_id.as_str()), ("ada", kit::REQUEST, "_assertion"));
        assert_eq!(on.name_id_format.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"));
        assert_eq!(on.attributes, [("email".to_owned(), vec!["ada@acme.test".to_owned()])]);
        assert_eq!((on.valid_until, on.context.as_deref()), (NOW.plus_seconds(360), Some("urn:x")));
    }
}

#[test]
fn the_clocks_may_differ_by_a_minute() {
    assert!(kit::with(|draft| draft.not_before = 60).finish().is_ok());
    assert!(kit::with(|draft| (draft.not_after, draft.confirmed_until) = (-59, -59)).finish().is_ok());
}

#[test]
fn while_certificates_are_rolled_over_both_count() {
    let mut provider = kit::provider();
    provider.certificates.insert(0, certificate::read(&KEYS.next.certificate).unwrap().der);
    for key in [&KEYS.idp, &KEYS.next] {
        let xml = kit::with(|draft| draft.key = key.key.to_string()).response().unwrap();
        assert!(response::finish(&provider, &kit::service(), &STANDARD.encode(xml), NOW, &kit::service_keys()).is_ok());
    }
}

#[test]
fn line_breaks_in_base64_and_several_values() {
    let draft = kit::with(|draft| {
        draft.more_attributes = "<saml:Attribute Name=\"groups\"><saml:AttributeValue>a</saml:AttributeValue>\
            <saml:AttributeValue> b <!-- c --></saml:AttributeValue><saml:AttributeValue><saml:X/></saml:AttributeValue></saml:Attribute>"
            .into();
    });
    let lines: Vec<String> =
        STANDARD.encode(draft.response().unwrap()).as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let on = response::finish(&kit::provider(), &kit::service(), &lines.join("\r\n"), NOW, &kit::service_keys()).unwrap();
    assert_eq!(on.attributes[1], ("groups".to_owned(), vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn conditions_that_are_known() {
    assert!(kit::with(|draft| draft.more_conditions = "<saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/>".into()).finish().is_ok());
}
