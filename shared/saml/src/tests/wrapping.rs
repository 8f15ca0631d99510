//! Signature wrapping, in the eight shapes of "On Breaking SAML" (Somorovsky et al., 2012) as tools replay them, and some
//! of our own. In each the original, with its valid signature, is still somewhere in the document, and Eve beside it.

use zygo_core::identity::saml::Refusal;

use super::kit::{self, cut, finish};

fn evil(text: &str) -> String {
    text.replace(">ada<", ">eve<").replace("ada@acme.test", "eve@acme.test")
}

/// A signed assertion, its signature, and the assertion without it.
struct Parts {
    response: String,
    assertion: String,
    signature: String,
    bare: String,
}

impl Parts {
    fn new(signed_response: bool) -> Self {
        let draft = kit::with(|draft| (draft.sign_response, draft.sign_assertion) = (signed_response, !signed_response));
        let response = draft.response().unwrap();
        let assertion = cut(&response, "<saml:Assertion", "</saml:Assertion>").to_owned();
        let signature = cut(&response, "<ds:Signature ", "</ds:Signature>").to_owned();
        let bare = assertion.replace(&signature, "");
        Self { response, assertion, signature, bare }
    }

    /// The response with something else in the place of its assertion.
    fn with(&self, content: &str) -> String {
        self.response.replace(&self.assertion, content)
    }

    /// The forged assertion, under another id.
    fn forged(&self) -> String {
        evil(&self.bare).replace("_assertion", "_evil")
    }
}

fn into_signature(signature: &str, what: &str) -> String {
    signature.replace("</ds:Signature>", &format!("{what}</ds:Signature>"))
}

fn shapes() -> Vec<(&'static str, String)> {
    let (r, a) = (Parts::new(true), Parts::new(false));
    let original = r.response.replace(&r.signature, "");
    let forged_response = evil(&original).replace("_response", "_evil");
    let issuer = "</saml:Issuer>";
    let put = |text: &str, after: &str, what: &str| text.replacen(after, &format!("{after}{what}"), 1);
    let object = |what: &str| format!("<ds:Object>{what}</ds:Object>");
    let signed_forged = put(&a.forged(), issuer, &a.signature);
    vec![
        ("XSW1", put(&forged_response, issuer, &into_signature(&r.signature, &original))),
        ("XSW2", put(&forged_response, issuer, &format!("{original}{}", r.signature))),
        ("XSW3", a.with(&format!("{}{}", a.forged(), a.assertion))),
        ("XSW4", a.with(&a.forged().replace("</saml:Assertion>", &format!("{}</saml:Assertion>", a.assertion)))),
        ("XSW5", a.with(&format!("{signed_forged}{}", a.bare))),
        ("XSW6", a.with(&put(&a.forged(), issuer, &into_signature(&a.signature, &a.bare)))),
        ("XSW7", a.with(&format!("<samlp:Extensions>{}</samlp:Extensions>{}", a.forged(), a.assertion))),
        ("XSW8", a.with(&put(&a.forged(), issuer, &into_signature(&a.signature, &object(&a.bare))))),
        ("the same id twice", a.with(&format!("{}{}", evil(&a.bare), a.assertion))),
        ("the same id, the original after", a.with(&format!("{}{}", a.assertion, evil(&a.bare)))),
        ("hidden in an attribute value", a.with(&put(&a.forged(), "<saml:AttributeValue>", &a.assertion))),
        ("in an encrypted assertion's place", a.with(&format!("{}<saml:EncryptedAssertion>{}</saml:EncryptedAssertion>", a.forged(), a.assertion))),
        ("an assertion of another namespace", a.with(&format!("{}{}", a.assertion, a.forged().replace("SAML:2.0:assertion", "SAML:1.0:assertion")))),
        ("the signature outside of what it covers", a.with(&format!("{}{}", a.signature, a.bare))),
        ("another kind of id", a.with(&format!("{signed_forged}<samlp:Extensions Id=\"_assertion\"/>"))),
        ("ids told apart by a namespace", a.with(&signed_forged.replace("ID=\"_evil\"", "xmlns:x=\"urn:x\" x:ID=\"_assertion\" ID=\"_evil\""))),
        ("a response in a response", put(&forged_response, issuer, &r.response)),
        ("the signature moved to the response", put(&a.with(&a.bare), issuer, &a.signature)),
    ]
}

#[test]
fn every_shape_is_refused() {
    for (name, xml) in shapes() {
        let refusal = finish(&xml).unwrap_err();
        assert!(matches!(refusal, Refusal::Shape | Refusal::Signature), "{name}: {refusal:?}");
    }
}

#[test]
fn what_the_shapes_are_made_of_is_valid() {
    for signed_response in [true, false] {
        assert_eq!(finish(&Parts::new(signed_response).response).unwrap().name_id, "ada");
    }
}
