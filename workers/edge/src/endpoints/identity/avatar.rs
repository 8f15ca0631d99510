//! `POST /users/me/avatar` and `GET /avatars/{id}/{file}`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    picture::Shape,
};
use zygo_runtime::random;
use zygo_store::identity;

use crate::{
    ctx::Ctx,
    outbox, pictures,
    reply::{Answer, Reply},
    route::Upload,
};

/// Where the picture is now.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Where the picture is.
    avatar_url: String,
}

/// Keeps the caller's picture: a square of at most 512 pixels, with nothing of the file but what can be seen.
///
/// # Errors
/// Whatever [`pictures::keep`] refuses; `BODY_TOO_LARGE`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: Upload) -> Result<Reply<Output>, Problem> {
    let user_id = ctx.caller()?.user_id;
    let kept = pictures::keep(&ctx, &folder(user_id), Shape::Square).await?;
    let avatar_url = format!("{}/avatars/{user_id}/{}", ctx.app.config.issuer, kept.file);
    let db = ctx.db().await?;
    let set = ctx.store(identity::set_avatar(&db, &ctx.lookup(), user_id, &avatar_url, random::id(ctx.now), ctx.now)).await;
    match set {
        Ok(Some((_, queued))) => {
            outbox::enqueue(&ctx, queued);
            Ok(Reply::ok(Output { avatar_url }))
        }
        refused => {
            kept.discard(&ctx);
            refused.and(Err(Problem::new(Code::Unauthenticated)))
        }
    }
}

/// Serves a person's picture.
///
/// # Errors
/// `NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
pub async fn read(ctx: Ctx) -> Result<Answer, Problem> {
    pictures::serve(&ctx, &folder(ctx.id("id")?)).await
}

/// Where a person's pictures lie.
fn folder(user_id: UserId) -> String {
    format!("users/{user_id}/avatars")
}
