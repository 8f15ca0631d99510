//! A new credential (WebAuthn, 7.1).

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use webauthn_rp::response::{CollectedClientData, register::AttestationObject};

use super::{Backup, Refused, challenge::Challenge, key::PublicKey, party::RelyingParty, wire::NewCredential};

/// A credential to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: PublicKey,
    /// Its signature counter; zero where the authenticator has none.
    pub sign_count: u32,
    /// What it says of its backups.
    pub backup: Backup,
    /// How its authenticator can be reached.
    pub transports: Vec<String>,
}

/// Checks the answer to a request for a new credential. An attestation is not asked for; one that comes is not looked at.
///
/// # Errors
/// Which check failed.
pub fn verify(party: &RelyingParty, challenge: &Challenge, answer: NewCredential) -> Result<Credential, Refused> {
    let client = CollectedClientData::from_client_data_json_relaxed::<true>(&answer.client_data).map_err(|_| Refused::ClientData)?;
    check_client(party, challenge, &client)?;
    let object = AttestationObject::try_from(answer.attestation.as_slice()).map_err(|_| Refused::AuthenticatorData)?;
    let data = object.auth_data();
    check_party(party, data.rp_id_hash())?;
    let flags = data.flags();
    if !flags.user_present {
        return Err(Refused::UserPresent);
    }
    if !flags.user_verified {
        return Err(Refused::UserVerified);
    }
    let attested = data.attested_credential_data();
    if *attested.credential_id.inner() != answer.id.as_slice() {
        return Err(Refused::CredentialId);
    }
    let key = PublicKey::read(attested.credential_public_key)?;
    let (sign_count, backup) = (data.sign_count(), Backup::read(flags.backup));
    Ok(Credential { id: answer.id, key, sign_count, backup, transports: answer.transports })
}

/// What holds for the client data of both ceremonies: the challenge, the origin, and that no foreign page is around it.
pub(super) fn check_client(party: &RelyingParty, challenge: &Challenge, client: &CollectedClientData<'_>) -> Result<(), Refused> {
    // The parser reads the sixteen bytes as a number whose least byte comes first.
    if !bool::from(client.challenge.0.to_le_bytes().ct_eq(challenge)) {
        return Err(Refused::Challenge);
    }
    if !party.accepts(&client.origin.0) {
        return Err(Refused::Origin);
    }
    if client.cross_origin || client.top_origin.is_some() { Err(Refused::CrossOrigin) } else { Ok(()) }
}

/// Whether authenticator data were made for this relying party.
pub(super) fn check_party(party: &RelyingParty, rp_id_hash: &[u8]) -> Result<(), Refused> {
    if *Sha256::digest(&party.id) == *rp_id_hash { Ok(()) } else { Err(Refused::RpIdHash) }
}
