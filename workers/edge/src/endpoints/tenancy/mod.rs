//! Tenancy: organisations.

pub mod create;
pub mod features;
pub mod list;
pub mod read;
pub mod settings;
pub mod update;
pub mod views;

use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    id::TenantId,
};
use zygo_store::TenantScope;

use crate::{
    ctx::Ctx,
    route::{Route, Who},
    security,
};

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    let (view, update) = (Who::Permission(Permission::OrgView), Who::Permission(Permission::OrgUpdate));
    vec![
        Route::post("/tenants", Who::Session, "Create an organisation; its creator becomes owner", create::handle).status(201).idempotent(),
        Route::get("/tenants", Who::Session, "The caller's organisations", list::handle).query::<list::Query>(),
        Route::get("/tenants/{id}", Who::Member, "One organisation", read::handle),
        Route::patch("/tenants/{id}", update, "Change name, slug or colours; the old host leads to the new one for 30 days", update::handle),
        Route::get("/tenants/{id}/settings", view, "What the organisation lays down for its people", settings::read),
        Route::patch("/tenants/{id}/settings", update, "Change what the organisation lays down for its people", settings::update),
        Route::get("/tenants/{id}/features", Who::Member, "What the plan covers, with the organisation's own departures from it", features::handle),
    ]
}

/// The scope of the organisation in the path, which is the caller's active one; any other is not there.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub fn of_path(ctx: &Ctx) -> Result<TenantScope, Problem> {
    let id: TenantId = ctx.id("id")?;
    let scope = ctx.tenant_scope()?;
    if id == scope.tenant_id() {
        return Ok(scope);
    }
    security::foreign_read(ctx, "tenants", id.uuid());
    Err(Problem::new(Code::NotFound))
}
