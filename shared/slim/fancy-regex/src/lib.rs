//! The three patterns for repetitions that `zxcvbn` asks `fancy-regex` for.
//!
//! The engine behind them would be an eighth of the bundle that every cold isolate loads, for `(.+)\1+` and its two
//! siblings. `[patch.crates-io]` in the workspace puts this in its place; any other pattern is refused, and the tests
//! hold the three to the real engine.

use std::fmt;

/// A repetition: a group of one or more characters, and the same again at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repetition {
    /// `(.+)\1+`: the longest group.
    Greedy,
    /// `(.+?)\1+`: the shortest group.
    Lazy,
    /// `^(.+?)\1+$`: the shortest group that fills the whole text.
    Whole,
}

/// One of the three patterns.
#[derive(Debug, Clone)]
pub struct Regex(Repetition);

/// A pattern that is none of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the patterns that this stands in for")
    }
}

impl std::error::Error for Error {}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'t> {
    text: &'t str,
    start: usize,
    end: usize,
}

impl<'t> Match<'t> {
    /// Where it begins, in bytes.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// Where it ends, in bytes.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.end
    }

    /// What it matched.
    #[must_use]
    pub fn as_str(&self) -> &'t str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }
}

/// The whole match and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captures<'t>([Match<'t>; 2]);

impl<'t> Captures<'t> {
    /// The whole match (0) or the group (1).
    #[must_use]
    pub fn get(&self, group: usize) -> Option<Match<'t>> {
        self.0.get(group).copied()
    }
}

impl Regex {
    /// The matcher of a pattern.
    ///
    /// # Errors
    /// For any but the three.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        match pattern {
            r"(.+)\1+" => Ok(Self(Repetition::Greedy)),
            r"(.+?)\1+" => Ok(Self(Repetition::Lazy)),
            r"^(.+?)\1+$" => Ok(Self(Repetition::Whole)),
            _ => Err(Error),
        }
    }

    /// The leftmost match.
    ///
    /// # Errors
    /// None; the signature is the original's.
    pub fn captures<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        let mut bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        bounds.push(text.len());
        let starts = if self.0 == Repetition::Whole { 1 } else { bounds.len() };
        Ok((0..starts).find_map(|start| self.at(text, bounds.get(start..)?)))
    }

    /// The match that begins at the first of these character boundaries.
    fn at<'t>(&self, text: &'t str, bounds: &[usize]) -> Option<Captures<'t>> {
        let characters = bounds.len().saturating_sub(1);
        let mut lengths = 1..=characters.div_euclid(2);
        match self.0 {
            Repetition::Greedy => lengths.rev().find_map(|length| repeated(text, bounds, length)),
            Repetition::Lazy => lengths.find_map(|length| repeated(text, bounds, length)),
            Repetition::Whole => lengths
                .find_map(|length| repeated(text, bounds, length).filter(|captures| captures.get(0).is_some_and(|whole| whole.end == text.len()))),
        }
    }
}

/// The group of some length at the first boundary, if it is repeated right behind.
fn repeated<'t>(text: &'t str, bounds: &[usize], length: usize) -> Option<Captures<'t>> {
    let at = |index: usize| bounds.get(index).copied();
    let (start, group_end) = (at(0)?, at(length)?);
    let group = text.get(start..group_end).filter(|group| !group.contains('\n'))?;
    let mut copies = 1_usize;
    while text.get(at(length.saturating_mul(copies))?..).is_some_and(|rest| rest.starts_with(group)) {
        copies = copies.saturating_add(1);
    }
    let end = at(length.saturating_mul(copies))?;
    (copies > 1).then_some(Captures([Match { text, start, end }, Match { text, start, end: group_end }]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(pattern: &str, text: &str) -> Option<[(usize, usize); 2]> {
        let captures = Regex::new(pattern).ok()?.captures(text).ok()??;
        Some(captures.0.map(|part| (part.start(), part.end())))
    }

    fn real_spans(pattern: &str, text: &str) -> Option<[(usize, usize); 2]> {
        let captures = real::Regex::new(pattern).ok()?.captures(text).ok()??;
        let span = |group| captures.get(group).map(|part| (part.start(), part.end()));
        Some([span(0)?, span(1)?])
    }

    proptest! {
        #[test]
        fn matches_what_the_real_engine_matches(text in "[abé\n]{0,14}|.{0,20}") {
            for pattern in [r"(.+)\1+", r"(.+?)\1+", r"^(.+?)\1+$"] {
                prop_assert_eq!(spans(pattern, &text), real_spans(pattern, &text), "{}", pattern);
            }
        }
    }

    #[test]
    fn other_patterns_are_refused() {
        assert!(Regex::new("a").is_err());
    }
}
