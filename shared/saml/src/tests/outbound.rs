//! What we send: requests and metadata, read back by the library that others use too.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::{DsigContext, KeysManager, core::algorithm as uri, crypto, keys::loader};
use zygo_core::identity::saml::{Binding, IdentityProvider, Operation, Refusal, Started};

use super::kit::{self, KEYS, NOW};
use crate::{metadata, request, xml};

fn own_certificate() -> bergshamra::Key {
    loader::load_x509_cert_pem(KEYS.service.certificate.as_bytes()).unwrap()
}

fn begin(provider: &IdentityProvider) -> Started {
    request::begin(provider, &kit::service(), ("_r1", "st&te"), NOW, &kit::service_keys()).unwrap()
}

#[test]
fn a_redirect_is_signed_over_its_query() {
    let mut provider = kit::provider();
    provider.sso_url = "https://idp.example/sso?tenant=a&b".into();
    let Started::Redirect { url } = begin(&provider) else { panic!() };
    let query = url.strip_prefix("https://idp.example/sso?tenant=a&b&").unwrap();
    let (signed, signature) = query.split_once("&Signature=").unwrap();
    let signature = form_urlencoded::parse(format!("s={signature}").as_bytes()).next().unwrap().1.into_owned();
    let verifier = crypto::sign::from_uri(uri::RSA_SHA256).unwrap();
    let key = own_certificate().to_signing_key().unwrap().unwrap();
    assert!(verifier.verify(&key, signed.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap());
    assert!(signed.contains("&RelayState=st%26te&SigAlg="));
    let request = form_urlencoded::parse(signed.as_bytes()).find(|(name, _)| name == "SAMLRequest").unwrap().1.into_owned();
    let inflated = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(request).unwrap()).unwrap();
    let text = String::from_utf8(inflated).unwrap();
    let doc = xml::parse(&text).unwrap();
    let root = xml::Node::root(&doc).unwrap();
    assert_eq!((root.attribute("ID"), root.attribute("AssertionConsumerServiceURL")), (Some("_r1"), Some(kit::ACS)));
    assert_eq!(root.attribute("Destination"), Some(provider.sso_url.as_str()));
}

#[test]
fn a_posted_request_is_signed_inside() {
    let mut provider = kit::provider();
    (provider.binding, provider.sso_url) = (Binding::Post, "https://idp.example/sso?a=1&b=\"<".into());
    let Started::Post { url, request } = begin(&provider) else { panic!() };
    assert_eq!(url, provider.sso_url);
    let text = String::from_utf8(STANDARD.decode(request).unwrap()).unwrap();
    let mut manager = KeysManager::new();
    manager.add_key(own_certificate());
    assert!(bergshamra::verify(&DsigContext::new(manager), &text).unwrap().is_valid());
    let doc = xml::parse(&text).unwrap();
    let names: Vec<_> = xml::Node::root(&doc).unwrap().elements().map(xml::Node::local).collect();
    assert_eq!(names, ["Issuer", "Signature", "NameIDPolicy"], "the schema's order");
}

fn idp_metadata(extra: &str, services: &str) -> String {
    let certificate: String = KEYS.idp.certificate.lines().filter(|line| !line.starts_with("-----")).map(|line| format!("{line}\n")).collect();
    format!(
        "\u{feff}<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\"><KeyInfo \
         xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>\
         </KeyDescriptor>{extra}{services}</IDPSSODescriptor></EntityDescriptor>",
        kit::IDP
    )
}

const POST: &str = "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/post\"/>";
const REDIRECT: &str = "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/sso\"/>";

#[test]
fn metadata_of_an_identity_provider() {
    assert_eq!(metadata::read(&idp_metadata("", &format!("{POST}{REDIRECT}"))).unwrap().provider(), kit::provider());
    let post = metadata::read(&idp_metadata("", POST)).unwrap();
    assert_eq!((post.binding, post.sso_url.as_str()), (Binding::Post, "https://idp.example/post"));
    assert_eq!(metadata::read(&idp_metadata("", "")).unwrap_err(), Refusal::Metadata);
    let ours = metadata::write(&kit::service(), &kit::service_keys());
    assert_eq!(metadata::read(&ours).unwrap_err(), Refusal::Metadata, "a service provider's is not an identity provider's");
}

#[test]
fn our_metadata() {
    let text = metadata::write(&kit::service(), &kit::service_keys());
    let doc = xml::parse(&text).unwrap();
    let root = xml::Node::root(&doc).unwrap();
    assert_eq!(root.attribute("entityID"), Some(kit::SP));
    let everything = root.everything().unwrap();
    let acs = everything.iter().find(|node| node.local() == "AssertionConsumerService").unwrap();
    assert_eq!(acs.attribute("Location"), Some(kit::ACS));
    let certificate = everything.iter().find(|node| node.local() == "X509Certificate").unwrap().text().unwrap();
    assert_eq!(crate::certificate::read(&certificate).unwrap(), crate::certificate::read(&KEYS.service.certificate).unwrap());
}

#[test]
fn operations_travel_as_json() {
    let operation = Operation::Metadata { service: kit::service() };
    let operation: Operation = serde_json::from_str(&serde_json::to_string(&operation).unwrap()).unwrap();
    let answer = crate::perform(&operation, &kit::service_keys()).unwrap();
    assert!(answer.as_str().unwrap().contains("EntityDescriptor"));
    for refusal in Refusal::ALL {
        assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.key());
    }
}
