//! Access: roles, permissions, and the people who hold them.

pub mod check;
pub mod invitations;
pub mod members;
pub mod permissions;
pub mod roles;

use crate::route::{Route, Who};

/// What clients ask all day.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw("/permissions", Who::Member, "The catalogue of permissions", "application/json", permissions::handle)
            .answers::<permissions::Output>()
            .memory(),
        Route::post("/permissions/check", Who::Member, "Which of some permissions the caller holds", check::handle).memory(),
    ]
}

/// What is administered now and then.
#[must_use]
pub fn administration() -> Vec<Route> {
    [roles::routes(), members::routes(), invitations::routes()].into_iter().flatten().collect()
}
