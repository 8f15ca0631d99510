//! `GET /users/me`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    identity::mfa::Factor,
    time::Timestamp,
};
use zygo_store::identity::{self, Me};

use super::views::{MembershipView, TenantRef, UserView};
use crate::{
    caller::Caller,
    ctx::Ctx,
    reply::{Cache, Reply},
    route::NoBody,
};

/// The signed-in person.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Identifier.
    id: UserId,
    /// Mail address.
    email: String,
    /// Whether it is verified.
    email_verified: bool,
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// Where the picture is.
    avatar_url: Option<String>,
    /// Language, BCP 47.
    locale: String,
    /// IANA time zone.
    timezone: String,
    /// Second factors.
    mfa: Mfa,
    /// The organisations that the person belongs to.
    memberships: Vec<MembershipView>,
    /// The one that the token speaks for.
    active_tenant: Option<TenantRef>,
    /// What the token allows there.
    permissions: Vec<&'static str>,
    /// When the account was made.
    created_at: Timestamp,
}

/// Second factors of a person.
#[derive(Serialize, JsonSchema)]
pub struct Mfa {
    /// Whether there is one; backup codes alone are none.
    enabled: bool,
    /// Which.
    factors: Vec<Factor>,
}

/// What `GET` and `PATCH` answer.
pub fn view(me: &Me, caller: &Caller) -> Output {
    let user = UserView::from(&me.user);
    let active_tenant = me.memberships.iter().find(|membership| Some(membership.tenant.id) == caller.tenant_id);
    Output {
        id: user.id,
        email: user.email,
        email_verified: user.email_verified,
        first_name: user.first_name,
        last_name: user.last_name,
        avatar_url: user.avatar_url,
        locale: user.locale,
        timezone: user.timezone,
        mfa: Mfa { enabled: me.mfa_factors.iter().any(|factor| factor.counts()), factors: me.mfa_factors.clone() },
        memberships: me.memberships.iter().map(Into::into).collect(),
        active_tenant: active_tenant.map(|membership| (&membership.tenant).into()),
        permissions: caller.permissions.keys().collect(),
        created_at: user.created_at,
    }
}

/// Answers the caller, in one round trip.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let me = ctx.store(identity::me(&db, &ctx.lookup(), caller.user_id)).await?;
    let me = me.ok_or(Problem::new(Code::Unauthenticated))?;
    Ok(Reply::ok(view(&me, caller)).version(i64::from(me.user.version)).cache(Cache::Revalidate))
}
