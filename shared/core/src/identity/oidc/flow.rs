//! One attempt to sign in: its state, nonce and PKCE verifier, sealed into a short-lived cookie.
//!
//! The state goes through the provider, the cookie stays with the browser, and only both together go on: an answer that
//! another browser asked for is nobody's (RFC 9700, 4.7). The state is sealed too, and says at which host of ours the flow
//! began: a provider knows one address to send browsers back to, while tenants have hosts of their own, whose cookies no
//! other host sees.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::pkce;
use crate::{
    error::{Code, Problem},
    seal::SealRing,
    time::Timestamp,
};

/// How long a person may take at the provider, in seconds.
pub const LIFE_SECONDS: i64 = 10 * 60;

/// Longest state that is looked at, in bytes.
const MAX_STATE: usize = 1024;

/// Longest cookie that browsers keep, name and attributes included, is 4096 bytes.
const MAX_COOKIE: usize = 3800;

const STATE_CONTEXT: &str = "oauth state";
const COOKIE_CONTEXT: &str = "oauth flow";

/// Fresh random bytes of a flow.
#[derive(Clone)]
pub struct Entropy {
    /// For the PKCE verifier.
    pub verifier: [u8; 32],
    /// For the nonce.
    pub nonce: [u8; 16],
    /// What makes the state unlike any other.
    pub state: [u8; 16],
    /// Nonces of the two seals.
    pub seals: [[u8; 12]; 2],
}

/// A flow while it waits for its browser to come back. `T` is what the flow is for, in the words of whoever began it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flow<T> {
    /// SHA-256 of the state.
    #[serde(rename = "s")]
    state_hash: String,
    /// What the ID token must repeat.
    #[serde(rename = "n")]
    pub nonce: String,
    /// The PKCE verifier.
    #[serde(rename = "v")]
    pub verifier: String,
    #[serde(rename = "e")]
    expires_ms: i64,
    /// What it is for.
    #[serde(rename = "t")]
    pub then: T,
}

/// A flow that has just begun.
pub struct Begun<T> {
    /// The flow.
    pub flow: Flow<T>,
    /// The state for the authorization request.
    pub state: String,
    /// The cookie that keeps the flow in the browser.
    pub cookie: FlowCookie,
}

/// With which requests of other sites a cookie is sent (RFC 6265bis, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// With navigations by GET: enough for answers in the query.
    Lax,
    /// With all: what an answer by a form of the provider's page needs.
    None,
}

/// The cookie of a flow. Each flow has a name of its own, so that two tabs do not lose each other's.
#[derive(Clone)]
pub struct FlowCookie {
    name: String,
    value: String,
}

impl FlowCookie {
    /// The name of the cookie that belongs to a state.
    #[must_use]
    pub fn name(state: &str) -> String {
        let tag: String = Sha256::digest(state).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("__Host-zygo_flow_{tag}")
    }

    /// The `Set-Cookie` header.
    #[must_use]
    pub fn set(&self, same_site: SameSite) -> String {
        format!("{}={}; Path=/; Max-Age={LIFE_SECONDS}; Secure; HttpOnly; SameSite={same_site:?}", self.name, self.value)
    }

    /// The `Set-Cookie` header that takes a state's cookie away.
    #[must_use]
    pub fn clear(state: &str) -> String {
        format!("{}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax", Self::name(state))
    }
}

#[derive(Serialize, Deserialize)]
struct StateBody {
    /// Random, so that no two states are alike.
    r: String,
    /// Host that the flow began at.
    h: String,
}

impl<T: Serialize + DeserializeOwned> Flow<T> {
    /// Begins a flow at one of our hosts. `kind` tells apart what must not meet: a sign-in's flow opens no integration.
    ///
    /// # Errors
    /// `BAD_REQUEST` if the purpose is too long for a cookie, `INTERNAL` if it cannot be sealed.
    pub fn begin(ring: &SealRing, kind: &str, host: &str, entropy: &Entropy, now: Timestamp, then: T) -> Result<Begun<T>, Problem> {
        let [state_seal, cookie_seal] = entropy.seals;
        let body = StateBody { r: URL_SAFE_NO_PAD.encode(entropy.state), h: host.to_owned() };
        let state = ring.seal(&json(&body)?, &format!("{STATE_CONTEXT} {kind}"), state_seal)?;
        let flow = Self {
            state_hash: hash(&state),
            nonce: URL_SAFE_NO_PAD.encode(entropy.nonce),
            verifier: pkce::verifier(entropy.verifier),
            expires_ms: now.plus_seconds(LIFE_SECONDS).millis(),
            then,
        };
        let value = ring.seal(&json(&flow)?, &format!("{COOKIE_CONTEXT} {kind}"), cookie_seal)?;
        if value.len() > MAX_COOKIE {
            return Err(Problem::new(Code::BadRequest).detail("too long to remember while you are at the provider"));
        }
        Ok(Begun { cookie: FlowCookie { name: FlowCookie::name(&state), value }, flow, state })
    }

    /// Finds the flow of a state in the cookie of the browser that brings it.
    ///
    /// # Errors
    /// `TOKEN_INVALID` without a cookie, or with another flow's; `TOKEN_EXPIRED` when the person took too long.
    pub fn resume(ring: &SealRing, kind: &str, state: &str, cookie: Option<&str>, now: Timestamp) -> Result<Self, Problem> {
        let foreign = |why: &'static str| Problem::new(Code::TokenInvalid).detail("this browser did not begin this sign-in").cause(why);
        let cookie = cookie.filter(|cookie| cookie.len() <= MAX_COOKIE).ok_or_else(|| foreign("no flow cookie"))?;
        let plain = ring.open(cookie, &format!("{COOKIE_CONTEXT} {kind}")).map_err(|_| foreign("not a flow cookie"))?;
        let flow: Self = serde_json::from_slice(&plain).map_err(|_| foreign("flow of another version"))?;
        if !bool::from(flow.state_hash.as_bytes().ct_eq(hash(state).as_bytes())) {
            return Err(foreign("flow cookie of another state"));
        }
        if flow.expires_at() <= now {
            return Err(Problem::new(Code::TokenExpired).detail("the sign-in took too long; begin again"));
        }
        Ok(flow)
    }

    /// When the flow ends.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires_ms)
    }

    /// The challenge that belongs to the verifier.
    #[must_use]
    pub fn challenge(&self) -> String {
        pkce::challenge(&self.verifier)
    }
}

impl<T> std::fmt::Debug for Flow<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flow(…)")
    }
}

/// The host that a state's flow began at.
///
/// # Errors
/// `TOKEN_INVALID` for a state that is missing or not one of ours, of that kind.
pub fn host_of(ring: &SealRing, kind: &str, state: Option<&str>) -> Result<String, Problem> {
    let invalid = |why: &'static str| Problem::new(Code::TokenInvalid).detail("the state is not one of ours").cause(why);
    let state = state.filter(|state| state.len() <= MAX_STATE).ok_or_else(|| invalid("no state"))?;
    let plain = ring.open(state, &format!("{STATE_CONTEXT} {kind}")).map_err(|_| invalid("forged state"))?;
    let body: StateBody = serde_json::from_slice(&plain).map_err(|_| invalid("state of another version"))?;
    Ok(body.h)
}

/// What a state is remembered by once it was used.
#[must_use]
pub fn hash(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(state))
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|_| Problem::internal("a flow could not be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_769_592_600_000);

    fn ring(byte: u8) -> SealRing {
        let key = URL_SAFE_NO_PAD.encode([byte; 32]);
        SealRing::parse(&format!(r#"[{{"kid":"k","key":"{key}"}}]"#)).unwrap()
    }

    fn entropy(byte: u8) -> Entropy {
        Entropy { verifier: [byte; 32], nonce: [byte; 16], state: [byte; 16], seals: [[byte; 12], [byte.wrapping_add(1); 12]] }
    }

    fn begin(byte: u8) -> Begun<String> {
        Flow::begin(&ring(1), "sign-in", "acme.app.test", &entropy(byte), NOW, "there".to_owned()).unwrap()
    }

    fn resume(begun: &Begun<String>, state: &str, now: Timestamp) -> Result<Flow<String>, Code> {
        Flow::resume(&ring(1), "sign-in", state, Some(&begun.cookie.value), now).map_err(|problem| problem.code())
    }

    #[test]
    fn a_flow_comes_back() {
        let begun = begin(7);
        let flow = resume(&begun, &begun.state, NOW.plus_seconds(LIFE_SECONDS - 1)).unwrap();
        assert_eq!((flow.then.as_str(), &flow.nonce, &flow.verifier), ("there", &begun.flow.nonce, &begun.flow.verifier));
        assert_eq!(host_of(&ring(1), "sign-in", Some(&begun.state)).unwrap(), "acme.app.test");
        assert_eq!(flow.challenge(), pkce::challenge(&flow.verifier));
    }

    #[test]
    fn what_is_not_this_browsers_flow_is_refused() {
        let (mine, other) = (begin(7), begin(9));
        assert_ne!(mine.state, other.state);
        assert_eq!(resume(&mine, &other.state, NOW).unwrap_err(), Code::TokenInvalid, "another flow's state");
        assert_eq!(resume(&mine, "", NOW).unwrap_err(), Code::TokenInvalid, "no state");
        assert_eq!(resume(&mine, &mine.state, NOW.plus_seconds(LIFE_SECONDS)).unwrap_err(), Code::TokenExpired);
        let refused =
            |ring: &SealRing, kind: &str, cookie: Option<&str>| Flow::<String>::resume(ring, kind, &mine.state, cookie, NOW).unwrap_err().code();
        let value = mine.cookie.value.as_str();
        assert_eq!(refused(&ring(1), "sign-in", None), Code::TokenInvalid, "another browser");
        assert_eq!(refused(&ring(1), "integration", Some(value)), Code::TokenInvalid, "another kind");
        assert_eq!(refused(&ring(2), "sign-in", Some(value)), Code::TokenInvalid, "another key");
        assert_eq!(refused(&ring(1), "sign-in", Some(&mine.state)), Code::TokenInvalid, "the state as cookie");
        assert_eq!(refused(&ring(1), "sign-in", Some("")), Code::TokenInvalid, "nothing");
    }

    #[test]
    fn foreign_states_name_no_host() {
        let begun = begin(7);
        for (name, ring, kind, state) in [
            ("missing", ring(1), "sign-in", None),
            ("forged", ring(1), "sign-in", Some("zs1.k.AAAA".to_owned())),
            ("another kind", ring(1), "integration", Some(begun.state.clone())),
            ("another key", ring(2), "sign-in", Some(begun.state.clone())),
            ("a cookie's value", ring(1), "sign-in", Some(begun.cookie.value.clone())),
            ("overlong", ring(1), "sign-in", Some("a".repeat(MAX_STATE + 1))),
        ] {
            assert_eq!(host_of(&ring, kind, state.as_deref()).unwrap_err().code(), Code::TokenInvalid, "{name}");
        }
    }

    #[test]
    fn cookies_are_for_this_host_alone() {
        let begun = begin(7);
        for same_site in [SameSite::Lax, SameSite::None] {
            let header = begun.cookie.set(same_site);
            assert!(header.starts_with(&format!("{}=", FlowCookie::name(&begun.state))) && header.starts_with("__Host-"), "{header}");
            assert!(header.contains("; Path=/;") && header.contains("; Secure;") && header.contains("; HttpOnly;") && !header.contains("Domain"));
        }
        assert!(begun.cookie.set(SameSite::None).ends_with("; SameSite=None"));
        assert!(FlowCookie::clear(&begun.state).contains("Max-Age=0"));
        assert_ne!(FlowCookie::name(&begun.state), FlowCookie::name(&begin(9).state));
    }

    #[test]
    fn what_no_cookie_holds_is_refused_at_the_start() {
        let long = Flow::begin(&ring(1), "sign-in", "a", &entropy(1), NOW, "x".repeat(4000));
        assert_eq!(long.err().map(|problem| problem.code()), Some(Code::BadRequest));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", begin(7).flow), "Flow(…)");
    }
}
