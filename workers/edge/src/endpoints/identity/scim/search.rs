//! Lists: by the query, and by a body (`POST …/.search`, RFC 7644, 3.4.3).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zygo_core::{
    error::Problem,
    identity::scim::{
        Fault, Kind, document,
        query::{Condition, Page},
        resource::Projection,
        schema::{GROUP_TYPE, ResourceType, USER_TYPE},
    },
};
use zygo_store::identity::scim::{self, Found, Selection};

use super::{
    Body,
    answer::{self, shown},
    enter::Directory,
};
use crate::{ctx::Ctx, reply::Answer};

/// Which attributes an answer has.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Just these, names with commas between them.
    pub attributes: Option<String>,
    /// All but these.
    pub excluded_attributes: Option<String>,
}

/// The query parameters of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// What holds for those that are wanted (RFC 7644, 3.4.2.2).
    pub filter: Option<String>,
    /// The first one, from 1.
    pub start_index: Option<i64>,
    /// How many at most; 200 at most.
    pub count: Option<i64>,
    /// Just these attributes.
    pub attributes: Option<String>,
    /// All attributes but these.
    pub excluded_attributes: Option<String>,
}

/// What a list is asked for.
pub struct Wanted {
    filter: Option<String>,
    page: Page,
    projection: Projection,
}

fn number(name: &str) -> Fault {
    Fault::new(Kind::InvalidValue, format!("{name} is a whole number"))
}

impl Wanted {
    /// Reads the query.
    ///
    /// # Errors
    /// `invalidValue` for what is no number.
    pub fn of_query(ctx: &Ctx) -> Result<Self, Problem> {
        let read = |name: &str| ctx.query(name).map(|text| text.parse::<i64>().map_err(|_| number(name))).transpose();
        let filter = ctx.query("filter").filter(|filter| !filter.trim().is_empty());
        Ok(Self { filter, page: Page::new(read("startIndex")?, read("count")?), projection: answer::projection(ctx) })
    }

    fn of_body(body: &Value) -> Result<Self, Problem> {
        let Value::Object(members) = body else { return Err(Fault::new(Kind::InvalidSyntax, "a search is an object").into()) };
        let member =
            |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).filter(|value| !value.is_null());
        let read = |name: &str| member(name).map(|value| value.as_i64().ok_or_else(|| number(name))).transpose();
        let names = |name: &str| {
            let list = member(name).and_then(Value::as_array)?;
            Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
        };
        let filter = match member("filter") {
            None => None,
            Some(Value::String(filter)) => Some(filter.clone()).filter(|filter| !filter.trim().is_empty()),
            Some(_) => return Err(Fault::new(Kind::InvalidFilter, "a filter is a string").into()),
        };
        let projection = Projection::read(names("attributes").as_deref(), names("excludedAttributes").as_deref());
        Ok(Self { filter, page: Page::new(read("startIndex")?, read("count")?), projection })
    }

    fn selection(&self, of: &ResourceType) -> Result<Selection, Fault> {
        let condition = self.filter.as_deref().map(|filter| Condition::read(of, filter)).transpose()?.unwrap_or_default();
        Ok(Selection { condition, page: self.page })
    }
}

/// The users that are wanted.
///
/// # Errors
/// `invalidFilter`.
pub async fn find_users(ctx: &Ctx, directory: &Directory, wanted: &Wanted) -> Result<Answer, Problem> {
    let selection = wanted.selection(&USER_TYPE)?;
    let db = ctx.db().await?;
    let found = ctx.store(scim::users(&db, &directory.scope, &selection)).await?;
    Ok(answer::page(ctx, &USER_TYPE, found, wanted.page.start, &wanted.projection))
}

/// The groups that are wanted.
///
/// # Errors
/// `invalidFilter`.
pub async fn find_groups(ctx: &Ctx, directory: &Directory, wanted: &Wanted) -> Result<Answer, Problem> {
    let selection = wanted.selection(&GROUP_TYPE)?;
    let db = ctx.db().await?;
    let with_members = wanted.projection.shows(&GROUP_TYPE, "members");
    let found = ctx.store(scim::groups(&db, &directory.scope, &selection, with_members)).await?;
    Ok(answer::page(ctx, &GROUP_TYPE, found, wanted.page.start, &wanted.projection))
}

/// Searches users.
///
/// # Errors
/// As [`find_users`].
pub async fn users(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    find_users(&ctx, &directory, &Wanted::of_body(&body.0)?).await
}

/// Searches groups.
///
/// # Errors
/// As [`find_groups`].
pub async fn groups(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    find_groups(&ctx, &directory, &Wanted::of_body(&body.0)?).await
}

/// Searches both, users first. A filter over attributes that only one of them has finds only those.
///
/// # Errors
/// `invalidFilter`.
pub async fn all(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    let wanted = Wanted::of_body(&body.0)?;
    let (users, groups) = (wanted.selection(&USER_TYPE), wanted.selection(&GROUP_TYPE));
    if let (Err(fault), Err(_)) = (&users, &groups) {
        return Err(fault.clone().into());
    }
    let users = found_users(&ctx, &directory, users.ok()).await?;
    let groups = found_groups(&ctx, &directory, groups.ok(), &wanted, &users).await?;
    let total = users.total.saturating_add(groups.total);
    let of = |kind: &'static ResourceType, found: Found| {
        let (ctx, projection) = (&ctx, &wanted.projection);
        found.resources.into_iter().map(move |resource| Value::Object(shown(ctx, kind, resource, projection)))
    };
    let resources = of(&USER_TYPE, users).chain(of(&GROUP_TYPE, groups)).collect();
    Ok(answer::document(document::page(total, wanted.page.start, resources)))
}

async fn found_users(ctx: &Ctx, directory: &Directory, selection: Option<Selection>) -> Result<Found, Problem> {
    let Some(selection) = selection else { return Ok(Found { total: 0, resources: Vec::new() }) };
    let db = ctx.db().await?;
    ctx.store(scim::users(&db, &directory.scope, &selection)).await
}

/// The groups that follow on a page behind its users.
async fn found_groups(ctx: &Ctx, directory: &Directory, selection: Option<Selection>, wanted: &Wanted, users: &Found) -> Result<Found, Problem> {
    let Some(mut selection) = selection else { return Ok(Found { total: 0, resources: Vec::new() }) };
    let shown = i64::try_from(users.resources.len()).unwrap_or(i64::MAX);
    selection.page.start = wanted.page.start.saturating_sub(users.total).max(1);
    selection.page.count = wanted.page.count.saturating_sub(shown).max(0);
    let db = ctx.db().await?;
    ctx.store(scim::groups(&db, &directory.scope, &selection, wanted.projection.shows(&GROUP_TYPE, "members"))).await
}
