//! Entity tags (RFC 9110, 8.8.3): `"{version}-{hash}"`, the row's version and a hash of what was sent.

use sha2::{Digest as _, Sha256};

use crate::error::{Code, Problem};

/// Longest header that is looked at, in bytes.
const MAX_HEADER: usize = 4096;

/// The tag of one representation of a resource.
///
/// The hash tells representations apart (the same row looks different to different callers), the version alone guards changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag {
    version: i64,
    hash: String,
}

impl ETag {
    /// The tag of a body made from a row of some version.
    #[must_use]
    pub fn of(version: i64, body: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(body).into();
        let hash = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { version, hash }
    }

    /// The header's value.
    #[must_use]
    pub fn header(&self) -> String {
        format!("\"{}\"", self.opaque())
    }

    fn opaque(&self) -> String {
        format!("{}-{}", self.version, self.hash)
    }

    /// Whether an `If-None-Match` names this representation, so that `304` is the answer. Compared weakly, as RFC 9110, 13.1.2 has
    /// it; a header that cannot be read matches nothing.
    #[must_use]
    pub fn is_in(&self, if_none_match: &str) -> bool {
        match list(if_none_match) {
            Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.contains(&self.opaque().as_str()),
            None => false,
        }
    }
}

/// What `If-Match` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version, but the resource must exist.
    Any,
    /// One of these versions; none, if no tag was one of ours.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header.
    ///
    /// A tag marked weak is taken for its strong self, which RFC 9110 would have fail: proxies mark ours when they compress a
    /// body, and the version inside is exact all the same.
    ///
    /// # Errors
    /// `BAD_REQUEST` if it is no list of entity tags.
    pub fn parse(header: &str) -> Result<Self, Problem> {
        match list(header) {
            Some(Tags::Any) => Ok(Self::Any),
            Some(Tags::These(tags)) => Ok(Self::Versions(tags.into_iter().filter_map(version_of).collect())),
            None => Err(Problem::new(Code::BadRequest).detail("If-Match is not a list of entity tags")),
        }
    }

    /// Whether a version may be changed.
    #[must_use]
    pub fn admits(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

enum Tags<'a> {
    Any,
    These(Vec<&'a str>),
}

/// The opaque parts of a list of tags; commas may stand inside the quotes.
fn list(header: &str) -> Option<Tags<'_>> {
    let mut rest = header.trim_matches([' ', '\t']);
    if rest.len() > MAX_HEADER {
        return None;
    }
    if rest == "*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    loop {
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (tag, after) = quoted.split_once('"')?;
        if !tag.bytes().all(|b| b == 0x21 || b >= 0x23 && b != 0x7f) {
            return None;
        }
        tags.push(tag);
        let after = after.trim_start_matches([' ', '\t']);
        if after.is_empty() {
            return Some(Tags::These(tags));
        }
        rest = after.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    }
}

/// The version in a tag of ours.
fn version_of(tag: &str) -> Option<i64> {
    let (version, hash) = tag.rsplit_once('-')?;
    let ours = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    ours.then(|| version.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_match() {
        let tag = ETag::of(3, b"{}");
        assert_eq!(tag.header(), "\"3-44136fa355b3678a\"");
        let header = tag.header();
        for value in [header.clone(), format!("W/{header}"), format!("\"x\", {header}"), format!("W/\"a,b\" ,\t{header}"), "*".into(), " * ".into()] {
            assert!(tag.is_in(&value), "{value}");
        }
        for value in ["", "\"x\"", "3-44136fa355b3678a", "\"3-44136fa355b3678a", "\"4-44136fa355b3678a\"", "**", &format!("{header} {header}")] {
            assert!(!tag.is_in(value), "{value}");
        }
    }

    #[test]
    fn if_match() {
        let three = ETag::of(3, b"{}").header();
        let four = ETag::of(4, b"[]").header();
        assert_eq!(IfMatch::parse("*").unwrap(), IfMatch::Any);
        assert_eq!(IfMatch::parse(&three).unwrap(), IfMatch::Versions(vec![3]));
        assert_eq!(IfMatch::parse(&format!("{three}, W/{four}")).unwrap(), IfMatch::Versions(vec![3, 4]));
        let foreign = IfMatch::parse("\"abc\"").unwrap();
        assert!(!foreign.admits(3), "a tag of somebody else matches nothing");
        assert!(IfMatch::parse(&three).unwrap().admits(3) && !IfMatch::parse(&three).unwrap().admits(4));
        for header in ["", "abc", "\"a", "\"a\" \"b\"", "\"a\",", ",\"a\"", "W/*", "w/\"a\"", "\"a b\""] {
            assert_eq!(IfMatch::parse(header).unwrap_err().code(), Code::BadRequest, "{header:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_tag_matches_itself_and_tells_its_version(version: i64, body: Vec<u8>) {
            let tag = ETag::of(version, &body);
            proptest::prop_assert!(tag.is_in(&tag.header()));
            proptest::prop_assert_eq!(IfMatch::parse(&tag.header()).unwrap(), IfMatch::Versions(vec![version]));
        }

        #[test]
        fn no_header_panics(header in "([\"W/,* \\t-]|\\PC){0,60}") {
            let _ = ETag::of(1, b"").is_in(&header);
            let _ = IfMatch::parse(&header);
        }
    }
}
