//! Endpoints that events are delivered to, and the deliveries.

pub mod deliveries;
pub mod endpoints;
pub mod input;
pub mod redeliver;
pub mod secret;
pub mod test;
pub mod views;

use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    id::WebhookId,
};

use crate::{
    ctx::Ctx,
    page,
    route::{Guard, Route, Who},
    security,
};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let view = Who::Permission(Permission::WebhooksView);
    let update = Who::Permission(Permission::WebhooksUpdate);
    vec![
        Route::get("/webhooks", view, "The organisation's endpoints, oldest first", endpoints::list).query::<page::Query>(),
        Route::post("/webhooks", Who::Permission(Permission::WebhooksCreate), "Describe an endpoint", endpoints::create).status(201).idempotent(),
        Route::get("/webhooks/{id}", view, "One endpoint", endpoints::read),
        Route::patch("/webhooks/{id}", update, "Change an endpoint; switched on again, it gets what was held back", endpoints::update),
        Route::delete("/webhooks/{id}", Who::Permission(Permission::WebhooksDelete), "Remove an endpoint with its deliveries", endpoints::delete)
            .status(204),
        Route::get("/webhooks/{id}/secret", update, "What deliveries are signed with; whoever looks is on record", secret::show),
        Route::post("/webhooks/{id}/rotate-secret", update, "Make a new secret; both sign for 24 hours", secret::rotate),
        Route::post("/webhooks/{id}/test", update, "Send a test event now, and answer the attempt", test::handle).guard(Guard::Redelivery),
        Route::get("/webhooks/{id}/deliveries", view, "An endpoint's deliveries, newest first", deliveries::list).query::<deliveries::Query>(),
        Route::get("/webhooks/{id}/deliveries/{delivery_id}", view, "One delivery with its attempts", deliveries::read),
        Route::post("/webhooks/{id}/deliveries/{delivery_id}/retry", update, "Send it again, now", redeliver::retry)
            .status(202)
            .guard(Guard::Redelivery),
        Route::post("/webhooks/{id}/replay", update, "Send again all that was given up since an instant", redeliver::replay)
            .status(202)
            .guard(Guard::Redelivery),
    ]
}

/// An endpoint that is not there, recorded where it is another organisation's.
fn missing(ctx: &Ctx, id: WebhookId) -> Problem {
    security::foreign_read(ctx, "webhooks", id.uuid());
    Problem::new(Code::NotFound)
}
