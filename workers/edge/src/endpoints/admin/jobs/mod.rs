//! Jobs: what waits, what ran and how it ended, what is dead; and running it again.

pub mod again;
pub mod list;
pub mod views;

use crate::route::{Route, Who};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let who = Who::Admin;
    vec![
        Route::get("/admin/jobs", who, "Jobs of the last 30 days with their latest runs, the latest owed first", list::all).query::<list::Query>(),
        Route::post("/admin/jobs/{id}/retry", who, "Run a job again that waits, failed, or is dead", again::retry).status(202),
        Route::get("/admin/jobs/dead", who, "Dead letters, the latest first", list::dead).query::<list::DeadQuery>(),
        Route::post("/admin/jobs/dead/{id}/requeue", who, "Put a dead letter on its queue again", again::requeue).status(202),
    ]
}
