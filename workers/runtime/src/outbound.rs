//! Calling others over HTTP: https only (and loopback while developing), no redirects, bounded in time and size.
//!
//! Workers send no cookies of their own, so nothing ambient travels along. Whatever goes wrong on the way is
//! `DEPENDENCY_UNAVAILABLE` with a cause for the log that names the host and nothing else of the URL.

use std::time::Duration;

use futures::{
    StreamExt as _,
    future::{Either, select},
};
use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, CacheMode, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};
use zygo_core::{error::Problem, http::target};

use crate::Config;

/// How long a call may take, its answer's last byte included.
const TIME: Duration = Duration::from_secs(8);
/// Longest answer, in bytes, after decompression.
const SIZE: usize = 256 * 1024;
/// Some APIs refuse callers that do not name themselves.
const AGENT: &str = "zygo";

/// A call to somebody else.
#[must_use = "a call does nothing until it is sent"]
pub struct Outbound<'a> {
    method: Method,
    url: &'a str,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    time: Duration,
    size: usize,
}

/// What came back.
pub struct Answer {
    /// HTTP status; never one of a redirect.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// `Retry-After` in seconds, where it was given so.
    pub retry_after: Option<u32>,
}

impl Answer {
    /// Whether the status says that it was done.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

impl<'a> Outbound<'a> {
    /// A GET.
    pub fn get(url: &'a str) -> Self {
        Self::new(Method::Get, url)
    }

    /// A POST without a body.
    pub fn post(url: &'a str) -> Self {
        Self::new(Method::Post, url)
    }

    /// A DELETE.
    pub fn delete(url: &'a str) -> Self {
        Self::new(Method::Delete, url)
    }

    fn new(method: Method, url: &'a str) -> Self {
        let headers = vec![("accept", "application/json".to_owned()), ("user-agent", AGENT.to_owned())];
        Self { method, url, headers, body: None, time: TIME, size: SIZE }
    }

    /// A header, in place of an earlier one of the name. Names in lower case.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// An `Authorization` header with a bearer token (RFC 6750).
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A body that is a form, encoded already.
    pub fn form(mut self, form: String) -> Self {
        self.body = Some(form);
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// A body in JSON.
    ///
    /// # Errors
    /// `INTERNAL` if the value cannot be written.
    pub fn json<T: Serialize>(mut self, value: &T) -> Result<Self, Problem> {
        self.body = Some(serde_json::to_string(value).map_err(|error| Problem::internal(error.to_string()))?);
        Ok(self.header("content-type", "application/json"))
    }

    /// Another limit on the answer, in bytes.
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }

    /// Another limit on the time.
    pub const fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Sends it and reads the answer, whatever its status.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` for a URL that may not be called, for a host that does not answer in time, and for an answer
    /// that is a redirect, too long, or broken off.
    pub async fn send(self, config: &Config) -> Result<Answer, Problem> {
        let url = target::permit(self.url, config.is_development()).map_err(|why| Problem::unavailable(format!("outbound: {why}")))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let away = |why: &str| Problem::unavailable(format!("outbound: {host}: {why}"));
        let request = self.request(url.as_str()).map_err(|_| away("no request could be made"))?;
        let controller = AbortController::default();
        let signal = controller.signal();
        let answer = Box::pin(exchange(request, &signal, self.size));
        match select(answer, Delay::from(self.time)).await {
            Either::Left((answer, _)) => answer.map_err(away),
            Either::Right(((), _)) => {
                controller.abort();
                Err(away("took too long"))
            }
        }
    }

    fn request(&self, url: &str) -> worker::Result<Request> {
        let headers = Headers::new();
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let mut init = RequestInit::new();
        init.with_method(self.method.clone())
            .with_headers(headers)
            .with_redirect(RequestRedirect::Manual)
            .with_cache(CacheMode::NoStore)
            .with_body(self.body.as_deref().map(JsValue::from_str));
        Request::new_with_init(url, &init)
    }
}

async fn exchange(request: Request, signal: &AbortSignal, size: usize) -> Result<Answer, &'static str> {
    let mut response = Fetch::Request(request).send_with_signal(signal).await.map_err(|_| "does not answer")?;
    let status = response.status_code();
    if matches!(status, 300..=399) {
        return Err("answered with a redirect");
    }
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let retry_after = header("retry-after").and_then(|value| value.parse().ok());
    if header("content-length").and_then(|value| value.parse::<usize>().ok()).is_some_and(|length| length > size) {
        return Err("the answer is too long");
    }
    let body = read(&mut response, size).await?;
    Ok(Answer { status, body, retry_after })
}

async fn read(response: &mut Response, size: usize) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    // An answer without a body has no stream.
    let Ok(mut stream) = response.stream() else { return Ok(body) };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| "the answer broke off")?;
        if body.len().saturating_add(chunk.len()) > size {
            return Err("the answer is too long");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
