//! `GET /invitations/{token}`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{error::Problem, identity::one_time::OneTimeToken, time::Timestamp};
use zygo_store::access;

use super::{good, token_of_path};
use crate::{
    ctx::Ctx,
    endpoints::{
        access::members::views::role,
        identity::views::{RoleRef, TenantRef},
    },
    reply::Reply,
    route::NoBody,
};

/// What somebody is invited to.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Address that the invitation went to.
    pub email: String,
    /// The organisation.
    pub tenant: TenantRef,
    /// The role that it gives.
    pub role: RoleRef,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// Fewest characters of a password that the organisation asks for.
    pub password_min_length: i32,
}

/// Answers the holder of a token, and uses nothing up. Whether the address has an account is not told.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_CONSUMED`, `TOKEN_EXPIRED`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    look(&ctx, &token_of_path(&ctx)?).await.map(Reply::ok)
}

/// Looks at an invitation.
///
/// # Errors
/// As [`handle`].
pub async fn look(ctx: &Ctx, token: &OneTimeToken) -> Result<Output, Problem> {
    let db = ctx.db().await?;
    let preview = good(ctx.store(access::look_at_invitation(&db, &ctx.lookup(), &token.hash(), ctx.now)).await?)?;
    let tenant = TenantRef { id: preview.tenant_id, slug: preview.tenant_slug, name: preview.tenant_name };
    Ok(Output {
        email: preview.email,
        tenant,
        role: role(preview.role),
        expires_at: preview.expires_at,
        password_min_length: preview.password_min_length,
    })
}
