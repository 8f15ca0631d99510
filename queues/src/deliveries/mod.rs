//! Deliveries to tenants' endpoints. One object per endpoint makes them, so that none waits for another's, and none has two who send.
//!
//! Invariants of the object:
//! - what is owed stands in `webhook_deliveries`; the object keeps nothing that is not there but its own name and what it could not yet settle;
//! - whoever wakes it does so after the commit, so a turn that begins afterwards sees the row;
//! - what it claims is its own for two minutes; if it dies, the next turn after that claims it again, and the receiver may see it twice, with
//!   the same `webhook-id`;
//! - a wake makes it begin at once, without a word on its disk: the rows are there, and a wake or a run that gets lost is found out by the
//!   sweep. Its alarm rings when the next delivery is due, and takes over from a run that lasts;
//! - where much is sent and nothing arrives, it rests, longer each time, and a wake does not change that.

mod run;
mod send;

use worker::{Env, Method, Request, RequestInit};
use zygo_core::{error::Problem, id::WebhookId};

pub use run::{Lane, Rest};

const BINDING: &str = "DELIVERIES";

/// Tells an endpoint's object that something is owed. Twice is harmless: it looks, and finds what there is.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` if the object cannot be reached; the sweep tells it then.
pub async fn wake(env: &Env, endpoint: WebhookId) -> Result<(), Problem> {
    let away = |error: worker::Error| Problem::unavailable(format!("{BINDING}: {error}"));
    let name = endpoint.to_string();
    let stub = env.durable_object(BINDING).and_then(|namespace| namespace.get_by_name(&name)).map_err(away)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post);
    // Objects are reached by their stub; the path says whose deliveries it makes.
    let request = Request::new_with_init(&format!("https://object/{name}"), &init).map_err(away)?;
    let response = stub.fetch_with_request(request).await.map_err(away)?;
    if response.status_code() == 204 { Ok(()) } else { Err(Problem::unavailable(format!("{BINDING}: status {}", response.status_code()))) }
}
