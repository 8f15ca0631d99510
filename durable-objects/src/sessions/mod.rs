//! Sessions of a tenant, sharded by person: the object that rotates refresh tokens.
//!
//! Invariants (the core's, [`zygo_core::identity::session`], and the object's own):
//! - one object holds all sessions of a person in a tenant, so ending some or all of them is one strongly
//!   consistent call;
//! - a rotation is kept before its answer leaves (the runtime's output gate), so no successor is ever known
//!   that the object forgot;
//! - neither tokens nor secrets are kept, only hashes; the hashes of all rotated secrets stay as long as their
//!   session, so that reuse is recognised however late;
//! - a session is forgotten a day after it ran out.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{
    error::Problem,
    id::{SessionId, TenantId, UserId},
    identity::session::{Attempt, EndReason, Filter, NewSession, Refreshed, SessionView, object_name},
    time::Timestamp,
};

#[cfg(feature = "classes")]
pub use object::SessionsObject;

use crate::rpc::Remote;

const BINDING: &str = "SESSIONS";

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Create { session: NewSession },
    Refresh { session_id: SessionId, user_id: UserId, attempt: Attempt },
    List { user_id: UserId, now: Timestamp },
    Verify { id: SessionId, user_id: UserId, amr: Vec<String>, now: Timestamp },
    End { user_id: UserId, filter: Filter, reason: EndReason, now: Timestamp },
    Get { id: SessionId },
}

/// One person's sessions in one tenant.
#[derive(Debug)]
pub struct SessionsHandle {
    remote: Remote,
    user_id: UserId,
}

impl SessionsHandle {
    /// The sessions of a person in a tenant.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, tenant_id: TenantId, user_id: UserId) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &object_name(tenant_id, user_id))?, user_id })
    }

    /// Begins a session. Doing so twice with one id leaves the first.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer, as for all operations here.
    pub async fn create(&self, session: NewSession) -> Result<SessionView, Problem> {
        self.remote.call(&Op::Create { session }).await
    }

    /// Puts a refresh token to use.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn refresh(&self, session_id: SessionId, attempt: Attempt) -> Result<Refreshed, Problem> {
        self.remote.call(&Op::Refresh { session_id, user_id: self.user_id, attempt }).await
    }

    /// The person's live sessions, the last seen first.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn list(&self, now: Timestamp) -> Result<Vec<SessionView>, Problem> {
        self.remote.call(&Op::List { user_id: self.user_id, now }).await
    }

    /// Notes that a second factor was given in a session. False if the person has no such live session.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn verify(&self, id: SessionId, amr: Vec<String>, now: Timestamp) -> Result<bool, Problem> {
        self.remote.call(&Op::Verify { id, user_id: self.user_id, amr, now }).await
    }

    /// Ends some or all of the person's sessions. Answers those that were alive until now.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn end(&self, filter: Filter, reason: EndReason, now: Timestamp) -> Result<Vec<SessionId>, Problem> {
        self.remote.call(&Op::End { user_id: self.user_id, filter, reason, now }).await
    }

    /// A session, live or not; `None` if there is none such, or it is another person's.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn get(&self, id: SessionId) -> Result<Option<SessionView>, Problem> {
        let found: Option<SessionView> = self.remote.call(&Op::Get { id }).await?;
        Ok(found.filter(|session| session.user_id == self.user_id))
    }
}
