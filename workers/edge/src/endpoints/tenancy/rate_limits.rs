//! `GET /rate-limits`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    gate::{Look, Party, Rate, Share},
};
use zygo_objects::gate::GateHandle;

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// The limits that the caller's calls count against.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The organisation's by its plan, then what of it one person may use, where that is less.
    limits: Vec<LimitView>,
}

/// Whose calls a limit counts together.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Whose {
    /// Everybody's of the organisation.
    Organization,
    /// The caller's.
    User,
}

/// A limit, and what is left of it.
#[derive(Serialize, JsonSchema)]
struct LimitView {
    /// Its name, as the `RateLimit` headers have it.
    name: &'static str,
    /// Whose calls count.
    whose: Whose,
    /// Calls a minute in the long run.
    per_minute: u32,
    /// Calls at once after a rest.
    burst: u32,
    /// Calls of the burst that are used and have not flowed back yet. Calls of the last ten seconds may not be counted yet.
    used: u32,
    /// Calls that are handed out to where requests arrive, a part of which may be used already.
    on_lease: u32,
    /// Calls that are left to be handed out.
    remaining: u32,
    /// Seconds until all of them are there again, if none is made.
    reset_after_seconds: u64,
}

/// Answers what the gates know.
///
/// # Errors
/// `NOT_FOUND` without an active organisation, `DEPENDENCY_UNAVAILABLE` when a gate does not answer.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let (Some(tenant_id), Some(per_minute)) = (caller.tenant_id, caller.rate) else { return Err(Problem::new(Code::NotFound)) };
    let rate = Rate::per_minute(per_minute);
    let own = rate.of_one_party().map(|own| (Party::User(caller.user_id), own));
    let look = GateHandle::look(&ctx.env, tenant_id, rate, own.as_slice()).await?;
    let of_one = look.shares.first().zip(own).map(|(share, (party, own))| LimitView::of_party(share, party, own));
    Ok(Reply::ok(Output { limits: [LimitView::of_all(&look, rate)].into_iter().chain(of_one).collect() }))
}

impl LimitView {
    const fn of_all(look: &Look, rate: Rate) -> Self {
        Self {
            name: "api",
            whose: Whose::Organization,
            per_minute: rate.per_minute,
            burst: rate.burst,
            used: rate.burst.saturating_sub(look.remaining).saturating_sub(look.on_lease),
            on_lease: look.on_lease,
            remaining: look.remaining,
            reset_after_seconds: look.reset_after_ms.div_ceil(1000),
        }
    }

    const fn of_party(share: &Share, party: Party, rate: Rate) -> Self {
        Self {
            name: party.policy(),
            whose: Whose::User,
            per_minute: rate.per_minute,
            burst: rate.burst,
            used: rate.burst.saturating_sub(share.remaining),
            on_lease: 0,
            remaining: share.remaining,
            reset_after_seconds: share.reset_after_ms.div_ceil(1000),
        }
    }
}
