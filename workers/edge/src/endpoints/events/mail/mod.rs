//! What becomes of mails: reports of whoever carries them, and what they mean for a person.

pub mod mine;
pub mod resend;

use crate::route::{Route, Who};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/webhooks/resend", Who::Provider, "What became of mails that Resend carried", resend::handle).status(204),
        Route::get("/users/me/mail", Who::Session, "Whether mail reaches the caller's address", mine::handle),
    ]
}
