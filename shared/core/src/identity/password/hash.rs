//! Argon2id (RFC 9106) in PHC strings. Takes about 20 ms and 19 MiB: the caller bounds how many run at once.

use argon2::{Algorithm, Argon2, Params, Version};
use password_hash::{Ident, Output, ParamsString, PasswordHash, Salt, SaltString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::Problem;

/// Memory of one hash in KiB (`m`).
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory (`t`).
const PASSES: u32 = 2;
/// Lanes (`p`); more than one would still run one after the other here.
const LANES: u32 = 1;
/// The algorithm's name in a PHC string.
const ALGORITHM: Ident<'_> = Ident::new_unwrap("argon2id");
/// Bytes of output.
const OUTPUT: usize = 32;
/// Most memory that a stored hash may ask for, in KiB: an isolate has 128 MiB in all.
const MAX_MEMORY_KIB: u32 = 64 * 1024;

/// The hash to verify against when nobody has the given address, so that it takes as long as for somebody.
///
/// Same parameters as [`hash`]; salt and output are made up (the bytes of two sentences), so no password is known for it.
pub const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$dGhpcyBpcyB0aGUgaGFzaCBvZiBubyBwYXNzd29yZCE";

/// Hashes a password with a fresh random salt into a PHC string.
///
/// # Errors
/// `INTERNAL`, if Argon2 refuses its parameters or the memory cannot be had.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, Problem> {
    let fault = |e: &dyn std::fmt::Display| Problem::internal(format!("argon2: {e}"));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).map_err(|e| fault(&e))?;
    let mut output = Zeroizing::new([0; OUTPUT]);
    run(password, &salt, params, output.as_mut_slice()).map_err(|e| fault(&e))?;

    let salt = SaltString::encode_b64(&salt).map_err(|e| fault(&e))?;
    let mut params = ParamsString::new();
    for (name, value) in [("m", MEMORY_KIB), ("t", PASSES), ("p", LANES)] {
        params.add_decimal(name, value).map_err(|e| fault(&e))?;
    }
    let hash = Output::new(output.as_slice()).map_err(|e| fault(&e))?;
    let version = Some(Version::V0x13.into());
    Ok(PasswordHash { algorithm: ALGORITHM, version, params, salt: Some(salt.as_salt()), hash: Some(hash) }.to_string())
}

/// Whether a password is the one that was hashed. The outputs are compared in constant time.
///
/// The parameters are the stored ones. A text that is no Argon2id PHC string, or asks for over 64 MiB, matches nothing.
#[must_use]
pub fn verify(password: &str, phc: &str) -> bool {
    let Some(stored) = parse(phc) else { return false };
    if stored.params.m_cost() > MAX_MEMORY_KIB {
        return false;
    }
    let mut output = Zeroizing::new(vec![0; stored.output.len()]);
    let ran = run(password, &stored.salt, stored.params, &mut output).is_ok();
    ran && output.as_slice().ct_eq(stored.output.as_bytes()).into()
}

/// Whether a hash was made with less than today's parameters, and should be made anew at the next sign-in.
#[must_use]
pub fn needs_rehash(phc: &str) -> bool {
    parse(phc).is_none_or(|Stored { params, output, .. }| {
        params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES || output.len() < OUTPUT
    })
}

fn run(password: &str, salt: &[u8], params: Params, output: &mut [u8]) -> argon2::Result<()> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password.as_bytes(), salt, output)
}

/// A PHC string taken apart.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Output,
}

/// Reads a PHC string of Argon2id, version 1.3, with the parameters `m`, `t` and `p` and no others.
fn parse(phc: &str) -> Option<Stored> {
    let parsed = PasswordHash::new(phc).ok()?;
    let current = parsed.algorithm == ALGORITHM && parsed.version == Some(Version::V0x13.into()) && parsed.params.iter().count() == 3;
    let number = |name| parsed.params.get_decimal(name);
    let output = current.then_some(parsed.hash).flatten()?;
    let params = Params::new(number("m")?, number("t")?, number("p")?, Some(output.len())).ok()?;
    let mut buffer = [0; Salt::MAX_LENGTH];
    let salt = parsed.salt?.decode_b64(&mut buffer).ok()?.to_vec();
    Some(Stored { params, salt, output })
}

#[cfg(test)]
mod tests {
    use argon2::{AssociatedData, ParamsBuilder};

    use super::*;

    #[test]
    fn comes_back_as_it_went() {
        let phc = hash("correct horse battery staple", [7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"));
        assert!(verify("correct horse battery staple", &phc));
        assert!(!verify("correct horse battery stapl", &phc));
        assert!(!needs_rehash(&phc));
    }

    #[test]
    fn the_dummy_costs_what_a_real_one_costs_and_matches_nothing() {
        let Stored { params, salt, output } = parse(DUMMY_HASH).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!((salt.len(), output.len()), (16, OUTPUT));
        assert!(!needs_rehash(DUMMY_HASH));
        assert!(!verify("this is the hash of no password!", DUMMY_HASH));
    }

    #[test]
    fn weaker_and_foreign_hashes_are_made_anew() {
        let tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for head in
            ["$argon2id$v=19$m=19455,t=2,p=1", "$argon2id$v=19$m=19456,t=1,p=1", "$argon2i$v=19$m=19456,t=2,p=1", "$argon2id$v=16$m=19456,t=2,p=1"]
        {
            assert!(needs_rehash(&format!("{head}{tail}")), "{head}");
        }
        assert!(!needs_rehash(&format!("$argon2id$v=19$m=65536,t=2,p=1{tail}")));
        assert!(needs_rehash("not a hash"));
    }

    /// From `src/test.c` of the reference implementation, version 0x13, type Argon2id.
    #[test]
    fn reference_implementation() {
        let vectors = [
            ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
            ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
            ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
            ("password", "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw"),
            ("differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"),
            ("password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"),
        ];
        for (password, phc) in vectors {
            assert!(verify(password, phc), "{phc}");
            assert!(!verify("passwore", phc), "{phc}");
        }
    }

    /// RFC 9106, section 5.3; with secret and associated data, which the product does not use.
    #[test]
    fn rfc_9106() {
        let params = ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(AssociatedData::new(&[4; 12]).unwrap()).build().unwrap();
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
        let hex: String = tag.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_not_run() {
        assert!(!verify("x", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"));
    }

    proptest::proptest! {
        #[test]
        fn no_stored_text_panics(phc in "\\$argon2id\\$v=19\\$m=[0-9]{1,4},t=[0-9],p=[0-9]\\$[A-Za-z0-9+/]{0,30}\\$[A-Za-z0-9+/]{0,50}") {
            let _ = verify("password", &phc);
            let _ = needs_rehash(&phc);
        }
    }
}
