//! SCIM 2.0 (RFC 7643, RFC 7644): what an organisation's directory says of its people and groups.
//!
//! Pure: schemas as tables, bodies made canonical, PATCH applied, filters read and turned into what Postgres evaluates. Which
//! of it changes a membership is the store's.

pub mod document;
pub mod filter;
pub mod group;
pub mod patch;
pub mod query;
pub mod resource;
pub mod schema;
pub mod token;

use serde_json::json;

use crate::error::{Code, Problem};

/// Media type of everything (RFC 7644, 8.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
/// Where the service stands below a host.
pub const BASE: &str = "/scim/v2";
/// Schema of a user.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of what enterprises add to a user.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Schema of an error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Schema of a list.
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Resources on a page at most; more are not asked for by mistake.
pub const MOST_RESULTS: i64 = 200;
/// Connections of one tenant at most.
pub const MOST_CONNECTIONS: i64 = 5;
/// Tokens of one connection at most, those that ended not counted.
pub const MOST_TOKENS: i64 = 10;
/// Operations of one PATCH at most.
pub const MOST_OPERATIONS: usize = 1000;

/// The detail errors that SCIM has names for (RFC 7644, 3.12), as far as they are answered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The filter cannot be read, or names what is no attribute.
    InvalidFilter,
    /// The path of a PATCH cannot be read, or names what is no attribute.
    InvalidPath,
    /// The body is not one of the kind that is read here.
    InvalidSyntax,
    /// A value is missing, or not of its attribute's type.
    InvalidValue,
    /// The attribute is not the client's to write.
    Mutability,
    /// The path of a PATCH selects nothing that could be changed.
    NoTarget,
    /// More is asked for at once than is done at once.
    TooMany,
    /// Another resource has the value.
    Uniqueness,
}

impl Kind {
    /// The word in `scimType`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::Mutability => "mutability",
            Self::NoTarget => "noTarget",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
        }
    }

    const fn code(self) -> Code {
        match self {
            Self::Uniqueness => Code::Conflict,
            _ => Code::BadRequest,
        }
    }
}

/// Why a request is refused, in SCIM's words and in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which of SCIM's errors.
    pub kind: Kind,
    /// What happened this time.
    pub detail: String,
}

impl Fault {
    /// A fault from its two parts.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind.code()).detail(fault.detail).details(json!({ "scim_type": fault.kind.key() }))
    }
}

/// The body of an error (RFC 7644, 3.12). What SCIM has no word for has no `scimType`; `VALIDATION_FAILED` is its `invalidValue`.
#[must_use]
pub fn error_document(problem: &Problem) -> (u16, String) {
    let (status, scim_type) = match problem.code() {
        Code::ValidationFailed => (400, Some(Kind::InvalidValue.key())),
        Code::MalformedJson => (400, Some(Kind::InvalidSyntax.key())),
        code => (code.status(), problem.member("scim_type").and_then(|kind| kind.as_str())),
    };
    let document = problem.document("");
    let mut body = json!({ "schemas": [ERROR], "status": status.to_string(), "detail": document.get("detail") });
    if let (Some(scim_type), Some(body)) = (scim_type, body.as_object_mut()) {
        body.insert("scimType".into(), scim_type.into());
    }
    (status, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_scims() {
        let problem = Problem::from(Fault::new(Kind::Uniqueness, "another user has it"));
        assert_eq!((problem.status(), problem.code()), (409, Code::Conflict));
        let (status, body) = error_document(&problem);
        assert_eq!(
            (status, body.as_str()),
            (
                409,
                r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","detail":"another user has it","scimType":"uniqueness"}"#
            )
        );
        let (status, body) = error_document(&Problem::field("email", "mail_domain", "another domain"));
        assert!(status == 400 && body.contains("invalidValue"));
        assert!(!error_document(&Problem::new(Code::NotFound)).1.contains("scimType"));
    }
}
