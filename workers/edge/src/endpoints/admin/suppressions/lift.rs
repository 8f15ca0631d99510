//! `DELETE /admin/mail/suppressions?email=`

use zygo_core::error::{Code, Problem};
use zygo_store::admin::suppressions;

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Forgets what was reported of an address, so that it gets its mail again. A carrier's own list, if it keeps one, stays: it says so with
/// the next mail.
///
/// # Errors
/// `PERMISSION_DENIED` to whoever may not act for the platform, `NOT_FOUND` where nothing was reported, `VALIDATION_FAILED` for what is no
/// address.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, email) = (ctx.admin_scope("lifting a mail suppression")?, super::address(&ctx)?);
    let hashes = ctx.app.config.seal_keys.address_hashes(email.as_str());
    let db = ctx.platform_db().await?;
    if ctx.store(suppressions::lift(&db, &scope, email.as_str(), &hashes, ctx.now)).await? {
        Ok(Reply::no_content())
    } else {
        Err(Problem::new(Code::NotFound))
    }
}
