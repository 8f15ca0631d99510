//! Sessions in cookies, for browsers: `__Host-`, HttpOnly, Secure, SameSite=Lax,
//! with a double-submit token against request forgery (OWASP CSRF cheat sheet).
//!
//! The API's cookie mode keeps the refresh token here and nothing else. Pages, which run no script that could keep the
//! access token, keep that here too, for as long as it lives.

use subtle::ConstantTimeEq as _;
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::token::Kind,
};
use zygo_runtime::random;

use crate::{pipeline::head::Head, reply::Reply};

const REFRESH: &str = "__Host-zygo_refresh";
const ACCESS: &str = "__Host-zygo_access";
const CSRF: &str = "__Host-zygo_csrf";
const DEVICE: &str = "__Host-zygo_device";
/// 90 days, the longest that a session lives.
const MAX_AGE: u32 = 90 * 24 * 3600;

/// Sets the refresh token and a fresh forgery token.
pub fn set<T>(reply: Reply<T>, refresh: &str) -> Reply<T> {
    reply.header("set-cookie", session(refresh)).header("set-cookie", open(&fresh()))
}

/// Sets the token of a trusted device, for as long as the device is trusted.
pub fn set_device<T>(reply: Reply<T>, token: &str) -> Reply<T> {
    reply.header("set-cookie", trusted(token))
}

/// The cookie of a trusted device.
#[must_use]
pub fn trusted(token: &str) -> String {
    kept(DEVICE, token, u32::try_from(Kind::Device.ttl_seconds()).unwrap_or(u32::MAX))
}

/// The token of the device, where it is trusted.
#[must_use]
pub fn device(head: &Head) -> Option<&str> {
    head.cookie(DEVICE)
}

/// Clears what a session left; a device stays trusted.
pub fn clear<T>(reply: Reply<T>) -> Reply<T> {
    cleared().into_iter().fold(reply, |reply, cookie| reply.header("set-cookie", cookie))
}

/// Cookies that clear what a session left.
#[must_use]
pub fn cleared() -> [String; 3] {
    [kept(REFRESH, "", 0), kept(ACCESS, "", 0), format!("{CSRF}=; Path=/; Max-Age=0; Secure; SameSite=Lax")]
}

/// The cookie of a refresh token.
#[must_use]
pub fn session(refresh: &str) -> String {
    kept(REFRESH, refresh, MAX_AGE)
}

/// The cookie of a page's access token, for some seconds.
#[must_use]
pub fn access_token(access: &str, seconds: u32) -> String {
    kept(ACCESS, access, seconds)
}

/// The access token of a page's session.
#[must_use]
pub fn access(head: &Head) -> Option<&str> {
    head.cookie(ACCESS)
}

/// The refresh token of a page's session. Reading it proves nothing about who sent the request.
#[must_use]
pub fn unproven_refresh(head: &Head) -> Option<&str> {
    head.cookie(REFRESH)
}

/// The forgery token that the browser has.
#[must_use]
pub fn forgery_token(head: &Head) -> Option<&str> {
    head.cookie(CSRF)
}

/// A fresh forgery token: 128 bits in hexadecimal.
#[must_use]
pub fn fresh() -> String {
    random::bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The cookie of a forgery token; scripts of ours may read it.
#[must_use]
pub fn open(token: &str) -> String {
    format!("{CSRF}={token}; Path=/; Max-Age={MAX_AGE}; Secure; SameSite=Lax")
}

/// A cookie that no script reads.
#[must_use]
pub fn kept(name: &str, value: &str, max_age: u32) -> String {
    format!("{name}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite=Lax")
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
