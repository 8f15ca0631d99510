//! Identity: accounts, sign-in, sessions.

pub mod avatar;
pub mod cancel_deletion;
pub mod change_email;
pub mod change_password;
pub mod confirm_email;
pub mod delete_me;
pub mod end_all;
pub mod forgot_password;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod magic_link;
pub mod me;
pub mod mfa;
pub mod oauth;
pub mod one_time;
pub mod passkeys;
pub mod preferences;
pub mod proof;
pub mod refresh;
pub mod resend;
pub mod reset_password;
pub mod revert_email;
pub mod risk;
pub mod scim;
pub mod session;
pub mod sessions;
pub mod sign_in;
pub mod signup;
pub mod sso;
pub mod switch_tenant;
pub mod update_me;
pub mod verify_email;
pub mod views;

use zygo_core::picture;

use crate::route::{Guard, Route, Who};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/auth/signup", Who::Public, "Create an account; a verification mail follows", signup::handle)
            .status(201)
            .guard(Guard::SignUp)
            .idempotent(),
        Route::post("/auth/verify-email", Who::Public, "Redeem the token of a verification mail", verify_email::handle).while_suspended(),
        Route::post(
            "/auth/verify-email/resend",
            Who::Public,
            "Send the verification mail again; the answer never tells whether the address exists",
            resend::handle,
        )
        .status(202)
        .guard(Guard::Resend),
        Route::post(
            "/auth/forgot-password",
            Who::Public,
            "Mail a link that sets a new password; the answer never tells whether the address exists",
            forgot_password::handle,
        )
        .status(202)
        .guard(Guard::ForgotPassword)
        .while_suspended(),
        Route::post("/auth/reset-password", Who::Public, "Set a new password by a mailed token; ends every session", reset_password::handle)
            .status(204)
            .while_suspended(),
        Route::post(
            "/auth/magic-link",
            Who::Public,
            "Mail a link to sign in with; the answer never tells whether the address exists",
            magic_link::request,
        )
        .status(202)
        .guard(Guard::MagicLink)
        .while_suspended(),
        Route::post(
            "/auth/magic-link/redeem",
            Who::Public,
            "Sign in by a mailed token; answers a session, or a challenge for a second factor",
            magic_link::redeem,
        )
        .while_suspended(),
        Route::post("/auth/confirm-email", Who::Public, "Make a new address the account's, by the link that it got", confirm_email::handle),
        Route::post(
            "/auth/revert-email",
            Who::Public,
            "Give the account its old address back, by the link that it got; ends every session",
            revert_email::handle,
        )
        .status(204)
        .while_suspended(),
        Route::post("/auth/cancel-deletion", Who::Public, "Keep an account that was to be deleted, by the mailed link", cancel_deletion::handle)
            .status(204)
            .while_suspended(),
        Route::post("/auth/login", Who::Public, "Sign in with a password; answers a session, or a challenge for a second factor", login::handle)
            .guard(Guard::SignIn)
            .while_suspended(),
        Route::post("/auth/refresh", Who::Public, "Rotate the refresh token; answers a new access token", refresh::handle).while_suspended(),
        Route::post("/auth/logout", Who::Session, "End this session, the others, or all", logout::handle).status(204).while_suspended(),
        Route::get("/auth/sessions", Who::Session, "The caller's live sessions", sessions::list),
        Route::post("/auth/sessions/end-all", Who::Public, "End every session, by the link of a security notice", end_all::handle)
            .status(204)
            .while_suspended(),
        Route::delete("/auth/sessions/{id}", Who::Session, "End one of the caller's sessions", sessions::end).status(204).while_suspended(),
        Route::raw("/.well-known/jwks.json", Who::Public, "Public keys of the access tokens (RFC 7517)", "application/json", jwks::handle)
            .answers::<jwks::KeySet>(),
        Route::get("/users/me", Who::Session, "The caller, memberships, active tenant and permissions", me::handle),
        Route::patch("/users/me", Who::Session, "Change the caller's profile", update_me::handle),
        Route::delete("/users/me", Who::Session, "Close the caller's account; after 30 days it is erased", delete_me::handle).status(202),
        Route::post("/users/me/change-password", Who::Session, "Change the password; ends the other sessions", change_password::handle)
            .status(204)
            .guard(Guard::OwnPassword),
        Route::post("/users/me/change-email", Who::Session, "Change the address, once the new one is confirmed", change_email::handle)
            .status(202)
            .guard(Guard::ConfirmEmail),
        Route::upload("/users/me/avatar", Who::Session, "Keep the caller's picture", picture::MAX_BYTES, avatar::handle).guard(Guard::Upload),
        Route::raw("/avatars/{id}/{file}", Who::Public, "Somebody's picture", "image/*", avatar::read).any_host(),
        Route::get("/users/me/preferences", Who::Session, "The caller's preferences", preferences::read),
        Route::patch("/users/me/preferences", Who::Session, "Change the caller's preferences", preferences::update),
        Route::post("/auth/switch-tenant", Who::Session, "A session in another of the caller's tenants", switch_tenant::handle),
    ];
    routes.extend(mfa::routes());
    routes.extend(passkeys::routes());
    routes
}

/// Signing in by way of somebody else, and organisations' directories.
#[must_use]
pub fn federated() -> Vec<Route> {
    [oauth::routes(), sso::routes(), scim::routes()].into_iter().flatten().collect()
}
