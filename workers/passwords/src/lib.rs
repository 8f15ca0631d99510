//! The password Worker: says whether a new password is hard enough to guess.
//!
//! It is a Worker of its own because of its dictionaries: the estimator's and the list of the commonest passwords are a
//! third of what the edge's isolates would load, and who signs up or changes a password needs them, nobody else. It has
//! no binding, keeps nothing and logs nothing, and is reached over the edge's service binding only: within the machine,
//! without a network in between.

use worker::{Context, Env, Request, Response, event};
use zygo_core::identity::password::{Candidate, check};

/// A candidate in, `null` or the rules that it breaks out.
#[event(fetch)]
async fn fetch(mut request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    let body = zeroize::Zeroizing::new(request.bytes().await?);
    let Ok(candidate) = serde_json::from_slice::<Candidate>(&body) else {
        // Edge and password Worker are of different versions.
        return Response::error("malformed candidate", 400);
    };
    Response::from_json(&check(&candidate).err())
}
