//! Begins sessions: the object that holds them, the record of them, the tokens.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zygo_core::{
    access::{DefaultRole, Permission, PermissionSet, catalogue},
    error::{Code, Problem},
    id::{SessionId, TenantId, UserId},
    identity::{
        refresh::RefreshToken,
        session::{ABSOLUTE_SECONDS, IDLE_SECONDS, NewSession, Secret},
        token::{ACCESS_SECONDS, AccessClaims},
    },
    tenancy::{
        network::{self, Network},
        plan::Feature,
    },
    time::Timestamp,
};
use zygo_objects::sessions::SessionsHandle;
use zygo_runtime::random;
use zygo_store::identity::{Membership, SessionRecord, UserRow};

use super::views::{SessionView, TenantRef, UserView};
use crate::{ctx::Ctx, reply::Reply, security, whence::Whence};

/// A session, as sign-in answers it.
#[derive(Serialize, JsonSchema)]
pub struct Session {
    /// Access token (JWT).
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// When the access token expires.
    expires_at: Timestamp,
    /// Refresh token; `null` where it went into a cookie.
    refresh_token: Option<String>,
    /// The session.
    session: SessionView,
    /// The person.
    user: UserView,
    /// Active tenant, if any.
    tenant: Option<TenantRef>,
    /// Token of the device, where it is trusted from now on and wants no cookie: `device_token` of its next sign-ins.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
}

impl Session {
    /// The same with the token of a device that is trusted from now on.
    #[must_use]
    pub fn with_device(mut self, token: String) -> Self {
        self.device_token = Some(token);
        self
    }

    /// The token of a device that is trusted from now on.
    #[must_use]
    pub fn device_token(&self) -> Option<&str> {
        self.device_token.as_deref()
    }

    /// Refresh token and access token, where both are handed over.
    #[must_use]
    pub fn tokens(&self) -> Option<(&str, &str)> {
        Some((self.refresh_token.as_deref()?, &self.access_token))
    }

    /// The language that the person chose, BCP 47.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.user.locale
    }
}

/// How a client wants its refresh token, and what it calls itself.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Name of the device.
    pub device_name: Option<String>,
    /// Whether the refresh token goes into a cookie.
    pub cookie: bool,
}

/// What a new session stands on.
pub struct Grounds<'a> {
    /// The person.
    pub user: &'a UserRow,
    /// Their membership in the tenant; `None` at the platform.
    pub membership: Option<&'a Membership>,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// When a second factor was given.
    pub mfa_at: Option<Timestamp>,
}

/// A session that was begun but not yet answered.
pub struct Begun {
    /// The refresh token.
    pub refresh: RefreshToken,
    /// The record for Postgres.
    pub record: SessionRecord,
    absolute_seconds: i64,
    idle_seconds: i64,
    view: SessionView,
    whence: Option<Whence>,
}

/// A client, as reuse of refresh tokens tells one from another: address and user agent, hashed.
#[must_use]
pub fn fingerprint(ctx: &Ctx) -> String {
    let mut hash = Sha256::new();
    hash.update(ctx.head.client_address());
    hash.update([0]);
    hash.update(ctx.head.header("user-agent").unwrap_or_default());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps out whoever comes from outside of the networks that the tenant lets its people in from.
///
/// # Errors
/// `IP_NOT_ALLOWED`, which the security trail keeps.
pub fn admit_network(ctx: &Ctx, user_id: UserId, membership: Option<&Membership>) -> Result<(), Problem> {
    match membership.filter(|membership| !is_inside(ctx, membership)) {
        None => Ok(()),
        Some(membership) => Err(outside(ctx, membership.tenant.id, Some(user_id))),
    }
}

/// Whether a request comes from the networks that a membership's tenant lets its people in from.
#[must_use]
pub fn is_inside(ctx: &Ctx, membership: &Membership) -> bool {
    network::admits(&membership.tenant.facts.ip_allow_list, ctx.head.client_address())
}

/// The same at the tenant's host, for whoever has not said yet who they are: what an outsider is answered tells nothing of an
/// address or a password.
///
/// # Errors
/// `IP_NOT_ALLOWED`, which the security trail keeps.
pub fn admit_at_host(ctx: &Ctx) -> Result<(), Problem> {
    let Some(entry) = ctx.host_tenant() else { return Ok(()) };
    let networks: Vec<Network> = entry.settings.get("ip_allow_list").and_then(|list| serde::Deserialize::deserialize(list).ok()).unwrap_or_default();
    if network::admits(&networks, ctx.head.client_address()) { Ok(()) } else { Err(outside(ctx, entry.tenant_id, None)) }
}

fn outside(ctx: &Ctx, tenant: TenantId, user_id: Option<UserId>) -> Problem {
    security::record_about(&ctx.shared(), tenant, user_id, "sign_in.network_refused", serde_json::json!({}));
    Problem::new(Code::IpNotAllowed)
}

/// Prepares a session: its ids, its secret, its record, and how long it lasts. Nothing is stored yet.
///
/// # Errors
/// `IP_NOT_ALLOWED`.
pub fn prepare(ctx: &Ctx, grounds: &Grounds<'_>, client: &Client) -> Result<Begun, Problem> {
    admit_network(ctx, grounds.user.id, grounds.membership)?;
    let facts = grounds.membership.map(|membership| &membership.tenant.facts);
    let (idle_seconds, absolute_seconds) = facts.map_or((IDLE_SECONDS, ABSOLUTE_SECONDS), |facts| (facts.idle_seconds(), facts.absolute_seconds()));
    let tenant_id = grounds.membership.map_or(TenantId::PLATFORM, |membership| membership.tenant.id);
    let id: SessionId = random::id(ctx.now);
    let agent = ctx.head.header("user-agent").map(|agent| agent.chars().take(256).collect::<String>());
    let whence = Whence::of(&ctx.head);
    let record = SessionRecord {
        id,
        tenant_id,
        user_id: grounds.user.id,
        device_name: client.device_name.clone().or_else(|| agent.clone()),
        ip: Some(ctx.head.client_address().to_owned()),
        country: ctx.head.country.clone(),
        user_agent: agent,
        from: Some(whence.record()),
        amr: grounds.amr.clone(),
        expires_at: ctx.now.plus_seconds(idle_seconds.min(absolute_seconds)),
        event_id: random::id(ctx.now),
        now: ctx.now,
    };
    let view = SessionView {
        id,
        tenant_id: grounds.membership.map(|membership| membership.tenant.id),
        device: record.device_name.clone(),
        ip: record.ip.clone(),
        country: record.country.clone(),
        created_at: ctx.now,
        last_seen_at: ctx.now,
        expires_at: record.expires_at,
        current: true,
    };
    let refresh = RefreshToken { tenant_id, user_id: grounds.user.id, session_id: id, secret: random::bytes() };
    Ok(Begun { refresh, record, absolute_seconds, idle_seconds, view, whence: Some(whence) })
}

/// Puts a prepared session into its object, where it lives from now on.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when the object does not answer.
pub async fn open(ctx: &Ctx, begun: &Begun, mfa_at: Option<Timestamp>) -> Result<(), Problem> {
    let record = &begun.record;
    let session = NewSession {
        id: record.id,
        tenant_id: record.tenant_id,
        user_id: record.user_id,
        secret_hash: Secret::new(begun.refresh.secret).hash(),
        device_name: record.device_name.clone(),
        ip: record.ip.clone(),
        country: record.country.clone(),
        user_agent: record.user_agent.clone(),
        client_fingerprint: fingerprint(ctx),
        amr: record.amr.clone(),
        mfa_at,
        created_at: ctx.now,
        idle_seconds: begun.idle_seconds,
        absolute_seconds: begun.absolute_seconds,
    };
    SessionsHandle::open(&ctx.env, record.tenant_id, record.user_id)?.create(session).await?;
    Ok(())
}

/// What a person may do by their membership: a default role by the catalogue, a custom one by its rows.
#[must_use]
pub fn permissions(membership: &Membership) -> PermissionSet {
    match DefaultRole::from_key(&membership.role.key).filter(|_| membership.role.is_default) {
        Some(role) => role.permissions(),
        None => membership.custom_permissions.iter().filter_map(|index| Permission::ALL.get(usize::try_from(*index).ok()?).copied()).collect(),
    }
}

/// API calls per minute that the tenant's plan allows, or its own departure from it.
fn rate(membership: &Membership) -> u32 {
    let limit = membership.tenant.features().allowance(Feature::ApiRate).limit();
    limit.map_or(u32::MAX, |limit| u32::try_from(limit).unwrap_or(u32::MAX))
}

/// An access token for a session.
///
/// # Errors
/// `INTERNAL` if it cannot be signed.
pub fn access_token(ctx: &Ctx, grounds: &Grounds<'_>, session_id: SessionId) -> Result<String, Problem> {
    let config = &ctx.app.config;
    let claims = AccessClaims {
        iss: config.issuer.clone(),
        sub: grounds.user.id,
        aud: config.audience.clone(),
        jti: random::id::<uuid::Uuid>(ctx.now).to_string(),
        sid: session_id,
        tid: grounds.membership.map(|membership| membership.tenant.id),
        role: grounds.membership.map(|membership| membership.role.key.clone()),
        perms: grounds.membership.map(permissions).unwrap_or_default().to_hex(),
        pv: catalogue::VERSION,
        amr: grounds.amr.clone(),
        mfa_at: grounds.mfa_at.map(Timestamp::seconds),
        email_verified: grounds.user.email_verified,
        rate: grounds.membership.map(rate),
    };
    config.token_keys.sign(claims, ctx.now, ACCESS_SECONDS)
}

/// The answer: a fresh access token beside the refresh token.
///
/// # Errors
/// `INTERNAL` if the token cannot be signed.
pub fn answer(ctx: &Ctx, grounds: &Grounds<'_>, refresh: &RefreshToken, view: SessionView, cookie: bool) -> Result<Reply<Session>, Problem> {
    let access_token = access_token(ctx, grounds, refresh.session_id)?;
    let encoded = refresh.encode();
    let session = Session {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        expires_at: ctx.now.plus_seconds(ACCESS_SECONDS),
        refresh_token: (!cookie).then(|| encoded.clone()),
        session: view,
        user: grounds.user.into(),
        tenant: grounds.membership.map(|membership| (&membership.tenant).into()),
        device_token: None,
    };
    let reply = Reply::ok(session);
    Ok(if cookie { crate::cookies::set(reply, &encoded) } else { reply })
}

impl Begun {
    /// Answers the session that was begun.
    ///
    /// # Errors
    /// `INTERNAL` if the token cannot be signed.
    pub fn answer(self, ctx: &Ctx, grounds: &Grounds<'_>, cookie: bool) -> Result<Reply<Session>, Problem> {
        let reply = answer(ctx, grounds, &self.refresh, self.view, cookie)?;
        Ok(match self.whence {
            Some(whence) => whence.remember(reply),
            None => reply,
        })
    }

    /// The same, begun without a sign-in: nothing of it is what later sign-ins are compared with.
    #[must_use]
    pub fn without_sign_in(mut self) -> Self {
        self.record.from = None;
        self.whence = None;
        self
    }
}
