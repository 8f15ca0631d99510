//! `regex-lite` under the name of `regex`.
//!
//! `zxcvbn` asks for `regex` with all its features, and features cannot be taken away from outside. Its patterns are
//! ASCII, so the small engine serves them as well. `[patch.crates-io]` in the workspace puts this in place.

pub use regex_lite::*;
