//! `POST /permissions/check`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{access::Permission, error::Problem};

use crate::{ctx::Ctx, json_input, reply::Reply};

/// What is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Keys of permissions.
    permissions: Vec<Permission>,
}

json_input!(Input);

/// What the caller may.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Each key that was asked, and whether the caller's role holds it.
    permissions: BTreeMap<&'static str, bool>,
}

/// Answers from the token, so that a user interface knows what to show. What it shows is checked again where it is done.
///
/// # Errors
/// `VALIDATION_FAILED` for what is no permission.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let held = ctx.caller()?.permissions;
    let permissions = input.permissions.into_iter().map(|permission| (permission.key(), held.contains(permission))).collect();
    Ok(Reply::ok(Output { permissions }))
}
