//! The SAML Worker: what strangers post is parsed, decrypted and verified here, and nowhere else.
//!
//! It is a Worker of its own for three reasons. The libraries for XML signatures are as large as the rest of the system,
//! and would be loaded by every isolate for the few that ever see SAML. What they might do with an unforeseen document
//! ends this Worker's isolate and not the requests of everybody else. And the service provider's private keys are in reach
//! of this code alone, which has no binding to anything: it sees one document and answers with what it says.
//!
//! It is reached over the edge's service binding only; it has no route.

use worker::{Context, Env, Request, Response, event};
use zygo_core::identity::saml::{Operation, Refusal};
use zygo_saml::ServiceKeys;

/// One operation in, `{"Ok": …}` or `{"Err": refusal}` out.
#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let body = request.bytes().await?;
    let Ok(operation) = serde_json::from_slice::<Operation>(&body) else {
        // Edge and SAML Worker are of different versions.
        return Response::error("malformed operation", 400);
    };
    let keys = env.secret("SAML_KEYS").map_err(|_| Refusal::Keys).and_then(|keys| ServiceKeys::parse(&keys.to_string()));
    let answer = keys.and_then(|keys| zygo_saml::perform(&operation, &keys));
    Response::from_json(&answer)
}
