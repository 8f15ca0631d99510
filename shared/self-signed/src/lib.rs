//! New keys with self-signed certificates, for the service provider's ring and for tests. Native only.

use std::{str::FromStr as _, time::Duration};

use rand_core::CryptoRngCore;
use rsa::{
    RsaPrivateKey,
    pkcs1v15::{Signature, SigningKey},
    pkcs8::{EncodePrivateKey as _, LineEnding},
    sha2::Sha256,
};
use x509_cert::{
    builder::{Builder as _, CertificateBuilder, Profile},
    der::{
        EncodePem as _,
        asn1::{GeneralizedTime, UtcTime},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::{Time, Validity},
};
use zeroize::Zeroizing;
use zygo_core::time::Timestamp;

/// Ten years: the certificate only carries the key.
const VALID_SECONDS: i64 = 10 * 365 * 24 * 3600;
/// When `UTCTime` ends and `GeneralizedTime` begins (RFC 5280, 4.1.2.5).
const UTC_TIME_ENDS: u64 = 2_524_608_000;

/// A key and its certificate, both in PEM.
#[derive(Clone)]
pub struct Generated {
    /// PKCS#8.
    pub key: Zeroizing<String>,
    /// X.509.
    pub certificate: String,
}

/// Makes an RSA key and a certificate over it.
///
/// # Errors
/// A sentence without key material.
pub fn rsa(bits: usize, common_name: &str, now: Timestamp, random: &mut impl CryptoRngCore) -> Result<Generated, String> {
    let key = RsaPrivateKey::new(random, bits).map_err(|error| format!("RSA key: {error}"))?;
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| format!("PKCS#8: {error}"))?;
    let certificate = certificate(key, common_name, now, random.next_u32()).map_err(|error| format!("certificate: {error}"))?;
    Ok(Generated { key: Zeroizing::new(pem.to_string()), certificate })
}

fn certificate(key: RsaPrivateKey, common_name: &str, now: Timestamp, serial: u32) -> Result<String, Box<dyn std::error::Error>> {
    let spki = SubjectPublicKeyInfoOwned::from_key(key.to_public_key())?;
    let validity = Validity { not_before: time(now)?, not_after: time(now.plus_seconds(VALID_SECONDS))? };
    let name = Name::from_str(&format!("CN={common_name}"))?;
    let signer = SigningKey::<Sha256>::new(key);
    let profile = Profile::Leaf { issuer: name.clone(), enable_key_agreement: false, enable_key_encipherment: true };
    let builder = CertificateBuilder::new(profile, SerialNumber::from(serial), validity, name, spki, &signer)?;
    Ok(builder.build::<Signature>()?.to_pem(LineEnding::LF)?)
}

fn time(at: Timestamp) -> Result<Time, Box<dyn std::error::Error>> {
    let seconds = u64::try_from(at.seconds())?;
    let since = Duration::from_secs(seconds);
    Ok(if seconds < UTC_TIME_ENDS {
        Time::UtcTime(UtcTime::from_unix_duration(since)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_unix_duration(since)?)
    })
}
