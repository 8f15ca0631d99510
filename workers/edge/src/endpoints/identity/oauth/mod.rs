//! Accounts elsewhere: signing in with them, connecting and disconnecting them.
//!
//! Signing in is served at the public host too: a flow ends at the host that it began at, which keeps the session's cookies.

pub mod accounts;
pub mod callback;
pub mod link;
pub mod relying;
pub mod start;

use super::sign_in::SignedIn;
use crate::{
    pipeline::head::Method,
    route::{Guard, Hosts, Route, Who},
};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let come_back = || {
        Route::raw("/auth/oauth/{provider}/callback", Who::Public, "Where a provider sends the browser back to", "application/json", callback::handle)
            .answers::<SignedIn>()
            .guard(Guard::Federated)
            .hosts(Hosts::Sites)
            .while_suspended()
    };
    vec![
        Route::raw("/auth/oauth/{provider}", Who::Public, "Send the browser to a provider to sign in there", "text/html", start::handle)
            .query::<start::Query>()
            .status(303)
            .hosts(Hosts::Sites)
            .while_suspended(),
        come_back().query::<callback::Query>(),
        Route { method: Method::Post, ..come_back() }.reads_form(),
        Route::post("/auth/oauth/link", Who::Session, "Begin to connect an account elsewhere; send the browser to the URL", link::handle),
        Route::get("/auth/oauth/accounts", Who::Session, "The caller's connected accounts", accounts::list),
        Route::delete("/auth/oauth/{provider}", Who::Session, "Disconnect an account elsewhere", accounts::unlink).status(204),
    ]
}
