//! `PATCH /tenants/{id}`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    tenancy::{settings::Colors, slug::Slug},
    text::Name,
};
use zygo_runtime::random;
use zygo_store::tenancy::{self, Change, TenantPatch};

use super::{of_path, views::TenantView};
use crate::{ctx::Ctx, directory, json_input, outbox, reply::Reply};

/// What is to change; what is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name for people.
    #[serde(default)]
    name: Option<Name>,
    /// Name in URLs: 3 to 40 of `a-z0-9-`. The host of the old one leads to the new one for 30 days, and is nobody else's so long.
    #[serde(default)]
    slug: Option<Slug>,
    /// The colours, all of them: what is absent is the product's own.
    #[serde(default)]
    colors: Option<Colors>,
}

json_input!(Input);

/// Changes the organisation, in one round trip.
///
/// # Errors
/// `SLUG_TAKEN`; `CONFLICT` while five slugs that it gave up still lead to it; `PRECONDITION_FAILED` where `If-Match` lost;
/// `VALIDATION_FAILED`, `NOT_FOUND`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<TenantView>, Problem> {
    let scope = of_path(&ctx)?;
    let expected = ctx.if_match()?;
    let colors = input.colors.map(|colors| serde_json::to_value(colors).map_err(|error| Problem::internal(error.to_string()))).transpose()?;
    let patch = TenantPatch { name: input.name.map(Name::into_string), slug: input.slug, colors };
    let db = ctx.db().await?;
    match ctx.store(tenancy::change_tenant(&db, &scope, &patch, expected.as_deref(), random::id(ctx.now), ctx.now)).await? {
        Change::Done { tenant, moved } => {
            if moved.is_some() {
                // Somebody may have asked for it in vain before.
                directory::forget(&ctx.shared(), ctx.app.config.hosts.app_host(&tenant.slug));
            }
            outbox::enqueue(&ctx, moved);
            let version = i64::from(tenant.version);
            Ok(Reply::ok(TenantView::new(&ctx, &tenant)).version(version))
        }
        Change::SlugTaken => Err(Problem::new(Code::SlugTaken)),
        Change::Hoarding => Err(Problem::new(Code::Conflict)
            .detail("five slugs that the organisation gave up still lead to it")
            .hint("the oldest of them is free thirty days after it was given up")),
        Change::VersionLost => Err(Problem::new(Code::PreconditionFailed)),
        Change::Missing => Err(Problem::new(Code::NotFound)),
    }
}
