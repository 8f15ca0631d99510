//! The platform's own administration.

pub mod jobs;
pub mod suppressions;

use crate::route::Route;

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    [jobs::routes(), suppressions::routes()].into_iter().flatten().collect()
}
