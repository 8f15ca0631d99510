//! Puts headers on an answer, writes the log line, and counts.

use std::{cell::RefCell, collections::HashMap, fmt::Write as _};

use serde::Serialize;
use wasm_bindgen::JsValue;
use zygo_core::{
    error::{Code, Problem},
    http::{cors::Cors, etag::ETag},
    id::{TenantId, UserId},
    limits::headers::RateLimitHeaders,
};
use zygo_runtime::{
    clock,
    js::{self, Body},
    log, task,
};

use super::head::Method;
use crate::{
    ctx::Shared,
    pages,
    reply::{Answer, AnswerBody, Cache},
    route::Route,
};

/// What stands on every response (OWASP secure headers; pages bring a policy of their own).
const SECURITY: &str = "strict-transport-security\nmax-age=63072000; includeSubDomains; preload\nx-content-type-options\nnosniff\n";
/// What stands on a response unless it says otherwise.
const DEFAULTS: [(&str, &str); 2] = [("content-security-policy", "default-src 'none'; frame-ancestors 'none'"), ("referrer-policy", "no-referrer")];

/// On an answer of the Worker behind the one that requests reach: the tenants whose leases are to be asked for anew, as a list.
/// It goes no further than there.
pub const DOUBTED: &str = "x-zygo-doubted";

/// The response to a request that the isolate could not even begin with.
#[must_use]
pub fn bare(problem: &Problem, request_id: &str) -> JsValue {
    let base = base("application/problem+json", Cache::NoStore, &[], true, false);
    js::reply(problem.status(), base, &format!("{request_id}\n"), &Body::Text(&problem.document(request_id).to_string()))
}

/// The response, after the log line and the counters.
#[must_use]
pub fn finish(shared: &Shared, route: Option<&'static Route>, result: Result<Answer, Problem>) -> JsValue {
    let (answer, problem) = match result {
        Ok(mut answer) => {
            let problem = answer.problem.take();
            (conditional(shared, answer), problem)
        }
        Err(problem) if shared.trace.page.get() => (pages::failed(shared, route, &problem), Some(problem)),
        Err(problem) => (problem_answer(shared, &problem), Some(problem)),
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
    let millis = if task::is_at_once() { 0.0 } else { clock::now().since(shared.now) as f64 };
    let spent = [millis, shared.trace.auth_ms.get(), shared.trace.db_ms.get()];
    let timeless = spent == [0.0; 3] && shared.round_trips() == 0;
    let limited = shared.trace.limit.borrow().is_some();
    let base = base(answer.content_type, answer.cache, &answer.headers, timeless, limited);
    let mut text = own_headers(shared, &answer);
    if !timeless {
        timing(&mut text, spent, shared.round_trips());
    }
    text.push_str(&record(shared, route, answer.status, problem.as_ref(), millis));
    let body = match &answer.body {
        _ if shared.head.method == Method::Head => Body::Empty,
        AnswerBody::Empty => Body::Empty,
        AnswerBody::Text(text) => Body::Text(text),
        AnswerBody::Kept(kept) => Body::Value(kept.value()),
        AnswerBody::Value(value) => Body::Value(value),
        AnswerBody::Socket(socket) => Body::Socket(socket),
    };
    js::reply(answer.status, base, &text, &body)
}

/// A problem as it is told to whoever does not speak another protocol.
pub fn problem_answer(shared: &Shared, problem: &Problem) -> Answer {
    let document = problem.document(&shared.request_id);
    let mut answer = Answer::text(problem.status(), "application/problem+json", AnswerBody::Text(document.to_string()));
    if let Some(seconds) = problem.retry_after_seconds() {
        answer.headers.push(("retry-after", seconds.to_string()));
    }
    match problem.code() {
        Code::MethodNotAllowed => {
            if let Some(allow) = document.pointer("/details/allow").and_then(|value| value.as_str()) {
                answer.headers.push(("allow", allow.to_owned()));
            }
        }
        Code::Unauthenticated | Code::TokenExpired | Code::TokenInvalid | Code::SessionRevoked => {
            answer.headers.push(("www-authenticate", "Bearer".into()));
        }
        _ => {}
    }
    answer
}

/// Gives a GET its entity tag, and 304 where the client has it already (RFC 9110, 13.1.2).
fn conditional(shared: &Shared, mut answer: Answer) -> Answer {
    let readable = matches!(shared.head.method, Method::Get | Method::Head) && answer.status == 200;
    let Some(tag) = tag(&mut answer) else { return answer };
    if readable && shared.head.header("if-none-match").is_some_and(|wanted| tag.is_in(wanted)) {
        answer.status = 304;
        answer.body = AnswerBody::Empty;
        answer.content_type = "";
    }
    answer
}

/// Puts the entity tag on an answer that has a version; once.
pub fn tag(answer: &mut Answer) -> Option<ETag> {
    let version = answer.version.take()?;
    let tag = match &answer.body {
        AnswerBody::Kept(kept) => kept.tag().clone(),
        body => ETag::of(version, body.text()?.as_bytes()),
    };
    answer.headers.push(("etag", tag.header()));
    if answer.cache == Cache::NoStore {
        answer.cache = Cache::Revalidate;
    }
    Some(tag)
}

/// What the beginning of a head depends on: content type, caching, which of [`DEFAULTS`] the answer leaves alone, whether it took
/// no time that a clock would show, as what is answered from memory, and which of [`OWN`] it has.
type BaseKey = (&'static str, Cache, [bool; DEFAULTS.len()], bool, [bool; OWN.len()]);

/// Headers that almost every response has, or those with a limit or a version, each with a value of its own.
const OWN: [&[&str]; 3] = [&["x-request-id"], &["ratelimit-policy", "ratelimit"], &["etag"]];

thread_local! {
    /// The beginnings of heads; as many as there are content types and ways to be kept.
    static BASES: RefCell<HashMap<BaseKey, &'static JsValue>> = RefCell::default();
}

/// The headers that depend on nothing of the request, and the names of those of [`OWN`], made once in an isolate.
fn base(content_type: &'static str, cache: Cache, own: &[(&'static str, String)], timeless: bool, limited: bool) -> &'static JsValue {
    let with = [true, limited, tag_of(own).is_some()];
    let defaults = DEFAULTS.map(|(name, _)| !own.iter().any(|(own, _)| *own == name));
    let make = || {
        let mut text = String::from(SECURITY);
        if !content_type.is_empty() {
            let _ = write!(text, "content-type\n{content_type}\n");
        }
        match cache {
            Cache::NoStore => text.push_str("cache-control\nno-store\n"),
            Cache::Revalidate => text.push_str("cache-control\nprivate, no-cache\n"),
            Cache::Immutable => text.push_str("cache-control\npublic, max-age=31536000, immutable\n"),
            Cache::Public(seconds) => {
                let _ = write!(text, "cache-control\npublic, max-age={seconds}\n");
            }
        }
        for ((name, value), _) in DEFAULTS.iter().zip(defaults).filter(|(_, wanted)| *wanted) {
            let _ = write!(text, "{name}\n{value}\n");
        }
        if timeless {
            timing(&mut text, [0.0; 3], 0);
        }
        let names: Vec<&str> = OWN.iter().zip(with).filter(|(_, with)| *with).flat_map(|(names, _)| names.iter().copied()).collect();
        &*Box::leak(Box::new(js::beginning(&text, &names.join("\n"))))
    };
    BASES.with(|bases| *bases.borrow_mut().entry((content_type, cache, defaults, timeless, with)).or_insert_with(make))
}

fn tag_of<'a>(headers: &'a [(&'static str, String)]) -> Option<&'a str> {
    headers.iter().find(|(name, _)| *name == "etag").map(|(_, tag)| tag.as_str())
}

/// `Server-Timing` (W3C): milliseconds in all, for the token and for Postgres, and the round trips to Postgres.
fn timing(head: &mut String, [total, auth, db]: [f64; 3], round_trips: u32) {
    let _ = write!(head, "server-timing\ntotal;dur={total:.1}, auth;dur={auth:.1}, db;dur={db:.1}, rt;desc=\"{round_trips}\"\n");
}

/// The values of those of [`OWN`] that the answer has, then its further headers.
fn own_headers(shared: &Shared, answer: &Answer) -> String {
    let mut head = String::with_capacity(640);
    let trace = &shared.trace;
    head.extend([&shared.request_id, "\n"]);
    if let Some(decision) = trace.limit.borrow().as_ref() {
        let headers = RateLimitHeaders::new(decision);
        head.extend([&headers.policy, "\n", &headers.limit, "\n"]);
    }
    if let Some(tag) = tag_of(&answer.headers) {
        head.extend([tag, "\n"]);
    }
    for (name, value) in answer.headers.iter().filter(|(name, _)| *name != "etag") {
        head.extend([name, "\n", value, "\n"]);
    }
    for cookie in shared.cookies.borrow().iter() {
        let _ = write!(head, "set-cookie\n{cookie}\n");
    }
    if shared.app.is_behind {
        for tenant in trace.doubted.borrow().iter() {
            let _ = write!(head, "{DOUBTED}\n{tenant}\n");
        }
    }
    cross_origin(shared, matches!(answer.cache, Cache::Public(_) | Cache::Immutable), &mut head);
    head
}

fn cross_origin(shared: &Shared, public: bool, head: &mut String) {
    let Some(origin) = shared.head.header("origin") else {
        // Whoever keeps the answer must not hand it to a page of another origin.
        if public {
            head.push_str("vary\nOrigin\n");
        }
        return;
    };
    let config = &shared.app.config;
    let host = shared.head.header("host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let mut configured: Vec<&str> = config.cors_origins.iter().map(String::as_str).collect();
    let entry = shared.trace.host.borrow();
    // The directory's copy: what the organisation lays down comes with its host, without a call.
    let own = entry.as_ref().and_then(|entry| entry.settings.get("cors_origins")).and_then(serde_json::Value::as_array);
    configured.extend(own.into_iter().flatten().filter_map(serde_json::Value::as_str));
    let first = entry.as_ref().map(|entry| config.hosts.tenant_host(&entry.slug));
    let decision = Cors::decide(Some(origin), &[name, first.as_deref().unwrap_or(name)], &configured);
    for (name, value) in decision.headers(shared.trace.preflight.borrow().as_deref()) {
        let _ = write!(head, "{name}\n{value}\n");
    }
}

/// The log line of a request. A struct, not a JSON value: it is written for every request, and this way without a map.
#[derive(Serialize)]
struct RequestLine<'a> {
    level: log::Level,
    message: &'static str,
    request_id: &'a str,
    method: &'static str,
    route: &'static str,
    status: u16,
    ms: f64,
    rt: u32,
    tenant_id: Option<TenantId>,
    user_id: Option<UserId>,
    code: Option<&'static str>,
    cause: Option<&'a str>,
}

/// Counts a request that was answered; its log line.
fn record(shared: &Shared, route: Option<&'static Route>, status: u16, problem: Option<&Problem>, millis: f64) -> String {
    let path = route.map_or("-", |route| route.path);
    let method = shared.head.method.as_str();
    let round_trips = shared.round_trips();
    shared.app.metrics.request(method, path, status, millis, round_trips);
    if let Some(problem) = problem {
        shared.app.metrics.problem(problem.code().as_str());
    }
    let level = match status {
        500.. => log::Level::Error,
        _ => log::Level::Info,
    };
    // The route's pattern, not the path: a path may carry a token.
    log::text(&RequestLine {
        level,
        message: "request",
        request_id: &shared.request_id,
        method,
        route: path,
        status,
        ms: millis,
        rt: round_trips,
        tenant_id: shared.trace.tenant_id.get(),
        user_id: shared.trace.user_id.get(),
        code: problem.map(|problem| problem.code().as_str()),
        cause: problem.and_then(Problem::log_cause),
    })
}
