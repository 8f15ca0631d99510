//! The route table: one entry says everything about an endpoint.
//!
//! Routing, authorization, rate limits, `openapi.json` and the tests that walk
//! over all routes come from it; an endpoint outside of it cannot exist.

mod input;
mod kinds;
mod rules;

use futures::future::LocalBoxFuture;
use schemars::JsonSchema;
#[cfg(not(target_arch = "wasm32"))]
use schemars::{Schema, SchemaGenerator};
use zygo_core::error::Problem;

pub use input::{Input, JsonInput, NoBody, Signed, Upload, decode_json, present};
pub use rules::{Guard, Hosts, Who};

use crate::{ctx::Ctx, pipeline::head::Method, reply::Answer};

/// What a route does: decodes, admits, works.
pub type Handler = Box<dyn Fn(Ctx) -> LocalBoxFuture<'static, Result<Answer, Problem>>>;

/// One endpoint.
pub struct Route {
    /// Method; GET answers HEAD too.
    pub method: Method,
    /// Path in `matchit`'s syntax, which is OpenAPI's.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Capability it belongs to.
    pub tag: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Exact limits that each call counts against.
    pub guard: Option<Guard>,
    /// Whether it wants a second factor that was given just now; so do the permissions that need one.
    pub step_up: bool,
    /// Whether `Idempotency-Key` is honoured.
    pub idempotent: bool,
    /// At which hosts it is served.
    pub hosts: Hosts,
    /// Whether people see it: its errors are pages too, its session comes from cookies, its bodies are forms.
    pub page: bool,
    /// Whether a suspended tenant may still use it.
    pub while_suspended: bool,
    /// Whether it is answered from memory, without Postgres.
    pub memory: bool,
    /// Status of the ordinary answer.
    pub status: u16,
    /// Longest body in bytes.
    pub body_limit: usize,
    /// Media type of its bodies, or several with commas between them.
    pub reads: &'static str,
    /// Schemas, for `openapi.json`. Native only: the Worker serves the document, it does not write it.
    #[cfg(not(target_arch = "wasm32"))]
    pub schemas: Schemas,
    /// Content type of the output where it is not JSON.
    pub produces: &'static str,
    /// The handler.
    pub handler: Handler,
}

/// What a route reads and answers, as JSON Schema.
#[cfg(not(target_arch = "wasm32"))]
pub struct Schemas {
    /// The body.
    pub input: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// The query parameters.
    pub query: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The answer.
    pub output: fn(&mut SchemaGenerator) -> Schema,
}

/// What routes read unless they say otherwise (RFC 8259).
pub const JSON: &str = "application/json";
/// Pictures of any kind; which one it is, the handler tells by the bytes.
pub const PICTURE: &str = "image/*";
/// What the forms of pages send.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// What directories send: SCIM's own type (RFC 7644, 8.1), or plain JSON.
pub const SCIM: &str = "application/scim+json, application/json";
/// 256 KiB, the limit for JSON unless a route says otherwise.
pub const BODY_LIMIT: usize = 256 * 1024;

impl Route {
    /// Documents another output than the handler's type says.
    #[must_use]
    pub fn answers<O: JsonSchema>(self) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        return Self { schemas: Schemas { output: |generator| generator.subschema_for::<O>(), ..self.schemas }, ..self };
        #[cfg(target_arch = "wasm32")]
        self
    }

    /// Counts each call against exact limits.
    #[must_use]
    pub const fn guard(mut self, guard: Guard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Wants a second factor that was given just now.
    #[must_use]
    pub const fn step_up(mut self) -> Self {
        self.step_up = true;
        self
    }

    /// Whether the caller must have given a second factor just now: the route says so, or its permission.
    #[must_use]
    pub const fn needs_fresh_factor(&self) -> bool {
        match self.who {
            Who::Permission(permission) => self.step_up || permission.needs_mfa(),
            Who::Admin => self.step_up || !matches!(self.method, Method::Get),
            _ => self.step_up,
        }
    }

    /// Honours `Idempotency-Key`.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Serves whatever the host says.
    #[must_use]
    pub const fn any_host(self) -> Self {
        self.hosts(Hosts::Any)
    }

    /// Serves at these hosts.
    #[must_use]
    pub const fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Whether it stands in `openapi.json`: pages are for people, and what exists in development only is nobody's contract.
    #[must_use]
    pub fn is_described(&self) -> bool {
        !self.page && self.tag != "dev"
    }

    /// Answers from memory, without Postgres.
    #[must_use]
    pub const fn memory(mut self) -> Self {
        self.memory = true;
        self
    }

    /// Serves suspended tenants too.
    #[must_use]
    pub const fn while_suspended(mut self) -> Self {
        self.while_suspended = true;
        self
    }

    /// Status of the ordinary answer.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Reads a form, as a page of ours or of another site sends it, instead of JSON.
    #[must_use]
    pub const fn reads_form(mut self) -> Self {
        self.reads = FORM;
        self
    }

    /// Content type of an answer that is not JSON.
    #[must_use]
    pub const fn produces(mut self, content_type: &'static str) -> Self {
        self.produces = content_type;
        self
    }

    /// Documents the query parameters.
    #[must_use]
    pub fn query<Q: JsonSchema>(self) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        return Self { schemas: Schemas { query: Some(|generator| generator.root_schema_for::<Q>()), ..self.schemas }, ..self };
        #[cfg(target_arch = "wasm32")]
        self
    }

    /// Files the route under a capability.
    #[must_use]
    pub const fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }
}
