//! What can go wrong in Postgres, as the layers above tell it apart.

use std::{error::Error as _, fmt};

use tokio_postgres::Error;

use crate::audit::Operation;

/// Somebody whose organisation requires sign-on tried to begin a session otherwise.
pub const SIGN_ON_REQUIRED: &str = "sign_on_required";
/// The plan has no room for another member.
pub const MEMBERS_FULL: &str = "members_full";
/// The organisation takes addresses of other mail domains.
pub const MAIL_DOMAIN_REFUSED: &str = "mail_domain_refused";

/// Whoever is signed in, or signing in, to an organisation is no active member of it.
pub const MEMBER_SUSPENDED: &str = "member_suspended";
/// The session behind a critical request has ended.
pub const SESSION_ENDED: &str = "session_ended";
/// An organisation would be left without an owner.
pub const LAST_OWNER: &str = "last_owner";

/// A directory's token is none of its connection's.
pub const SCIM_TOKEN: &str = "scim_token";
/// The plan does not cover sign-on and what belongs to it.
pub const SSO_NOT_COVERED: &str = "sso_not_covered";
/// The tenant is suspended.
pub const TENANT_SUSPENDED: &str = "tenant_suspended";
/// The tenant is closed.
pub const TENANT_DELETED: &str = "tenant_deleted";

/// Rules that functions of the schema raise; any other broken check is a fault of this program.
const RULES: [&str; 10] = [
    SIGN_ON_REQUIRED,
    MEMBERS_FULL,
    MAIL_DOMAIN_REFUSED,
    MEMBER_SUSPENDED,
    SESSION_ENDED,
    LAST_OWNER,
    SCIM_TOKEN,
    SSO_NOT_COVERED,
    TENANT_SUSPENDED,
    TENANT_DELETED,
];
/// What a guard raises, with the permission as the column.
const PERMISSION_DENIED: &str = "permission_denied";

/// A failure of the store.
///
/// `Display` says the kind and no more, so that internal text cannot slip into an answer; the log reads [`cause`](Self::cause).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Postgres is away, overloaded, or took too long (connection lost; classes 08, 53, 57P, and 57014).
    Unavailable(String),
    /// A unique or foreign key stood in the way (23505, 23503).
    Conflict {
        /// The constraint's name.
        constraint: String,
    },
    /// A policy or a missing grant refused it (42501).
    Forbidden {
        /// For the log.
        cause: String,
        /// Which table, as far as the server says.
        table: String,
        /// What was about to be done there.
        operation: Operation,
    },
    /// A rule of the schema refused it, by name (23514).
    Refused {
        /// The constraint's name.
        constraint: String,
    },
    /// The scope's guard found that the person may not (23514).
    Denied {
        /// Key of the permission that their role lacks; `None` where only an owner may.
        permission: Option<String>,
    },
    /// It lost to another transaction and may be tried again (40001, 40P01, 55P03).
    Retry(String),
    /// A fault of this program.
    Bug(String),
}

impl StoreError {
    /// What the log may know: statement, SQLSTATE, and the server's words where these quote no value.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Unavailable(cause) | Self::Forbidden { cause, .. } | Self::Retry(cause) | Self::Bug(cause) => cause,
            Self::Conflict { constraint } | Self::Refused { constraint } => constraint,
            Self::Denied { permission } => permission.as_deref().unwrap_or("owner"),
        }
    }

    /// The failure of a statement.
    pub(crate) fn from_postgres(statement: &str, error: &Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let io = error.source().is_some_and(|source| source.is::<std::io::Error>());
            let cause = format!("{statement}: {error}");
            return if error.is_closed() || io { Self::Unavailable(cause) } else { Self::Bug(cause) };
        };
        let code = db.code().code();
        // Class 22 quotes the offending value.
        let message = if code.starts_with("22") { "a value that does not fit" } else { db.message() };
        let cause = format!("{statement}: {code} {message}");
        match code {
            "23505" | "23503" => Self::Conflict { constraint: db.constraint().unwrap_or(statement).to_owned() },
            "23514" if db.constraint() == Some(PERMISSION_DENIED) => {
                Self::Denied { permission: db.column().filter(|key| !key.is_empty()).map(str::to_owned) }
            }
            "23514" if RULES.contains(&db.constraint().unwrap_or_default()) => {
                Self::Refused { constraint: db.constraint().unwrap_or_default().to_owned() }
            }
            "42501" => Self::Forbidden { table: refused_table(db.message()).to_owned(), cause, operation: Operation::Select },
            "40001" | "40P01" | "55P03" => Self::Retry(cause),
            "57014" => Self::Unavailable(cause),
            code if ["08", "53", "57P", "28"].iter().any(|class| code.starts_with(class)) => Self::Unavailable(cause),
            _ => Self::Bug(cause),
        }
    }
}

impl StoreError {
    /// The failure of a statement with this SQL, which says what a refused one was about to do.
    pub(crate) fn of(self, sql: &str) -> Self {
        match self {
            Self::Forbidden { cause, table, .. } => {
                let does = |verb: &str| sql.contains(&format!("{verb} {table}"));
                let operation = match () {
                    () if does("INSERT INTO") => Operation::Insert,
                    () if does("UPDATE") => Operation::Update,
                    () if does("DELETE FROM") => Operation::Delete,
                    () => Operation::Select,
                };
                Self::Forbidden { cause, table, operation }
            }
            other => other,
        }
    }
}

/// The table that the server names: `… policy for table "x"`, `permission denied for table x`.
fn refused_table(message: &str) -> &str {
    message.rsplit_once(" table ").map_or("", |(_, table)| table.trim_matches('"'))
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable(_) => "the database is unavailable",
            Self::Conflict { .. } => "the change conflicts with another",
            Self::Forbidden { .. } | Self::Refused { .. } | Self::Denied { .. } => "the database refused it",
            Self::Retry(_) => "the change lost to another",
            Self::Bug(_) => "the store failed",
        })
    }
}

impl std::error::Error for StoreError {}
