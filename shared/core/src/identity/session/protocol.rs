//! What callers hand to a session's object and get from it.

use serde::{Deserialize, Serialize};

use super::{Secret, SecretHash};
use crate::{
    id::{SessionId, TenantId, UserId},
    time::Timestamp,
};

/// What a sign-in hands over to begin a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewSession {
    /// Its identifier.
    pub id: SessionId,
    /// The tenant signed in to; the platform where there is none.
    pub tenant_id: TenantId,
    /// The person.
    pub user_id: UserId,
    /// Hash of the first refresh token's secret.
    pub secret_hash: SecretHash,
    /// What the client calls its device.
    pub device_name: Option<String>,
    /// Client address at sign-in.
    pub ip: Option<String>,
    /// Country of that address, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// `User-Agent` at sign-in.
    pub user_agent: Option<String>,
    /// What makes two requests come from the same client; opaque here.
    pub client_fingerprint: String,
    /// How the person proved who they are (RFC 8176 names).
    pub amr: Vec<String>,
    /// When the second factor was given, if it was.
    pub mfa_at: Option<Timestamp>,
    /// When the session begins.
    pub created_at: Timestamp,
    /// Seconds without a refresh after which it ends.
    pub idle_seconds: i64,
    /// Seconds after which it ends in any case.
    pub absolute_seconds: i64,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its own device signed out.
    SignedOut,
    /// The person ended it from another device.
    SignedOutElsewhere,
    /// A rotated refresh token came back.
    RefreshTokenReused,
    /// The password changed.
    PasswordChanged,
    /// The person ended all of them by the link of a security notice.
    EndedByLink,
    /// The mail address was taken back from whoever had changed it.
    AddressReverted,
    /// The person asked to delete the account.
    AccountDeleted,
    /// It had ended on record, and nothing more is known here.
    EndedOnRecord,
    /// The person was suspended in the tenant.
    UserSuspended,
    /// The person is no longer of the tenant.
    MembershipEnded,
    /// The tenant is suspended or deleted.
    TenantClosed,
    /// An administrator of the platform ended it.
    Administrator,
}

impl EndReason {
    /// The reason as records and events name it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SignedOutElsewhere => "signed_out_elsewhere",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::EndedByLink => "ended_by_link",
            Self::AddressReverted => "address_reverted",
            Self::AccountDeleted => "account_deleted",
            Self::EndedOnRecord => "ended_on_record",
            Self::UserSuspended => "user_suspended",
            Self::MembershipEnded => "membership_ended",
            Self::TenantClosed => "tenant_closed",
            Self::Administrator => "administrator",
        }
    }
}

/// When and why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// A session as callers see it: no hash, no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its identifier.
    pub id: SessionId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its person.
    pub user_id: UserId,
    /// What the client calls its device.
    pub device_name: Option<String>,
    /// Client address at sign-in.
    pub ip: Option<String>,
    /// Country of that address.
    pub country: Option<String>,
    /// `User-Agent` at sign-in.
    pub user_agent: Option<String>,
    /// How the person proved who they are.
    pub amr: Vec<String>,
    /// When the second factor was given.
    pub mfa_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed, or begun.
    pub last_seen_at: Timestamp,
    /// When it ends if it is not refreshed again.
    pub expires_at: Timestamp,
    /// When and why it was ended, if it was.
    pub ended: Option<Ended>,
}

impl SessionView {
    /// Whether it was neither ended nor ran out.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

/// A refresh token put to use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// The token's secret.
    pub secret: Secret,
    /// What makes two requests come from the same client.
    pub client_fingerprint: String,
    /// The request's instant.
    pub now: Timestamp,
    /// Fresh random bytes, used if the token rotates.
    pub fresh_salt: Secret,
}

/// What came of an [`Attempt`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Refreshed {
    /// The token is spent; its successor takes over.
    Rotated {
        /// Secret of the next token.
        successor: Secret,
        /// The session.
        session: SessionView,
    },
    /// A token spent earlier came back; the session is ended now.
    Reused {
        /// The session that ended.
        session: SessionView,
    },
    /// The session was ended earlier.
    Revoked,
    /// The session ran out.
    Expired,
    /// No such session, or not its token.
    Unknown,
}

/// Which of a person's sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "which", content = "id", rename_all = "snake_case")]
pub enum Filter {
    /// This one.
    One(SessionId),
    /// Every other than this one.
    Others(SessionId),
    /// All.
    All,
}

impl Filter {
    /// Whether a session is meant.
    #[must_use]
    pub fn matches(self, id: SessionId) -> bool {
        match self {
            Self::One(one) => id == one,
            Self::Others(kept) => id != kept,
            Self::All => true,
        }
    }
}
