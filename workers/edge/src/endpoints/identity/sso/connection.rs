//! A connection that somebody wants to sign on with.

use serde::de::DeserializeOwned;
use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    id::{ConnectionId, TenantId},
    identity::sign_on::{Attributes, RoleMapping},
    tenancy::plan::{Feature, Features, Plan},
};
use zygo_store::identity;

use crate::{ctx::Ctx, pipeline::host, reply::Answer};

/// The connection of the path, with a provider of one kind.
pub struct Connection<T> {
    /// Identifier.
    pub id: ConnectionId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// The tenant's slug.
    pub slug: String,
    /// The provider.
    pub provider: T,
    /// The client's secret, sealed.
    pub secret_sealed: Option<Vec<u8>>,
    /// What the provider calls mail address, names and roles.
    pub attributes: Attributes,
    /// Which of its roles are which of ours.
    pub mappings: Vec<RoleMapping>,
    /// Members that the plan allows.
    pub room: i64,
}

impl<T: DeserializeOwned> Connection<T> {
    /// Loads the connection of the path.
    ///
    /// # Errors
    /// `NOT_FOUND` for one that does not exist, is switched off or is of another kind; `PLAN_LIMIT` where its tenant's plan
    /// does not cover sign-on any more.
    pub async fn of_path(ctx: &Ctx, kind: &str) -> Result<Self, Problem> {
        let id: ConnectionId = ctx.id("connection")?;
        let db = ctx.db().await?;
        let found = ctx.store(identity::find_connection(&db, &ctx.lookup(), id)).await?;
        let found = found.filter(|found| found.kind == kind).ok_or(Problem::new(Code::NotFound))?;
        let features = features(&found.plan, &found.features);
        features.admit(Feature::Sso, 0)?;
        Ok(Self {
            id,
            tenant_id: found.tenant_id,
            slug: found.slug,
            provider: typed(found.config)?,
            secret_sealed: found.secret_sealed,
            attributes: typed(found.attributes)?,
            mappings: typed(found.role_mappings)?,
            room: features.allowance(Feature::Members).limit().map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX)),
        })
    }

    /// The redirect to the tenant's host, where this is another.
    #[must_use]
    pub fn elsewhere(&self, ctx: &Ctx) -> Option<Answer> {
        if ctx.home() == self.tenant_id {
            return None;
        }
        let tenant_host = ctx.app.config.hosts.app_host(&self.slug);
        Some(Answer::see_other(host::at(ctx, &tenant_host)))
    }
}

fn features(plan: &str, overrides: &Value) -> Features {
    let rows = overrides.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value));
    Features::resolve(Plan::from_key(plan).unwrap_or_default(), rows)
}

/// A column's JSON as its type; what does not fit was not written by this program.
///
/// # Errors
/// `INTERNAL`.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| Problem::internal(format!("a connection's column: {error}")))
}
