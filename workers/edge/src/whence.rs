//! Where a request comes from and on what, as sign-ins are compared by.
//!
//! A browser gets a random cookie when it first signs somebody in. It proves nothing and opens nothing; it only tells a browser that was
//! here from one that was not.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use zygo_core::identity::risk::{agent, history::Origin};
use zygo_runtime::random;
use zygo_store::identity::SignInFrom;

use crate::{pipeline::head::Head, reply::Reply};

const BROWSER: &str = "__Host-zygo_browser";
/// 400 days, the longest that browsers keep a cookie (RFC 6265bis, 5.5).
const MAX_AGE: u32 = 400 * 24 * 3600;
/// Characters of the cookie: 128 bits in base64url.
const LENGTH: usize = 22;

/// Where a request comes from, and the cookie that its browser is to keep, if it has none yet.
#[derive(Debug, Clone)]
pub struct Whence {
    /// What sign-ins are compared by. A browser without the cookie is none that is known.
    pub origin: Origin,
    /// SHA-256 of the cookie that it has, or is given; `None` for a program that keeps none.
    pub device_hash: Option<[u8; 32]>,
    fresh: Option<String>,
}

impl Whence {
    /// Reads a request's head.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        let agent = head.header("user-agent").unwrap_or_default();
        let known = head.cookie(BROWSER).filter(|cookie| cookie.len() == LENGTH);
        let fresh = (known.is_none() && agent::is_browser(agent)).then(|| URL_SAFE_NO_PAD.encode(random::bytes::<16>()));
        let hash = |cookie: &str| -> [u8; 32] { Sha256::digest(cookie).into() };
        let device = known.map(hash);
        let origin = Origin {
            country: head.country.clone(),
            network: head.network,
            place: head.place,
            device: device.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
            family: agent::family(agent),
        };
        Self { origin, device_hash: device.or_else(|| fresh.as_deref().map(hash)), fresh }
    }

    /// What is kept of it with a session.
    #[must_use]
    pub fn record(&self) -> SignInFrom {
        SignInFrom { device_hash: self.device_hash, family: self.origin.family.clone(), network: self.origin.network, place: self.origin.place }
    }

    /// Gives the browser its cookie with the answer, if it has none.
    #[must_use]
    pub fn remember<T>(&self, reply: Reply<T>) -> Reply<T> {
        match &self.fresh {
            Some(cookie) => reply.header("set-cookie", format!("{BROWSER}={cookie}; Path=/; Max-Age={MAX_AGE}; Secure; HttpOnly; SameSite=Lax")),
            None => reply,
        }
    }
}
