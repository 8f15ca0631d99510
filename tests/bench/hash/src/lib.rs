//! The bench's measure of a sign-in: a Worker that verifies one password per request, and does nothing else.

use worker::{Context, Env, Request, Response, event};
use zygo_core::identity::password;

const PASSWORD: &str = "correct horse battery staple";

thread_local! {
    /// With the parameters that every new password gets.
    static HASH: Option<String> = password::hash(PASSWORD, *b"of-a-bench-only!").ok();
}

/// Answers whether the password is right.
#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    let right = HASH.with(|hash| hash.as_deref().is_some_and(|hash| password::verify(PASSWORD, hash)));
    if right { Response::ok("right") } else { Response::error("wrong", 500) }
}
