//! Tenancy: organisations.

pub mod create;
pub mod delete;
pub mod domains;
pub mod features;
pub mod list;
pub mod logo;
pub mod rate_limits;
pub mod read;
pub mod settings;
pub mod update;
pub mod views;

use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    id::TenantId,
    picture,
};
use zygo_store::TenantScope;

use crate::{
    ctx::Ctx,
    pipeline::authenticate::GUARDED,
    route::{Guard, Route, Who},
    security,
};

/// What clients ask all day.
#[must_use]
pub fn routes() -> Vec<Route> {
    let [update, delete] = [Permission::OrgUpdate, Permission::OrgDelete].map(Who::Permission);
    vec![
        Route::post("/tenants", Who::Session, "Create an organisation; its creator becomes owner", create::handle).status(201).idempotent(),
        Route::get("/tenants", Who::Session, "The caller's organisations", list::handle).query::<list::Query>(),
        Route::get("/tenants/{id}", Who::Member, "One organisation", read::handle),
        Route::patch("/tenants/{id}", update, "Change name, slug or colours; the old host leads to the new one for 30 days", update::handle),
        Route::delete("/tenants/{id}", delete, "Have the organisation deleted in 30 days", delete::handle).status(202),
        Route::raw("/logos/{id}/{file}", Who::Public, "An organisation's logo", "image/*", logo::read).any_host(),
    ]
}

/// What is administered now and then.
#[must_use]
pub fn administration() -> Vec<Route> {
    let [view, update, delete] = [Permission::OrgView, Permission::OrgUpdate, Permission::OrgDelete].map(Who::Permission);
    vec![
        Route::post("/tenants/{id}/restore", delete, "Keep an organisation that was to be deleted", delete::restore),
        Route::upload("/tenants/{id}/logo", update, "Keep the organisation's logo", picture::MAX_BYTES, logo::handle).guard(Guard::Upload),
        Route::get("/tenants/{id}/domains", update, "The organisation's own domains", domains::list),
        Route::post("/tenants/{id}/domains", update, "Claim a domain", domains::claim).status(201).idempotent(),
        Route::delete("/tenants/{id}/domains/{domain_id}", update, "Give a domain up", domains::delete).status(204),
        Route::post("/tenants/{id}/domains/{domain_id}/verify", update, "Look for the claim's DNS record", domains::verify),
        Route::get("/tenants/{id}/settings", view, "What the organisation lays down for its people", settings::read),
        Route::patch("/tenants/{id}/settings", update, "Change what the organisation lays down for its people", settings::update),
        Route::get("/tenants/{id}/features", Who::Member, "What the plan covers, with the organisation's own departures from it", features::handle),
        Route::get("/rate-limits", Who::Member, "The limits that the caller's calls count against, and what is left", rate_limits::handle).memory(),
    ]
}

/// The scope of the organisation in the path, which is the caller's active one; any other is not there.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub fn of_path(ctx: &Ctx) -> Result<TenantScope, Problem> {
    let id: TenantId = ctx.id("id")?;
    let scope = ctx.tenant_scope()?;
    if id == scope.tenant_id() || !GUARDED {
        return Ok(scope);
    }
    security::foreign_read(ctx, "tenants", id.uuid());
    Err(Problem::new(Code::NotFound))
}
