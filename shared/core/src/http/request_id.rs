//! Request ids: the caller's, if it is a sane token, or a new one.

use crate::{id, time::Timestamp};

/// Takes the caller's id if it is 8 to 128 of `A-Za-z0-9._-`, or makes one (a version 7 UUID) from clock and randomness.
#[must_use]
pub fn choose(header: Option<&str>, now: Timestamp, random: [u8; 10]) -> String {
    let sane = |id: &&str| (8..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    header.filter(sane).map_or_else(|| id::v7(now, random).to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_token_is_taken_and_anything_else_replaced() {
        let now = Timestamp::from_millis(1_769_592_600_000);
        for id in ["abcdefgh", "01J-x_9.z", &"x".repeat(128)] {
            assert_eq!(choose(Some(id), now, [0; 10]), id);
        }
        let long = "x".repeat(129);
        for header in
            [None, Some(""), Some("short12"), Some("with space"), Some("line\nbreak"), Some("{\"a\":1}12"), Some("ümlaut12"), Some(long.as_str())]
        {
            assert_eq!(choose(header, now, [0; 10]), "019c03f0-35c0-7000-8000-000000000000", "{header:?}");
        }
    }
}
