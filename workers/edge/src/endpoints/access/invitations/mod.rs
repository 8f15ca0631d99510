//! Invitations: sent by members, accepted by whoever has the address, with an account or without.

pub mod accept;
pub mod list;
pub mod manage;
pub mod preview;
pub mod send;
pub mod views;

use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    identity::one_time::{OneTimeToken, Purpose},
};
use zygo_store::access::Acceptance;

use crate::{
    ctx::Ctx,
    route::{Route, Who},
};

/// The routes of this part. What stands in the path of one is its token for whoever got it, its identifier for whoever sent it.
#[must_use]
pub fn routes() -> Vec<Route> {
    let invite = Who::Permission(Permission::UsersInvite);
    vec![
        Route::get("/tenants/{id}/invitations", Who::Permission(Permission::UsersView), "The organisation's invitations, latest first", list::handle)
            .query::<list::Query>(),
        Route::post("/tenants/{id}/invitations", invite, "Invite somebody, or up to a hundred people at once", send::handle).status(201).idempotent(),
        Route::get("/invitations/{invitation}", Who::Public, "What the holder of an invitation's token is invited to", preview::handle),
        Route::post(
            "/invitations/{invitation}/accept",
            Who::Anybody,
            "Accept an invitation by its token: signed in, or with a password for a new account",
            accept::handle,
        ),
        Route::delete("/invitations/{invitation}", invite, "Withdraw an invitation, by its identifier", manage::revoke).status(204),
        Route::post("/invitations/{invitation}/resend", invite, "Send an invitation again, by its identifier", manage::resend),
    ]
}

/// Reads an invitation's token.
///
/// # Errors
/// `TOKEN_INVALID` for any other text.
pub fn token(text: &str) -> Result<OneTimeToken, Problem> {
    OneTimeToken::parse(text, Purpose::Invitation).ok_or(Problem::new(Code::TokenInvalid))
}

/// What a good invitation was good for.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_CONSUMED`, `TOKEN_EXPIRED`; `PERMISSION_DENIED` for whoever it was not sent to; `CONFLICT` for whoever
/// is a member; `EMAIL_TAKEN`, which only the address's owner can come upon; `IP_NOT_ALLOWED`.
pub fn good<T>(outcome: Acceptance<T>) -> Result<T, Problem> {
    Err(match outcome {
        Acceptance::Good(value) => return Ok(value),
        Acceptance::Unknown => Problem::new(Code::TokenInvalid),
        Acceptance::Consumed => Problem::new(Code::TokenConsumed),
        Acceptance::Expired => Problem::new(Code::TokenExpired),
        Acceptance::Foreign => Problem::new(Code::PermissionDenied)
            .detail("the invitation was sent to another address")
            .details(serde_json::json!({ "permission": null, "invitation": "foreign" })),
        Acceptance::Member => Problem::new(Code::Conflict).detail("you are a member already"),
        Acceptance::Taken { .. } => Problem::new(Code::EmailTaken).hint("sign in, and accept the invitation then"),
        Acceptance::Blocked => Problem::new(Code::IpNotAllowed).detail("nobody signs up from this network address"),
    })
}

/// The token in the path.
fn token_of_path(ctx: &Ctx) -> Result<OneTimeToken, Problem> {
    token(ctx.param("invitation").unwrap_or_default())
}
