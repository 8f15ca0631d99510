//! Names that no other test has.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, anyhow};

/// Random bytes.
///
/// # Errors
/// When the operating system has none.
#[expect(clippy::disallowed_methods, reason = "tests are where randomness comes from outside")]
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

/// Twelve letters and digits, the first a letter: good inside a slug, a mail address, a database's name.
///
/// # Errors
/// When the operating system has no randomness.
pub fn word() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = bytes::<11>()?.into_iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)).copied().map(char::from));
    Ok(std::iter::once('w').chain(letters).collect())
}

/// A client address that no other test uses: limits count by it.
#[must_use]
pub fn address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0x0a10_0001);
    std::net::Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_string()
}
