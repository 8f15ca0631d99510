//! Access: roles and permissions.

pub mod permissions;

use crate::route::{Route, Who};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw("/permissions", Who::Member, "The catalogue of permissions", "application/json", permissions::handle)
            .answers::<permissions::Output>()
            .memory(),
    ]
}
