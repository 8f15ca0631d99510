//! A person's own profile.

use tokio_postgres::types::Type;
use zygo_core::{
    id::{TenantId, UserId},
    identity::mfa::Factor,
};

use super::{
    Membership, UserRow,
    member::{own_memberships, own_profile},
    mfa::standing::read_factors,
};
use crate::{
    Db, Described, LookupScope, Scope, StoreError, TenantScope,
    batch::{Answers, Batch},
    row::only,
    statement::Statement,
};

const fn own_factors<S>() -> Statement<S> {
    Statement::new("identity.me.factors", &[], &[Type::TEXT_ARRAY], "/* identity.me.factors */ SELECT mfa_factors(app_user_id()) AS factors")
}

const UPDATE: Statement<TenantScope> = Statement::new(
    "identity.update_profile",
    &[Type::BOOL, Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8_ARRAY],
    &[Type::INT4],
    "/* identity.update_profile */ WITH old AS (SELECT id, version FROM users WHERE id = app_user_id()), \
     changed AS ( \
       UPDATE users u SET first_name = CASE WHEN $1 THEN $2 ELSE u.first_name END, last_name = CASE WHEN $3 THEN $4 ELSE u.last_name END, \
         locale = coalesce($5, u.locale), timezone = coalesce($6, u.timezone) \
       FROM old WHERE u.id = old.id AND ($7 IS NULL OR u.version = ANY ($7)) \
       RETURNING u.id, u.version, old.version AS old_version), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7(now()), app_tenant_id(), 'user.updated', jsonb_build_object('user_id', id, 'version', version), id, \
         app_request_id(), now_ms() FROM changed WHERE version <> old_version) \
     SELECT version FROM changed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[own_factors::<LookupScope>().described(), UPDATE.described()];

/// A person, with what they belong to.
#[derive(Debug, Clone)]
pub struct Me {
    /// The person.
    pub user: UserRow,
    /// Memberships, oldest tenant first.
    pub memberships: Vec<Membership>,
    /// Second factors that are set up.
    pub mfa_factors: Vec<Factor>,
}

/// A person with memberships and second factors. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`.
pub async fn me(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Option<Me>, StoreError> {
    let scope = scope.of(user_id);
    read_me(&mut with_me(Batch::read(db, &scope)).run().await?)
}

fn with_me<S: Scope>(batch: Batch<'_, S>) -> Batch<'_, S> {
    batch.add(&own_profile(), &[]).add(&own_memberships(), &[]).add(&own_factors(), &[])
}

fn read_me(answers: &mut Answers) -> Result<Option<Me>, StoreError> {
    let (profile, memberships, factors) = (answers.take(), answers.take(), answers.take());
    let Some(row) = profile.first() else { return Ok(None) };
    Ok(Some(Me {
        user: UserRow::read(row)?,
        memberships: memberships.iter().map(Membership::read).collect::<Result<_, _>>()?,
        mfa_factors: read_factors(&only(factors, "identity.me.factors")?, "factors")?,
    }))
}

/// What to change of a profile: `None` leaves it, `Some(None)` clears it.
#[derive(Clone, Default)]
pub struct ProfilePatch {
    /// Given name.
    pub first_name: Option<Option<String>>,
    /// Family name.
    pub last_name: Option<Option<String>>,
    /// Language, BCP 47.
    pub locale: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
}

/// What became of a change.
#[derive(Debug, Clone)]
#[cfg_attr(not(target_arch = "wasm32"), expect(clippy::large_enum_variant, reason = "one per request, and most are the large one"))]
pub enum Update {
    /// It was made; the profile after it.
    Done(Me),
    /// The profile's version is not among those expected.
    VersionLost,
    /// The account is gone.
    Missing,
}

/// Changes a profile, if its version is among those given; with its event `user.updated` in tenant zero. A patch that
/// changes nothing leaves version and event log alone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update_profile(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    patch: &ProfilePatch,
    if_version: Option<&[i64]>,
) -> Result<Update, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let (first, last) = (patch.first_name.clone(), patch.last_name.clone());
    let params = (first.is_some(), first.flatten(), last.is_some(), last.flatten());
    let batch = Batch::write(db, &scope).add(&UPDATE, &[&params.0, &params.1, &params.2, &params.3, &patch.locale, &patch.timezone, &if_version]);
    let mut answers = with_me(batch).run().await?;
    let changed = !answers.take().is_empty();
    Ok(match read_me(&mut answers)? {
        None => Update::Missing,
        Some(_) if !changed => Update::VersionLost,
        Some(me) => Update::Done(me),
    })
}
