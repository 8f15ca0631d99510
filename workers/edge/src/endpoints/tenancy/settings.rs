//! `GET,PATCH /tenants/{id}/settings`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    gate::{Policy, Revocation},
    http::cors::Origin,
    identity::sign_on::MailDomain,
    tenancy::{
        network::{self, Network},
        settings::{MOST_MAIL_DOMAINS, MOST_NETWORKS, MOST_ORIGINS, MfaPolicy, UpTo, Within},
    },
    time::Timestamp,
};
use zygo_objects::gate::GateHandle;
use zygo_runtime::random;
use zygo_store::tenancy::{self, SettingsPatch, SettingsRow, SettingsUpdate};

use super::of_path;
use crate::{ctx::Ctx, json_input, outbox, reply::Reply, revocation, route::NoBody};

/// What is to change; what is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Days without a refresh after which a session ends.
    #[serde(default)]
    session_idle_days: Option<Within<1, 90>>,
    /// Days after which a session ends in any case.
    #[serde(default)]
    session_absolute_days: Option<Within<1, 90>>,
    /// Fewest characters of a password that a member sets from now on.
    #[serde(default)]
    password_min_length: Option<Within<12, 128>>,
    /// Of whom a second factor is asked.
    #[serde(default)]
    mfa_policy: Option<MfaPolicy>,
    /// Days in which somebody of whom one is asked may still sign in without.
    #[serde(default)]
    mfa_grace_days: Option<Within<0, 90>>,
    /// Mail domains of new members and invitations; any, where it is empty.
    #[serde(default)]
    allowed_mail_domains: Option<UpTo<MOST_MAIL_DOMAINS, MailDomain>>,
    /// Addresses and networks that people may come from; any, where it is empty.
    #[serde(default)]
    ip_allow_list: Option<UpTo<MOST_NETWORKS, Network>>,
    /// Origins whose pages may call the organisation's hosts, with credentials. It holds within a minute.
    #[serde(default)]
    cors_origins: Option<UpTo<MOST_ORIGINS, Origin>>,
}

json_input!(Input);

/// What an organisation lays down for its people.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Days without a refresh after which a session ends.
    session_idle_days: i32,
    /// Days after which a session ends in any case.
    session_absolute_days: i32,
    /// Fewest characters of a password that a member sets.
    password_min_length: i32,
    /// Of whom a second factor is asked: `optional`, `admins`, `required`.
    mfa_policy: String,
    /// Days in which somebody of whom one is asked may still sign in without.
    mfa_grace_days: i32,
    /// Mail domains of new members and invitations; any, where it is empty.
    allowed_mail_domains: Vec<String>,
    /// Addresses and networks that people may come from; any, where it is empty.
    ip_allow_list: Vec<String>,
    /// Origins whose pages may call the organisation's hosts.
    cors_origins: Vec<String>,
    /// When they were last changed.
    updated_at: Timestamp,
}

impl From<SettingsRow> for Output {
    fn from(row: SettingsRow) -> Self {
        Self {
            session_idle_days: row.session_idle_days,
            session_absolute_days: row.session_absolute_days,
            password_min_length: row.password_min_length,
            mfa_policy: row.mfa_policy,
            mfa_grace_days: row.mfa_grace_days,
            allowed_mail_domains: row.allowed_mail_domains,
            ip_allow_list: row.ip_allow_list,
            cors_origins: row.cors_origins,
            updated_at: row.updated_at,
        }
    }
}

/// Answers the settings.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let scope = of_path(&ctx)?;
    let db = ctx.db().await?;
    let row = ctx.store(tenancy::settings(&db, &scope)).await?.ok_or(Problem::new(Code::NotFound))?;
    let version = i64::from(row.version);
    Ok(Reply::ok(row.into()).version(version))
}

/// Changes settings, in one round trip; what requests go by from now on, the gate is told before the answer.
///
/// # Errors
/// `VALIDATION_FAILED`, also for an allow-list that would lock its author out; `MFA_REQUIRED` for an author without a second factor who
/// asks others for one; `PRECONDITION_FAILED` where `If-Match` lost; `NOT_FOUND`.
pub async fn update(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let scope = of_path(&ctx)?;
    let expected = ctx.if_match()?;
    keep_the_author_in(&ctx, &input)?;
    let patch = SettingsPatch {
        session_idle_days: input.session_idle_days.map(Within::get),
        session_absolute_days: input.session_absolute_days.map(Within::get),
        password_min_length: input.password_min_length.map(Within::get),
        mfa_policy: input.mfa_policy.map(MfaPolicy::key),
        mfa_grace_days: input.mfa_grace_days.map(Within::get),
        allowed_mail_domains: input.allowed_mail_domains.map(|list| list.into_vec().iter().map(|domain| domain.as_str().to_owned()).collect()),
        ip_allow_list: input.ip_allow_list.as_ref().map(|list| list.as_slice().iter().map(ToString::to_string).collect()),
        cors_origins: input.cors_origins.as_ref().map(|list| list.as_slice().iter().map(|origin| origin.as_str().to_owned()).collect()),
    };
    let db = ctx.db().await?;
    let outbox_id = random::id(ctx.now);
    match ctx.store(tenancy::update_settings(&db, &scope, &patch, expected.as_deref(), outbox_id, ctx.now)).await? {
        SettingsUpdate::Done { settings, queued, mfa_changed, networks_changed } => {
            outbox::enqueue(&ctx, queued);
            if let (true, Some(list)) = (networks_changed, input.ip_allow_list) {
                // The job that was committed along tells it again, should this fail.
                let policy = Policy { version: settings.directory_version, networks: list.into_vec() };
                GateHandle::open(&ctx.env, scope.tenant_id())?.lay_down(policy).await?;
                ctx.doubt(scope.tenant_id());
            }
            if mfa_changed {
                // Tokens are asked for anew, and whoever has no second factor then gets none.
                revocation::announce(&ctx, scope.tenant_id(), vec![Revocation::Permissions]).await?;
            }
            let version = i64::from(settings.version);
            Ok(Reply::ok((*settings).into()).version(version))
        }
        SettingsUpdate::VersionLost => Err(Problem::new(Code::PreconditionFailed)),
        SettingsUpdate::Missing => Err(Problem::new(Code::NotFound)),
    }
}

/// Refuses what would shut out whoever asks for it.
fn keep_the_author_in(ctx: &Ctx, input: &Input) -> Result<(), Problem> {
    let networks = input.ip_allow_list.as_ref().map(UpTo::as_slice).unwrap_or_default();
    if !network::admits(networks, ctx.head.client_address()) {
        return Err(Problem::field("ip_allow_list", "locks_out", "the list must let in the address that you come from"));
    }
    let asks = input.mfa_policy.is_some_and(|policy| policy > MfaPolicy::Optional);
    if asks && ctx.caller()?.mfa_at.is_none() {
        return Err(Problem::new(Code::MfaRequired)
            .detail("who asks others for a second factor gives one first")
            .hint("POST /auth/mfa/step-up, after POST /auth/mfa/totp/setup where there is none yet"));
    }
    Ok(())
}
