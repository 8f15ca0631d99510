//! `GET /auth/devices` and `DELETE /auth/devices/{id}`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    id::TrustedDeviceId,
    time::Timestamp,
};
use zygo_store::identity::mfa;

use crate::{ctx::Ctx, endpoints::identity::sign_in, reply::Reply, route::NoBody};

/// A device that is not asked for a second factor.
#[derive(Serialize, JsonSchema)]
pub struct DeviceView {
    /// Identifier.
    id: TrustedDeviceId,
    /// What it is called.
    name: Option<String>,
    /// Since when it is trusted.
    created_at: Timestamp,
    /// When that last spared somebody the question.
    last_used_at: Option<Timestamp>,
    /// Until when it is trusted.
    expires_at: Timestamp,
    /// Whether it is the one that asks, as far as its cookie tells.
    current: bool,
}

/// The caller's trusted devices, the last used first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The devices.
    data: Vec<DeviceView>,
    /// Always `null`: nobody has so many that they need a second page.
    next_cursor: Option<String>,
}

/// Lists the devices.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let device = sign_in::arrival(&ctx, None).device_hash;
    let db = ctx.db().await?;
    let rows = ctx.store(mfa::list_devices(&db, &ctx.lookup(), caller.user_id, device, ctx.now)).await?;
    let data = rows.into_iter().map(|row| DeviceView {
        id: row.id,
        name: row.name,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        current: row.current,
    });
    Ok(Reply::ok(Output { data: data.collect(), next_cursor: None }))
}

/// Trusts a device no more: its next sign-in is asked for a second factor.
///
/// # Errors
/// `NOT_FOUND` for a device that is not the caller's.
pub async fn remove(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let caller = ctx.caller()?;
    let id: TrustedDeviceId = ctx.id("id")?;
    let db = ctx.db().await?;
    let removed = ctx.store(mfa::remove_device(&db, &ctx.lookup(), caller.user_id, id)).await?;
    if removed { Ok(Reply::no_content()) } else { Err(Problem::new(Code::NotFound)) }
}
