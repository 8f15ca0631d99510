//! The error table of the contract, and which of its codes were seen.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Every code with its status, as `spec/platform.md` lists them.
pub const TABLE: &[(u16, &[&str])] = &[
    (400, &["MALFORMED_JSON", "BAD_REQUEST"]),
    (
        401,
        &["UNAUTHENTICATED", "TOKEN_EXPIRED", "TOKEN_INVALID", "SESSION_REVOKED", "REFRESH_TOKEN_REUSED", "INVALID_CREDENTIALS", "MFA_CODE_INVALID"],
    ),
    (
        403,
        &[
            "PERMISSION_DENIED",
            "MFA_REQUIRED",
            "MFA_STEP_UP_REQUIRED",
            "EMAIL_NOT_VERIFIED",
            "TENANT_MISMATCH",
            "TENANT_SUSPENDED",
            "USER_SUSPENDED",
            "ROLE_HIERARCHY",
            "PLAN_LIMIT",
            "IP_NOT_ALLOWED",
        ],
    ),
    (404, &["NOT_FOUND", "TENANT_NOT_FOUND"]),
    (405, &["METHOD_NOT_ALLOWED"]),
    (409, &["CONFLICT", "EMAIL_TAKEN", "SLUG_TAKEN", "LAST_OWNER", "IDEMPOTENCY_IN_PROGRESS"]),
    (410, &["TENANT_DELETED", "TOKEN_CONSUMED"]),
    (412, &["PRECONDITION_FAILED"]),
    (413, &["BODY_TOO_LARGE"]),
    (415, &["UNSUPPORTED_MEDIA_TYPE"]),
    (422, &["VALIDATION_FAILED", "IDEMPOTENCY_KEY_REUSED", "PASSWORD_TOO_WEAK", "PASSWORD_BREACHED"]),
    (429, &["RATE_LIMITED", "ACCOUNT_LOCKED"]),
    (500, &["INTERNAL"]),
    (503, &["DEPENDENCY_UNAVAILABLE"]),
];

/// The codes that no request of this stage can bring about, and why.
pub const NOT_YET: &[(&str, &str)] = &[
    ("MFA_CODE_INVALID", "second factors come with stage 2"),
    ("MFA_REQUIRED", "second factors come with stage 2"),
    ("MFA_STEP_UP_REQUIRED", "second factors come with stage 2"),
    ("ROLE_HIERARCHY", "roles are assigned in stage 3"),
    ("IP_NOT_ALLOWED", "allow-lists are set in stage 3"),
    ("CONFLICT", "no route of this stage has an unnamed conflict"),
    ("ACCOUNT_LOCKED", "a locked account answers INVALID_CREDENTIALS, told only to its owner by mail"),
    ("INTERNAL", "would be a fault of ours"),
];

/// The status of a code; `None` for a code outside of the table.
#[must_use]
pub fn status_of(code: &str) -> Option<u16> {
    TABLE.iter().find(|(_, codes)| codes.contains(&code)).map(|(status, _)| *status)
}

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes a code that was answered.
pub fn note(code: &str) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(code.to_owned());
}

/// Codes that were answered.
#[must_use]
pub fn seen() -> BTreeSet<String> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Codes of this stage that were never answered.
#[must_use]
pub fn missing() -> Vec<&'static str> {
    let seen = seen();
    let codes = TABLE.iter().flat_map(|(_, codes)| codes.iter().copied());
    codes.filter(|code| !seen.contains(*code) && !NOT_YET.iter().any(|(later, _)| later == code)).collect()
}
