//! `GET /health` and `GET /health/ready`

use futures::join;
use schemars::JsonSchema;
use serde::Serialize;
use worker::Env;
use zygo_core::error::Problem;
use zygo_store::health;

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Kept, Reply},
    route::NoBody,
};

/// Whether the Worker runs.
#[derive(Serialize, JsonSchema)]
pub struct Health {
    /// Always `ok`.
    status: &'static str,
}

thread_local! {
    static BODY: &'static Kept = Kept::new(0, r#"{"status":"ok"}"#);
}

/// Answers that the Worker runs.
///
/// # Errors
/// None.
pub async fn live(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::text(200, "application/json; charset=utf-8", AnswerBody::Kept(BODY.with(|body| *body))))
}

/// The state of each dependency.
#[derive(Serialize, JsonSchema)]
pub struct Readiness {
    /// `ok` if all are.
    status: &'static str,
    /// Each dependency: `ok` or `down`.
    dependencies: Dependencies,
}

/// The dependencies.
#[derive(Serialize, JsonSchema)]
struct Dependencies {
    postgres: &'static str,
    d1: &'static str,
    kv: &'static str,
    r2: &'static str,
    objects: &'static str,
}

/// Asks each dependency; 503 if one is away.
///
/// # Errors
/// None: what is away stands in the answer.
pub async fn ready(ctx: Ctx, _: NoBody) -> Result<Reply<Readiness>, Problem> {
    let (postgres, d1, kv, r2, objects) = join!(postgres(&ctx), d1(&ctx.env), kv(&ctx.env), r2(&ctx.env), objects(&ctx));
    let word = |fine: bool| if fine { "ok" } else { "down" };
    let all = postgres && d1 && kv && r2 && objects;
    let dependencies = Dependencies { postgres: word(postgres), d1: word(d1), kv: word(kv), r2: word(r2), objects: word(objects) };
    Ok(Reply::with(if all { 200 } else { 503 }, Readiness { status: if all { "ok" } else { "degraded" }, dependencies }))
}

async fn postgres(ctx: &Ctx) -> bool {
    match ctx.db().await {
        Ok(db) => ctx.store(health::ping(&db, &ctx.lookup())).await.is_ok(),
        Err(_) => false,
    }
}

async fn d1(env: &Env) -> bool {
    let Ok(database) = env.d1("DIRECTORY") else { return false };
    database.prepare("SELECT 1").first::<serde_json::Value>(None).await.is_ok()
}

async fn kv(env: &Env) -> bool {
    let Ok(cache) = env.kv("CACHE") else { return false };
    cache.get("health").text().await.is_ok()
}

async fn r2(env: &Env) -> bool {
    let Ok(bucket) = env.bucket("FILES") else { return false };
    bucket.head("health").await.is_ok()
}

async fn objects(ctx: &Ctx) -> bool {
    zygo_objects::limits::LimitsHandle::check(&ctx.env, "health", Vec::new(), ctx.now).await.is_ok()
}
