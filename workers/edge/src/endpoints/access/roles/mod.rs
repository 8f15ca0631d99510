//! Roles: the six of everybody, read-only, and an organisation's own.

pub mod grant;
pub mod read;
pub mod views;
pub mod write;

use zygo_core::{
    access::{Permission, PermissionSet},
    error::{Code, Problem},
    id::RoleId,
    tenancy::plan::Feature,
};
use zygo_store::access::{Composed, Holders, TeamRole};

use crate::{
    ctx::Ctx,
    page, revocation,
    route::{Route, Who},
    security,
};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let (see, manage) = (Who::Permission(Permission::RolesView), Who::Permission(Permission::RolesManage));
    vec![
        Route::get("/roles", see, "The organisation's roles, highest first", read::list).query::<page::Query>(),
        Route::post("/roles", manage, "Make a custom role", write::create).status(201).idempotent(),
        Route::get("/roles/{id}", see, "One role", read::one),
        Route::patch("/roles/{id}", manage, "Change a custom role", write::update),
        Route::delete("/roles/{id}", manage, "Remove a custom role that nobody holds", write::delete).status(204),
        Route::post("/roles/{id}/permissions", manage, "Put permissions into a custom role", grant::grant),
        Route::delete("/roles/{id}/permissions/{key}", manage, "Take a permission out of a custom role", grant::withdraw),
    ]
}

/// The role after a change, once the gate knows whose tokens are stale by it.
///
/// # Errors
/// What refused it: `NOT_FOUND`, `CONFLICT`, `ROLE_HIERARCHY`, `PERMISSION_DENIED`, `PLAN_LIMIT`, `PRECONDITION_FAILED`.
async fn composed(ctx: &Ctx, id: RoleId, given: PermissionSet, outcome: Composed) -> Result<Option<TeamRole>, Problem> {
    match outcome {
        Composed::Done(role, stale) => {
            tell(ctx, stale).await?;
            Ok(role)
        }
        Composed::Missing => {
            security::foreign_read(ctx, "roles", id.uuid());
            Err(Problem::new(Code::NotFound))
        }
        Composed::ReadOnly => Err(Problem::new(Code::Conflict).detail("default roles are the same in every organisation and cannot be changed")),
        Composed::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Composed::NotHeld => Err(not_held(ctx, given)),
        Composed::Full => Err(Problem::new(Code::PlanLimit).details(serde_json::json!({ "feature": Feature::CustomRoles.key() }))),
        Composed::Taken => Err(Problem::new(Code::Conflict).detail("another role of the organisation has this key")),
        Composed::Used => Err(Problem::new(Code::Conflict).detail("somebody holds this role, or is invited to it")),
        Composed::Stale => Err(Problem::new(Code::PreconditionFailed)),
    }
}

async fn tell(ctx: &Ctx, stale: Holders) -> Result<(), Problem> {
    revocation::tell(ctx, ctx.tenant_scope()?.tenant_id(), stale).await;
    Ok(())
}

/// Nobody grants what they do not hold; which it is, as far as the token knows.
fn not_held(ctx: &Ctx, given: PermissionSet) -> Problem {
    let held = ctx.caller().map(|caller| caller.permissions).unwrap_or_default();
    let lacking = given.iter().find(|permission| !held.contains(*permission)).map(Permission::key);
    Problem::new(Code::PermissionDenied).detail("nobody grants what they do not hold").details(serde_json::json!({ "permission": lacking }))
}
