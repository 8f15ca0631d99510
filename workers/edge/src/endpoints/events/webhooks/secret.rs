//! `GET /webhooks/{id}/secret`, `POST /webhooks/{id}/rotate-secret`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::Problem,
    events::webhook::{OVERLAP_SECONDS, secret::Secrets},
    id::{TenantId, WebhookId},
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::events;

use super::{endpoints, missing, views::EndpointView};
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody};

/// How to make the new secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Whether deliveries are signed by Ed25519 too (`v1a`); no, unless said otherwise.
    #[serde(default)]
    asymmetric: Option<bool>,
}

json_input!(Rotation);

/// What deliveries are signed with.
#[derive(Serialize, JsonSchema)]
pub struct SecretView {
    /// The secret, `whsec_…`.
    secret: String,
    /// Public key of the signatures `v1a`, `whpk_…`, where there are such.
    public_key: Option<String>,
    /// The secret before, while it signs too.
    previous_secret: Option<String>,
    /// Public key of the pair before, likewise.
    previous_public_key: Option<String>,
    /// Until when.
    previous_until: Option<Timestamp>,
}

/// New secrets, sealed; and the public key, if there is a pair.
///
/// # Errors
/// `INTERNAL` where they cannot be sealed.
pub fn make(ctx: &Ctx, (tenant, id): (TenantId, WebhookId), asymmetric: bool) -> Result<(Vec<u8>, Option<String>), Problem> {
    let secrets = Secrets::new(random::bytes(), asymmetric.then(random::bytes));
    let sealed = ctx.app.config.seal_keys.seal(secrets.to_text().as_bytes(), &events::secret_context(tenant, id), random::bytes())?;
    Ok((sealed.into_bytes(), secrets.public_key()))
}

/// Shows the secrets. The change of who looked last leaves a row in the audit trail.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn show(ctx: Ctx, _: NoBody) -> Result<Reply<SecretView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let db = ctx.db().await?;
    let row = ctx.store(events::show_secret(&db, &scope, id, ctx.now)).await?.ok_or_else(|| missing(&ctx, id))?;
    let context = events::secret_context(scope.tenant_id(), id);
    let open = |sealed: &[u8]| {
        let text = std::str::from_utf8(sealed).map_err(|_| Problem::internal("a sealed column is no text"))?;
        Secrets::parse(&ctx.app.config.seal_keys.open(text, &context)?)
    };
    let secrets = open(&row.sealed)?;
    let previous = row.previous.as_deref().map(open).transpose()?;
    Ok(Reply::ok(SecretView {
        secret: secrets.secret().to_string(),
        public_key: secrets.public_key(),
        previous_secret: previous.as_ref().map(|previous| previous.secret().to_string()),
        previous_public_key: previous.as_ref().and_then(Secrets::public_key),
        previous_until: row.previous_until.filter(|_| previous.is_some()),
    }))
}

/// Makes new secrets; those before sign beside them for a day.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn rotate(ctx: Ctx, input: Rotation) -> Result<Reply<EndpointView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let (sealed, public_key) = make(&ctx, (scope.tenant_id(), id), input.asymmetric.unwrap_or_default())?;
    let until = ctx.now.plus_seconds(OVERLAP_SECONDS);
    let db = ctx.db().await?;
    let rotated = ctx.store(events::rotate_secret(&db, &scope, id, &sealed, public_key.as_deref(), until, ctx.now)).await?;
    Ok(endpoints::view(Reply::ok(rotated.ok_or_else(|| missing(&ctx, id))?)))
}
