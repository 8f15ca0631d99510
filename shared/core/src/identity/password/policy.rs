//! Which passwords are accepted: the rules, and how a broken one is told.

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    error::{Code, FieldError, Problem},
    identity::email::Email,
};

/// Fewest characters.
pub const MIN_CHARACTERS: usize = 12;
/// Most characters: beyond them nothing is gained, and estimating takes long.
pub const MAX_CHARACTERS: usize = 128;

/// A password that somebody wants, with what a guesser would know of them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Candidate {
    /// The password.
    pub password: Zeroizing<String>,
    /// The person's address.
    pub email: Option<Email>,
    /// Names of the person and of the organisation.
    pub personal: Vec<String>,
}

/// A rule that a password breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordProblem {
    /// Under 12 characters.
    TooShort,
    /// Over 128 characters.
    TooLong,
    /// One of the 10,000 commonest.
    Common,
    /// The mail address, or what stands before its `@`.
    Email,
    /// Easier to guess than zxcvbn's score 3, with its advice if it has any.
    Guessable(Option<String>),
}

impl PasswordProblem {
    /// Stable code of the rule.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Common => "common",
            Self::Email => "is_email",
            Self::Guessable(_) => "guessable",
        }
    }

    /// The rule in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::TooShort => format!("at least {MIN_CHARACTERS} characters"),
            Self::TooLong => format!("at most {MAX_CHARACTERS} characters"),
            Self::Common => "one of the most common passwords".to_owned(),
            Self::Email => "must not be the mail address".to_owned(),
            Self::Guessable(None) => "too easy to guess".to_owned(),
            Self::Guessable(Some(advice)) => format!("too easy to guess: {advice}"),
        }
    }
}

/// The answer for a password of fewer characters than an organisation asks for.
#[must_use]
pub fn shorter_than(least: usize, path: &str) -> Problem {
    let message = format!("at least {least} characters");
    Problem::new(Code::PasswordTooWeak)
        .detail(message.as_str())
        .details(json!({ "fields": [FieldError::new(path, PasswordProblem::TooShort.code(), message)] }))
}

/// The answer for a refused password: `PASSWORD_TOO_WEAK` with a field error for each rule.
#[must_use]
pub fn problem(path: &str, problems: &[PasswordProblem]) -> Problem {
    let fields: Vec<FieldError> = problems.iter().map(|p| FieldError::new(path, p.code(), p.message())).collect();
    let detail = problems.iter().map(PasswordProblem::message).collect::<Vec<_>>().join("; ");
    Problem::new(Code::PasswordTooWeak).detail(detail).details(json!({ "fields": fields }))
}
