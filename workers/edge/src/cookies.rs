//! Refresh tokens in cookies, for browsers: `__Host-`, HttpOnly, Secure, SameSite=Lax,
//! with a double-submit token against request forgery (OWASP CSRF cheat sheet).

use subtle::ConstantTimeEq as _;
use zygo_core::error::{Code, Problem};
use zygo_runtime::random;

use crate::{pipeline::head::Head, reply::Reply};

const REFRESH: &str = "__Host-zygo_refresh";
const CSRF: &str = "__Host-zygo_csrf";
/// 90 days, the longest that a session lives.
const MAX_AGE: u32 = 90 * 24 * 3600;

/// Sets the refresh token and a fresh forgery token.
pub fn set<T>(reply: Reply<T>, refresh: &str) -> Reply<T> {
    let csrf: String = random::bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    reply
        .header("set-cookie", format!("{REFRESH}={refresh}; Path=/; Max-Age={MAX_AGE}; Secure; HttpOnly; SameSite=Lax"))
        .header("set-cookie", format!("{CSRF}={csrf}; Path=/; Max-Age={MAX_AGE}; Secure; SameSite=Lax"))
}

/// Clears both.
pub fn clear<T>(reply: Reply<T>) -> Reply<T> {
    reply
        .header("set-cookie", format!("{REFRESH}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"))
        .header("set-cookie", format!("{CSRF}=; Path=/; Max-Age=0; Secure; SameSite=Lax"))
}

/// Whether the request carries a refresh token in a cookie.
#[must_use]
pub fn present(head: &Head) -> bool {
    head.cookie(REFRESH).is_some()
}

/// The refresh token of the cookie, if the request proves that a page of ours sent it.
///
/// # Errors
/// `PERMISSION_DENIED` if the forgery token is missing or another.
pub fn refresh(head: &Head) -> Result<Option<&str>, Problem> {
    let Some(token) = head.cookie(REFRESH) else { return Ok(None) };
    let same = match (head.cookie(CSRF), head.header("x-csrf-token")) {
        (Some(cookie), Some(header)) => bool::from(cookie.as_bytes().ct_eq(header.as_bytes())),
        _ => false,
    };
    if same {
        Ok(Some(token))
    } else {
        Err(Problem::new(Code::PermissionDenied)
            .detail("X-CSRF-Token is missing or not the cookie's")
            .details(serde_json::json!({ "permission": null })))
    }
}
