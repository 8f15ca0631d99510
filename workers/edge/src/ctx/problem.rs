//! What an error of the store is to a client.

use zygo_core::{
    error::{Code, Problem},
    tenancy::plan::Feature,
};
use zygo_store::{
    LAST_OWNER, MAIL_DOMAIN_REFUSED, MEMBER_SUSPENDED, MEMBERS_FULL, SCIM_TOKEN, SESSION_ENDED, SIGN_ON_REQUIRED, SSO_NOT_COVERED, StoreError,
    TENANT_DELETED, TENANT_SUSPENDED,
};

/// The answer to somebody who has proved who they are, but not through their organisation's identity provider.
fn sign_on_required() -> Problem {
    Problem::new(Code::PermissionDenied)
        .detail("your organisation requires that you sign on through its identity provider")
        .details(serde_json::json!({ "permission": null, "sign_on": true }))
        .hint("GET /auth/sso/discover?email= says where; an owner may also sign in with a second factor")
}

/// What an error of the store is to a client.
#[must_use]
pub fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Unavailable(cause) => Problem::unavailable(cause),
        StoreError::Retry(cause) => Problem::unavailable(cause).retry_after(1),
        StoreError::Conflict { constraint } => Problem::new(Code::Conflict).cause(constraint),
        StoreError::Refused { constraint } if constraint == SIGN_ON_REQUIRED => sign_on_required(),
        StoreError::Refused { constraint } if constraint == MEMBERS_FULL => Feature::Members.not_covered(),
        StoreError::Refused { constraint } if constraint == MAIL_DOMAIN_REFUSED => {
            Problem::field("email", "mail_domain", "the organisation takes addresses of other mail domains")
        }
        StoreError::Refused { constraint } => match constraint.as_str() {
            MEMBER_SUSPENDED => Problem::new(Code::UserSuspended),
            SESSION_ENDED => Problem::new(Code::SessionRevoked),
            LAST_OWNER => Problem::new(Code::LastOwner),
            SCIM_TOKEN => Problem::new(Code::TokenInvalid),
            SSO_NOT_COVERED => Feature::Sso.not_covered(),
            TENANT_SUSPENDED => Problem::new(Code::TenantSuspended),
            TENANT_DELETED => Problem::new(Code::TenantDeleted),
            _ => Problem::internal(constraint),
        },
        StoreError::Denied { permission } => Problem::new(Code::PermissionDenied).details(serde_json::json!({ "permission": permission })),
        StoreError::Forbidden { cause, .. } => Problem::new(Code::NotFound).cause(format!("refused by a policy: {cause}")),
        StoreError::Bug(cause) => Problem::internal(cause),
    }
}
