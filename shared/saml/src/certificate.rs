//! Certificates of identity providers: containers of keys. Metadata binds the key; who issued the certificate, and
//! until when, means nothing to SAML (metadata interoperability profile, 2.6.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::{Key, KeysManager, keys::loader};
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Certificate as X509,
    der::{Decode as _, DecodePem as _, Encode as _, oid::ObjectIdentifier},
};
use zygo_core::{
    identity::saml::{Certificate, IdentityProvider, MOST_CERTIFICATES, Refusal},
    time::Timestamp,
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The longest certificate, in characters.
const LONGEST: usize = 16 * 1024;
/// RSA keys of fewer bytes are refused; the modulus stands in a structure a little longer than itself.
const RSA_BYTES: usize = 256;

/// Reads a certificate in PEM, or DER in base64, and checks that its key may sign.
///
/// # Errors
/// [`Refusal::Certificate`].
pub fn read(text: &str) -> Result<Certificate, Refusal> {
    if text.len() > LONGEST {
        return Err(Refusal::Certificate);
    }
    let certificate = if text.trim_start().starts_with("-----BEGIN") {
        X509::from_pem(text.trim()).map_err(|_| Refusal::Certificate)?
    } else {
        X509::from_der(&bytes(text)?).map_err(|_| Refusal::Certificate)?
    };
    let spki = &certificate.tbs_certificate.subject_public_key_info;
    let strong = match spki.algorithm.oid {
        RSA => spki.subject_public_key.raw_bytes().len() >= RSA_BYTES,
        EC => true,
        _ => false,
    };
    let der = certificate.to_der().map_err(|_| Refusal::Certificate)?;
    if !strong || loader::load_x509_cert_der(&der).is_err() {
        return Err(Refusal::Certificate);
    }
    let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    let not_after = Timestamp::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000));
    let fingerprint = Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Certificate { der: STANDARD.encode(der), fingerprint, not_after })
}

/// The keys that may sign for a provider; the document's own `KeyInfo` adds none.
pub fn trusted(provider: &IdentityProvider) -> Result<KeysManager, Refusal> {
    let mut manager = KeysManager::new();
    for certificate in provider.certificates.iter().take(MOST_CERTIFICATES) {
        manager.add_key(key(certificate)?);
    }
    if manager.is_empty() { Err(Refusal::Certificate) } else { Ok(manager) }
}

fn key(certificate: &str) -> Result<Key, Refusal> {
    loader::load_x509_cert_der(&bytes(certificate)?).map_err(|_| Refusal::Certificate)
}

fn bytes(base64: &str) -> Result<Vec<u8>, Refusal> {
    let compact: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| Refusal::Certificate)
}
