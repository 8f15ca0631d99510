//! `GET /tenants/{id}/users`, `GET /tenants/{id}/users/{userId}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    time::Timestamp,
};
use zygo_store::access::{self, MembersQuery};

use super::views::{self, MemberView};
use crate::{ctx::Ctx, endpoints::tenancy::of_path, page, reply::Reply, route::NoBody};

/// Longest text to search for, in characters.
const LONGEST: usize = 100;

/// The query parameters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Query {
    /// Part of an address or a name.
    pub search: Option<String>,
    /// Key or identifier of a role.
    pub role: Option<String>,
    /// `active` or `suspended`.
    pub status: Option<String>,
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of members.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The members, the longest-standing first.
    data: Vec<MemberView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Position in the list: when the last one shown joined, and their membership.
#[derive(Serialize, Deserialize)]
struct Position(Timestamp, Uuid);

/// Lists the members that fit.
///
/// # Errors
/// `NOT_FOUND` for another organisation than the active one, `VALIDATION_FAILED` for odd parameters.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = of_path(&ctx)?;
    let mut query = asked(&ctx)?;
    let binding = format!("{} {:?} {:?} {:?}", scope.tenant_id(), query.search, query.role, query.status);
    let page = page::Page::<Position>::read(&ctx, &binding)?;
    query.after = page.after.as_ref().map(|position| (position.0, position.1));
    let db = ctx.db().await?;
    let mut rows = ctx.store(access::list_members(&db, &scope, &query, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.created_at, row.membership_id))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(MemberView::from).collect(), next_cursor }))
}

fn asked(ctx: &Ctx) -> Result<MembersQuery, Problem> {
    let text = |name: &'static str| {
        let text = ctx.query(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let odd = text.as_ref().is_some_and(|text| text.chars().count() > LONGEST || text.chars().any(char::is_control));
        if odd { Err(Problem::field(name, "text", "at most 100 characters, none of them a control character")) } else { Ok(text) }
    };
    let status = match text("status")?.as_deref() {
        None => None,
        Some("active") => Some("active"),
        Some("suspended") => Some("suspended"),
        Some(_) => return Err(Problem::field("status", "choice", "active or suspended")),
    };
    Ok(MembersQuery { search: text("search")?, role: text("role")?, status, after: None })
}

/// Answers one member.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn one(ctx: Ctx, _: NoBody) -> Result<Reply<MemberView>, Problem> {
    let (scope, user) = (of_path(&ctx)?, ctx.id::<UserId>("user_id")?);
    let db = ctx.db().await?;
    let row = ctx.store(access::member(&db, &scope, user)).await?.ok_or(Problem::new(Code::NotFound))?;
    Ok(views::reply(row))
}
