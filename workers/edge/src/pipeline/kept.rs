//! Answers that are the same for everybody: what an isolate has once answered so, it answers again without the walk through the pipeline.
//!
//! That is a public route's body that the isolate keeps, at one of the platform's own hosts, without an origin, a query, a limit or a word
//! of the caller's. What a request still has of its own is its id, in the header and in the log line.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;
use zygo_core::{http::request_id, tenancy::host::Site};
use zygo_runtime::{clock, js::Outline, random};

use super::{
    head::Method,
    outline::{Form, Kind},
    record,
};
use crate::{
    ctx::Shared,
    metrics::Series,
    reply::{Answer, AnswerBody, Kept},
    route::{Route, Who},
};

/// The platform has few hosts and few such routes; who invents ports for them finds the rest taken.
const MOST: usize = 16;

struct Finished {
    url: String,
    outline: Outline,
    series: Rc<Series>,
    body: &'static Kept,
}

thread_local! {
    static FINISHED: RefCell<Vec<Finished>> = const { RefCell::new(Vec::new()) };
}

/// The answer to the request that `head` tells of, as [`zygo_runtime::js::head`] writes it, if such a one was answered before.
#[must_use]
pub fn answer(head: &str) -> Option<JsValue> {
    // Whoever comes from an origin is told what it may do.
    let (url, id) = head.strip_prefix("GET\n")?.strip_suffix('\n')?.split_once('\n')?;
    FINISHED.with_borrow(|all| {
        let finished = all.iter().find(|finished| finished.url == url)?;
        let id = request_id::choose(Some(id), clock::now(), random::bytes());
        finished.series.count(0.0);
        Some(finished.outline.again(&id, finished.body.value()))
    })
}

/// Keeps an answer of a kind, if everybody would get the same. `own` is what the request has of its own: its id, and headers besides.
pub fn keep(shared: &Shared, kind: &Kind, (form, answer): (&Form, &Answer), own: &str) {
    let (Some(route), AnswerBody::Kept(body), Some((_, besides))) = (kind.route, &answer.body, own.split_once('\n')) else { return };
    if !is_everybodys(shared, kind, route) {
        return;
    }
    let url = format!("{}://{}{}", shared.head.scheme, shared.head.header("host").unwrap_or_default(), shared.head.path);
    FINISHED.with_borrow_mut(|all| {
        if all.len() < MOST && !all.iter().any(|finished| finished.url == url) {
            let outline = Outline::new(200, &(kind.headers() + besides), "x-request-id", &record::finished(route, Method::Get, 200));
            all.push(Finished { url, outline, series: Rc::clone(&form.series), body });
        }
    });
}

fn is_everybodys(shared: &Shared, kind: &Kind, route: &Route) -> bool {
    let head = &shared.head;
    let plain = (head.method, kind.status) == (Method::Get, 200) && head.query.is_empty() && head.header("origin").is_none();
    let public = route.who == Who::Public && route.guard.is_none() && shared.trace.is_nobodys() && shared.is_done();
    let same = kind.timeless && !kind.limited && !kind.tagged && shared.cookies.borrow().is_empty();
    let host = || shared.app.config.hosts.classify(head.header("host").unwrap_or_default());
    plain && public && same && matches!(host(), Site::Api | Site::Admin | Site::Public)
}
