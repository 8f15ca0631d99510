//! Breached passwords by k-anonymity, after the range protocol of Have I Been Pwned.
//!
//! Only the first five hex digits of the password's SHA-1 leave the house; the answer lists the rest of every breached hash
//! that begins so. The request itself is made elsewhere, and only where an endpoint is configured.

use serde_json::json;
use sha1::{Digest as _, Sha1};

use crate::error::{Code, FieldError, Problem};

/// The answer for a password that a breach has shown: `PASSWORD_BREACHED` for the field at `path`.
#[must_use]
pub fn problem(path: &str) -> Problem {
    let message = "a breach has shown this password; choose another";
    Problem::new(Code::PasswordBreached).detail(message).details(json!({ "fields": [FieldError::new(path, "breached", message)] }))
}

/// A password's SHA-1 cut in two, upper-case hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Range {
    /// The five digits that are sent.
    pub prefix: String,
    /// The 35 digits that stay here.
    suffix: String,
}

impl std::fmt::Debug for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Range").finish_non_exhaustive()
    }
}

impl Range {
    /// The range to ask for.
    #[must_use]
    pub fn of(password: &str) -> Self {
        let mut hex = upper_hex(&Sha1::digest(password.as_bytes()));
        let suffix = hex.split_off(5);
        Self { prefix: hex, suffix }
    }

    /// How often the password occurs in an answer: lines of `SUFFIX:COUNT`. A padding line counts 0, as does a line that cannot be read.
    #[must_use]
    pub fn count_in(&self, answer: &str) -> u64 {
        answer
            .lines()
            .filter_map(|line| line.trim().split_once(':'))
            .find(|(suffix, _)| suffix.eq_ignore_ascii_case(&self.suffix))
            .and_then(|(_, count)| count.trim().parse().ok())
            .unwrap_or(0)
    }
}

fn upper_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(40), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_the_published_example() {
        // SHA-1 of "password", the example of the protocol's documentation.
        let range = Range::of("password");
        assert_eq!((range.prefix.as_str(), range.suffix.as_str()), ("5BAA6", "1E4C9B93F3F0682250B6CF8331B7EE68FD8"));
    }

    #[test]
    fn counts() {
        let range = Range::of("password");
        let answer = "1E4C9B93F3F0682250B6CF8331B7EE68FD7:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004\r\n011053FD0102E94D6AE2F8B83D76FAF94F6:0";
        assert_eq!(range.count_in(answer), 10_434_004);
        assert_eq!(Range::of("correct horse").count_in(answer), 0);
        assert_eq!(range.count_in("1e4c9b93f3f0682250b6cf8331b7ee68fd8:2"), 2);
        assert_eq!(range.count_in("1E4C9B93F3F0682250B6CF8331B7EE68FD8:many"), 0);
        assert_eq!(range.count_in("<html>"), 0);
    }

    #[test]
    fn debug_shows_no_hash() {
        assert_eq!(format!("{:?}", Range::of("password")), "Range { .. }");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(password in "\\PC{0,40}", answer in "[0-9A-F:\\n ]{0,200}") {
            let _ = Range::of(&password).count_in(&answer);
        }
    }
}
