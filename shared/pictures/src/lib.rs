//! Pictures, made harmless: what goes in is anybody's bytes, what comes out is a small upright picture and nothing else.
//!
//! JPEG, PNG and WebP are decoded and encoded anew, so nothing of the file survives but what can be seen: no place where a
//! photo was taken, no comment, no text behind the end. AVIF, for which there is no decoder of reasonable size, keeps its
//! coded picture in a container made anew.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod avif;
mod raster;

use zygo_core::picture::{Kind, Refusal, Shape};

/// A picture to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its kind, which need not be the upload's.
    pub kind: Kind,
    /// The file.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").field("kind", &self.kind).field("bytes", &self.bytes.len()).finish()
    }
}

/// Makes of an upload what may be kept and shown to others.
///
/// # Errors
/// Why it is refused.
pub fn clean(upload: &[u8], shape: Shape) -> Result<Picture, Refusal> {
    let kind = Kind::of(upload).ok_or(Refusal::Unknown)?;
    if is_something_else_too(upload) {
        return Err(Refusal::Polyglot);
    }
    match kind {
        Kind::Jpeg | Kind::Png | Kind::Webp => raster::clean(kind, upload, shape),
        Kind::Avif => avif::clean(upload),
    }
}

/// Whether other programs would take the file for their own: a ZIP archive is known by its end, a PDF document by a mark in its
/// first kilobyte, scripts by their brackets wherever they are. None of it would outlive the cleaning; whoever sends such a
/// file does not mean a picture.
fn is_something_else_too(file: &[u8]) -> bool {
    let holds = |part: &[u8], mark: &[u8]| part.windows(mark.len()).any(|window| window.eq_ignore_ascii_case(mark));
    // The directory's end and the longest comment behind it (APPNOTE.TXT, 4.3.16).
    let end = file.len().saturating_sub(22 + 0xffff);
    holds(file.get(end..).unwrap_or_default(), b"PK\x05\x06")
        || holds(file.get(..1024).unwrap_or(file), b"%PDF-")
        || [b"<?php".as_slice(), b"<script", b"<!doctype html"].into_iter().any(|mark| holds(file, mark))
}

#[cfg(test)]
mod tests;
