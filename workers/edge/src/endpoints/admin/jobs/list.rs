//! `GET /admin/jobs`, `GET /admin/jobs/dead`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zygo_core::{error::Problem, events::job::Queue, time::Timestamp};
use zygo_store::admin::jobs::{self, Filter, JobRow};

use super::views::JobView;
use crate::{ctx::Ctx, page::Page, reply::Reply, route::NoBody};

/// States that a job may be in.
const STATES: [&str; 5] = ["waiting", "running", "retrying", "done", "dead"];
/// Longest kind, as the outbox keeps it.
const KIND: usize = 80;

/// The query parameters of the list of all jobs.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Name of a job, as `mail.verify_email`.
    pub kind: Option<String>,
    /// `jobs`, `mail`, `webhooks`.
    pub queue: Option<String>,
    /// `waiting`, `running`, `retrying`, `done`, `dead`.
    pub state: Option<String>,
}

/// The query parameters of the list of dead letters.
#[derive(Deserialize, JsonSchema)]
pub struct DeadQuery {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Name of a job, as `mail.verify_email`.
    pub kind: Option<String>,
    /// `jobs`, `mail`, `webhooks`.
    pub queue: Option<String>,
}

/// A page of jobs.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The jobs.
    data: Vec<JobView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// What a query asks for.
struct Wanted {
    kind: Option<String>,
    queue: Option<String>,
    state: Option<String>,
}

impl Wanted {
    fn read(ctx: &Ctx) -> Result<Self, Problem> {
        let kind = ctx.query("kind").map(|kind| {
            let odd = kind.is_empty()
                || kind.len() > KIND
                || !kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte));
            if odd { Err(Problem::field("kind", "kind", "not the name of a job")) } else { Ok(kind) }
        });
        let one_of = |name: &'static str, known: &[&str]| {
            let known_one = |value: String| {
                let message = format!("one of {}", known.join(", "));
                if known.contains(&value.as_str()) { Ok(value) } else { Err(Problem::field(name, name, &message)) }
            };
            ctx.query(name).map(known_one).transpose()
        };
        Ok(Self { kind: kind.transpose()?, queue: one_of("queue", &Queue::ALL.map(Queue::as_str))?, state: one_of("state", &STATES)? })
    }

    fn filter(&self) -> Filter<'_> {
        Filter { kind: self.kind.as_deref(), queue: self.queue.as_deref(), state: self.state.as_deref() }
    }

    /// What a cursor must not be carried across.
    fn binding(&self) -> String {
        format!("{:?} {:?} {:?}", self.kind, self.queue, self.state)
    }
}

/// Lists jobs.
///
/// # Errors
/// `PERMISSION_DENIED` to whoever does not administer the platform, `VALIDATION_FAILED` for a filter, limit or cursor that cannot be meant.
pub async fn all(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let (scope, wanted) = (ctx.admin_scope("list of jobs")?, Wanted::read(&ctx)?);
    let page = Page::<(Timestamp, Uuid)>::read(&ctx, &wanted.binding())?;
    let db = ctx.platform_db().await?;
    let mut rows = ctx.store(jobs::list(&db, &scope, wanted.filter(), from(&ctx, &page), page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| (row.created_at, row.id.uuid()))?;
    Ok(answer(rows, next_cursor))
}

/// Lists dead letters.
///
/// # Errors
/// As [`all`].
pub async fn dead(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let (scope, wanted) = (ctx.admin_scope("list of dead letters")?, Wanted::read(&ctx)?);
    let page = Page::<(Timestamp, Uuid)>::read(&ctx, &wanted.binding())?;
    let db = ctx.platform_db().await?;
    let mut rows = ctx.store(jobs::dead(&db, &scope, wanted.filter(), from(&ctx, &page), page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| (row.finished_at.unwrap_or(row.created_at), row.id.uuid()))?;
    Ok(answer(rows, next_cursor))
}

/// The first page begins with whatever is newest.
fn from(ctx: &Ctx, page: &Page<(Timestamp, Uuid)>) -> (Timestamp, Uuid) {
    page.after.unwrap_or((ctx.now.plus_seconds(86_400), Uuid::max()))
}

fn answer(rows: Vec<JobRow>, next_cursor: Option<String>) -> Reply<Output> {
    Reply::ok(Output { data: rows.into_iter().map(JobView::from).collect(), next_cursor })
}
