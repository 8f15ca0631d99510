//! Addresses that mail does not go to any more: looked up, and let go. They are known by keyed hashes, so nobody can list them.

pub mod lift;
pub mod look;

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, identity::email::Email};

use crate::{
    ctx::Ctx,
    route::{Route, Who},
};

const PATH: &str = "/admin/mail/suppressions";

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::get(PATH, Who::Admin, "What carriers reported of an address", look::handle).query::<Query>(),
        Route::delete(PATH, Who::Admin, "Send mail to an address again", lift::handle).query::<Query>().status(204),
    ]
}

/// Which address.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// The mail address.
    pub email: String,
}

fn address(ctx: &Ctx) -> Result<Email, Problem> {
    Email::parse(&ctx.query("email").unwrap_or_default()).map_err(|invalid| Problem::field("email", invalid.code, invalid.message))
}
