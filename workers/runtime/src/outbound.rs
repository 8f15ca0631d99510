//! Calling others over HTTP: https only (and loopback while developing), no redirects, bounded in time and size.
//!
//! Workers send no cookies of their own, so nothing ambient travels along. Whatever goes wrong on the way is
//! `DEPENDENCY_UNAVAILABLE` with a cause for the log that names the host and nothing else of the URL.
//!
//! What tenants name is called by [`Outbound::attempt`], after [`leads_outward`] asked a resolver where its name leads: whatever comes
//! of it is the tenant's to know, and no dependency of ours.

use std::{borrow::Cow, time::Duration};

use futures::{
    StreamExt as _,
    future::{Either, select},
};
use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::{AbortController, AbortSignal, CacheMode, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};
use zygo_core::{
    error::Problem,
    http::{
        dns::{self, Ask},
        target,
    },
};

use crate::{Config, clock};

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
    headers: Vec<(Cow<'static, str>, String)>,
    body: Option<String>,
    time: Duration,
    size: usize,
}

/// What came of calling an address that a tenant named.
#[derive(Debug)]
pub struct Attempt {
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The answer's beginning.
    pub body: Vec<u8>,
    /// `Retry-After` as it came.
    pub retry_after: Option<String>,
    /// Why it was no success: a stable word.
    pub error: Option<&'static str>,
    /// Milliseconds that it took.
    pub millis: i64,
}

impl Attempt {
    /// One that was not made.
    #[must_use]
    pub const fn refused(why: &'static str) -> Self {
        Self { status: None, body: Vec::new(), retry_after: None, error: Some(why), millis: 0 }
    }
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
        let headers = vec![("accept".into(), "application/json".to_owned()), ("user-agent".into(), AGENT.to_owned())];
        Self { method, url, headers, body: None, time: TIME, size: SIZE }
    }

    /// A header, in place of an earlier one of the name. Names in lower case.
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let name = name.into();
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

    /// A body of JSON that is written already.
    pub fn json_text(mut self, text: String) -> Self {
        self.body = Some(text);
        self.header("content-type", "application/json")
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
        let url = target::permit(self.url, config.allows_loopback).map_err(|why| Problem::unavailable(format!("outbound: {why}")))?;
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

    /// Calls what a tenant named. Of a long answer the beginning is read; a status of success counts even if its body never ends.
    pub async fn attempt(self, config: &Config) -> Attempt {
        let url = match target::permit(self.url, config.allows_loopback) {
            Ok(url) => url,
            Err(refusal) => return Attempt::refused(refusal.code()),
        };
        let Ok(request) = self.request(url.as_str()) else { return Attempt::refused("url") };
        let started = clock::now();
        let controller = AbortController::default();
        let signal = controller.signal();
        let mut deadline = Delay::from(self.time);
        let mut attempt = match select(Box::pin(Fetch::Request(request).send_with_signal(&signal)), &mut deadline).await {
            Either::Left((Ok(response), _)) => judged(response, self.size, &mut deadline).await,
            Either::Left((Err(_), _)) => Attempt::refused("unreachable"),
            Either::Right(((), _)) => Attempt::refused("timeout"),
        };
        // Whatever is still on its way is not wanted any more.
        controller.abort();
        attempt.millis = clock::now().since(started);
        attempt
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

async fn judged(mut response: Response, size: usize, deadline: &mut Delay) -> Attempt {
    let status = response.status_code();
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let error = match status {
        200..=299 => None,
        300..=399 => Some("redirect"),
        410 => Some("gone"),
        _ => Some("status"),
    };
    let mut body = Vec::new();
    let reading = Box::pin(beginning(&mut response, size, &mut body));
    // What there is of a body by then is kept.
    select(reading, deadline).await.factor_first();
    Attempt { status: Some(status), body, retry_after, error, millis: 0 }
}

async fn beginning(response: &mut Response, size: usize, body: &mut Vec<u8>) {
    let Ok(mut stream) = response.stream() else { return };
    while let Some(Ok(chunk)) = stream.next().await {
        let room = size.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= size {
            return;
        }
    }
}

/// Why an address that a tenant named is not called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Astray {
    /// It leads nowhere that may be called: a stable word.
    Refused(&'static str),
    /// The resolver did not say: a fault of ours.
    Unknown,
}

/// Whether the name of a URL leads to public addresses and no others, by a resolver over HTTPS. Asked for each time: a name may lead
/// elsewhere than when it was written down.
///
/// The runtime resolves the name once more when it connects. In production its network reaches no private address, so what changes in
/// between leads nowhere.
///
/// # Errors
/// Why it is not to be called.
pub async fn leads_outward(config: &Config, url: &str) -> Result<(), Astray> {
    let url = target::permit(url, config.allows_loopback).map_err(|refusal| Astray::Refused(refusal.code()))?;
    let Some(name) = target::name_to_resolve(&url) else { return Ok(()) };
    let (four, six) = futures::join!(addresses(config, name, Ask::Addresses), addresses(config, name, Ask::Addresses6));
    let found = [four?, six?].concat();
    match found.iter().all(|address| target::is_public(*address)) {
        true if found.is_empty() => Err(Astray::Refused("name_not_found")),
        true => Ok(()),
        false => Err(Astray::Refused("name_leads_inward")),
    }
}

async fn addresses(config: &Config, name: &str, ask: Ask) -> Result<Vec<std::net::IpAddr>, Astray> {
    let question = dns::question(&config.dns_url, name, ask);
    let answer = Outbound::get(&question).header("accept", "application/dns-json").send(config).await.map_err(|_| Astray::Unknown)?;
    dns::addresses(&answer.body).filter(|_| answer.status == 200).ok_or(Astray::Unknown)
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
