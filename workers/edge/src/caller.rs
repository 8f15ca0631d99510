//! Who is calling, as a verified access token says.

use zygo_core::{
    access::PermissionSet,
    error::Problem,
    id::{SessionId, TenantId, UserId},
    identity::token::Verified,
    time::Timestamp,
};

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// Active tenant, if any.
    pub tenant_id: Option<TenantId>,
    /// Key of the role in it.
    pub role: Option<String>,
    /// What the role may do.
    pub permissions: PermissionSet,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// When the second factor was last given.
    pub mfa_at: Option<Timestamp>,
    /// API calls per minute that the tenant's plan allows.
    pub rate: Option<u32>,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When the token dies.
    pub expires_at: Timestamp,
}

impl Caller {
    /// The caller of a verified token.
    ///
    /// # Errors
    /// `TOKEN_INVALID` if the permission set is not one.
    pub fn from_token(token: Verified) -> Result<Self, Problem> {
        let claims = token.claims;
        let permissions =
            PermissionSet::from_hex(&claims.perms).ok_or_else(|| Problem::new(zygo_core::error::Code::TokenInvalid).cause("permission set"))?;
        Ok(Self {
            user_id: claims.sub,
            session_id: claims.sid,
            tenant_id: claims.tid,
            role: claims.role,
            permissions,
            amr: claims.amr,
            mfa_at: claims.mfa_at.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000))),
            rate: claims.rate,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        })
    }

    /// The tenant whose objects hold the session: the active one, or the platform.
    #[must_use]
    pub fn home(&self) -> TenantId {
        self.tenant_id.unwrap_or(TenantId::PLATFORM)
    }

    /// Somebody without rights, for tests.
    #[cfg(test)]
    #[must_use]
    pub fn nobody(expires_at: Timestamp) -> Self {
        Self {
            user_id: uuid::Uuid::nil().into(),
            session_id: uuid::Uuid::nil().into(),
            tenant_id: None,
            role: None,
            permissions: PermissionSet::default(),
            amr: Vec::new(),
            mfa_at: None,
            rate: None,
            issued_at: Timestamp::default(),
            expires_at,
        }
    }
}
