//! Kinds of routes, by what their handlers take and answer.

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::error::{Code, Problem};

#[cfg(not(target_arch = "wasm32"))]
use super::Schemas;
use super::{BODY_LIMIT, FORM, Hosts, Input, JSON, NoBody, PICTURE, Route, Upload, Who};
use crate::{
    ctx::Ctx,
    pages::form::{self, Form},
    pipeline::head::Method,
    reply::{Answer, Reply},
};

/// 64 KiB, the limit for forms: the longest field is a passkey's attestation.
const FORM_LIMIT: usize = 64 * 1024;

impl Route {
    /// A route whose handler takes the context and a decoded input.
    pub fn new<I, O, F, Fut>(method: Method, path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        I: Input,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, I) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self {
            method,
            path,
            who,
            tag: "",
            summary,
            guard: None,
            step_up: false,
            idempotent: false,
            hosts: if matches!(who, Who::Admin) { Hosts::Admin } else { Hosts::Api },
            page: false,
            while_suspended: false,
            memory: false,
            status: 200,
            body_limit: BODY_LIMIT,
            reads: JSON,
            #[cfg(not(target_arch = "wasm32"))]
            schemas: Schemas { input: I::schema, query: None, output: |generator| generator.subschema_for::<O>() },
            produces: "application/json",
            handler: Box::new(move |ctx: Ctx| {
                Box::pin(async move {
                    let input = I::decode(ctx.body())?;
                    ctx.admit(input.account()).await?;
                    handler(ctx, input).await?.render()
                })
            }),
        }
    }

    /// A GET without a body.
    pub fn get<O, F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, NoBody) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self::new(Method::Get, path, who, summary, handler)
    }

    /// A POST with a body.
    pub fn post<I, O, F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        I: Input,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, I) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self::new(Method::Post, path, who, summary, handler)
    }

    /// A PATCH with a body.
    pub fn patch<I, O, F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        I: Input,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, I) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self::new(Method::Patch, path, who, summary, handler)
    }

    /// A DELETE without a body.
    pub fn delete<O, F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, NoBody) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self::new(Method::Delete, path, who, summary, handler)
    }

    /// A GET that answers something other than fresh JSON.
    pub fn raw<F, Fut>(path: &'static str, who: Who, summary: &'static str, produces: &'static str, handler: F) -> Self
    where
        F: Fn(Ctx) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + 'static,
    {
        let mut route = Self::new(Method::Get, path, who, summary, |_: Ctx, _: NoBody| async { Ok(Reply::<String>::no_content()) });
        route.produces = produces;
        route.handler = Box::new(move |ctx| Box::pin(handler(ctx)));
        route
    }

    /// A POST of a picture, as it is.
    pub fn upload<O, F, Fut>(path: &'static str, who: Who, summary: &'static str, limit: usize, handler: F) -> Self
    where
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, Upload) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self { reads: PICTURE, body_limit: limit, ..Self::new(Method::Post, path, who, summary, handler) }
    }

    /// A page: a GET that answers HTML.
    pub fn page<F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        F: Fn(Ctx) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + 'static,
    {
        Self { hosts: Hosts::Pages, page: true, ..Self::raw(path, who, summary, "text/html", handler) }
    }

    /// A page's form: `submit` does what it asks for; where that fails, `again` shows the page once more, with the problem on it.
    pub fn form<F, Fut, G, Gut>(path: &'static str, who: Who, summary: &'static str, submit: F, again: G) -> Self
    where
        F: Fn(Ctx, Form) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + 'static,
        G: Fn(Ctx, Form, Problem) -> Gut + Copy + 'static,
        Gut: Future<Output = Result<Answer, Problem>> + 'static,
    {
        let mut route = Self::page(path, who, summary, |_: Ctx| async { Err(Problem::new(Code::NotFound)) });
        route.method = Method::Post;
        route.body_limit = FORM_LIMIT;
        route.reads = FORM;
        route.handler = Box::new(move |ctx| Box::pin(form::handle(ctx, submit, again)));
        route
    }
}
