//! Answers in SCIM's words.

use serde_json::{Map, Value, json};
use zygo_core::{
    error::Problem,
    http::etag::ETag,
    identity::scim::{
        BASE, GROUP, MEDIA_TYPE, document, error_document,
        resource::{Projection, user_schemas},
        schema::{ResourceType, USER_TYPE},
    },
};
use zygo_store::identity::scim::{Found, Resource};

use crate::{
    ctx::Ctx,
    pipeline::Dialect,
    reply::{Answer, AnswerBody, Cache},
};

/// Where problems are told so.
pub const DIALECT: (&str, Dialect) = ("/scim/v2", problem);

/// A problem as SCIM has it (RFC 7644, 3.12); the house's code goes beside it, since clients take no further members.
fn problem(problem: &Problem, mut answer: Answer) -> Answer {
    let (status, body) = error_document(problem);
    answer.headers.push(("x-error-code", problem.code().as_str().to_owned()));
    Answer { status, content_type: MEDIA_TYPE, body: AnswerBody::Text(body), ..answer }
}

/// A document that is the same for everybody.
#[must_use]
pub fn document(document: Value) -> Answer {
    Answer::text(200, MEDIA_TYPE, AnswerBody::Text(document.to_string()))
}

/// Which attributes are asked for in the query.
#[must_use]
pub fn projection(ctx: &Ctx) -> Projection {
    Projection::read(ctx.query("attributes").as_deref(), ctx.query("excludedAttributes").as_deref())
}

fn tag(resource: &Resource) -> ETag {
    let id = resource.attributes.get("id").and_then(Value::as_str).unwrap_or_default();
    ETag::of(resource.version, id.as_bytes())
}

/// A resource as the host that is asked shows it.
#[must_use]
pub fn shown(ctx: &Ctx, of: &ResourceType, resource: Resource, projection: &Projection) -> Map<String, Value> {
    let base = format!("{}{BASE}", ctx.head.origin());
    let version = format!("W/{}", tag(&resource).header());
    let mut attributes = resource.attributes;
    let id = attributes.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(meta) = attributes.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("location".into(), format!("{base}{}/{id}", of.endpoint).into());
        meta.insert("version".into(), version.into());
    }
    for (list, endpoint) in [("groups", "/Groups"), ("members", "/Users")] {
        for one in attributes.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            let at = one.get("value").and_then(Value::as_str).map(|value| format!("{base}{endpoint}/{value}"));
            one.extend(at.map(|at| ("$ref".to_owned(), Value::from(at))));
        }
    }
    let schemas = if of.name == USER_TYPE.name { user_schemas(&attributes) } else { json!([GROUP]) };
    let whole = [("schemas".to_owned(), schemas)].into_iter().chain(attributes).collect();
    projection.apply(of, whole)
}

/// The answer with one resource.
#[must_use]
pub fn one(ctx: &Ctx, status: u16, of: &ResourceType, resource: Resource, projection: &Projection) -> Answer {
    let tag = tag(&resource);
    let location =
        format!("{}{BASE}{}/{}", ctx.head.origin(), of.endpoint, resource.attributes.get("id").and_then(Value::as_str).unwrap_or_default());
    let known = status == 200 && ctx.head.header("if-none-match").is_some_and(|wanted| tag.is_in(wanted));
    let mut answer = if known {
        Answer::text(304, "", AnswerBody::Empty)
    } else {
        let body = Value::Object(shown(ctx, of, resource, projection)).to_string();
        Answer::text(status, MEDIA_TYPE, AnswerBody::Text(body))
    };
    answer.cache = Cache::Revalidate;
    answer.headers.push(("etag", format!("W/{}", tag.header())));
    if status == 201 {
        answer.headers.push(("location", location));
    }
    answer
}

/// The answer with a page of resources.
#[must_use]
pub fn page(ctx: &Ctx, of: &ResourceType, found: Found, start: i64, projection: &Projection) -> Answer {
    let resources = found.resources.into_iter().map(|resource| shown(ctx, of, resource, projection).into()).collect();
    document(document::page(found.total, start, resources))
}

/// The answer without a body.
#[must_use]
pub const fn gone() -> Answer {
    Answer::text(204, "", AnswerBody::Empty)
}
