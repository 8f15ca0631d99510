//! `GET` and `PATCH /users/me/preferences`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::preferences::{Notifications, NotificationsPatch, Theme},
    text::{Locale, TimeZone},
};
use zygo_store::identity::{self, PreferencesPatch, PreferencesRow, PreferencesUpdate};

use crate::{
    ctx::Ctx,
    json_input,
    reply::{Cache, Reply},
    route::NoBody,
};

/// What is to change; what is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Light or dark.
    #[serde(default)]
    theme: Option<Theme>,
    /// Language, BCP 47.
    #[serde(default)]
    locale: Option<Locale>,
    /// IANA time zone.
    #[serde(default)]
    timezone: Option<TimeZone>,
    /// Which mails one wants.
    #[serde(default)]
    notifications: Option<NotificationsPatch>,
}

json_input!(Input);

/// A person's preferences.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Light or dark.
    theme: Theme,
    /// Language, BCP 47.
    locale: String,
    /// IANA time zone.
    timezone: String,
    /// Which mails one wants, beside those about security and those that one asked for.
    notifications: Notifications,
}

fn view(row: PreferencesRow) -> Reply<Output> {
    let version = row.version;
    let notifications = Notifications::of(&row.notifications);
    Reply::ok(Output { theme: Theme::from_key(&row.theme), locale: row.locale, timezone: row.timezone, notifications }).version(version)
}

/// Answers the caller's preferences.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let row = ctx.store(identity::preferences(&db, &ctx.lookup(), caller.user_id)).await?;
    Ok(view(row.ok_or(Problem::new(Code::Unauthenticated))?).cache(Cache::Revalidate))
}

/// Changes them, in one round trip.
///
/// # Errors
/// `PRECONDITION_FAILED` where `If-Match` lost, `VALIDATION_FAILED`.
pub async fn update(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let expected = ctx.if_match()?;
    let patch = PreferencesPatch {
        locale: input.locale.map(Locale::into_string),
        timezone: input.timezone.map(TimeZone::into_string),
        theme: input.theme.map(Theme::key),
        notifications: input.notifications.map(|switches| switches.stored()),
    };
    let db = ctx.db().await?;
    match ctx.store(identity::update_preferences(&db, &ctx.lookup(), caller.user_id, &patch, expected.as_deref())).await? {
        PreferencesUpdate::Done(row) => Ok(view(row)),
        PreferencesUpdate::VersionLost => Err(Problem::new(Code::PreconditionFailed)),
        PreferencesUpdate::Missing => Err(Problem::new(Code::Unauthenticated)),
    }
}
