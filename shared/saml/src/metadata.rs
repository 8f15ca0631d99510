//! Metadata: ours out, an identity provider's in (SAML metadata, 2.4).

use bergshamra::core::algorithm;
use uppsala::XmlWriter;
use zygo_core::identity::saml::{Binding, Certificate, Description, MOST_CERTIFICATES, Refusal, ServiceProvider};

use crate::{
    certificate,
    keys::ServiceKeys,
    names,
    xml::{self, Node},
};

/// What we can decrypt, what is best first.
const ENCRYPTION: [&str; 3] = [algorithm::AES256_GCM, algorithm::AES128_GCM, algorithm::RSA_OAEP];

/// Our metadata. A key without a use signs and decrypts, so that one that is about to sign is known beforehand.
#[must_use]
pub fn write(service: &ServiceProvider, keys: &ServiceKeys) -> String {
    let mut xml = XmlWriter::new();
    xml.write_declaration();
    xml.start_element("md:EntityDescriptor", &[("xmlns:md", names::MD), ("xmlns:ds", names::DS), ("entityID", &service.entity_id)]);
    xml.start_element(
        "md:SPSSODescriptor",
        &[("AuthnRequestsSigned", "true"), ("WantAssertionsSigned", "true"), ("protocolSupportEnumeration", names::SAMLP)],
    );
    for certificate in keys.certificates() {
        key_descriptor(&mut xml, certificate);
    }
    for format in [names::PERSISTENT, names::EMAIL] {
        element(&mut xml, "md:NameIDFormat", format);
    }
    let acs = [("Binding", names::POST), ("Location", &service.acs_url), ("index", "0"), ("isDefault", "true")];
    xml.empty_element("md:AssertionConsumerService", &acs);
    xml.end_element("md:SPSSODescriptor");
    xml.end_element("md:EntityDescriptor");
    xml.into_string()
}

fn key_descriptor(xml: &mut XmlWriter, certificate: &str) {
    xml.start_element("md:KeyDescriptor", &[]);
    xml.start_element("ds:KeyInfo", &[]);
    xml.start_element("ds:X509Data", &[]);
    element(xml, "ds:X509Certificate", certificate);
    xml.end_element("ds:X509Data");
    xml.end_element("ds:KeyInfo");
    for algorithm in ENCRYPTION {
        xml.empty_element("md:EncryptionMethod", &[("Algorithm", algorithm)]);
    }
    xml.end_element("md:KeyDescriptor");
}

fn element(xml: &mut XmlWriter, name: &str, text: &str) {
    xml.start_element(name, &[]);
    xml.text(text);
    xml.end_element(name);
}

/// Reads the metadata of one identity provider. Its signature, if it has one, is not looked at: an administrator hands it
/// in, and vouches for it.
///
/// # Errors
/// [`Refusal::Metadata`], [`Refusal::Certificate`], or what is wrong with the document.
pub fn read(text: &str) -> Result<Description, Refusal> {
    let doc = xml::parse(text.trim_start_matches('\u{feff}'))?;
    let root = Node::root(&doc)?;
    if !root.is(names::MD, "EntityDescriptor") {
        return Err(Refusal::Metadata);
    }
    let entity_id = root.attribute("entityID").filter(|id| (1..=1024).contains(&id.len())).ok_or(Refusal::Metadata)?;
    let idp = root.one(names::MD, "IDPSSODescriptor")?.ok_or(Refusal::Metadata)?;
    let (binding, sso_url) = service(idp).ok_or(Refusal::Metadata)?;
    let mut certificates: Vec<Certificate> = Vec::new();
    for text in idp.all(names::MD, "KeyDescriptor").filter(|key| key.attribute("use") != Some("encryption")).flat_map(x509) {
        let read = certificate::read(&text)?;
        if !certificates.contains(&read) {
            certificates.push(read);
        }
    }
    if certificates.is_empty() || certificates.len() > MOST_CERTIFICATES {
        return Err(Refusal::Certificate);
    }
    Ok(Description { entity_id: entity_id.to_owned(), sso_url, binding, certificates })
}

/// Where requests go: by redirect if that is offered, else by POST.
fn service(idp: Node<'_, '_>) -> Option<(Binding, String)> {
    [(Binding::Redirect, names::REDIRECT), (Binding::Post, names::POST)].into_iter().find_map(|(binding, name)| {
        let service = idp.all(names::MD, "SingleSignOnService").find(|service| service.attribute("Binding") == Some(name))?;
        Some((binding, service.attribute("Location")?.to_owned()))
    })
}

fn x509(key: Node<'_, '_>) -> Vec<String> {
    let info = key.all(names::DS, "KeyInfo");
    let data = info.flat_map(|info| info.all(names::DS, "X509Data").collect::<Vec<_>>());
    data.flat_map(|data| data.all(names::DS, "X509Certificate").collect::<Vec<_>>()).filter_map(Node::text).collect()
}
