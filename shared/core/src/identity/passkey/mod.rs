//! Passkeys: WebAuthn level 2 as relying party (<https://www.w3.org/TR/webauthn-2/>), without attestation.
//!
//! A ceremony has two halves. The first makes a challenge and what the browser is told ([`options`]); what is to be remembered
//! of it leaves sealed and comes back with the answer ([`challenge`]), so that beginning one stores nothing. The second checks
//! the answer: [`registration`] a new credential, [`assertion`] the use of one. That a challenge serves once is the caller's
//! to see, by the digest that [`challenge::Ceremony`] carries.
//!
//! Parsing what authenticators send is `webauthn_rp`'s; its own ceremonies read the ambient clock and cannot run in
//! WebAssembly, so the checks of sections 7.1 and 7.2 stand here.

pub mod assertion;
pub mod challenge;
pub mod key;
pub mod options;
pub mod party;
pub mod registration;
pub mod wire;

use std::fmt;

/// Why an answer of an authenticator is refused. For logs and security events; a client is told no more than that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Client data that are no JSON of the right type, or no challenge in them.
    ClientData,
    /// The challenge is not the one that was made.
    Challenge,
    /// The page that asked is not at one of the expected origins.
    Origin,
    /// The page that asked stood inside a page of another origin.
    CrossOrigin,
    /// Authenticator data or attestation object that cannot be read.
    AuthenticatorData,
    /// The answer was made for another relying party.
    RpIdHash,
    /// Nobody was there.
    UserPresent,
    /// Somebody was there, but the authenticator did not check who.
    UserVerified,
    /// A key of an algorithm that was not offered, or no key.
    Key,
    /// The signature does not verify.
    Signature,
    /// The signature counter did not grow: perhaps there is a copy of the authenticator.
    Counter,
    /// Whether the credential may be backed up has changed, which it cannot.
    BackupEligibility,
    /// The credential is another person's than the answer says.
    UserHandle,
    /// The two places that name the credential differ.
    CredentialId,
}

impl Refused {
    /// A stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientData => "client_data",
            Self::Challenge => "challenge",
            Self::Origin => "origin",
            Self::CrossOrigin => "cross_origin",
            Self::AuthenticatorData => "authenticator_data",
            Self::RpIdHash => "rp_id_hash",
            Self::UserPresent => "user_present",
            Self::UserVerified => "user_verified",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Counter => "counter",
            Self::BackupEligibility => "backup_eligibility",
            Self::UserHandle => "user_handle",
            Self::CredentialId => "credential_id",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a credential says of its backups (level 3, 6.1.3): whether it may leave its device, and whether it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// It may be copied to other devices, as a synchronised passkey is.
    pub eligible: bool,
    /// It is copied at present.
    pub exists: bool,
}

impl Backup {
    fn read(flag: webauthn_rp::response::Backup) -> Self {
        use webauthn_rp::response::Backup as Flag;
        match flag {
            Flag::NotEligible => Self { eligible: false, exists: false },
            Flag::Eligible => Self { eligible: true, exists: false },
            Flag::Exists => Self { eligible: true, exists: true },
        }
    }

    /// Authentication methods (RFC 8176) that the use of such a credential stands for: a key in hardware or one that is
    /// software to us, somebody present, and, as the authenticator checked who that is, more than one factor.
    #[must_use]
    pub fn methods(self) -> Vec<String> {
        [if self.eligible { "swk" } else { "hwk" }, "user", "mfa"].map(str::to_owned).into()
    }
}

#[cfg(test)]
mod tests;
