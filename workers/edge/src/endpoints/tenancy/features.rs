//! `GET /tenants/{id}/features`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    tenancy::plan::{Features, Plan},
};
use zygo_store::tenancy;

use super::of_path;
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// What an organisation may do.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Its plan.
    plan: Plan,
    /// What holds for each feature: a switch, or how many, where `null` is no limit but fair use.
    features: Features,
    /// The features in which it departs from its plan.
    overridden: Vec<&'static str>,
}

/// Answers what the plan covers, with the organisation's own departures from it.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let scope = of_path(&ctx)?;
    let db = ctx.db().await?;
    let row = ctx.store(tenancy::tenant(&db, &scope)).await?.ok_or(Problem::new(Code::NotFound))?;
    let features = row.features();
    Ok(Reply::ok(Output { plan: features.plan(), overridden: features.overridden(), features }))
}
