//! Events: what there are, what happened, who is connected, and the endpoints that are told; and what becomes of mails.

pub mod list;
pub mod mail;
pub mod stream;
pub mod types;
pub mod webhooks;

use zygo_core::access::Permission;

use crate::route::{Route, Who};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    let who = Who::Permission(Permission::WebhooksView);
    let mut routes = vec![
        Route::get("/event-types", who, "Every type of event, with the JSON Schema of its payload", types::handle).memory(),
        Route::get("/events", who, "What happened in the organisation in the last 30 days, newest first", list::handle).query::<list::Query>(),
    ];
    routes.extend(stream::routes());
    routes.extend(webhooks::routes());
    routes.extend(mail::routes());
    routes
}
