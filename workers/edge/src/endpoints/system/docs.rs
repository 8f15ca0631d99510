//! `GET /openapi.json`, `GET /docs` and the files of the page, from static assets.

use zygo_core::error::{Code, Problem};

use crate::{assets, ctx::Ctx, reply::Answer};

/// The page runs its own script and style and calls its own origin, nothing else.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers the description, as `xtask openapi` wrote it from the route table; a test holds it to the table.
///
/// # Errors
/// `NOT_FOUND` if the assets lack it.
pub async fn openapi(ctx: Ctx) -> Result<Answer, Problem> {
    assets::serve(&ctx, "openapi.json", "application/json; charset=utf-8", 300).await
}

/// Answers the page.
///
/// # Errors
/// `NOT_FOUND` if the assets lack it.
pub async fn page(ctx: Ctx) -> Result<Answer, Problem> {
    serve(&ctx, "docs/index.html", "text/html; charset=utf-8").await
}

/// Answers a file of the page.
///
/// # Errors
/// `NOT_FOUND` for any but the page's own files.
pub async fn asset(ctx: Ctx) -> Result<Answer, Problem> {
    match ctx.param("file").unwrap_or_default() {
        "docs.js" => serve(&ctx, "docs/docs.js", "text/javascript; charset=utf-8").await,
        "docs.css" => serve(&ctx, "docs/docs.css", "text/css; charset=utf-8").await,
        _ => Err(Problem::new(Code::NotFound)),
    }
}

async fn serve(ctx: &Ctx, file: &str, content_type: &'static str) -> Result<Answer, Problem> {
    let mut answer = assets::serve(ctx, file, content_type, 300).await?;
    answer.headers.push(("content-security-policy", CSP.into()));
    Ok(answer)
}
