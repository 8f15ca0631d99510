//! `GET /events/stream`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    http::cors::Cors,
    id::TenantId,
    stream::{Cursor, Reader, ticket::Ticket},
};
use zygo_objects::{
    OnceHandle, StreamsHandle,
    streams::{Opening, Transport},
};

use super::reader;
use crate::{
    caller::Caller,
    ctx::Ctx,
    pipeline::{admission, authenticate, head::Method},
    reply::{Answer, AnswerBody},
};

/// Kind of things that may happen once: a ticket is used.
const TICKETS: &str = "stream ticket";

/// The query parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// The cursor of the last frame that was read; what happened since comes first. A browser's `EventSource` says it by itself when it
    /// comes back, as `Last-Event-ID`.
    pub after: Option<String>,
    /// A ticket, instead of an access token.
    pub ticket: Option<String>,
}

/// Connects.
///
/// # Errors
/// `UNAUTHENTICATED` without token and ticket; `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED` for a ticket that is none, was one, was
/// used; `TENANT_MISMATCH` for one of another organisation than the host's; `PERMISSION_DENIED` without an active organisation and for pages of
/// other origins; `VALIDATION_FAILED` for what is no cursor; `RATE_LIMITED` where too many streams are open.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    of_our_origin(&ctx)?;
    let after = ctx.head.header("last-event-id").map(str::to_owned).or_else(|| ctx.query("after"));
    let after: Option<Cursor> = after.map(|text| text.parse()).transpose().map_err(|_| Problem::field("after", "cursor", "not a cursor"))?;
    let (tenant_id, reader) = who(&ctx).await?;
    let opening = Opening { tenant_id, reader, after };
    let stream = StreamsHandle::open(&ctx.env, tenant_id)?;
    match transport(&ctx) {
        Some(Transport::WebSocket) => Ok(Answer::text(101, "", AnswerBody::Socket(stream.connect(&opening, Transport::WebSocket).await?))),
        Some(Transport::ServerSent) => {
            let body = match ctx.head.method {
                Method::Head => AnswerBody::Empty,
                _ => AnswerBody::Value(stream.connect(&opening, Transport::ServerSent).await?),
            };
            Ok(Answer::text(200, "text/event-stream", body))
        }
        None => {
            let missed = stream.read(opening).await?;
            let text = serde_json::to_string(&missed).map_err(|error| Problem::internal(error.to_string()))?;
            Ok(Answer::text(200, "application/json; charset=utf-8", AnswerBody::Text(text)))
        }
    }
}

/// A page of an origin that may not read our answers may not connect either; the browser itself asks nobody before it opens a WebSocket.
fn of_our_origin(ctx: &Ctx) -> Result<(), Problem> {
    let host = ctx.head.header("host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let configured: Vec<&str> = ctx.app.config.cors_origins.iter().map(String::as_str).collect();
    match Cors::decide(ctx.head.header("origin"), &[name], &configured) {
        Cors::Refused => {
            Err(Problem::new(Code::PermissionDenied).detail("pages of that origin may not").details(serde_json::json!({ "permission": null })))
        }
        Cors::SameOrigin | Cors::Allowed(_) => Ok(()),
    }
}

fn transport(ctx: &Ctx) -> Option<Transport> {
    let says = |name, what: &str| ctx.head.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(what));
    match ctx.head.method {
        Method::Get if says("upgrade", "websocket") => Some(Transport::WebSocket),
        _ if says("accept", "text/event-stream") => Some(Transport::ServerSent),
        _ => None,
    }
}

/// Who connects to which stream: as the access token says, or the ticket, which is used up by that.
async fn who(ctx: &Ctx) -> Result<(TenantId, Reader), Problem> {
    if let Ok(caller) = ctx.caller() {
        return Ok((authenticate::member(caller)?, reader(ctx, caller)));
    }
    let text = ctx.query("ticket").ok_or(Problem::new(Code::Unauthenticated))?;
    let ticket = Ticket::open(&text, &ctx.app.config.seal_keys, ctx.now)?;
    if ctx.host_tenant().is_some_and(|host| host.tenant_id != ticket.tenant_id) {
        return Err(Problem::new(Code::TenantMismatch));
    }
    let caller = holder(&ticket);
    ctx.trace.user_id.set(Some(caller.user_id));
    ctx.trace.tenant_id.set(caller.tenant_id);
    admission::leased(ctx, &caller, ctx.route()).await?;
    if !OnceHandle::open(&ctx.env, TICKETS, &ticket.id.to_string())?.take(ticket.until).await? {
        return Err(Problem::new(Code::TokenConsumed));
    }
    Ok((ticket.tenant_id, reader(ctx, &caller)))
}

/// Whoever asked for a ticket.
fn holder(ticket: &Ticket) -> Caller {
    let Ticket { tenant_id, reader, rate, .. } = ticket.clone();
    Caller {
        user_id: reader.user_id,
        session_id: reader.session_id,
        tenant_id: Some(tenant_id),
        role: None,
        permissions: reader.permissions,
        amr: Vec::new(),
        mfa_at: None,
        rate,
        issued_at: reader.issued_at,
        expires_at: reader.expires_at,
    }
}
