//! `GET /admin/mail/suppressions?email=`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{error::Problem, time::Timestamp};
use zygo_store::admin::suppressions::{self, Suppression};

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// How mail to an address fares.
#[derive(Default, Serialize, JsonSchema)]
pub struct Output {
    /// What carriers reported of it, if they did and nobody has proved it since.
    suppression: Option<View>,
}

/// What carriers reported.
#[derive(Serialize, JsonSchema)]
pub struct View {
    /// `deferred`: mail did not arrive lately, and is sent. `bounced`: only what proves the address is sent. `complained`: also what security wants.
    state: String,
    /// Reports since it is in this state.
    reports: i32,
    /// Since when it is.
    since: Timestamp,
    /// When the latest report came.
    reported_at: Timestamp,
}

impl From<Suppression> for View {
    fn from(found: Suppression) -> Self {
        Self { state: found.state, reports: found.reports, since: found.since, reported_at: found.reported_at }
    }
}

/// Answers what was reported of an address, whether somebody has an account with it or not.
///
/// # Errors
/// `PERMISSION_DENIED` to whoever does not administer the platform, `VALIDATION_FAILED` for what is no address.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let (scope, email) = (ctx.admin_scope("look at a mail suppression")?, super::address(&ctx)?);
    let hashes = ctx.app.config.seal_keys.address_hashes(email.as_str());
    let db = ctx.platform_db().await?;
    let found = ctx.store(suppressions::look(&db, &scope, email.as_str(), &hashes)).await?;
    Ok(Reply::ok(Output { suppression: found.map(View::from) }))
}
