//! `GET /integrations/{provider}/files`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    http::cursor,
    integrations::{File, Listing, ListingRequest, Provider, Tokens},
};
use zygo_runtime::{integrations as drives, outbound::Outbound};
use zygo_store::{
    Db, TenantScope,
    integrations::{self, Integration},
};

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// An access token with less left than this is renewed first, in seconds.
const MARGIN_SECONDS: i64 = 60;

/// Longest answer that is read, in bytes: a hundred files with long names.
const ANSWER: usize = 1024 * 1024;

/// Which files.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Identifier of a folder; without it the drive's own.
    pub folder: Option<String>,
    /// Files on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of files, in the provider's order.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The files.
    data: Vec<File>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Lists the files of a folder.
///
/// # Errors
/// `NOT_FOUND` where the provider is not connected or has no such folder, `CONFLICT` where it wants to be connected again,
/// `VALIDATION_FAILED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let provider = super::provider(&ctx)?;
    let scope = ctx.tenant_scope()?;
    let folder = ctx.query("folder");
    let limit = cursor::limit(ctx.query("limit").as_deref())?;
    let key = ctx.app.config.seal_keys.cursor_key();
    // The provider's word is good for this person's listing of this folder alone.
    let context = format!("{} {} {} {}", ctx.route().path, provider.key(), ctx.caller()?.user_id, folder.as_deref().unwrap_or_default());
    let after: Option<String> = ctx.query("cursor").map(|text| cursor::decode(&text, key, &context)).transpose()?;
    let endpoints = provider.endpoints(ctx.app.config.oauth_endpoint(provider.key()));
    let request = ListingRequest::new(provider, &endpoints.api, folder.as_deref(), after.as_deref(), limit)?;

    let db = ctx.db().await?;
    let connection = ctx.store(integrations::find(&db, &scope, provider.key())).await?.ok_or(Problem::new(Code::NotFound))?;
    if connection.status != "active" {
        return Err(broken());
    }
    let drive = Drive { ctx: &ctx, db: &db, scope: &scope, provider, connection: &connection };
    let listing = drive.list(&request).await?;
    let next_cursor = listing.next.map(|next| cursor::encode(&next, key, &context)).transpose()?;
    Ok(Reply::ok(Output { data: listing.files, next_cursor }))
}

struct Drive<'a> {
    ctx: &'a Ctx,
    db: &'a Db,
    scope: &'a TenantScope,
    provider: Provider,
    connection: &'a Integration,
}

impl Drive<'_> {
    /// Asks the provider; with renewed tokens where the old ones end soon, or are not taken.
    async fn list(&self, request: &ListingRequest) -> Result<Listing, Problem> {
        if self.connection.expires_at > self.ctx.now.plus_seconds(MARGIN_SECONDS) {
            let tokens = drives::open(&self.ctx.app.config, self.connection, self.provider)?;
            match self.ask(&tokens, request).await {
                Err(problem) if problem.code() == Code::TokenInvalid => {}
                other => return other,
            }
        }
        let tokens = self.renew().await?;
        self.ask(&tokens, request).await.map_err(|problem| match problem.code() {
            Code::TokenInvalid => Problem::unavailable(format!("{}: refuses a fresh token", self.provider.key())),
            _ => problem,
        })
    }

    async fn ask(&self, tokens: &Tokens, request: &ListingRequest) -> Result<Listing, Problem> {
        let call = match &request.body {
            None => Outbound::get(&request.url),
            Some(body) => Outbound::post(&request.url).json(body)?,
        };
        let answer = call.bearer(&tokens.access).at_most(ANSWER).send(&self.ctx.app.config).await?;
        Listing::parse(self.provider, answer.status, &answer.body)
    }

    async fn renew(&self) -> Result<Tokens, Problem> {
        match drives::renew(&self.ctx.app.config, self.connection, self.provider, self.ctx.now).await {
            Ok((tokens, sealed)) => {
                self.ctx.store(integrations::keep_renewed(self.db, self.scope, self.connection, &sealed)).await?;
                Ok(tokens)
            }
            Err(problem) if problem.code() == Code::TokenInvalid => {
                self.ctx.store(integrations::mark_broken(self.db, self.scope, self.connection, self.ctx.now)).await?;
                Err(broken())
            }
            Err(problem) => Err(problem),
        }
    }
}

fn broken() -> Problem {
    Problem::new(Code::Conflict).detail("the provider does not take this connection any more").hint("connect the drive again")
}
