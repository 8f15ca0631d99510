//! Second factors: setting them up, answering with them, stepping up.

pub mod answer;
pub mod backup_codes;
pub mod challenge;
pub mod enrol;
pub mod step_up;
pub mod totp_remove;
pub mod totp_setup;
pub mod totp_verify;

use crate::route::{Route, Who};

/// The routes of second factors.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/mfa/challenge", Who::Public, "Answer a sign-in's challenge with a code", challenge::handle).while_suspended(),
        Route::post(
            "/auth/mfa/step-up",
            Who::Session,
            "Give a second factor again; answers an access token that is fresh for ten minutes",
            step_up::handle,
        )
        .while_suspended(),
        Route::post("/auth/mfa/totp/setup", Who::Session, "Begin to set up an authenticator app: secret, URL and QR code", totp_setup::handle),
        Route::post("/auth/mfa/totp/verify", Who::Session, "Confirm the authenticator app; answers backup codes, this once", totp_verify::handle),
        Route::delete("/auth/mfa/totp", Who::Session, "Take the authenticator app off", totp_remove::handle).status(204).step_up(),
        Route::post(
            "/auth/mfa/backup-codes",
            Who::Session,
            "A new set of backup codes, shown this once; the old ones are void",
            backup_codes::handle,
        )
        .step_up(),
    ]
}
