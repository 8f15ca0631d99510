//! Integrations: each member's connections to drives elsewhere.

pub mod callback;
pub mod connect;
pub mod disconnect;
pub mod files;
pub mod list;

use zygo_core::{
    error::{Code, Problem},
    integrations::Provider,
};

use crate::{
    ctx::Ctx,
    route::{Guard, Route, Who},
};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/integrations", Who::Member, "The drives that can be connected, and those that are", list::handle),
        Route::get("/integrations/{provider}/connect", Who::Member, "Begin to connect a drive; send the browser to the URL", connect::handle)
            .query::<connect::Query>(),
        Route::raw(
            "/integrations/{provider}/callback",
            Who::Public,
            "Where a provider sends the browser back to",
            "application/json",
            callback::handle,
        )
        .answers::<callback::Connected>()
        .query::<callback::Query>()
        .guard(Guard::Federated),
        Route::delete("/integrations/{provider}", Who::Member, "Disconnect a drive; its tokens are revoked there", disconnect::handle).status(204),
        Route::get("/integrations/{provider}/files", Who::Member, "Files of a connected drive", files::handle).query::<files::Query>(),
    ]
}

/// The provider of the path.
///
/// # Errors
/// `NOT_FOUND` for one that does not exist, or at which we have no client.
pub fn provider(ctx: &Ctx) -> Result<Provider, Problem> {
    let provider = ctx.param("provider").and_then(Provider::parse).ok_or(Problem::new(Code::NotFound))?;
    zygo_runtime::integrations::client(&ctx.app.config, provider).map(|_| provider)
}
