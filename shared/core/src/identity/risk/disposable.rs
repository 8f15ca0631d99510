//! Mail domains that give anybody an address for ten minutes.
//!
//! The well-known ones, no more: a list that follows all of them is a service of its own. The address of a new account is verified by
//! mail in any case; this only makes a sign-up look odder.

use crate::identity::email::Email;

/// One domain a line, sorted.
const DOMAINS: &str = include_str!("../../../data/disposable-mail-domains.txt");

/// Whether an address is at such a domain, or at a name below one.
#[must_use]
pub fn is_disposable(email: &Email) -> bool {
    let Some((_, domain)) = email.as_str().rsplit_once('@') else { return false };
    let listed = |name: &str| DOMAINS.lines().any(|line| line == name);
    let mut rest = domain;
    loop {
        if listed(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, above)) if above.contains('.') => rest = above,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_domains_and_names_below_them() {
        let disposable = |text: &str| is_disposable(&Email::parse(text).unwrap());
        assert!(disposable("a@mailinator.com") && disposable("a@inbox.mailinator.com") && disposable("A@YOPMAIL.com"));
        assert!(!disposable("a@example.org") && !disposable("a@notmailinator.com") && !disposable("a@mailinator.com.example"));
    }

    #[test]
    fn the_list_is_sorted_and_sane() {
        let lines: Vec<&str> = DOMAINS.lines().collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        let sane = |line: &&str| line.contains('.') && line.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        assert_eq!(lines.iter().find(|line| !sane(line)), None);
        assert!(DOMAINS.len() < 4096);
    }
}
