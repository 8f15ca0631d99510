//! Members of an organisation.

pub mod list;
pub mod remove;
pub mod role;
pub mod suspend;
pub mod transfer;
pub mod views;

use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    id::UserId,
    identity::session::EndReason,
};
use zygo_store::access::Verdict;

use crate::{
    ctx::Ctx,
    revocation,
    route::{Route, Who},
};

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    let see = Who::Permission(Permission::UsersView);
    vec![
        Route::get("/tenants/{id}/users", see, "The organisation's members, the longest-standing first", list::list).query::<list::Query>(),
        Route::get("/tenants/{id}/users/{user_id}", see, "One member", list::one),
        Route::delete(
            "/tenants/{id}/users/{user_id}",
            Who::Permission(Permission::UsersRemove),
            "Remove a member; their sessions in the organisation end",
            remove::handle,
        )
        .status(204),
        Route::patch("/tenants/{id}/users/{user_id}/role", Who::Permission(Permission::RolesAssign), "Give a member another role", role::handle),
        Route::post(
            "/tenants/{id}/transfer-ownership",
            Who::Owner,
            "Make a member an owner in one's own place; the caller becomes an admin",
            transfer::handle,
        )
        .step_up(),
        Route::post(
            "/users/{id}/suspend",
            Who::Permission(Permission::UsersUpdate),
            "Suspend a member of the active organisation; their sessions in it end at once",
            suspend::suspend,
        ),
        Route::post("/users/{id}/activate", Who::Permission(Permission::UsersUpdate), "Let a suspended member in again", suspend::activate),
    ]
}

/// What a change of a membership gave, once the gate, and the objects of sessions that ended, know of it.
///
/// # Errors
/// `NOT_FOUND`, `ROLE_HIERARCHY`, `PRECONDITION_FAILED`; `VALIDATION_FAILED` on `field` for what is unknown.
async fn changed<T>(ctx: &Ctx, user: UserId, field: &'static str, ended: Option<EndReason>, verdict: Verdict<T>) -> Result<T, Problem> {
    match verdict {
        Verdict::Done(value, revocations) => {
            let tenant = ctx.tenant_scope()?.tenant_id();
            if let Some(reason) = ended.filter(|_| !revocations.is_empty()) {
                revocation::shut_out(ctx, tenant, user, reason).await;
            }
            revocation::tell(ctx, tenant, revocations).await;
            Ok(value)
        }
        Verdict::Missing => Err(Problem::new(Code::NotFound)),
        Verdict::Unknown => Err(Problem::field(field, "unknown", "there is none such in this organisation")),
        Verdict::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Verdict::Stale => Err(Problem::new(Code::PreconditionFailed)),
    }
}
