//! Signatures: their form is checked against a list, then the library verifies them, then it must have verified this one
//! over this element.

use bergshamra::{DsigContext, KeysManager, VerifyResult, core::algorithm as uri, dsig::verify::verify_all_document};
use uppsala::Document;
use zygo_core::identity::saml::Refusal;

use crate::{names, xml::Node};

const METHODS: [&str; 9] = [
    uri::RSA_SHA256,
    uri::RSA_SHA384,
    uri::RSA_SHA512,
    uri::RSA_PSS_SHA256,
    uri::RSA_PSS_SHA384,
    uri::RSA_PSS_SHA512,
    uri::ECDSA_SHA256,
    uri::ECDSA_SHA384,
    uri::ECDSA_SHA512,
];
const DIGESTS: [&str; 3] = [uri::SHA256, uri::SHA384, uri::SHA512];
const CANONICAL: [&str; 2] = [uri::EXC_C14N, uri::EXC_C14N_WITH_COMMENTS];

/// Verifies every signature given, each over the element given with it. None given is none verified.
pub fn verify(doc: &Document<'_>, signatures: &[(Node<'_, '_>, Node<'_, '_>)], trusted: KeysManager) -> Result<(), Refusal> {
    if signatures.is_empty() {
        return Err(Refusal::Unsigned);
    }
    for (signature, over) in signatures {
        form(*signature, *over)?;
    }
    // Only the keys in the ring count, never one that the document brings along; a reference must be to the root, an
    // ancestor or a sibling; every reference's digest is computed.
    let verified = verify_all_document(&DsigContext::new(trusted), doc).map_err(|_| Refusal::Signature)?;
    let covered = |signature: Node<'_, '_>, over: Node<'_, '_>| {
        verified.iter().any(|result| match result {
            VerifyResult::Valid { signature_node, references, .. } => {
                let same = references.len() == 1 && references.iter().all(|one| one.digest_verified && one.resolved_node == Some(over.id()));
                *signature_node == signature.id() && same
            }
            VerifyResult::Invalid { .. } => false,
        })
    };
    if signatures.iter().all(|(signature, over)| covered(*signature, *over)) { Ok(()) } else { Err(Refusal::Signature) }
}

/// A signature of SAML's kind (core, 5.4): one reference, to the element it stands in, by algorithms of the lists.
fn form(signature: Node<'_, '_>, over: Node<'_, '_>) -> Result<(), Refusal> {
    only(signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?;
    let info = required(signature, "SignedInfo")?;
    only(info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    listed(required(info, "CanonicalizationMethod")?, &CANONICAL)?;
    listed(required(info, "SignatureMethod")?, &METHODS)?;
    required(signature, "SignatureValue")?;
    let reference = required(info, "Reference")?;
    only(reference, &["Transforms", "DigestMethod", "DigestValue"])?;
    listed(required(reference, "DigestMethod")?, &DIGESTS)?;
    let id = over.attribute("ID").ok_or(Refusal::Shape)?;
    if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(Refusal::Signature);
    }
    let transforms: Vec<_> = required(reference, "Transforms")?.elements().collect();
    match transforms.as_slice() {
        [enveloped] => listed(*enveloped, &[uri::ENVELOPED_SIGNATURE]),
        [enveloped, canonical] => listed(*enveloped, &[uri::ENVELOPED_SIGNATURE]).and_then(|()| listed(*canonical, &CANONICAL)),
        _ => Err(Refusal::Algorithm),
    }
}

fn required<'d, 'a>(node: Node<'d, 'a>, local: &str) -> Result<Node<'d, 'a>, Refusal> {
    node.one(names::DS, local)?.ok_or(Refusal::Shape)
}

fn only(node: Node<'_, '_>, locals: &[&str]) -> Result<(), Refusal> {
    let known = node.elements().all(|child| locals.iter().any(|local| child.is(names::DS, local)));
    if known { Ok(()) } else { Err(Refusal::Shape) }
}

fn listed(node: Node<'_, '_>, list: &[&str]) -> Result<(), Refusal> {
    if node.attribute("Algorithm").is_some_and(|algorithm| list.contains(&algorithm)) { Ok(()) } else { Err(Refusal::Algorithm) }
}
