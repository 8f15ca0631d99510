//! Access: roles, permissions, and the people who hold them.

pub mod check;
pub mod invitations;
pub mod members;
pub mod permissions;
pub mod roles;

use zygo_core::{
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
    let mut routes = vec![
        Route::raw("/permissions", Who::Member, "The catalogue of permissions", "application/json", permissions::handle)
            .answers::<permissions::Output>()
            .memory(),
        Route::post("/permissions/check", Who::Member, "Which of some permissions the caller holds", check::handle).memory(),
    ];
    routes.extend(roles::routes());
    routes.extend(members::routes());
    routes.extend(invitations::routes());
    routes
}

/// The scope of the organisation in the path, which is the caller's active one; any other is not there.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub fn scope_of_path(ctx: &Ctx) -> Result<TenantScope, Problem> {
    let (id, scope) = (ctx.id::<TenantId>("id")?, ctx.tenant_scope()?);
    if id == scope.tenant_id() {
        return Ok(scope);
    }
    security::foreign_read(ctx, "tenants", id.uuid());
    Err(Problem::new(Code::NotFound))
}
