//! The one error table, and the problem document that every failure becomes.
//!
//! RFC 9457 (`application/problem+json`) with the members of `spec/platform.md`.

use serde::Serialize;
use serde_json::{Value, json};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = ($status:literal, $code:literal, $title:literal, $meaning:literal),)+) => {
        /// A stable error code. The enum is closed: every code that can leave the system stands here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as clients read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// A short title, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What the code means, for the reference.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON as RFC 8259 has it, or nests deeper than 32, or repeats a key; `details` has line and column.
    MalformedJson = (400, "MALFORMED_JSON", "Malformed JSON", "The body is not JSON as RFC 8259 has it, or nests deeper than 32, or repeats a key; `details` has line and column."),
    /// The request cannot be understood apart from its body: an odd header, path or host.
    BadRequest = (400, "BAD_REQUEST", "Bad request", "The request cannot be understood apart from its body: an odd header, path or host."),
    /// The route needs a session and the request carries no access token.
    Unauthenticated = (401, "UNAUTHENTICATED", "Not signed in", "The route needs a session and the request carries no access token."),
    /// The token was good once; refresh it or ask for another.
    TokenExpired = (401, "TOKEN_EXPIRED", "Token expired", "The token was good once; refresh it or ask for another."),
    /// The token is malformed, forged, for another audience, or unknown.
    TokenInvalid = (401, "TOKEN_INVALID", "Token invalid", "The token is malformed, forged, for another audience, or unknown."),
    /// The session behind the token was ended.
    SessionRevoked = (401, "SESSION_REVOKED", "Session ended", "The session behind the token was ended."),
    /// A rotated refresh token came back; the whole session family was ended.
    RefreshTokenReused = (401, "REFRESH_TOKEN_REUSED", "Refresh token reused", "A rotated refresh token came back; the whole session family was ended."),
    /// Address and password do not match an account, or the account cannot sign in here.
    InvalidCredentials = (401, "INVALID_CREDENTIALS", "Invalid credentials", "Address and password do not match an account, or the account cannot sign in here."),
    /// The second factor's code is wrong, old or used.
    MfaCodeInvalid = (401, "MFA_CODE_INVALID", "Code invalid", "The second factor's code is wrong, old or used."),
    /// The caller's role lacks `details.permission`.
    PermissionDenied = (403, "PERMISSION_DENIED", "Permission denied", "The caller's role lacks `details.permission`."),
    /// The tenant's policy asks for a second factor that the account has not set up.
    MfaRequired = (403, "MFA_REQUIRED", "Second factor required", "The tenant's policy asks for a second factor that the account has not set up."),
    /// The permission needs a second factor not older than ten minutes.
    MfaStepUpRequired = (403, "MFA_STEP_UP_REQUIRED", "Fresh second factor required", "The permission needs a second factor not older than ten minutes."),
    /// The password is right; the address must be verified first.
    EmailNotVerified = (403, "EMAIL_NOT_VERIFIED", "Address not verified", "The password is right; the address must be verified first."),
    /// The token belongs to another organisation than the host.
    TenantMismatch = (403, "TENANT_MISMATCH", "Wrong organisation", "The token belongs to another organisation than the host."),
    /// The organisation is suspended; sign-in, billing and support still work.
    TenantSuspended = (403, "TENANT_SUSPENDED", "Organisation suspended", "The organisation is suspended; sign-in, billing and support still work."),
    /// The person is suspended in this organisation.
    UserSuspended = (403, "USER_SUSPENDED", "Account suspended", "The person is suspended in this organisation."),
    /// Nobody changes a person or role at or above their own level.
    RoleHierarchy = (403, "ROLE_HIERARCHY", "Role too high", "Nobody changes a person or role at or above their own level."),
    /// The plan does not cover `details.feature`.
    PlanLimit = (403, "PLAN_LIMIT", "Plan limit reached", "The plan does not cover `details.feature`."),
    /// The organisation's allow-list does not contain the client's address.
    IpNotAllowed = (403, "IP_NOT_ALLOWED", "Address not allowed", "The organisation's allow-list does not contain the client's address."),
    /// There is nothing here that the caller may see.
    NotFound = (404, "NOT_FOUND", "Not found", "There is nothing here that the caller may see."),
    /// No organisation answers at this host.
    TenantNotFound = (404, "TENANT_NOT_FOUND", "Organisation not found", "No organisation answers at this host."),
    /// The path exists; the `Allow` header names its methods.
    MethodNotAllowed = (405, "METHOD_NOT_ALLOWED", "Method not allowed", "The path exists; the `Allow` header names its methods."),
    /// The organisation was deleted.
    TenantDeleted = (410, "TENANT_DELETED", "Organisation deleted", "The organisation was deleted."),
    /// A one-time token works once.
    TokenConsumed = (410, "TOKEN_CONSUMED", "Token already used", "A one-time token works once."),
    /// The change collides with the present state.
    Conflict = (409, "CONFLICT", "Conflict", "The change collides with the present state."),
    /// Another account has this address.
    EmailTaken = (409, "EMAIL_TAKEN", "Address taken", "Another account has this address."),
    /// Another organisation has this slug.
    SlugTaken = (409, "SLUG_TAKEN", "Slug taken", "Another organisation has this slug."),
    /// An organisation keeps at least one owner.
    LastOwner = (409, "LAST_OWNER", "Last owner", "An organisation keeps at least one owner."),
    /// A request with this Idempotency-Key is still running.
    IdempotencyInProgress = (409, "IDEMPOTENCY_IN_PROGRESS", "Twin in progress", "A request with this Idempotency-Key is still running."),
    /// The resource changed since the `If-Match` entity tag was read.
    PreconditionFailed = (412, "PRECONDITION_FAILED", "Precondition failed", "The resource changed since the `If-Match` entity tag was read."),
    /// The body is longer than the route allows.
    BodyTooLarge = (413, "BODY_TOO_LARGE", "Body too large", "The body is longer than the route allows."),
    /// The route reads `application/json`.
    UnsupportedMediaType = (415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", "The route reads `application/json`."),
    /// `details.fields` names each invalid field.
    ValidationFailed = (422, "VALIDATION_FAILED", "Validation failed", "`details.fields` names each invalid field."),
    /// The key was used with another body.
    IdempotencyKeyReused = (422, "IDEMPOTENCY_KEY_REUSED", "Idempotency key reused", "The key was used with another body."),
    /// The password is too short, too long, too common or too easy to guess.
    PasswordTooWeak = (422, "PASSWORD_TOO_WEAK", "Password too weak", "The password is too short, too long, too common or too easy to guess."),
    /// The password stands in a list of breached passwords.
    PasswordBreached = (422, "PASSWORD_BREACHED", "Password breached", "The password stands in a list of breached passwords."),
    /// Wait as `Retry-After` says.
    RateLimited = (429, "RATE_LIMITED", "Too many requests", "Wait as `Retry-After` says."),
    /// Too many wrong answers; wait as `Retry-After` says.
    AccountLocked = (429, "ACCOUNT_LOCKED", "Account locked", "Too many wrong answers; wait as `Retry-After` says."),
    /// The fault is ours; the log has it under the request id.
    Internal = (500, "INTERNAL", "Internal error", "The fault is ours; the log has it under the request id."),
    /// Something this needs is away; try again as `Retry-After` says.
    DependencyUnavailable = (503, "DEPENDENCY_UNAVAILABLE", "Temporarily unavailable", "Something this needs is away; try again as `Retry-After` says."),
}

/// Where the reference of the codes lies; `type` of a problem is this and the code.
pub const TYPE_BASE: &str = "https://docs.zygo.tech/errors/";

/// A failure as the client may see it.
///
/// It has no `Display`: internal text cannot slip into it by formatting. What
/// only the log may know stays in `cause`, which is never serialized.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    details: Value,
    hint: Option<String>,
    retry_after: Option<u32>,
    cause: Option<String>,
}

/// One invalid field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Path of the field, dots between levels, indices in brackets.
    pub path: String,
    /// Stable code of the rule that failed.
    pub code: String,
    /// The rule in words.
    pub message: String,
}

impl FieldError {
    /// A field error from its three parts.
    #[must_use]
    pub fn new(path: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: code.into(), message: message.into() }
    }
}

impl Problem {
    /// A problem whose detail is its code's title.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None, details: Value::Null, hint: None, retry_after: None, cause: None }
    }

    /// `VALIDATION_FAILED` with its fields.
    #[must_use]
    pub fn fields(fields: &[FieldError]) -> Self {
        let detail = match fields.len() {
            1 => "1 field is invalid".to_owned(),
            n => format!("{n} fields are invalid"),
        };
        Self::new(Code::ValidationFailed).detail(detail).details(json!({ "fields": fields }))
    }

    /// `VALIDATION_FAILED` with one field.
    #[must_use]
    pub fn field(path: &str, code: &str, message: &str) -> Self {
        Self::fields(&[FieldError::new(path, code, message)])
    }

    /// `INTERNAL`, with a cause that only the log sees.
    #[must_use]
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal).cause(cause)
    }

    /// `DEPENDENCY_UNAVAILABLE`, with a cause that only the log sees.
    #[must_use]
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(Code::DependencyUnavailable).retry_after(2).cause(cause)
    }

    /// What happened this time, for the client.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Members that programs read.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// What to do about it, for people.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Seconds to wait, sent as `Retry-After`.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What only the log may know.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// Seconds to wait, if any.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after
    }

    /// A member of `details`, if it is there.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.details.get(name)
    }

    /// The cause for the log, if any.
    #[must_use]
    pub fn log_cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The problem document.
    #[must_use]
    pub fn document(&self, request_id: &str) -> Value {
        let detail = self.detail.as_deref().unwrap_or(self.code.title());
        json!({
            "type": format!("{TYPE_BASE}{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status(),
            "detail": detail,
            "code": self.code.as_str(),
            "error": detail,
            "details": self.details,
            "hint": self.hint,
            "request_id": request_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_have_error_statuses() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!((400..600).contains(&code.status()));
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        }
        assert_eq!(seen.len(), 40);
    }

    #[test]
    fn the_cause_never_leaves() {
        let problem = Problem::internal("password=hunter2");
        assert!(!problem.document("r").to_string().contains("hunter2"));
    }

    #[test]
    fn the_document_has_the_members_of_the_contract() {
        let document = Problem::field("email", "email", "not an e-mail address").document("req-1");
        assert_eq!(document["code"], "VALIDATION_FAILED");
        assert_eq!(document["error"], document["detail"]);
        assert_eq!(document["details"]["fields"][0]["path"], "email");
        assert!(document["hint"].is_null());
    }
}
