//! `GET /metrics`

use std::fmt::Write as _;

use zygo_core::error::Problem;
use zygo_runtime::postgres::{self, Role};
use zygo_store::{PlatformScope, outbox};

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody},
};

/// Answers this isolate's counters, and the state of the outbox over all.
///
/// # Errors
/// None: where Postgres is away its part is missing and `zygo_postgres_up` is 0.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let mut text = ctx.app.metrics.render();
    text.push_str("# HELP zygo_postgres_up Whether Postgres answered this scrape.\n# TYPE zygo_postgres_up gauge\n");
    match outbox_counts(&ctx).await {
        Ok(counts) => {
            text.push_str("zygo_postgres_up 1\n# HELP zygo_outbox_rows Rows of the outbox by state.\n# TYPE zygo_outbox_rows gauge\n");
            for (state, rows) in counts {
                let _ = writeln!(text, "zygo_outbox_rows{{state=\"{state}\"}} {rows}");
            }
        }
        Err(_) => text.push_str("zygo_postgres_up 0\n"),
    }
    Ok(Answer::text(200, "text/plain; version=0.0.4; charset=utf-8", AnswerBody::Text(text)))
}

async fn outbox_counts(ctx: &Ctx) -> Result<Vec<(String, i64)>, Problem> {
    let db = postgres::connect(&ctx.env, Role::Platform).await?;
    let scope = PlatformScope::new("metrics", &ctx.request_id);
    ctx.store(outbox::counts(&db, &scope)).await
}
