//! Apple: the client's secret is a token that we sign, and the person's name comes once, beside the code.

use jwt_compact::{AlgorithmExt as _, Claims, Header, alg::Es256};
use p256::{ecdsa::SigningKey, pkcs8::DecodePrivateKey as _};
use serde::{Deserialize, Serialize};

use super::person::lenient_name;
use crate::{error::Problem, text::Name, time::Timestamp};

/// How long a client secret lives, in seconds; Apple allows half a year, one request needs no more than this.
const SECONDS: i64 = 5 * 60;

/// The key that Apple gave us, and whose it is.
pub(super) struct Key {
    pub team_id: String,
    pub key_id: String,
    signing: SigningKey,
}

#[derive(Serialize)]
struct Secret<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
}

impl Key {
    /// A key of a team, in PEM (PKCS #8) as Apple's developer site gives it.
    pub(super) fn new(team_id: String, key_id: String, pem: &str) -> Option<Self> {
        Some(Self { team_id, key_id, signing: SigningKey::from_pkcs8_pem(pem.trim()).ok()? })
    }

    /// A client secret: a token by the team about the client for Apple.
    pub(super) fn secret(&self, client_id: &str, audience: &str, now: Timestamp) -> Result<String, Problem> {
        let wrong = || Problem::internal("apple: the client secret could not be signed");
        let instant = |at: Timestamp| chrono::DateTime::from_timestamp(at.seconds(), 0).ok_or_else(wrong);
        let mut claims = Claims::new(Secret { iss: &self.team_id, sub: client_id, aud: audience });
        claims.issued_at = Some(instant(now)?);
        claims.expiration = Some(instant(now.plus_seconds(SECONDS))?);
        Es256.token(&Header::empty().with_key_id(self.key_id.clone()), &claims, &self.signing).map_err(|_| wrong())
    }
}

/// Given and family name of the `user` parameter that comes with the first sign-in. It passed through the browser unsigned:
/// good for a name in the profile, and for nothing else; its address is not looked at.
#[must_use]
pub fn names(user: &str) -> (Option<Name>, Option<Name>) {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Names {
        first_name: String,
        last_name: String,
    }
    #[derive(Deserialize)]
    struct User {
        name: Names,
    }
    let names = serde_json::from_str::<User>(user).map(|user| user.name).unwrap_or_default();
    (lenient_name(&names.first_name), lenient_name(&names.last_name))
}
