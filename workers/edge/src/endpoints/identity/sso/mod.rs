//! Enterprise sign-on: through a tenant's own identity provider, by SAML or `OpenID` Connect.
//!
//! A sign-on runs at its tenant's own host: there it begins, and there the browser comes back, by way of the API's host, which
//! is the one address that a provider knows whatever the organisation is called by then.

pub mod arrive;
pub mod connections;
pub mod discover;
pub mod domains;
pub mod input;
pub mod oidc;
pub mod saml;
pub mod views;

mod connection;

use zygo_core::{access::Permission, error::Problem};

use super::sign_in::SignedIn;
use crate::{
    ctx::Ctx,
    pipeline::head::Method,
    reply::Answer,
    route::{Guard, Hosts, Route, Who},
};

/// A SAML response of 256 KB in base64 and a form's encoding, at their worst.
const RESPONSE_LIMIT: usize = 512 * 1024;

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/auth/sso/discover", Who::Public, "The enterprise connection of a mail address's domain, if it has one", discover::handle)
            .query::<discover::Query>()
            .guard(Guard::Federated)
            .hosts(Hosts::Sites)
            .while_suspended(),
        begin("/auth/sso/oidc/{connection}", "Send the browser to the organisation's OpenID provider", oidc::start),
        Route::raw(
            "/auth/sso/oidc/{connection}/callback",
            Who::Public,
            "Where the provider sends the browser back to",
            "application/json",
            oidc::callback,
        )
        .answers::<SignedIn>()
        .query::<oidc::CallbackQuery>()
        .guard(Guard::Federated)
        .hosts(Hosts::Sites)
        .while_suspended(),
        begin("/auth/sso/saml/{connection}", "Send the browser to the organisation's SAML identity provider", saml::start),
        posted_back(),
        Route::raw("/auth/sso/saml/{connection}/metadata", Who::Public, "Our SAML metadata for a connection", saml::METADATA, saml::metadata)
            .hosts(Hosts::Sites)
            .while_suspended(),
    ];
    routes.extend(administration());
    routes
}

fn posted_back() -> Route {
    let route = Route::raw(
        "/auth/sso/saml/{connection}/acs",
        Who::Public,
        "Where the identity provider's answer is posted to",
        "application/json",
        saml::acs,
    )
    .answers::<SignedIn>()
    .reads_form()
    .guard(Guard::Federated)
    .hosts(Hosts::Sites)
    .while_suspended();
    Route { method: Method::Post, body_limit: RESPONSE_LIMIT, ..route }
}

fn begin<F, Fut>(path: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(Ctx) -> Fut + Copy + 'static,
    Fut: Future<Output = Result<Answer, Problem>> + 'static,
{
    Route::raw(path, Who::Public, summary, "text/html", handler)
        .query::<arrive::StartQuery>()
        .status(303)
        .guard(Guard::Federated)
        .hosts(Hosts::Sites)
        .while_suspended()
}

fn administration() -> Vec<Route> {
    let who = Who::Permission(Permission::OrgUpdate);
    vec![
        Route::get("/sso/connections", who, "The organisation's enterprise connections", connections::list),
        Route::post("/sso/connections", who, "Describe an identity provider", connections::create).status(201).idempotent(),
        Route::get("/sso/connections/{id}", who, "One enterprise connection", connections::read),
        Route::patch("/sso/connections/{id}", who, "Change an enterprise connection", connections::update),
        Route::delete("/sso/connections/{id}", who, "Remove an enterprise connection; accounts and memberships stay", connections::delete)
            .status(204),
        Route::get("/sso/connections/{id}/domains", who, "The mail domains that a connection claims", domains::list),
        Route::post("/sso/connections/{id}/domains", who, "Claim a mail domain", domains::claim).status(201).idempotent(),
        Route::patch("/sso/connections/{id}/domains/{domain_id}", who, "Say whether a domain's people must sign on", domains::update),
        Route::delete("/sso/connections/{id}/domains/{domain_id}", who, "Give a claim up", domains::delete).status(204),
        Route::post("/sso/connections/{id}/domains/{domain_id}/verify", who, "Look for the claim's DNS record", domains::verify),
    ]
}
