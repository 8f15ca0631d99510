//! `GET /audit-logs` as a file: a page of rows at a time goes out as it comes in, so that a million rows take no more memory than a
//! thousand.

use futures::stream::try_unfold;
use zygo_core::{
    access::Permission,
    audit::{
        export::{self, Change, Format},
        filter::LogFilter,
    },
    error::Problem,
};
use zygo_runtime::stream;
use zygo_store::{Guard, TenantScope, audit};

use super::Position;
use crate::{
    ctx::Ctx,
    pipeline::{authenticate, head::Method},
    reply::{Answer, AnswerBody},
};

/// Rows of a round trip: enough that the trips do not count, few enough for an isolate that serves others too.
const ROWS: i64 = 1_000;

/// What goes on after the response has begun.
struct Export {
    ctx: Ctx,
    scope: TenantScope,
    format: Format,
    filter: LogFilter,
    /// Rows that are there but not sent.
    ready: Vec<Change>,
    /// What stands before the first of them.
    head: Vec<u8>,
}

/// Streams all that the filter lets through and that was there when it was asked for, newest first.
///
/// The first page is fetched before the answer begins, so that what goes wrong by then is a problem document. Later the stream
/// breaks off, and the client sees that its file is not whole.
///
/// # Errors
/// `PERMISSION_DENIED` without `audit.export`, which is critical: Postgres is asked for it, and writes it down, with the first page.
pub async fn stream(ctx: &Ctx, format: Format, mut filter: LogFilter) -> Result<Answer, Problem> {
    let caller = ctx.caller()?;
    authenticate::hold(caller, Permission::AuditExport)?;
    let end = ctx.now.plus_millis(1);
    filter.period.to = Some(filter.period.to.map_or(end, |to| to.min(end)));
    let scope = ctx.tenant_scope()?;
    let guarded = scope.clone().guarded(Guard::permission(Permission::AuditExport, caller.session_id));
    let db = ctx.db().await?;
    let ready = ctx.store(audit::changes(&db, &guarded, &filter, None, ROWS)).await?;
    let export = Export { scope: scope.unguarded(), ctx: ctx.clone(), format, filter, ready, head: export::head(format) };
    let name = format!("attachment; filename=\"audit-{}.{}\"", ctx.now.to_string().get(..10).unwrap_or_default(), format.ending());
    let body = if ctx.head.method == Method::Head { AnswerBody::Empty } else { AnswerBody::Value(stream::body(try_unfold(Some(export), next))) };
    let mut answer = Answer::text(200, format.content_type(), body);
    answer.headers.push(("content-disposition", name));
    Ok(answer)
}

/// The bytes of the rows that are ready, and what is left to do after them.
async fn next(export: Option<Export>) -> Result<Option<(Vec<u8>, Option<Export>)>, Problem> {
    let Some(mut export) = export else { return Ok(None) };
    let mut bytes = std::mem::take(&mut export.head);
    for change in &export.ready {
        export::row(export.format, change, &mut bytes)?;
    }
    let last = export.ready.last().map(|change| Position::from(change).pair());
    if i64::try_from(export.ready.len()).is_ok_and(|rows| rows < ROWS) {
        return Ok(Some((bytes, None)));
    }
    let Export { ctx, scope, filter, .. } = &export;
    let db = ctx.db().await?;
    let ready = ctx.store(audit::changes(&db, scope, filter, last, ROWS)).await?;
    export.ready = ready;
    Ok(Some((bytes, Some(export))))
}
