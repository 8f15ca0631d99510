//! Puts headers on an answer, writes the log line, and counts.

use std::fmt::Write as _;

use wasm_bindgen::JsValue;
use zygo_core::{
    error::{Code, Problem},
    http::{cors::Cors, etag::ETag},
    limits::headers::RateLimitHeaders,
};
use zygo_runtime::{clock, js::Body, task};

use super::{
    head::Method,
    kept,
    outline::{self, Kind},
    record,
};
use crate::{
    ctx::Shared,
    pages,
    reply::{Answer, AnswerBody, Cache},
    route::Route,
};

/// The media type of problems (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// On an answer of the Worker behind the one that requests reach: the tenants whose leases are to be asked for anew, as a list.
/// It goes no further than there.
pub const DOUBTED: &str = "x-zygo-doubted";

/// The response to a request that the isolate could not even begin with.
#[must_use]
pub fn bare(problem: &Problem, request_id: &str) -> JsValue {
    let kind = Kind::new(None, Method::Other, problem.status(), (PROBLEM, Cache::NoStore));
    kind.outline("").reply(&format!("{request_id}\n"), &Body::Text(&problem.document(request_id).to_string()))
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
    let kind = Kind { timeless, limited, ..Kind::of(route, shared.head.method, &answer) };
    let mut text = own_headers(shared, &answer);
    if !timeless {
        outline::timing(&mut text, spent, shared.round_trips());
    }
    let form = kind.form(shared.app);
    kept::keep(shared, &kind, (form, &answer), &text);
    form.series.count(millis);
    count(shared, problem.as_ref());
    text.push_str(&record::end(shared, problem.as_ref(), millis));
    let body = match &answer.body {
        _ if shared.head.method == Method::Head => Body::Empty,
        AnswerBody::Empty => Body::Empty,
        AnswerBody::Text(text) => Body::Text(text),
        AnswerBody::Kept(kept) => Body::Value(kept.value()),
        AnswerBody::Value(value) => Body::Value(value),
        AnswerBody::Socket(socket) => Body::Socket(socket),
    };
    form.outline.reply(&text, &body)
}

/// Counts what is rare among requests.
fn count(shared: &Shared, problem: Option<&Problem>) {
    let metrics = &shared.app.metrics;
    if let Some(problem) = problem {
        metrics.problem(problem.code().as_str());
    }
    if shared.round_trips() > 0 {
        metrics.round_trips(shared.round_trips());
    }
}

/// A problem as it is told to whoever does not speak another protocol.
pub fn problem_answer(shared: &Shared, problem: &Problem) -> Answer {
    let document = problem.document(&shared.request_id);
    let mut answer = Answer::text(problem.status(), PROBLEM, AnswerBody::Text(document.to_string()));
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

fn tag_of<'a>(headers: &'a [(&'static str, String)]) -> Option<&'a str> {
    headers.iter().find(|(name, _)| *name == "etag").map(|(_, tag)| tag.as_str())
}

/// The values of the headers that the outline only names, then further headers.
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
