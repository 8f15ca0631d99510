//! Tickets: how a page connects, whose `EventSource` and `WebSocket` cannot send an access token.
//!
//! A ticket stands in a URL, which is written down in many places. So it is good once, for half a minute, at one organisation; it is a
//! sealed copy of what the access token says that asked for it, and the stream dies with that token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Reader;
use crate::{
    error::{Code, Problem},
    id::TenantId,
    seal::SealRing,
    time::Timestamp,
};

/// Seconds that a ticket is good for.
pub const LIFE_SECONDS: i64 = 30;
/// Longest text that is looked at, in bytes.
const LONGEST: usize = 2048;
const CONTEXT: &str = "stream ticket";

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What it is used up by.
    pub id: Uuid,
    /// Whose stream it is for.
    pub tenant_id: TenantId,
    /// Who it connects.
    pub reader: Reader,
    /// API calls per minute that the tenant's plan allows.
    pub rate: Option<u32>,
    /// Until when it is good.
    pub until: Timestamp,
}

impl Ticket {
    /// Its text. `nonce` is fresh randomness.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be sealed.
    pub fn seal(&self, keys: &SealRing, nonce: [u8; 12]) -> Result<String, Problem> {
        let text = serde_json::to_vec(self).map_err(|error| Problem::internal(error.to_string()))?;
        keys.seal(&text, CONTEXT, nonce)
    }

    /// Reads a ticket that is still good. Whether it was used before, it does not say.
    ///
    /// # Errors
    /// `TOKEN_INVALID` for what is none, `TOKEN_EXPIRED` for one that was.
    pub fn open(text: &str, keys: &SealRing, now: Timestamp) -> Result<Self, Problem> {
        let invalid = || Problem::new(Code::TokenInvalid);
        if text.len() > LONGEST {
            return Err(invalid());
        }
        let sealed = keys.open(text, CONTEXT).map_err(|_| invalid())?;
        let ticket: Self = serde_json::from_slice(&sealed).map_err(|_| invalid())?;
        if ticket.until <= now || ticket.reader.expires_at <= now { Err(Problem::new(Code::TokenExpired)) } else { Ok(ticket) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::PermissionSet, stream::reader::tests::reader};

    fn keys() -> SealRing {
        SealRing::parse(r#"[{"kid":"1","key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]"#).unwrap()
    }

    #[test]
    fn is_good_until_it_is_over() {
        let until = Timestamp::from_millis(30_000);
        let ticket =
            Ticket { id: Uuid::from_u128(5), tenant_id: Uuid::from_u128(6).into(), reader: reader(1, PermissionSet::ALL), rate: Some(60), until };
        let text = ticket.seal(&keys(), [7; 12]).unwrap();
        assert!(text.len() < LONGEST / 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{text}");
        assert_eq!(Ticket::open(&text, &keys(), Timestamp::from_millis(29_999)).unwrap(), ticket);
        assert_eq!(Ticket::open(&text, &keys(), until).unwrap_err().code(), Code::TokenExpired);
        let tampered = text.replacen(text.get(20..21).unwrap(), "_", 1);
        let other = keys().seal(b"{}", "another purpose", [7; 12]).unwrap();
        for bad in ["", "zs1.1.", &tampered, &other, &"a".repeat(LONGEST + 1)] {
            assert_eq!(Ticket::open(bad, &keys(), Timestamp::from_millis(0)).unwrap_err().code(), Code::TokenInvalid, "{bad}");
        }
    }
}
