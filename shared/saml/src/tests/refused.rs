//! What is refused, and as what.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::core::algorithm as uri;
use zygo_core::identity::saml::Refusal;

use super::kit::{self, Finish as _, KEYS, NOW, finish};
use crate::{metadata, response, xml};

#[test]
fn what_an_honest_provider_may_get_wrong() {
    use crate::draft::Draft;

    type Case = (&'static str, fn(&mut Draft), Refusal);
    let cases: [Case; 22] = [
        ("unsigned", |d| d.sign_assertion = false, Refusal::Unsigned),
        ("unknown certificate", |d| d.key = KEYS.stranger.key.to_string(), Refusal::Signature),
        ("failure", |d| d.status = "urn:oasis:names:tc:SAML:2.0:status:Responder".into(), Refusal::Status),
        ("another issuer", |d| d.issuer = "https://evil.example".into(), Refusal::Issuer),
        ("sent elsewhere", |d| d.destination = Some("https://other.example/acs".into()), Refusal::Destination),
        ("another audience", |d| d.audience = Some("https://other.example".into()), Refusal::Audience),
        ("an audience that begins alike", |d| d.audience = Some(format!("{}/x", kit::SP)), Refusal::Audience),
        ("no audience", |d| d.audience = None, Refusal::Audience),
        (
            "two audiences, both must hold",
            |d| {
                d.more_conditions =
                    "<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction>".into();
            },
            Refusal::Audience,
        ),
        ("another recipient", |d| d.recipient = "https://other.example/acs".into(), Refusal::Confirmation),
        ("not for the bearer", |d| d.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into(), Refusal::Confirmation),
        ("answers nothing", |d| (d.answers, d.response_answers) = (None, None), Refusal::Unsolicited),
        ("answers two different requests", |d| d.response_answers = Some("_other".into()), Refusal::Unsolicited),
        ("not yet", |d| d.not_before = 61, Refusal::Expired),
        ("no longer", |d| d.not_after = -60, Refusal::Expired),
        ("confirmed no longer", |d| d.confirmed_until = -60, Refusal::Expired),
        ("the session there is over", |d| d.session_until = -60, Refusal::Expired),
        ("a condition nobody knows", |d| d.more_conditions = "<saml:Condition/>".into(), Refusal::Condition),
        ("no name", |d| d.name = String::new(), Refusal::NameId),
        ("an empty name", |d| d.name = "<saml:NameID> </saml:NameID>".into(), Refusal::NameId),
        ("an element in the name", |d| d.name = "<saml:NameID>a<b/></saml:NameID>".into(), Refusal::NameId),
        ("no statement", |d| d.statement = false, Refusal::Shape),
    ];
    for (name, change, refusal) in cases {
        assert_eq!(kit::with(change).finish().unwrap_err(), refusal, "{name}");
    }
}

#[test]
fn a_comment_in_the_name_never_cuts_it() {
    for name in ["ada@acme.test<!---->.evil.test", "<!-- -->ada@acme.test", "ada@acme.test<!--x-->"] {
        let draft = kit::with(|draft| draft.name = format!("<saml:NameID>{name}</saml:NameID>"));
        assert_eq!(draft.finish().unwrap_err(), Refusal::NameId, "{name}");
        // Put in after signing it changes nothing that was signed, and is refused all the same.
        let signed = kit::draft().response().unwrap().replace(">ada<", &format!(">{}<", name.replace("@acme.test", "").replace(".evil.test", "")));
        assert_eq!(finish(&signed).unwrap_err(), Refusal::NameId, "{name}");
    }
}

#[test]
fn what_was_changed_after_signing() {
    let signed = kit::with(|draft| draft.sign_response = true).response().unwrap();
    let assertion_only = kit::draft().response().unwrap();
    assert_eq!(finish(&signed.replace(">ada<", ">eve<")).unwrap_err(), Refusal::Signature);
    assert_eq!(finish(&assertion_only.replace("ada@acme.test", "eve@acme.test")).unwrap_err(), Refusal::Signature);
    assert_eq!(finish(&assertion_only.replace("2.0\" IssueInstant", "2.0\" a=\"b\" IssueInstant")).unwrap_err(), Refusal::Signature);
    assert_eq!(finish(&assertion_only.replace("URI=\"#_assertion\"", "URI=\"\"")).unwrap_err(), Refusal::Signature);
    assert_eq!(finish(&assertion_only.replace("#_assertion", "#_response")).unwrap_err(), Refusal::Signature);
    // The signature of one part does not make up for another's that is broken.
    let broken = kit::with(|draft| draft.sign_response = true);
    let broken = broken.around(&broken.assertion().unwrap().replace("ada@acme.test", "eve@acme.test")).unwrap();
    assert_eq!(finish(&broken).unwrap_err(), Refusal::Signature);
}

#[test]
fn algorithms_that_are_not_listed() {
    let signed = kit::draft().response().unwrap();
    let xpath = format!("<ds:Transform Algorithm=\"{}\"/>", uri::XPATH);
    let cases = [
        (uri::RSA_SHA256, uri::RSA_SHA1),
        (uri::RSA_SHA256, uri::HMAC_SHA256),
        (uri::RSA_SHA256, uri::DSA_SHA256),
        (uri::SHA256, uri::SHA1),
        (uri::EXC_C14N, uri::C14N),
        (uri::ENVELOPED_SIGNATURE, uri::XSLT),
    ];
    for (listed, other) in cases {
        assert_eq!(finish(&signed.replace(&format!("\"{listed}\""), &format!("\"{other}\""))).unwrap_err(), Refusal::Algorithm, "{other}");
    }
    assert_eq!(finish(&signed.replace("<ds:Transforms>", &format!("<ds:Transforms>{xpath}"))).unwrap_err(), Refusal::Algorithm);
}

#[test]
fn a_key_that_comes_along_is_not_trusted() {
    let certificate: String = KEYS.stranger.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    let info =
        format!("</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>");
    let signed = kit::with(|draft| draft.key = KEYS.stranger.key.to_string()).response().unwrap();
    assert_eq!(finish(&signed.replace("</ds:SignatureValue>", &info)).unwrap_err(), Refusal::Signature);
    let own = kit::draft().response().unwrap();
    assert!(finish(&own.replace("</ds:SignatureValue>", &info)).is_ok(), "what it brings along is not looked at");
}

#[test]
fn documents_that_attack_the_parser() {
    let signed = kit::draft().response().unwrap();
    let xxe = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    for doctype in [xxe, laughs, "<!DOCTYPE r SYSTEM \"http://evil.test/x.dtd\">", "<!DOCTYPE r>"] {
        assert_eq!(finish(&format!("{doctype}{signed}")).unwrap_err(), Refusal::Xml, "{doctype}");
    }
    assert_eq!(finish(&signed.replace(">ada<", ">&x;<")).unwrap_err(), Refusal::Xml);
    assert_eq!(finish(&"<a>".repeat(100_000)).unwrap_err(), Refusal::TooLarge);
    assert_eq!(finish(&format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000))).unwrap_err(), Refusal::Xml);
    assert_eq!(finish(&signed.replace("<samlp:Status>", "<?x y?><samlp:Status>")).unwrap_err(), Refusal::Shape);
    let five = " ".repeat(5 * 1024 * 1024);
    assert_eq!(finish(&signed.replace("<samlp:Status>", &format!("{five}<samlp:Status>"))).unwrap_err(), Refusal::TooLarge);
}

#[test]
fn what_is_no_response() {
    let bad = |text: &str| response::finish(&kit::provider(), &kit::service(), text, NOW, &kit::service_keys()).unwrap_err();
    assert_eq!(bad("not base64!"), Refusal::Encoding);
    assert_eq!(bad(&STANDARD.encode([0xff, 0xfe])), Refusal::Encoding);
    assert_eq!(bad(""), Refusal::Xml);
    assert_eq!(finish("<Response/>").unwrap_err(), Refusal::Shape);
    assert_eq!(finish(&kit::draft().around("").unwrap()).unwrap_err(), Refusal::Shape);
    let mut nobody = kit::provider();
    nobody.certificates.clear();
    let any = STANDARD.encode(kit::draft().response().unwrap());
    assert_eq!(response::finish(&nobody, &kit::service(), &any, NOW, &kit::service_keys()).unwrap_err(), Refusal::Certificate);
    assert!(xml::time("2026-01-28T09:30:00").is_err(), "a time without a zone");
}

#[test]
fn certificates_and_metadata() {
    let weak = zygo_self_signed::rsa(1024, "weak", NOW, &mut rand_core::OsRng).unwrap();
    assert_eq!(crate::certificate::read(&weak.certificate).unwrap_err(), Refusal::Certificate);
    assert_eq!(crate::certificate::read("-----BEGIN NONSENSE-----").unwrap_err(), Refusal::Certificate);
    assert_eq!(crate::certificate::read(&"A".repeat(20_000)).unwrap_err(), Refusal::Certificate);
    assert_eq!(metadata::read("<x/>").unwrap_err(), Refusal::Metadata);
    assert_eq!(metadata::read("<!DOCTYPE x><x/>").unwrap_err(), Refusal::Xml);
    assert_eq!(crate::ServiceKeys::parse("[]").unwrap_err(), Refusal::Keys);
}
