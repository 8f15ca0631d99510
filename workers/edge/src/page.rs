//! Keyset pages: `limit` and `cursor` in, `next_cursor` out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zygo_core::{error::Problem, http::cursor};

use crate::ctx::Ctx;

/// The query parameters of every list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page that was asked for.
pub struct Page<P> {
    /// Rows on it.
    limit: i64,
    /// Position after which it begins.
    pub after: Option<P>,
    context: String,
}

impl<P: Serialize + DeserializeOwned> Page<P> {
    /// Reads `limit` and `cursor`. `binding` is what a cursor must not be carried across: filters, tenant, person.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` for an odd limit or a cursor that is not ours.
    pub fn read(ctx: &Ctx, binding: &str) -> Result<Self, Problem> {
        let context = format!("{} {binding}", ctx.route().path);
        let limit = i64::from(cursor::limit(ctx.query("limit").as_deref())?);
        let after = ctx.query("cursor").map(|text| cursor::decode(&text, ctx.app.config.seal_keys.cursor_key(), &context)).transpose()?;
        Ok(Self { limit, after, context })
    }

    /// Rows to fetch: one more than shown, which tells whether there is a next page.
    #[must_use]
    pub const fn fetch(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// Cuts the surplus row off and makes the cursor of the next page.
    ///
    /// # Errors
    /// `INTERNAL` if the position cannot be written.
    pub fn next<R>(&self, ctx: &Ctx, rows: &mut Vec<R>, position: impl Fn(&R) -> P) -> Result<Option<String>, Problem> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= shown {
            return Ok(None);
        }
        rows.truncate(shown);
        rows.last().map(|row| cursor::encode(&position(row), ctx.app.config.seal_keys.cursor_key(), &self.context)).transpose()
    }
}
