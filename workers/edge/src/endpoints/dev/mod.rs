//! What exists in development only.

pub mod mailbox;

use crate::route::{Route, Who};

/// The routes of this capability. In any other environment they answer `NOT_FOUND`.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw("/dev/mailbox", Who::Public, "Mails and SMS that were sent, newest first (development only)", "application/json", mailbox::handle)
            .any_host(),
    ]
}
