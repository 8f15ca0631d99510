//! Which directory is calling.

use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    id::{ScimConnectionId, TenantId},
    identity::{scim::token::ScimToken, session::EndReason},
};
use zygo_store::{
    TenantScope,
    identity::scim::{self, Made, Outcome},
};

use crate::{ctx::Ctx, revocation, security};

/// A directory that shows a token. Whether it is good, the scope's guard says, in the round trip of the work.
pub struct Directory {
    /// The scope of its work.
    pub scope: TenantScope,
    /// The connection that it writes through.
    pub connection: ScimConnectionId,
}

/// The directory of a request's token.
///
/// # Errors
/// `TOKEN_INVALID` for what is no such token, `TENANT_MISMATCH` for a good one of another organisation than the host's.
pub async fn directory(ctx: &Ctx) -> Result<Directory, Problem> {
    let token = ctx.head.bearer().and_then(ScimToken::parse).ok_or(Problem::new(Code::TokenInvalid))?;
    let scope = TenantScope::directory(&token, &ctx.request_id, ctx.now).from_address(ctx.head.client_address());
    if let Some(host) = ctx.host_tenant().map(|entry| entry.tenant_id).filter(|host| *host != token.tenant()) {
        return Err(mismatch(ctx, &scope, host).await);
    }
    ctx.trace.tenant_id.set(Some(token.tenant()));
    Ok(Directory { scope, connection: token.connection() })
}

/// Only a token that is good elsewhere is worth a security event.
async fn mismatch(ctx: &Ctx, scope: &TenantScope, host: TenantId) -> Problem {
    let checked = async {
        let db = ctx.db().await?;
        ctx.store(scim::check(&db, scope)).await
    };
    if let Err(problem) = checked.await {
        return problem;
    }
    let details = json!({ "token_tenant": scope.tenant_id(), "host_tenant": host });
    security::record_about(&ctx.shared(), host, None, "token.tenant_mismatch", details);
    Problem::new(Code::TenantMismatch)
}

/// What a change has made, once the gate, and the objects of sessions that ended, know of it.
///
/// # Errors
/// What an outcome is to a directory.
pub async fn made(ctx: &Ctx, directory: &Directory, outcome: Outcome) -> Result<Made, Problem> {
    use zygo_core::identity::scim::{Fault, Kind};
    match outcome {
        Outcome::Made(made) => {
            let tenant = directory.scope.tenant_id();
            let shut_out = made.revocations.iter().find_map(|revocation| match revocation {
                zygo_core::gate::Revocation::User(user) => Some(*user),
                _ => None,
            });
            if let Some(user) = shut_out {
                revocation::shut_out(ctx, tenant, user, EndReason::UserSuspended).await;
            }
            revocation::tell(ctx, tenant, made.revocations.clone()).await;
            Ok(*made)
        }
        Outcome::Missing => Err(Problem::new(Code::NotFound)),
        Outcome::Lost => Err(Problem::new(Code::PreconditionFailed)),
        Outcome::Taken => Err(Fault::new(Kind::Uniqueness, "another resource has that name, or the person is a member already").into()),
        Outcome::Foreign => Err(Fault::new(Kind::InvalidValue, "a new member's address is of a mail domain that the organisation has proved").into()),
        Outcome::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Outcome::Stranger => Err(Fault::new(Kind::InvalidValue, "a member of a group is a user of the organisation").into()),
    }
}
