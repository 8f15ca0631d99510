//! Encrypted assertions: AES by a key that was sent along under RSA-OAEP to one of ours.

use bergshamra::{EncContext, core::algorithm as uri};
use zygo_core::identity::saml::Refusal;

use crate::{keys::ServiceKeys, names, xml::Node};

const AUTHENTIC: [&str; 3] = [uri::AES128_GCM, uri::AES192_GCM, uri::AES256_GCM];
/// A changed CBC text decrypts to something, and how it is refused can tell what (Jager and Somorovsky, 2011). So these
/// are opened only where a verified signature says that nothing was changed.
const MALLEABLE: [&str; 3] = [uri::AES128_CBC, uri::AES192_CBC, uri::AES256_CBC];
const TRANSPORT: [&str; 2] = [uri::RSA_OAEP, uri::RSA_OAEP_ENC11];
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// The response with the assertion in the clear, in the place of its encrypted form.
pub fn open(text: &str, encrypted: Node<'_, '_>, keys: &ServiceKeys, signed: bool) -> Result<String, Refusal> {
    let data = encrypted.one(names::XENC, "EncryptedData")?.ok_or(Refusal::Shape)?;
    if data.attribute("Type") != Some(ELEMENT) {
        return Err(Refusal::Shape);
    }
    for node in root(encrypted).everything()? {
        let allowed = match node.local() {
            // The library opens the first it finds.
            "EncryptedData" => node.id() == data.id(),
            "EncryptionMethod" => {
                let algorithm = node.attribute("Algorithm").unwrap_or_default();
                match node.parent().map(|parent| parent.id() == data.id()) {
                    Some(true) => AUTHENTIC.contains(&algorithm) || (signed && MALLEABLE.contains(&algorithm)),
                    _ => TRANSPORT.contains(&algorithm),
                }
            }
            "CipherReference" | "DerivedKey" | "AgreementMethod" | "KeyName" => false,
            _ => true,
        };
        if !allowed {
            return Err(Refusal::Algorithm);
        }
    }
    let context = |manager| EncContext::new(manager).with_disable_cipher_reference(true).with_max_pbkdf2_iterations(0);
    keys.decrypting().find_map(|manager| bergshamra::decrypt(&context(manager), text).ok()).ok_or(Refusal::Decryption)
}

fn root<'d, 'a>(node: Node<'d, 'a>) -> Node<'d, 'a> {
    node.parent().map_or(node, root)
}
