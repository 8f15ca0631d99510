//! `GET /tenants/{id}/invitations`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{error::Problem, id::InvitationId, time::Timestamp};
use zygo_store::access;

use super::views::InvitationView;
use crate::{ctx::Ctx, endpoints::tenancy::of_path, page, reply::Reply, route::NoBody};

const STATUSES: [&str; 4] = ["pending", "accepted", "revoked", "expired"];

/// The query parameters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Query {
    /// `pending`, `accepted`, `revoked` or `expired`.
    pub status: Option<String>,
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of invitations.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The invitations, latest first.
    data: Vec<InvitationView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Position in the list: creation and id of the last invitation shown.
#[derive(Serialize, Deserialize)]
struct Position(Timestamp, InvitationId);

/// Lists the invitations.
///
/// # Errors
/// `NOT_FOUND` for another organisation than the active one, `VALIDATION_FAILED` for odd parameters.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = of_path(&ctx)?;
    let status = ctx.query("status").filter(|status| !status.is_empty());
    if status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(Problem::field("status", "choice", "pending, accepted, revoked or expired"));
    }
    let page = page::Page::<Position>::read(&ctx, &format!("{} {status:?}", scope.tenant_id()))?;
    let after = page.after.as_ref().map(|position| (position.0, position.1));
    let db = ctx.db().await?;
    let mut rows = ctx.store(access::list_invitations(&db, &scope, status.as_deref(), after, page.fetch(), ctx.now)).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.created_at, row.id))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(InvitationView::from).collect(), next_cursor }))
}
