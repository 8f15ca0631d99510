//! Judging a new password: the list of the commonest, and zxcvbn's estimate.

use zxcvbn::{Score, zxcvbn};

use super::policy::{Candidate, MAX_CHARACTERS, MIN_CHARACTERS, PasswordProblem};

/// The 10,000 commonest passwords in lower case, sorted by byte. Origin and licence (BSD-3-Clause) stand beside the file,
/// in `common-passwords.LICENSE`.
const COMMON: &str = include_str!("../../../data/common-passwords.txt");

/// Checks a password.
///
/// # Errors
/// Every rule that it breaks; the estimate is made only for one that breaks no other.
pub fn check(candidate: &Candidate) -> Result<(), Vec<PasswordProblem>> {
    let (password, email) = (candidate.password.as_str(), candidate.email.as_ref());
    let folded = password.to_lowercase();
    let characters = password.chars().count();
    let is_email = email.is_some_and(|e| folded.trim() == e.as_str() || folded.trim() == e.local());
    let rules = [
        (characters < MIN_CHARACTERS, PasswordProblem::TooShort),
        (characters > MAX_CHARACTERS, PasswordProblem::TooLong),
        (is_common(&folded), PasswordProblem::Common),
        (is_email, PasswordProblem::Email),
    ];
    let broken: Vec<_> = rules.into_iter().filter_map(|(breaks, problem)| breaks.then_some(problem)).collect();
    if !broken.is_empty() {
        return Err(broken);
    }

    let mut inputs: Vec<&str> = vec!["zygo"];
    inputs.extend(candidate.personal.iter().map(String::as_str));
    if let Some(email) = email {
        inputs.extend([email.as_str(), email.local(), email.domain()]);
    }
    let inputs: Vec<&str> = inputs.into_iter().filter(|input| !input.is_empty()).collect();
    estimate(password, &inputs).map_err(|advice| vec![PasswordProblem::Guessable(advice)])
}

/// Characters that are estimated at once. The estimator's time grows with the square of the length, times the readings of every
/// letter-like sign: over a second for a hundred characters of `4@8({[<…`, so nobody gets to choose that.
const WINDOW: usize = 24;

/// Whether zxcvbn gives a password at least score 3, or its advice. Of a longer one than the window, its beginning or its end must
/// reach the score alone: what holds a part that is hard to guess is hard to guess.
fn estimate(password: &str, inputs: &[&str]) -> Result<(), Option<String>> {
    let beginning: String = password.chars().take(WINDOW).collect();
    let first = zxcvbn(&beginning, inputs);
    if first.score() >= Score::Three {
        return Ok(());
    }
    let skipped = password.chars().count().saturating_sub(WINDOW);
    let end: String = password.chars().skip(skipped).collect();
    if skipped > 0 && zxcvbn(&end, inputs).score() >= Score::Three {
        return Ok(());
    }
    let feedback = first.feedback();
    let warning = feedback.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
    Err(warning.or_else(|| feedback.and_then(|f| f.suggestions().first()).map(ToString::to_string)))
}

/// Whether a lower-case text is a line of the list: a binary search over byte positions, so that no index needs memory.
fn is_common(folded: &str) -> bool {
    let (mut low, mut high) = (0, COMMON.len());
    while low < high {
        let middle = low.midpoint(high);
        let Some((before, after)) = COMMON.as_bytes().split_at_checked(middle) else { return false };
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at.saturating_add(1));
        let end = after.iter().position(|b| *b == b'\n').map_or(COMMON.len(), |at| middle.saturating_add(at));
        match COMMON.as_bytes().get(start..end).map(|line| folded.as_bytes().cmp(line)) {
            Some(std::cmp::Ordering::Equal) => return true,
            Some(std::cmp::Ordering::Less) => high = start,
            Some(std::cmp::Ordering::Greater) => low = end.saturating_add(1),
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{email::Email, password::problem};

    fn candidate(password: &str, email: Option<Email>, personal: &[&str]) -> Candidate {
        Candidate { password: password.to_owned().into(), email, personal: personal.iter().map(|&name| name.to_owned()).collect() }
    }

    fn codes(password: &str) -> Vec<&'static str> {
        let email = Email::parse("ada.lovelace@example.com").unwrap();
        let result = check(&candidate(password, Some(email), &["Ada", "Lovelace", "Analytical Engines"]));
        result.err().unwrap_or_default().iter().map(PasswordProblem::code).collect()
    }

    #[test]
    fn the_list_is_sorted_and_every_line_is_found() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
        assert!(lines.iter().all(|line| is_common(line)));
        for absent in ["", "\n", "correct horse battery staple", "no such line", "zzzzzzzzzzzzzz", "\u{10ffff}", "123456\n"] {
            assert!(!is_common(absent), "{absent:?}");
        }
    }

    #[test]
    fn each_rule() {
        assert_eq!(codes("kT9#vq2Lx!m"), ["too_short"]);
        assert_eq!(codes("Motherfucker"), ["common"]);
        assert_eq!(codes("password"), ["too_short", "common"]);
        assert_eq!(codes(&"k".repeat(129)), ["too_long"]);
        assert_eq!(codes("Ada.Lovelace@Example.com"), ["is_email"]);
        assert_eq!(codes("ada.lovelace"), ["is_email"]);
        assert_eq!(codes("aaaaaaaaaaaaaaa"), ["guessable"]);
        assert_eq!(codes("lovelace1815"), ["guessable"]);
        assert_eq!(codes("passwordpassword"), ["guessable"]);
        assert_eq!(codes(&"password".repeat(16)), ["guessable"]);
    }

    #[test]
    fn good_ones_pass() {
        for password in ["correct horse battery staple", "kT9#vq2Lx!mZ", "Πύργος-λάμπα-σύννεφο", "🦀🐙🦑🐡🐠🐟🐬🐳🐋🦈🐊🐢"]
        {
            assert!(codes(password).is_empty(), "{password}: {:?}", codes(password));
        }
        assert!(codes(&format!("{}kT9#vq2Lx!mZ", "a".repeat(60))).is_empty(), "hard at its end");
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(codes(&"é".repeat(11)), ["too_short"]);
        let long: String = (0..128_u32).filter_map(|i| char::from_u32(0x4e00 + i * 37)).collect();
        assert!(codes(&long).is_empty());
    }

    #[test]
    fn the_answer_names_the_field_and_never_the_password() {
        let problems = check(&candidate("lovelace1815", None, &["lovelace"])).unwrap_err();
        let document = problem("password", &problems).document("r");
        assert_eq!(document["code"], "PASSWORD_TOO_WEAK");
        assert_eq!(document["status"], 422);
        assert_eq!(document["details"]["fields"][0]["path"], "password");
        assert_eq!(document["details"]["fields"][0]["code"], "guessable");
        assert!(!document.to_string().contains("lovelace1815"));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn no_password_panics(password in "(\\PC|[\\x00-\\x7f]){0,140}", name in "\\PC{0,20}") {
            let _ = check(&candidate(&password, None, &[&name]));
        }

        #[test]
        fn the_search_agrees_with_a_plain_one(text in "[a-z0-9]{1,6}") {
            proptest::prop_assert_eq!(is_common(&text), COMMON.lines().any(|line| line == text));
        }
    }
}
