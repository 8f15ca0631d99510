//! Pictures that people upload: which kinds there are, told by their bytes, and why one is refused.

use serde::{Deserialize, Serialize};

/// Longest upload, in bytes: what telephones make, and some more.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest side of an upload, in pixels.
pub const MAX_SIDE: u32 = 4096;
/// Longest side of what an upload becomes, in pixels, if it is not smaller.
pub const KEPT_SIDE: u32 = 512;

/// What is kept of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The largest square in its middle.
    Square,
    /// All of it.
    Whole,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 2] = [Self::Square, Self::Whole];

    /// The path by which the picture Worker is asked for it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Square => "/",
            Self::Whole => "/whole",
        }
    }

    /// The shape of that path; the square is what is made where none is asked for.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        Self::ALL.into_iter().find(|shape| shape.path() == path).unwrap_or(Self::Square)
    }
}

/// A kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// JPEG (ISO 10918).
    Jpeg,
    /// PNG (RFC 2083).
    Png,
    /// WebP (RFC 9649).
    Webp,
    /// AVIF.
    Avif,
}

impl Kind {
    /// The kinds.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif];

    /// The kind that a file's first bytes say; what anybody calls the file does not count.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at = |start: usize, magic: &[u8]| bytes.get(start..).is_some_and(|rest| rest.starts_with(magic));
        match () {
            () if at(0, b"\xff\xd8\xff") => Some(Self::Jpeg),
            () if at(0, b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            () if at(0, b"RIFF") && at(8, b"WEBP") => Some(Self::Webp),
            () if at(4, b"ftypavif") => Some(Self::Avif),
            () => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// How names of such files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }

    /// The kind of a media type.
    #[must_use]
    pub fn of_media_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type().eq_ignore_ascii_case(name))
    }

    /// The kind of files whose names end so.
    #[must_use]
    pub fn of_extension(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.extension() == name)
    }
}

/// Why an upload is no picture for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It begins as no kind that is taken.
    Unknown,
    /// It begins as a kind, and cannot be read as one.
    Broken,
    /// It is something else as well: an archive, a document, a script.
    Polyglot,
    /// It would unfold to more pixels than anybody looks at.
    TooLarge,
    /// It moves, or is turned by its container, which this kind cannot be freed of.
    Unsupported,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Broken, Self::Polyglot, Self::TooLarge, Self::Unsupported];

    /// The reason as a field error's code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "kind",
            Self::Broken => "broken",
            Self::Polyglot => "polyglot",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unknown => "not a JPEG, PNG, WebP or AVIF picture",
            Self::Broken => "cannot be read as the picture that it begins as",
            Self::Polyglot => "is something else than a picture as well",
            Self::TooLarge => "at most 4096 pixels on each side",
            Self::Unsupported => "a still and upright picture is wanted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        let cases: [(&[u8], Option<Kind>); 9] = [
            (b"\xff\xd8\xff\xe0 and so on", Some(Kind::Jpeg)),
            (b"\x89PNG\r\n\x1a\n and so on", Some(Kind::Png)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Kind::Webp)),
            (b"\0\0\0\x1cftypavif\0\0\0\0", Some(Kind::Avif)),
            (b"\0\0\0\x1cftypheic\0\0\0\0", None),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"GIF89a", None),
            (b"<svg xmlns=", None),
            (b"", None),
        ];
        for (bytes, kind) in cases {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn names_lead_back() {
        for shape in Shape::ALL {
            assert_eq!(Shape::of_path(shape.path()), shape);
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::of_media_type(kind.media_type()), Some(kind));
            assert_eq!(Kind::of_extension(kind.extension()), Some(kind));
        }
        assert_eq!(Kind::of_media_type("image/svg+xml"), None);
    }
}
