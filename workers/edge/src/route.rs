//! The route table: one entry says everything about an endpoint.
//!
//! Routing, authorization, rate limits, `openapi.json` and the tests that walk
//! over all routes come from it; an endpoint outside of it cannot exist.

use std::future::Future;

use futures::future::LocalBoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use zygo_core::{
    access::Permission,
    error::{Code, Problem},
};

use crate::{
    ctx::Ctx,
    pages::form::{self, Form},
    pipeline::head::Method,
    reply::{Answer, Reply},
};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// Anybody; whoever brings a token is held to it.
    Anybody,
    /// Any signed-in person.
    Session,
    /// A signed-in person with an active tenant.
    Member,
    /// A member whose role holds this permission.
    Permission(Permission),
    /// An owner.
    Owner,
    /// Whoever holds the operators' token.
    Ops,
    /// An organisation's directory; its token is checked in the round trip of its work.
    Directory,
    /// Who administers the platform, signed in to it and to no organisation; that they do is checked in the round trip of the work. What
    /// changes something wants a second factor that was given just now.
    Admin,
    /// A third party, by its signature, which the handler checks before it reads anything.
    Provider,
}

/// Which exact limits a route counts against; the numbers stand in the domain's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Sign-in: per account and address, and per address.
    SignIn,
    /// Sign-in by way of somebody else: per address.
    Federated,
    /// Sign-up: per address.
    SignUp,
    /// The verification mail once more: per account, and per address.
    Resend,
    /// The mail that resets a password: per account, and per address.
    ForgotPassword,
    /// The mail that signs in: per account, and per address.
    MagicLink,
    /// The mail that confirms a new address: per that, and per address.
    ConfirmEmail,
    /// A picture: per user.
    Upload,
    /// A delivery that is asked for: per tenant.
    Redelivery,
    /// Proving one's password while signed in: as sign-in.
    OwnPassword,
    /// A directory's calls: per address.
    Directory,
}

/// At which hosts a route is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// The API's and the organisations'.
    Api,
    /// All, and whatever the header says: the host is not even looked up.
    Any,
    /// The API's, the organisations', and the public one.
    Sites,
    /// The public one and the organisations'.
    Pages,
    /// The public one alone.
    Public,
    /// The administration's alone.
    Admin,
}

/// What a route reads: a JSON body, or nothing.
pub trait Input: Sized + 'static {
    /// Schema of the body; `None` where the route reads none.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;

    /// Decodes and validates a body.
    ///
    /// # Errors
    /// `MALFORMED_JSON` or `VALIDATION_FAILED`.
    fn decode(body: &[u8]) -> Result<Self, Problem>;

    /// The account that this request is about, for limits per account: a normalised mail address.
    fn account(&self) -> Option<&str> {
        None
    }
}

/// The input of routes without a body.
pub struct NoBody;

impl Input for NoBody {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// The input of routes that take a file: it stays in the context.
pub struct Upload;

impl Input for Upload {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        // A body that JSON Schema says nothing of (OpenAPI 3.1, 4.8.14.3).
        Some(Schema::default())
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// The input of routes whose body is signed: it stays in the context, unread until the signature is found good.
pub struct Signed;

impl Input for Signed {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(Schema::default())
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A JSON body; implemented for input types by [`json_input!`].
pub trait JsonInput: DeserializeOwned + JsonSchema + 'static {}

/// Decodes a field that `null` empties: tells `null` from absent, with `#[serde(default)]`.
///
/// # Errors
/// Those of the field's type.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Decodes a JSON body; the types of its fields hold no invalid value, so decoding validates.
///
/// # Errors
/// `MALFORMED_JSON` for what is no JSON, `VALIDATION_FAILED` with every invalid field.
pub fn decode_json<T: JsonInput>(body: &[u8]) -> Result<T, Problem> {
    zygo_core::http::json::decode(body).map_err(Problem::from)
}

/// Makes a type the JSON input of a route; `account = field` names the mail address that limits count by.
#[macro_export]
macro_rules! json_input {
    ($type:ty $(, account = $field:ident)?) => {
        impl $crate::route::JsonInput for $type {}
        impl $crate::route::Input for $type {
            fn schema(generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
                Some(generator.subschema_for::<Self>())
            }
            fn decode(body: &[u8]) -> Result<Self, zygo_core::error::Problem> {
                $crate::route::decode_json(body)
            }
            $(fn account(&self) -> Option<&str> { Some(self.$field.as_str()) })?
        }
    };
}

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

    /// Documents another output than the handler's type says.
    #[must_use]
    pub fn answers<O: JsonSchema>(self) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        return Self { schemas: Schemas { output: |generator| generator.subschema_for::<O>(), ..self.schemas }, ..self };
        #[cfg(target_arch = "wasm32")]
        self
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

    /// A DELETE without a body.
    pub fn delete<O, F, Fut>(path: &'static str, who: Who, summary: &'static str, handler: F) -> Self
    where
        O: Serialize + JsonSchema + 'static,
        F: Fn(Ctx, NoBody) -> Fut + Copy + 'static,
        Fut: Future<Output = Result<Reply<O>, Problem>> + 'static,
    {
        Self::new(Method::Delete, path, who, summary, handler)
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
