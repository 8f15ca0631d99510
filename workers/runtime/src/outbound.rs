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
use wasm_bindgen_futures::JsFuture;
use worker::{AbortController, AbortSignal, CacheMode, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};
use zygo_core::{
    error::Problem,
    http::{
        dns::{self, Ask},
        target,
    },
};

use crate::{Config, clock, js};

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
    /// `Retry-After` as it came.
    pub retry_after: Option<String>,
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

    /// Calls what a tenant named, by a POST. Of a long answer the beginning is read; a status of success counts even if its body never ends.
    /// One crossing into JavaScript, there and back: an endpoint gets thousands of these.
    pub async fn attempt(self, config: &Config) -> Attempt {
        let url = match target::permit(self.url, config.allows_loopback) {
            Ok(url) => url,
            Err(refusal) => return Attempt::refused(refusal.code()),
        };
        let mut headers = String::new();
        for part in self.headers.iter().flat_map(|(name, value)| [name.as_ref(), value.as_str()]) {
            if part.contains(['\r', '\n']) {
                return Attempt::refused("headers");
            }
            headers.push_str(part);
            headers.push('\n');
        }
        let size = u32::try_from(self.size).unwrap_or(u32::MAX);
        let time = u32::try_from(self.time.as_millis()).unwrap_or(u32::MAX);
        let started = clock::now();
        let called = JsFuture::from(js::call_out(url.as_str(), &headers, self.body.as_deref().unwrap_or_default(), size, time)).await;
        let answer = called.ok().and_then(|answer| answer.as_string()).unwrap_or_default();
        Attempt { millis: clock::now().since(started), ..judged(&answer) }
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

/// Reads what [`js::call_out`] says.
fn judged(answer: &str) -> Attempt {
    let Some((status, (retry_after, body))) = answer.split_once('\n').and_then(|(status, rest)| Some((status.parse().ok()?, rest.split_once('\n')?)))
    else {
        return Attempt::refused(if answer == "timeout" { "timeout" } else { "unreachable" });
    };
    let error = match status {
        200..=299 => None,
        300..=399 => Some("redirect"),
        410 => Some("gone"),
        _ => Some("status"),
    };
    let retry_after = Some(retry_after.to_owned()).filter(|wish| !wish.is_empty());
    Attempt { status: Some(status), body: body.as_bytes().to_vec(), retry_after, error, millis: 0 }
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
    let retry_after = header("retry-after");
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

#[cfg(test)]
mod tests {
    use super::judged;

    #[test]
    fn what_came_of_a_call() {
        let table = [
            ("200\n\nok", Some(200), None, None, "ok"),
            ("204\n\n", Some(204), None, None, ""),
            ("503\n120\nlater\nor never", Some(503), Some("120"), Some("status"), "later\nor never"),
            ("302\n\n", Some(302), None, Some("redirect"), ""),
            ("410\n\n", Some(410), None, Some("gone"), ""),
            ("timeout", None, None, Some("timeout"), ""),
            ("unreachable", None, None, Some("unreachable"), ""),
            ("", None, None, Some("unreachable"), ""),
        ];
        for (answer, status, retry_after, error, body) in table {
            let attempt = judged(answer);
            assert_eq!((attempt.status, attempt.retry_after.as_deref(), attempt.error), (status, retry_after, error), "{answer}");
            assert_eq!(attempt.body, body.as_bytes(), "{answer}");
        }
    }
}
