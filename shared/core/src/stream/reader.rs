//! Somebody connected.

use serde::{Deserialize, Serialize};

use crate::{
    access::PermissionSet,
    error::{Code, Problem},
    id::{SessionId, UserId},
    time::Timestamp,
};

/// Streams that one person may have open at one object: tabs and devices.
pub const PER_PERSON: usize = 20;
/// Streams that an object holds. The runtime's own limit for hibernating WebSockets is three times as many.
pub const PER_STREAM: usize = 10_000;
/// Seconds after which somebody who found no room may ask again.
const ASK_AGAIN: u32 = 30;

/// Somebody connected, as their access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// The person.
    pub user_id: UserId,
    /// Their session.
    pub session_id: SessionId,
    /// What they may do.
    #[serde(with = "as_hex")]
    pub permissions: PermissionSet,
    /// When the token was issued.
    pub issued_at: Timestamp,
    /// When it dies, and the stream with it.
    pub expires_at: Timestamp,
    /// The client's address, as the edge saw it.
    pub address: String,
}

/// Whether another stream has room, where its person has so many and all have so many.
///
/// # Errors
/// `RATE_LIMITED`, which says whose limit it is.
pub fn room(of_person: usize, of_all: usize) -> Result<(), Problem> {
    let full = |whose: &str, most: usize| {
        let details = serde_json::json!({ "limit": "streams", "of": whose, "most": most });
        Err(Problem::new(Code::RateLimited).detail("too many streams are open").details(details).retry_after(ASK_AGAIN))
    };
    match (of_person, of_all) {
        (PER_PERSON.., _) => full("person", PER_PERSON),
        (_, PER_STREAM..) => full("organisation", PER_STREAM),
        _ => Ok(()),
    }
}

mod as_hex {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    use crate::access::PermissionSet;

    pub(super) fn serialize<S: Serializer>(set: &PermissionSet, serializer: S) -> Result<S::Ok, S::Error> {
        set.to_hex().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PermissionSet, D::Error> {
        PermissionSet::from_hex(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("no permission set"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;

    /// A person by number.
    pub(in crate::stream) fn reader(person: u128, permissions: PermissionSet) -> Reader {
        Reader {
            user_id: Uuid::from_u128(person).into(),
            session_id: Uuid::from_u128(person).into(),
            permissions,
            issued_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(900_000),
            address: "192.0.2.1".into(),
        }
    }

    #[test]
    fn is_kept_as_it_is() {
        let reader = reader(7, PermissionSet::ALL);
        assert_eq!(serde_json::from_str::<Reader>(&serde_json::to_string(&reader).unwrap()).unwrap(), reader);
    }

    #[test]
    fn room_ends_for_a_person_and_for_all() {
        assert!(room(PER_PERSON - 1, PER_STREAM - 1).is_ok());
        for (person, all, whose) in [(PER_PERSON, PER_PERSON, "person"), (0, PER_STREAM, "organisation")] {
            let problem = room(person, all).unwrap_err();
            assert_eq!((problem.code(), problem.retry_after_seconds()), (Code::RateLimited, Some(ASK_AGAIN)));
            assert_eq!(problem.document("r")["details"]["of"], whose);
        }
    }
}
