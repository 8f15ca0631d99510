//! The pages: small, rendered here, and working without a script.
//!
//! Each is a pair of routes at one path: a GET that shows a form, a POST that does what the form asks for by the core of the
//! endpoint that does the same, then leads on to the next page; or shows the form again, with the problem on it and its
//! status. No GET changes anything but the session's own cookies.

mod account;
mod ask;
pub mod asset;
mod dates;
mod devices;
mod faults;
pub mod federated;
pub mod forgery;
pub mod form;
pub mod frame;
mod invitation;
mod language;
mod mailed;
mod notice;
mod organisation;
mod passkeys;
mod password;
mod redirect;
mod second_factor;
mod security;
pub mod session;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
mod texts;

use askama::Template;
use zygo_core::error::{Code, Problem};

use crate::{
    ctx::Shared,
    pipeline::head::Method,
    reply::{Answer, AnswerBody},
    route::{Guard, Hosts, Route, Who},
};

/// The routes of the pages. They are for people, so they do not stand in `openapi.json`.
#[must_use]
pub fn routes() -> Vec<Route> {
    let start = vec![Route::page("/", Who::Public, "Start page", account::start).while_suspended()];
    [start, signing_up(), signing_in(), by_mail(), inside(), kept()].into_iter().flatten().collect()
}

/// What they are dressed in, which needs no template.
#[must_use]
pub fn assets() -> Vec<Route> {
    vec![Route::page("/assets/{file}", Who::Public, "What the pages are dressed in", asset::get).any_host()]
}

/// Getting an account.
fn signing_up() -> Vec<Route> {
    vec![
        Route::page("/sign-up", Who::Public, "Create an account", sign_up::get).hosts(Hosts::Public),
        Route::form("/sign-up", Who::Public, "Create an account", sign_up::submit, sign_up::again).hosts(Hosts::Public).guard(Guard::SignUp),
        Route::page("/verify-email", Who::Public, "Confirm an address: the button", mailed::get).while_suspended(),
        Route::form("/verify-email", Who::Public, "Confirm an address", mailed::submit, mailed::again).while_suspended(),
        Route::page("/verify-email/resend", Who::Public, "Ask for another confirmation mail", ask::get),
        Route::form("/verify-email/resend", Who::Public, "Send another confirmation mail", ask::submit, ask::again).guard(Guard::Resend),
        Route::page("/verify-email/sent", Who::Public, "A mail is on its way", ask::sent),
    ]
}

/// Getting into it.
fn signing_in() -> Vec<Route> {
    vec![
        Route::page("/sign-in/link", Who::Public, "Ask for a link to sign in with", ask::get).while_suspended(),
        Route::form("/sign-in/link", Who::Public, "Send a link to sign in with", ask::submit, ask::again).guard(Guard::MagicLink).while_suspended(),
        Route::page("/sign-in/link/sent", Who::Public, "A mail is on its way", ask::sent).while_suspended(),
        Route::page("/sign-in/organisation", Who::Public, "Find an organisation's own sign-on", federated::get).while_suspended(),
        Route::form("/sign-in/organisation", Who::Public, "Go there", federated::submit, federated::again).guard(Guard::Federated).while_suspended(),
        Route::page("/sign-in/arrived", Who::Public, "Back from a provider", federated::arrived).while_suspended(),
        Route::page("/sign-in", Who::Public, "Sign in", sign_in::get).while_suspended(),
        Route::form("/sign-in", Who::Public, "Sign in", sign_in::submit, sign_in::again).guard(Guard::SignIn).while_suspended(),
        Route::page("/sign-in/second-factor", Who::Public, "The second factor of a sign-in", second_factor::get).while_suspended(),
        Route::form("/sign-in/second-factor", Who::Public, "Give the second factor", second_factor::submit, second_factor::again).while_suspended(),
        Route::page("/sign-in/passkey", Who::Public, "Back to the sign-in", passkeys::back).while_suspended(),
        Route::form("/sign-in/passkey", Who::Public, "Sign in with a passkey", passkeys::sign_in, sign_in::again)
            .guard(Guard::SignIn)
            .while_suspended(),
        Route::page("/sign-in/second-factor/passkey", Who::Public, "Back to the second factor", second_factor::back).while_suspended(),
        Route::form("/sign-in/second-factor/passkey", Who::Public, "Give a passkey as second factor", passkeys::answer, second_factor::again)
            .guard(Guard::SignIn)
            .while_suspended(),
    ]
}

/// What mails lead to.
fn by_mail() -> Vec<Route> {
    vec![
        Route::page("/forgot-password", Who::Public, "Ask for a mail that sets a new password", ask::get).while_suspended(),
        Route::form("/forgot-password", Who::Public, "Send a mail that sets a new password", ask::submit, ask::again)
            .guard(Guard::ForgotPassword)
            .while_suspended(),
        Route::page("/forgot-password/sent", Who::Public, "A mail is on its way", ask::sent).while_suspended(),
        Route::page("/reset", Who::Public, "A new password", password::get_reset).while_suspended(),
        Route::form("/reset", Who::Public, "Set it", password::submit_reset, password::again_reset).while_suspended(),
        Route::page("/invitation", Who::Anybody, "What one is invited to", invitation::get).hosts(Hosts::Public),
        Route::form("/invitation", Who::Anybody, "Accept an invitation", invitation::submit, invitation::again).hosts(Hosts::Public),
        Route::page("/magic", Who::Public, "Sign in by link: the button", mailed::get).while_suspended(),
        Route::form("/magic", Who::Public, "Sign in by link", mailed::submit, mailed::again).while_suspended(),
        Route::page("/confirm-email", Who::Public, "A new address: the button", mailed::get).while_suspended(),
        Route::form("/confirm-email", Who::Public, "Use a new address", mailed::submit, mailed::again).while_suspended(),
        Route::page("/revert-email", Who::Public, "The old address back: the button", mailed::get).while_suspended(),
        Route::form("/revert-email", Who::Public, "Take the old address back", mailed::submit, mailed::again).while_suspended(),
        Route::page("/cancel-deletion", Who::Public, "Keep the account: the button", mailed::get).while_suspended(),
        Route::form("/cancel-deletion", Who::Public, "Keep the account", mailed::submit, mailed::again).while_suspended(),
        Route::page("/end-sessions", Who::Public, "End every session: the button", mailed::get).while_suspended(),
        Route::form("/end-sessions", Who::Public, "End every session", mailed::submit, mailed::again).while_suspended(),
    ]
}

/// What one sees inside.
fn inside() -> Vec<Route> {
    vec![
        Route::page("/sign-out", Who::Session, "Sign out: the button", sign_out::get).while_suspended(),
        Route::form("/sign-out", Who::Session, "Sign out", sign_out::submit, sign_out::again).while_suspended(),
        Route::page("/account", Who::Session, "Who one is, and where one belongs", account::get),
        Route::page("/account/sessions", Who::Session, "Where one is signed in", sessions::get),
        Route::form("/account/sessions", Who::Session, "End sessions", sessions::submit, sessions::again),
        Route::page("/organisations/new", Who::Session, "Create an organisation", organisation::get).hosts(Hosts::Public),
        Route::form("/organisations/new", Who::Session, "Create an organisation", organisation::submit, organisation::again).hosts(Hosts::Public),
    ]
}

/// How an account is kept.
fn kept() -> Vec<Route> {
    vec![
        Route::page("/account/confirm", Who::Session, "A second factor again", second_factor::get_step_up),
        Route::form("/account/confirm", Who::Session, "Give it", second_factor::submit_step_up, second_factor::again_step_up),
        Route::page("/account/confirm/passkey", Who::Session, "Back to the second factor", second_factor::back_step_up),
        Route::form("/account/confirm/passkey", Who::Session, "Give a passkey again", passkeys::step_up, second_factor::again_step_up),
        Route::page("/account/security", Who::Session, "How the account is kept", security::get),
        Route::page("/account/security/app", Who::Session, "Back to how it is kept", security::back),
        Route::form("/account/security/app", Who::Session, "Begin to set up an authenticator app", security::begin_app, security::again),
        Route::page("/account/security/app/confirm", Who::Session, "Back to how it is kept", security::back),
        Route::form("/account/security/app/confirm", Who::Session, "Confirm the authenticator app", security::confirm_app, security::again_app),
        Route::page("/account/security/app/remove", Who::Session, "Back to how it is kept", security::back),
        Route::form("/account/security/app/remove", Who::Session, "Take the authenticator app off", security::remove_app, security::again).step_up(),
        Route::page("/account/security/codes", Who::Session, "Back to how it is kept", security::back),
        Route::form("/account/security/codes", Who::Session, "New backup codes", security::renew_codes, security::again).step_up(),
        Route::page("/account/security/passkeys/new", Who::Session, "Add a passkey", passkeys::get_new),
        Route::form("/account/security/passkeys/new", Who::Session, "Add it", passkeys::submit_new, passkeys::again_new),
        Route::page("/account/security/passkeys/remove", Who::Session, "Back to how it is kept", security::back),
        Route::form("/account/security/passkeys/remove", Who::Session, "Remove a passkey", passkeys::remove, security::again),
        Route::page("/account/security/password", Who::Session, "Change the password", password::get_change),
        Route::form("/account/security/password", Who::Session, "Change it", password::submit_change, password::again_change)
            .guard(Guard::OwnPassword),
        Route::page("/account/security/email", Who::Session, "Change the address", password::get_email),
        Route::form("/account/security/email", Who::Session, "Ask for it", password::submit_email, password::again_email).guard(Guard::ConfirmEmail),
    ]
}

#[derive(Template)]
#[template(path = "pages/error.html")]
struct Error<'a> {
    frame: frame::Frame,
    request_id: &'a str,
}

/// The page for a request that came to no page of its own. Whoever is not signed in where they must be is led to sign in.
#[must_use]
pub fn failed(shared: &Shared, route: Option<&Route>, problem: &Problem) -> Answer {
    if is_signed_out(problem.code()) && route.is_some_and(|route| !matches!(route.who, Who::Public | Who::Anybody)) {
        session::forget(shared);
        return Answer::see_other(redirect::sign_in(shared.app, &target(shared)));
    }
    if problem.code() == Code::MfaStepUpRequired {
        return Answer::see_other(redirect::step_up(shared.app, &target(shared)));
    }
    let page = Error { frame: frame::Frame::bare(shared).with(Some(problem)), request_id: &shared.request_id };
    let mut answer = frame::show(&page).unwrap_or_else(|_| Answer::text(500, "", AnswerBody::Empty));
    answer.status = problem.status();
    answer.headers.extend(problem.retry_after_seconds().map(|seconds| ("retry-after", seconds.to_string())));
    if problem.code() == Code::MethodNotAllowed {
        let allow = problem.member("allow").and_then(serde_json::Value::as_str).unwrap_or_default();
        answer.headers.push(("allow", allow.to_owned()));
    }
    answer
}

/// Whether a problem says that there is no session any more.
const fn is_signed_out(code: Code) -> bool {
    matches!(code, Code::Unauthenticated | Code::TokenExpired | Code::TokenInvalid | Code::SessionRevoked | Code::RefreshTokenReused)
}

/// Where somebody wanted to go; where a form was sent, the page it stands on.
fn target(shared: &Shared) -> String {
    let head = &shared.head;
    if head.method.routed() != Method::Get || head.query.is_empty() { head.path.clone() } else { format!("{}?{}", head.path, head.query) }
}
