//! `Accept-Language`: which of our languages somebody reads (RFC 9110, 12.5.4).

use crate::{mail::Language, text::Locale};

/// Longest list that is read; nobody reads more languages than this.
const MOST: usize = 32;

/// The language of ours that the header likes best; `None` where it names none of them.
///
/// Weights beyond the rules (RFC 9110, 12.4.2) are taken for none: a range that nobody can weigh is not preferred.
#[must_use]
pub fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for range in header.split(',').take(MOST) {
        let mut parts = range.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(named) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))).map_or(1000, thousandths);
        // Of two that are liked alike, the first.
        if weight > 0 && best.is_none_or(|(known, _)| weight > known) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// The language of ours that a range names, whatever its region.
fn named(range: &str) -> Option<Language> {
    let language = range.split('-').next().unwrap_or_default();
    let locale = Locale::parse(language).ok()?;
    Language::ALL.into_iter().find(|ours| ours.tag() == locale.language())
}

/// A weight in thousandths: `0` or `1`, and up to three digits after a point.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" if fraction.bytes().all(|digit| digit == b'0') => 1000,
        "0" => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_language_of_ours() {
        let cases = [
            ("de", Some(Language::German)),
            ("de-CH", Some(Language::German)),
            ("DE-at;q=0.5", Some(Language::German)),
            ("en-GB, de;q=0.9", Some(Language::English)),
            ("en;q=0.3, de;q=0.4", Some(Language::German)),
            ("fr-FR, fr;q=0.9, de;q=0.2, en;q=0.1", Some(Language::German)),
            ("de, en", Some(Language::German)),
            ("de;q=0, en;q=0.001", Some(Language::English)),
            ("de;q=0.000", None),
            ("de;q=1.5", None),
            ("de;q=0.1234", None),
            ("de;q=x", None),
            ("fr", None),
            ("*", None),
            ("", None),
            ("deutsch", None),
        ];
        for (header, language) in cases {
            assert_eq!(preferred(header), language, "{header:?}");
        }
    }

    #[test]
    fn what_stands_far_behind_is_not_read() {
        assert_eq!(preferred(&format!("{}de", "fr,".repeat(MOST))), None);
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(header in "(\\PC|[a-z,;=q.0-9 -]){0,120}") {
            let _ = preferred(&header);
        }
    }
}
