//! Sessions: one signed-in device of one person in one tenant, and the chain of refresh tokens that keeps it alive.
//!
//! Pure core of the session objects. Invariants:
//!
//! - At most one secret refreshes a session; its hash is all that is kept.
//! - A secret that was rotated away ends the session when it comes back, unless the same client
//!   repeats its last rotation within [`RETRY_MS`]: then it gets the same successor once more.
//! - Nothing revives an ended session, and none outlives its absolute end.
//!
//! The successor of a secret is HMAC-SHA256 of it under fresh random bytes that stay here, so the answer to a
//! retry can be made again without keeping a secret, and neither alone yields the next.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    id::{SessionId, TenantId, UserId},
    time::Timestamp,
};

pub use protocol::{Attempt, EndReason, Ended, Filter, NewSession, Refreshed, SessionView};
pub use secret::{Secret, SecretHash};

mod protocol;
mod secret;

/// Idle end of a session by default: 30 days, in seconds.
pub const IDLE_SECONDS: i64 = 30 * 24 * 3600;
/// Absolute end of a session by default: 90 days, in seconds.
pub const ABSOLUTE_SECONDS: i64 = 90 * 24 * 3600;
/// Within this long two uses of a token by the same client are one, in milliseconds.
pub const RETRY_MS: i64 = 10_000;
/// Objects that share a tenant's sessions.
const SHARDS: u8 = 16;

/// Name of the object that holds a person's sessions in a tenant.
#[must_use]
pub fn object_name(tenant: TenantId, user: UserId) -> String {
    let first = Sha256::digest(user.uuid().as_bytes()).first().copied().unwrap_or(0);
    format!("{tenant}:{}", first.checked_rem(SHARDS).unwrap_or(0))
}

/// The last rotation: enough to answer its retry, no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rotation {
    from: SecretHash,
    salt: Secret,
    at: Timestamp,
    client_fingerprint: String,
}

/// A session as its object keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    begun: NewSession,
    current: SecretHash,
    last: Option<Rotation>,
    refreshed_at: Timestamp,
    ended: Option<Ended>,
}

impl Session {
    /// A session that begins.
    #[must_use]
    pub fn begin(new: NewSession) -> Self {
        Self { current: new.secret_hash, last: None, refreshed_at: new.created_at, ended: None, begun: new }
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.begun.id
    }

    /// Its person.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.begun.user_id
    }

    /// When it ends unless refreshed: idle since the last refresh, never past its absolute end.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let idle = self.refreshed_at.plus_seconds(self.begun.idle_seconds);
        idle.min(self.begun.created_at.plus_seconds(self.begun.absolute_seconds))
    }

    /// Whether it was neither ended nor ran out.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at()
    }

    /// Puts a refresh token to use.
    ///
    /// `rotated_before` says whether the presented secret once rotated; the caller keeps the hash of each secret
    /// that did. A secret that was never issued changes nothing: knowing a session's id must not suffice to end it.
    pub fn refresh(&mut self, attempt: &Attempt, rotated_before: bool) -> Refreshed {
        let presented = attempt.secret.hash();
        let is_current: bool = presented.ct_eq(&self.current).into();
        let is_last = self.last.as_ref().is_some_and(|last| presented.ct_eq(&last.from).into());
        if !(is_current || is_last || rotated_before) {
            return Refreshed::Unknown;
        }
        if self.ended.is_some() {
            return Refreshed::Revoked;
        }
        if attempt.now >= self.expires_at() {
            return Refreshed::Expired;
        }
        if is_current {
            return self.rotate(attempt, presented);
        }
        if let Some(last) = self.last.as_ref().filter(|last| is_last && last.is_repeated_by(attempt)) {
            return Refreshed::Rotated { successor: attempt.secret.successor(&last.salt), session: self.view() };
        }
        self.end(EndReason::RefreshTokenReused, attempt.now);
        Refreshed::Reused { session: self.view() }
    }

    fn rotate(&mut self, attempt: &Attempt, presented: SecretHash) -> Refreshed {
        let successor = attempt.secret.successor(&attempt.fresh_salt);
        self.current = successor.hash();
        self.last = Some(Rotation {
            from: presented,
            salt: attempt.fresh_salt.clone(),
            at: attempt.now,
            client_fingerprint: attempt.client_fingerprint.clone(),
        });
        // A clock that steps back must not shorten the session.
        self.refreshed_at = self.refreshed_at.max(attempt.now);
        Refreshed::Rotated { successor, session: self.view() }
    }

    /// Notes that a second factor was given. False if it was not alive; nothing changes then.
    pub fn verify(&mut self, amr: Vec<String>, now: Timestamp) -> bool {
        let live = self.is_live(now);
        if live {
            self.begun.amr = amr;
            self.begun.mfa_at = Some(now);
        }
        live
    }

    /// Ends it. False if it was not alive; nothing changes then.
    pub fn end(&mut self, reason: EndReason, now: Timestamp) -> bool {
        let live = self.is_live(now);
        if live {
            self.ended = Some(Ended { at: now, reason });
        }
        live
    }

    /// What callers may see.
    #[must_use]
    pub fn view(&self) -> SessionView {
        let begun = self.begun.clone();
        SessionView {
            id: begun.id,
            tenant_id: begun.tenant_id,
            user_id: begun.user_id,
            device_name: begun.device_name,
            ip: begun.ip,
            country: begun.country,
            user_agent: begun.user_agent,
            amr: begun.amr,
            mfa_at: begun.mfa_at,
            created_at: begun.created_at,
            last_seen_at: self.refreshed_at,
            expires_at: self.expires_at(),
            ended: self.ended,
        }
    }
}

impl Rotation {
    fn is_repeated_by(&self, attempt: &Attempt) -> bool {
        attempt.now.since(self.at) <= RETRY_MS && self.client_fingerprint == attempt.client_fingerprint
    }
}

#[cfg(test)]
mod tests;
