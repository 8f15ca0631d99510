//! The system itself: health, metrics, its own description.

pub mod docs;
pub mod health;
pub mod metrics;

use crate::route::{Route, Who};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw("/health", Who::Public, "Whether the Worker runs", "application/json", health::live).any_host().answers::<health::Health>(),
        Route::get("/health/ready", Who::Public, "Whether it and all that it needs can serve", health::ready).any_host(),
        Route::raw("/metrics", Who::Ops, "Counters in Prometheus' text format", "text/plain", metrics::handle).any_host(),
        Route::raw("/openapi.json", Who::Public, "This API's description, OpenAPI 3.1", "application/json", docs::openapi).any_host(),
        Route::raw("/docs", Who::Public, "A page to read and try it", "text/html", docs::page).any_host(),
        Route::raw("/docs/{file}", Who::Public, "What the page needs", "application/octet-stream", docs::asset).any_host(),
    ]
}
