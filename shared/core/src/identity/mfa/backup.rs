//! Backup codes: for when the other factors are lost. Ten at a time, 50 random bits each, every one works once.

use zeroize::Zeroizing;

use crate::seal::{CodeHash, SealRing};

/// Codes in a set.
pub const COUNT: usize = 10;
/// Random bytes that one code is made of.
pub const RANDOM: usize = 7;
const LENGTH: usize = 10;
const GROUP: usize = 5;

/// A code in the clear; exists while it is shown and while it is redeemed.
pub struct BackupCode(Zeroizing<String>);

impl BackupCode {
    /// A code from fresh random bytes.
    #[must_use]
    pub fn from_random(random: [u8; RANDOM]) -> Self {
        let letters = base32::encode(base32::Alphabet::Crockford, &random).to_lowercase();
        Self(Zeroizing::new(letters.chars().take(LENGTH).collect()))
    }

    /// Reads a code as people type it: case, blanks and hyphens do not matter, nor the letters that look like digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        });
        let code: String = letters.collect();
        let sane = code.len() == LENGTH && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() && b != b'u');
        sane.then(|| Self(Zeroizing::new(code)))
    }

    /// The code as it is shown: two groups of five.
    #[must_use]
    pub fn show(&self) -> String {
        let (first, second) = self.0.split_at_checked(GROUP).unwrap_or((&self.0, ""));
        format!("{first}-{second}")
    }

    /// What is kept of it, under each key of the ring; the first is to be stored, any may be what was.
    #[must_use]
    pub fn hashes(&self, ring: &SealRing) -> Vec<CodeHash> {
        ring.code_hashes("backup_code", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_code_is_read_however_it_is_typed(random: [u8; RANDOM]) {
            let code = BackupCode::from_random(random);
            let shown = code.show();
            proptest::prop_assert_eq!(shown.len(), LENGTH + 1);
            for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', ""), shown.replace('-', " "), format!(" {shown} "),
                shown.replace('0', "O"), shown.replace('1', "l"), shown.replace('1', "I")] {
                let read = BackupCode::parse(&typed).map(|read| read.show());
                proptest::prop_assert_eq!(read.as_deref(), Some(shown.as_str()));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            if let Some(code) = BackupCode::parse(&text) {
                proptest::prop_assert_eq!(code.show().len(), LENGTH + 1);
            }
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in ["", "12345", "12345-6789", "12345-678901", "12345-6789u", "12345-6789é", "123456"] {
            assert!(BackupCode::parse(text).is_none(), "{text}");
        }
    }
}
