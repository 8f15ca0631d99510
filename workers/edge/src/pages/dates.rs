//! Instants as people read them. All are in UTC and say so: the time-zone database is not part of the bundle.

use zygo_core::{mail::Language, time::Timestamp};

/// A day, as `21 Nov 2026` or `21.11.2026`.
#[must_use]
pub fn day(at: Timestamp, language: Language) -> String {
    let text = at.to_string();
    let mut parts = text.get(..10).unwrap_or_default().splitn(3, '-');
    let (year, month, day) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match language {
        Language::English => format!("{} {} {year}", day.trim_start_matches('0'), name(month)),
        Language::German => format!("{day}.{month}.{year}"),
    }
}

/// A day and the minute in it.
#[must_use]
pub fn minute(at: Timestamp, language: Language) -> String {
    let text = at.to_string();
    format!("{}, {} UTC", day(at, language), text.get(11..16).unwrap_or_default())
}

fn name(month: &str) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    month.parse::<usize>().ok().and_then(|month| NAMES.get(month.checked_sub(1)?)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_minutes() {
        // 2026-11-05T06:07:08Z
        let at = Timestamp::from_millis(1_793_858_828_000);
        assert_eq!(minute(at, Language::English), "5 Nov 2026, 06:07 UTC");
        assert_eq!(minute(at, Language::German), "05.11.2026, 06:07 UTC");
    }
}
