//! What every flow through a provider has in common at the edge: randomness, where it may lead to, and which host it is at.

use zygo_core::{
    error::Problem,
    http::destination,
    identity::oidc::{callback::Callback, flow::Entropy},
};
use zygo_runtime::random;

use crate::{ctx::Ctx, pipeline::head::Method, reply::Answer};

/// Fresh randomness for a flow.
#[must_use]
pub fn entropy() -> Entropy {
    Entropy { verifier: random::bytes(), nonce: random::bytes(), state: random::bytes(), seals: [random::bytes(), random::bytes()] }
}

/// The host that was asked, where a flow that begins now will end.
#[must_use]
pub fn host(ctx: &Ctx) -> &str {
    ctx.head.header("host").unwrap_or_default()
}

/// A destination at the host that was asked, at the public pages, or at a site that may call the API.
///
/// # Errors
/// `VALIDATION_FAILED` for any other.
pub fn read_destination(ctx: &Ctx, text: &str) -> Result<String, Problem> {
    let config = &ctx.app.config;
    let origins = config.cors_origins.iter().chain([&config.public_url]);
    let mut hosts: Vec<&str> = origins.filter_map(|origin| origin.split_once("://").map(|(_, host)| host)).collect();
    hosts.push(host(ctx));
    destination::read("redirect_to", text, &hosts, config.is_development())
}

/// What a provider answered, by whichever method.
///
/// # Errors
/// `BAD_REQUEST` for an odd answer.
pub fn answered(ctx: &Ctx) -> Result<Callback, Problem> {
    if ctx.head.method == Method::Post { Callback::parse(&String::from_utf8_lossy(ctx.body())) } else { Callback::parse(&ctx.head.query) }
}

/// The flow began at another host of ours, which has the cookie: the same answer goes there, by the same method.
#[must_use]
pub fn hand_on(ctx: &Ctx, host: &str, path: &str, callback: &Callback) -> Answer {
    let scheme = ctx.app.config.public_url.split_once("://").map_or("https", |(scheme, _)| scheme);
    let url = format!("{scheme}://{host}{path}");
    if ctx.head.method == Method::Post {
        // The form travels again; what Apple says of the person must not stand in a URL.
        return Answer { status: 307, ..Answer::see_other(url) };
    }
    Answer::see_other(format!("{url}?{}", callback.query()))
}

/// The destination is told of a problem by its code; the log has the rest.
#[must_use]
pub fn told(problem: Problem, destination: &str) -> Answer {
    let there = destination::with_parameter(destination, "error", problem.code().as_str());
    Answer { problem: Some(problem), ..Answer::see_other(there) }
}
