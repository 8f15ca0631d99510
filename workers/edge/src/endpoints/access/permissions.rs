//! `GET /permissions`

use std::cell::OnceCell;

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    access::{Permission, catalogue},
    error::Problem,
};

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Cache, Kept},
};

/// The catalogue.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The permissions, in the order of the catalogue.
    data: Vec<PermissionView>,
    /// Always `null`: the catalogue is one page.
    next_cursor: Option<String>,
}

/// A permission.
#[derive(Serialize, JsonSchema)]
pub struct PermissionView {
    /// Key.
    key: &'static str,
    /// Category.
    category: &'static str,
    /// What it allows.
    description: &'static str,
    /// Whether its use is audited and checked against the database each time.
    critical: bool,
    /// Whether it needs a second factor not older than ten minutes.
    mfa_required: bool,
}

thread_local! {
    static BODY: OnceCell<&'static Kept> = const { OnceCell::new() };
}

/// The catalogue as JSON, written once per isolate.
fn body() -> Result<&'static Kept, Problem> {
    BODY.with(|cell| {
        if let Some(body) = cell.get() {
            return Ok(*body);
        }
        let data = Permission::ALL.iter().map(|permission| PermissionView {
            key: permission.key(),
            category: permission.category().name(),
            description: permission.description(),
            critical: permission.is_critical(),
            mfa_required: permission.needs_mfa(),
        });
        let output = Output { data: data.collect(), next_cursor: None };
        let text = serde_json::to_string(&output).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(*cell.get_or_init(|| Kept::new(i64::from(catalogue::VERSION), text)))
    })
}

/// Answers from memory.
///
/// # Errors
/// None of its own.
pub async fn handle(_: Ctx) -> Result<Answer, Problem> {
    let mut answer = Answer::text(200, "application/json; charset=utf-8", AnswerBody::Kept(body()?));
    answer.version = Some(i64::from(catalogue::VERSION));
    answer.cache = Cache::Revalidate;
    Ok(answer)
}
