//! Tenancy: organisations.

pub mod create;
pub mod list;
pub mod read;
pub mod views;

use crate::route::{Route, Who};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/tenants", Who::Session, "Create an organisation; its creator becomes owner", create::handle).status(201).idempotent(),
        Route::get("/tenants", Who::Session, "The caller's organisations", list::handle).query::<list::Query>(),
        Route::get("/tenants/{id}", Who::Member, "One organisation", read::handle),
    ]
}
