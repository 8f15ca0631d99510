//! What exists in development only.

pub mod mailbox;
pub mod mails;

use crate::route::{Route, Who};

/// The routes of this capability. In any other environment they answer `NOT_FOUND`.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw("/dev/mailbox", Who::Public, "Mails and SMS that were sent, newest first (development only)", "application/json", mailbox::handle)
            .any_host(),
    ]
}

/// What is looked at now and then.
#[must_use]
pub fn previews() -> Vec<Route> {
    vec![
        Route::raw("/dev/mails", Who::Public, "Every mail and SMS in every language (development only)", "text/html", mails::list).any_host(),
        Route::raw("/dev/mails/{number}/{language}", Who::Public, "One of them as it is sent (development only)", "text/html", mails::show)
            .any_host(),
    ]
}
