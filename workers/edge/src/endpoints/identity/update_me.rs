//! `PATCH /users/me`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    text::{Locale, Name, TimeZone},
};
use zygo_store::identity::{self, ProfilePatch, Update};

use super::me;
use crate::{ctx::Ctx, json_input, reply::Reply};

/// What is to change; what is absent stays, `null` clears a name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Given name.
    #[serde(default, deserialize_with = "crate::route::present")]
    first_name: Option<Option<Name>>,
    /// Family name.
    #[serde(default, deserialize_with = "crate::route::present")]
    last_name: Option<Option<Name>>,
    /// Language, BCP 47.
    #[serde(default)]
    locale: Option<Locale>,
    /// IANA time zone.
    #[serde(default)]
    timezone: Option<TimeZone>,
}

json_input!(Input);

/// Changes the profile, in one round trip.
///
/// # Errors
/// `PRECONDITION_FAILED` where `If-Match` lost, `VALIDATION_FAILED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<me::Output>, Problem> {
    let caller = ctx.caller()?;
    let expected = ctx.if_match()?;
    let patch = ProfilePatch {
        first_name: input.first_name.map(|name| name.map(Name::into_string)),
        last_name: input.last_name.map(|name| name.map(Name::into_string)),
        locale: input.locale.map(Locale::into_string),
        timezone: input.timezone.map(TimeZone::into_string),
    };
    let db = ctx.db().await?;
    match ctx.store(identity::update_profile(&db, &ctx.lookup(), caller.user_id, &patch, expected.as_deref())).await? {
        Update::Done(me) => {
            let version = i64::from(me.user.version);
            Ok(Reply::ok(me::view(&me, caller)).version(version))
        }
        Update::VersionLost => Err(Problem::new(Code::PreconditionFailed)),
        Update::Missing => Err(Problem::new(Code::Unauthenticated)),
    }
}
