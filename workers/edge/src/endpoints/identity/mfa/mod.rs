//! Second factors: setting them up, answering with them, stepping up.

pub mod answer;
pub mod backup_codes;
pub mod challenge;
pub mod devices;
pub mod enrol;
pub mod phone_verify;
pub mod sms;
pub mod sms_remove;
pub mod sms_setup;
pub mod sms_verify;
pub mod step_up;
pub mod totp_remove;
pub mod totp_setup;
pub mod totp_verify;

use crate::route::{Route, Who};

/// The routes of second factors.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post(
            "/auth/mfa/challenge",
            Who::Public,
            "Answer a sign-in's challenge with a code; factor sms without a code sends one",
            challenge::handle,
        )
        .while_suspended(),
        Route::post(
            "/auth/mfa/step-up",
            Who::Session,
            "Give a second factor again; answers an access token that is fresh for ten minutes; factor sms without a code sends one",
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
        Route::post("/auth/mfa/sms/setup", Who::Session, "Begin to set up codes by SMS: sends one to the number", sms_setup::handle),
        Route::post(
            "/auth/mfa/sms/verify",
            Who::Session,
            "Confirm the number by the code; answers backup codes, this once, where there are none",
            sms_verify::handle,
        ),
        Route::delete("/auth/mfa/sms", Who::Session, "Take codes by SMS off", sms_remove::handle).status(204).step_up(),
        Route::post(
            "/auth/phone/verify",
            Who::Session,
            "Verify the profile's number: with a phone sends a code, with the code confirms",
            phone_verify::handle,
        ),
        Route::get("/auth/devices", Who::Session, "The devices that are not asked for a second factor", devices::list),
        Route::delete("/auth/devices/{id}", Who::Session, "Trust a device no more", devices::remove).status(204),
    ]
}
