//! What handlers answer with, before the pipeline puts headers on it.

use std::{borrow::Cow, cell::OnceCell};

use schemars::JsonSchema;
use serde::Serialize;
use wasm_bindgen::JsValue;
use zygo_core::{error::Problem, http::etag::ETag};

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cache {
    /// Not at all: the default, since almost everything is private.
    NoStore,
    /// By anybody, for some seconds.
    Public(u32),
    /// By anybody, for good: its address changes with its content (RFC 8246).
    Immutable,
    /// By the client, after asking again with the entity tag.
    Revalidate,
}

/// A typed answer.
pub struct Reply<T> {
    status: u16,
    body: Option<T>,
    version: Option<i64>,
    cache: Cache,
    headers: Vec<(&'static str, String)>,
}

impl<T> Reply<T> {
    /// 200 with a body.
    pub const fn ok(body: T) -> Self {
        Self::with(200, body)
    }

    /// 201 with a body.
    pub const fn created(body: T) -> Self {
        Self::with(201, body)
    }

    /// Any status with a body.
    pub const fn with(status: u16, body: T) -> Self {
        Self { status, body: Some(body), version: None, cache: Cache::NoStore, headers: Vec::new() }
    }

    /// 204.
    pub const fn no_content() -> Self {
        Self { status: 204, body: None, version: None, cache: Cache::NoStore, headers: Vec::new() }
    }

    /// The same answer with another body.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Reply<U> {
        Reply { status: self.status, body: self.body.map(to), version: self.version, cache: self.cache, headers: self.headers }
    }

    /// The resource's version, which becomes its entity tag.
    pub const fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// How long it may be kept.
    pub const fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// The body.
    pub const fn body(&self) -> Option<&T> {
        self.body.as_ref()
    }

    /// The body, for whoever makes another answer of it.
    #[must_use]
    pub fn into_body(self) -> Option<T> {
        self.body
    }

    /// The body, and the headers beside it.
    pub fn into_parts(self) -> (Option<T>, Vec<(&'static str, String)>) {
        (self.body, self.headers)
    }

    /// One more header. Names in lower case.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl<T> Reply<Option<T>> {
    /// The answer with the body that there is; `None` where there is none.
    pub fn transpose(self) -> Option<Reply<T>> {
        let Self { status, body, version, cache, headers } = self;
        Some(Reply { status, body: Some(body??), version, cache, headers })
    }
}

impl<T: Serialize + JsonSchema> Reply<T> {
    /// Serializes the body.
    ///
    /// # Errors
    /// `INTERNAL` if the type cannot be written as JSON.
    pub fn render(self) -> Result<Answer, Problem> {
        let body = match &self.body {
            Some(body) => AnswerBody::Text(serde_json::to_string(body).map_err(|error| Problem::internal(error.to_string()))?),
            None => AnswerBody::Empty,
        };
        let content_type = if self.body.is_some() { "application/json; charset=utf-8" } else { "" };
        Ok(Answer { status: self.status, content_type, body, version: self.version, cache: self.cache, headers: self.headers, problem: None })
    }
}

/// A body that an isolate makes once: it crosses into JavaScript and is hashed a single time.
pub struct Kept {
    text: Cow<'static, str>,
    tag: ETag,
    value: OnceCell<JsValue>,
}

impl Kept {
    /// Keeps a text for the life of the isolate.
    #[must_use]
    pub fn new(version: i64, text: impl Into<Cow<'static, str>>) -> &'static Self {
        let text = text.into();
        Box::leak(Box::new(Self { tag: ETag::of(version, text.as_bytes()), text, value: OnceCell::new() }))
    }

    /// The text as JavaScript holds it.
    pub fn value(&self) -> &JsValue {
        self.value.get_or_init(|| JsValue::from_str(&self.text))
    }

    /// Its entity tag.
    #[must_use]
    pub const fn tag(&self) -> &ETag {
        &self.tag
    }
}

/// The body of an answer.
pub enum AnswerBody {
    /// None.
    Empty,
    /// Text.
    Text(String),
    /// Text that is the same for the whole life of the isolate.
    Kept(&'static Kept),
    /// What JavaScript holds.
    Value(JsValue),
    /// The client's end of a WebSocket.
    Socket(JsValue),
}

/// An answer ready for its headers.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type; empty for none.
    pub content_type: &'static str,
    /// Body.
    pub body: AnswerBody,
    /// Version of the resource.
    pub version: Option<i64>,
    /// How long it may be kept.
    pub cache: Cache,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The problem that a page tells of, for the log.
    pub problem: Option<Problem>,
}

impl AnswerBody {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Kept(kept) => Some(&kept.text),
            Self::Empty | Self::Value(_) | Self::Socket(_) => None,
        }
    }
}

impl Answer {
    /// A body of text of some type.
    #[must_use]
    pub const fn text(status: u16, content_type: &'static str, body: AnswerBody) -> Self {
        Self { status, content_type, body, version: None, cache: Cache::NoStore, headers: Vec::new(), problem: None }
    }

    /// To another page of ours, by GET (RFC 9110, 15.4.4).
    #[must_use]
    pub fn see_other(target: impl Into<String>) -> Self {
        let mut answer = Self::text(303, "", AnswerBody::Empty);
        answer.headers.push(("location", target.into()));
        answer
    }

    /// The same, by the same method, elsewhere from now on (RFC 9110, 15.4.9).
    #[must_use]
    pub fn moved(target: impl Into<String>) -> Self {
        Self { status: 308, ..Self::see_other(target) }
    }
}
