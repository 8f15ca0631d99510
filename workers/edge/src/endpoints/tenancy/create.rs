//! `POST /tenants`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    tenancy::{plan::Plan, slug::Slug},
    text::Name,
};
use zygo_runtime::random;
use zygo_store::tenancy::{self, Create, NewTenant};

use super::views::TenantView;
use crate::{ctx::Ctx, directory, json_input, outbox, reply::Reply};

/// A new organisation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name for people.
    name: Name,
    /// Name in URLs: 3 to 40 of `a-z0-9-`.
    slug: Slug,
    /// Plan; `free` unless said otherwise.
    #[serde(default)]
    plan: Option<Plan>,
}

json_input!(Input);

/// Creates the organisation with its six default roles, in one round trip.
///
/// # Errors
/// `SLUG_TAKEN`, `PLAN_LIMIT` for a plan that must be bought, `VALIDATION_FAILED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<TenantView>, Problem> {
    let caller = ctx.caller()?;
    let plan = input.plan.unwrap_or(Plan::Free);
    if plan != Plan::Free {
        // No feature of the table, so the resolver has nothing to say of it.
        return Err(Problem::new(Code::PlanLimit)
            .detail("an organisation begins on the free plan")
            .details(serde_json::json!({ "feature": "plan" })));
    }
    let tenant = NewTenant {
        tenant_id: random::id(ctx.now),
        name: input.name.into_string(),
        slug: input.slug.to_string(),
        plan: plan.key().to_owned(),
        owner: caller.user_id,
        role_ids: std::array::from_fn(|_| random::id(ctx.now)),
        membership_id: random::id(ctx.now),
        event_id: random::id(ctx.now),
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let db = ctx.db().await?;
    match ctx.store(tenancy::create_tenant(&db, &ctx.lookup(), &tenant)).await? {
        Create::Created { tenant, queued } => {
            outbox::enqueue(&ctx, queued);
            if let Some(entry) = tenant.directory_entry() {
                directory::announce(&ctx.shared(), entry);
            }
            let version = i64::from(tenant.version);
            Ok(Reply::created(TenantView::new(&ctx, &tenant)).version(version).header("location", format!("/tenants/{}", tenant.id)))
        }
        Create::SlugTaken => Err(Problem::new(Code::SlugTaken)),
    }
}
