//! What is remembered between the two halves of a ceremony: it leaves sealed, and comes back with the answer.
//!
//! Beginning a ceremony so stores nothing, and nobody fills a table by beginning many. What must be remembered is only which
//! challenges were answered, for as long as they live.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Code, Problem},
    id::{TenantId, UserId},
    seal::SealRing,
    time::Timestamp,
};

/// How long a ceremony may take, in seconds.
pub const LIFE_SECONDS: i64 = 5 * 60;

/// 128 random bits (WebAuthn, 13.4.3: at least 16 bytes).
pub type Challenge = [u8; 16];

/// What a ceremony is for. A challenge made for one is none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To add a credential to a signed-in person's account.
    Register,
    /// To sign in with a credential alone.
    SignIn,
    /// To give the second factor of a sign-in that has begun.
    SecondFactor,
    /// To give a fresh second factor in a session.
    StepUp,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Register, Self::SignIn, Self::SecondFactor, Self::StepUp];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn => "sign-in",
            Self::SecondFactor => "second-factor",
            Self::StepUp => "step-up",
        }
    }
}

/// Where a ceremony takes place. It is finished there or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Tenant of the host; tenant zero where it is none's.
    pub tenant_id: TenantId,
    /// The host, with its port.
    pub host: &'a str,
}

/// A ceremony that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// Its challenge.
    pub challenge: Challenge,
    /// Whose credential is asked for; `None` where anybody may answer.
    pub user_id: Option<UserId>,
    /// When it is over, in milliseconds since the epoch.
    expires: i64,
}

impl Ceremony {
    /// Begins one.
    #[must_use]
    pub const fn begin(challenge: Challenge, user_id: Option<UserId>, now: Timestamp) -> Self {
        Self { challenge, user_id, expires: now.plus_seconds(LIFE_SECONDS).millis() }
    }

    /// When it is over.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires)
    }

    /// By what it is remembered that the challenge was answered.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.challenge).into()
    }

    /// Seals it for whoever is to answer.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be sealed.
    pub fn seal(&self, ring: &SealRing, purpose: Purpose, place: Place<'_>, nonce: [u8; 12]) -> Result<String, Problem> {
        let plain = serde_json::to_vec(self).map_err(|error| Problem::internal(error.to_string()))?;
        ring.seal(&plain, &context(purpose, place), nonce)
    }

    /// Opens one that came back.
    ///
    /// # Errors
    /// `TOKEN_INVALID` if it was not sealed here for this purpose and place; `TOKEN_EXPIRED` if it is over.
    pub fn open(ring: &SealRing, sealed: &str, purpose: Purpose, place: Place<'_>, now: Timestamp) -> Result<Self, Problem> {
        let invalid = || Problem::new(Code::TokenInvalid);
        let plain = ring.open(sealed, &context(purpose, place)).map_err(|_| invalid())?;
        let ceremony: Self = serde_json::from_slice(&plain).map_err(|_| invalid())?;
        if ceremony.expires_at() <= now { Err(Problem::new(Code::TokenExpired)) } else { Ok(ceremony) }
    }
}

/// A host has no blank, so what follows it cannot be taken for another part.
fn context(purpose: Purpose, place: Place<'_>) -> String {
    format!("passkey.ceremony {} {} {}", purpose.as_str(), place.tenant_id, place.host.to_ascii_lowercase())
}
