//! `/account/sessions`: where one is signed in.

use askama::Template;
use zygo_core::{
    error::{Code, Problem},
    id::{SessionId, TrustedDeviceId},
    identity::session::{EndReason, Filter},
};
use zygo_store::identity::{self, SessionRow, Which, mfa};

use super::{
    dates, devices,
    form::Form,
    frame::{self, Frame},
    notice::Notice,
};
use crate::{ctx::Ctx, endpoints::identity::sign_in, reply::Answer, revocation};

const PATH: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "pages/sessions.html")]
struct Page {
    frame: Frame,
    sessions: Vec<View>,
    trusted: Vec<Trusted>,
}

/// A device that is asked for no second factor.
struct Trusted {
    id: TrustedDeviceId,
    name: String,
    until: String,
    current: bool,
}

struct View {
    id: SessionId,
    device: String,
    place: String,
    since: String,
    seen: String,
    current: bool,
}

/// Shows the sessions of all organisations.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, None).await
}

async fn show(ctx: &Ctx, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let rows = ctx.store(identity::list_sessions(&db, &ctx.lookup(), caller.user_id, ctx.now)).await?;
    let device = sign_in::arrival(ctx, None).device_hash;
    let kept = ctx.store(mfa::list_devices(&db, &ctx.lookup(), caller.user_id, device, ctx.now)).await?;
    let frame = Frame::new(ctx).with(problem);
    let view = |row: SessionRow| View {
        id: row.id,
        device: devices::name(row.device_name.as_deref(), row.user_agent.as_deref()).unwrap_or_else(|| frame.t.session_unknown.to_owned()),
        place: [row.ip, row.country].into_iter().flatten().collect::<Vec<_>>().join(", "),
        since: dates::minute(row.created_at, frame.language),
        seen: dates::minute(row.last_seen_at, frame.language),
        current: row.id == caller.session_id,
    };
    let sessions = rows.into_iter().map(view).collect();
    let trusted = kept.into_iter().map(|row| Trusted {
        id: row.id,
        name: devices::name(row.name.as_deref(), row.name.as_deref()).unwrap_or_else(|| frame.t.session_unknown.to_owned()),
        until: dates::minute(row.expires_at, frame.language),
        current: row.current,
    });
    let trusted = trusted.collect();
    frame::show(&Page { frame, sessions, trusted })
}

/// Ends one session, or all but this; or trusts a device no more.
///
/// # Errors
/// `NOT_FOUND` for a session or a device that is not the person's, or is no more.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let this = ctx.caller()?.session_id;
    if form.get("others").is_some() {
        revocation::end(&ctx, Which::Others(this), Filter::Others(this), EndReason::SignedOut).await?;
        return Ok(Answer::see_other(Notice::OthersEnded.at(PATH)));
    }
    if let Some(device) = form.get("device") {
        return distrust(&ctx, device).await;
    }
    let id: SessionId = form.get("id").and_then(|id| id.parse().ok()).ok_or(Problem::new(Code::NotFound))?;
    let ended = revocation::end(&ctx, Which::One(id), Filter::One(id), EndReason::SignedOutElsewhere).await?;
    if ended.is_empty() { Err(Problem::new(Code::NotFound)) } else { Ok(Answer::see_other(Notice::SessionEnded.at(PATH))) }
}

async fn distrust(ctx: &Ctx, device: &str) -> Result<Answer, Problem> {
    let id: TrustedDeviceId = device.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let db = ctx.db().await?;
    let removed = ctx.store(mfa::remove_device(&db, &ctx.lookup(), ctx.caller()?.user_id, id)).await?;
    if removed { Ok(Answer::see_other(Notice::DeviceRemoved.at(PATH))) } else { Err(Problem::new(Code::NotFound)) }
}

/// Shows the sessions again.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn again(ctx: Ctx, _: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, Some(&problem)).await
}
