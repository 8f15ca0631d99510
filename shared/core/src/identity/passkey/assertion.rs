//! The use of a credential (WebAuthn, 7.2).

use sha2::{Digest as _, Sha256};
use webauthn_rp::response::{CollectedClientData, auth::AuthenticatorData};

use super::{
    Backup, Refused,
    challenge::Challenge,
    key::PublicKey,
    party::RelyingParty,
    registration::{check_client, check_party},
    wire::UsedCredential,
};
use crate::id::UserId;

/// What is on record of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whose it is.
    pub user_id: UserId,
    /// Its public key.
    pub key: PublicKey,
    /// Its signature counter when it was last used.
    pub sign_count: u32,
    /// Whether it may be backed up, which never changes.
    pub backup_eligible: bool,
}

/// What is to be recorded of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// The signature counter now.
    pub sign_count: u32,
    /// What it says of its backups now.
    pub backup: Backup,
}

/// Checks the answer to a request for the use of a credential.
///
/// The counter must grow, unless the authenticator has none (7.2, step 21). If it does not, there may be a copy of the key: the
/// caller is to refuse, and to tell the owner.
///
/// # Errors
/// Which check failed.
pub fn verify(party: &RelyingParty, challenge: &Challenge, known: &Known, answer: &UsedCredential) -> Result<Used, Refused> {
    // A discoverable credential says whose it is; one that is asked for by id need not.
    if answer.user_handle.as_deref().is_some_and(|handle| handle != known.user_id.uuid().as_bytes()) {
        return Err(Refused::UserHandle);
    }
    let client = CollectedClientData::from_client_data_json_relaxed::<false>(&answer.client_data).map_err(|_| Refused::ClientData)?;
    check_client(party, challenge, &client)?;
    // The parser takes data without the flag for somebody's presence for malformed; asked first, it has its own name.
    if answer.authenticator_data.get(32).is_some_and(|flags| flags & 1 == 0) {
        return Err(Refused::UserPresent);
    }
    let data = AuthenticatorData::try_from(answer.authenticator_data.as_slice()).map_err(|_| Refused::AuthenticatorData)?;
    check_party(party, data.rp_id_hash())?;
    if !data.flags().user_verified {
        return Err(Refused::UserVerified);
    }
    let backup = Backup::read(data.flags().backup);
    if backup.eligible != known.backup_eligible {
        return Err(Refused::BackupEligibility);
    }
    let signed = [answer.authenticator_data.as_slice(), &Sha256::digest(&answer.client_data)].concat();
    known.key.verify(&signed, &answer.signature)?;
    let sign_count = data.sign_count();
    if (sign_count, known.sign_count) != (0, 0) && sign_count <= known.sign_count {
        return Err(Refused::Counter);
    }
    Ok(Used { sign_count, backup })
}
