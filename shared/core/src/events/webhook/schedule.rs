//! When a delivery that failed is tried again.

use crate::time::Timestamp;

/// Waits after the first, second, … attempt, in seconds; after the last of them a delivery is dead.
pub const WAITS: [u32; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// The longest `Retry-After` that is honoured, in seconds: beyond it, an endpoint asks for more than patience.
const LONGEST_WISH: i64 = 24 * 3600;

/// When to try again after so many attempts, `None` when that was the last. Each wait is up to 10 % shorter or longer, by `random`; an
/// endpoint that asked for more time gets it.
#[must_use]
pub fn next(attempts: u32, wish: Option<Timestamp>, random: u32, now: Timestamp) -> Option<Timestamp> {
    let wait = i64::from(*WAITS.get(usize::try_from(attempts.checked_sub(1)?).ok()?)?);
    let scheduled = now.plus_millis(jittered(wait.saturating_mul(1000), random));
    let wish = wish.map(|wish| wish.min(now.plus_seconds(LONGEST_WISH)));
    Some(wish.map_or(scheduled, |wish| wish.max(scheduled)))
}

/// Between 90 % and 110 %.
fn jittered(millis: i64, random: u32) -> i64 {
    let spread = millis.checked_div(5).unwrap_or(0).max(1);
    let shift = i64::from(random).checked_rem(spread).unwrap_or(0);
    millis.saturating_sub(spread.checked_div(2).unwrap_or(0)).saturating_add(shift)
}

/// What `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3). `None` if it is neither.
#[must_use]
pub fn wish(retry_after: &str, now: Timestamp) -> Option<Timestamp> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is more than is honoured.
        let seconds = text.parse().unwrap_or(i64::MAX).min(LONGEST_WISH);
        return Some(now.plus_seconds(seconds));
    }
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(zoned.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn waits_are_the_specifications_give_or_take_a_tenth() {
        for (attempt, wait) in (1..).zip(WAITS) {
            for random in [0, 1, 12_345, u32::MAX] {
                let millis = next(attempt, None, random, NOW).unwrap().since(NOW);
                assert!((i64::from(wait) * 900..=i64::from(wait) * 1100).contains(&millis), "{attempt}: {millis}");
            }
        }
        assert_eq!(next(8, None, 0, NOW), None);
        assert_eq!(next(0, None, 0, NOW), None);
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_less() {
        let at = |wish: i64| next(1, Some(NOW.plus_seconds(wish)), 0, NOW).unwrap().since(NOW);
        assert_eq!(at(120), 120_000);
        assert_eq!(at(0), 4_500);
        assert_eq!(at(-100), 4_500);
        assert_eq!(at(i64::MAX), LONGEST_WISH * 1000);
        assert_eq!(next(8, Some(NOW.plus_seconds(1)), 0, NOW), None, "the last attempt was the last");
    }

    #[test]
    fn a_wish_is_seconds_or_a_date() {
        let seconds = |text: &str| wish(text, NOW).map(|wish| wish.since(NOW).checked_div(1000).unwrap());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("99999999999999999999999"), Some(LONGEST_WISH));
        assert_eq!(seconds("Tue, 14 Nov 2023 22:14:20 GMT"), Some(60));
        for odd in ["", "soon", "-1", "1.5", "2023-11-14T22:14:20Z"] {
            assert_eq!(wish(odd, NOW), None, "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(text in ".{0,60}", attempts: u32, random: u32) {
            let _ = next(attempts, wish(&text, NOW), random, NOW);
        }
    }
}
