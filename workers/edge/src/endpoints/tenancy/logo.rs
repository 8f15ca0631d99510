//! `POST /tenants/{id}/logo` and `GET /logos/{id}/{file}`

use zygo_core::{
    error::{Code, Problem},
    id::TenantId,
    picture::Shape,
};
use zygo_runtime::random;
use zygo_store::tenancy;

use super::{of_path, views::TenantView};
use crate::{
    ctx::Ctx,
    outbox, pictures,
    reply::{Answer, Reply},
    route::Upload,
};

/// Keeps the organisation's logo: the whole picture, at most 512 pixels wide and high, with nothing of the file but what can be seen.
///
/// # Errors
/// Whatever [`pictures::keep`] refuses; `NOT_FOUND`, `BODY_TOO_LARGE`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: Upload) -> Result<Reply<TenantView>, Problem> {
    let scope = of_path(&ctx)?;
    let kept = pictures::keep(&ctx, &folder(scope.tenant_id()), Shape::Whole).await?;
    let url = format!("{}/logos/{}/{}", ctx.app.config.issuer, scope.tenant_id(), kept.file);
    let db = ctx.db().await?;
    match ctx.store(tenancy::set_logo(&db, &scope, &url, random::id(ctx.now), ctx.now)).await {
        Ok(Some((tenant, queued))) => {
            outbox::enqueue(&ctx, queued);
            Ok(Reply::ok(TenantView::new(&ctx, &tenant)).version(i64::from(tenant.version)))
        }
        refused => {
            kept.discard(&ctx);
            refused.and(Err(Problem::new(Code::NotFound)))
        }
    }
}

/// Serves an organisation's logo.
///
/// # Errors
/// `NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
pub async fn read(ctx: Ctx) -> Result<Answer, Problem> {
    pictures::serve(&ctx, &folder(ctx.id("id")?)).await
}

/// Where an organisation's logos lie.
fn folder(tenant_id: TenantId) -> String {
    format!("tenants/{tenant_id}/logos")
}
