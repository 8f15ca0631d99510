//! The log line of a request.
//!
//! The line is one JSON object. What all answers of a kind begin it with is written once in an isolate ([`super::outline`]).

use serde::Serialize;
use zygo_core::{
    error::Problem,
    id::{TenantId, UserId},
};
use zygo_runtime::log;

use super::head::Method;
use crate::{ctx::Shared, route::Route};

#[derive(Serialize)]
struct Beginning {
    level: log::Level,
    message: &'static str,
    method: &'static str,
    /// The pattern, not the path: a path may carry a token.
    route: &'static str,
    status: u16,
}

/// What a request has of its own. A struct, not a JSON value: it is written for every request, and this way without a map.
#[derive(Serialize)]
struct Own<'a> {
    ms: f64,
    rt: u32,
    tenant_id: Option<TenantId>,
    user_id: Option<UserId>,
    code: Option<&'static str>,
    cause: Option<&'a str>,
    /// The last: [`finished`] leaves its end open.
    request_id: &'a str,
}

/// The pattern of a route, or a dash where there is none.
pub fn path(route: Option<&Route>) -> &'static str {
    route.map_or("-", |route| route.path)
}

/// How the lines of some answers begin.
#[must_use]
pub fn beginning(route: Option<&Route>, method: Method, status: u16) -> String {
    let level = match status {
        500.. => log::Level::Error,
        _ => log::Level::Info,
    };
    let line = log::text(&Beginning { level, message: "request", method: method.as_str(), route: path(route), status });
    line.strip_suffix('}').unwrap_or_default().to_owned() + ","
}

/// How the line of one of them ends.
#[must_use]
pub fn end(shared: &Shared, problem: Option<&Problem>, millis: f64) -> String {
    own(&Own {
        ms: millis,
        rt: shared.round_trips(),
        tenant_id: shared.trace.tenant_id.get(),
        user_id: shared.trace.user_id.get(),
        code: problem.map(|problem| problem.code().as_str()),
        cause: problem.and_then(Problem::log_cause),
        request_id: &shared.request_id,
    })
}

/// The lines of answers that have nothing of their own but the request's id, up to where that stands.
#[must_use]
pub fn finished(route: &Route, method: Method, status: u16) -> String {
    let end = own(&Own { ms: 0.0, rt: 0, tenant_id: None, user_id: None, code: None, cause: None, request_id: "" });
    beginning(Some(route), method, status) + end.strip_suffix("\"}").unwrap_or_default()
}

fn own(own: &Own<'_>) -> String {
    let mut text = log::text(own);
    // Its brace stands at the beginning of the line.
    text.drain(..text.len().min(1));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zygo_core::error::Code;

    use super::*;
    use crate::endpoints;

    #[test]
    fn the_parts_of_a_line_are_one_object() {
        let routes = endpoints::routes();
        for (route, status, level) in [(routes.first(), 200, "info"), (None, 503, "error")] {
            let problem = Problem::new(Code::NotFound).cause("a \"quoted\"\ncause");
            let end = own(&Own {
                ms: 1.5,
                rt: 1,
                tenant_id: None,
                user_id: None,
                code: Some(problem.code().as_str()),
                cause: problem.log_cause(),
                request_id: "abcdefgh",
            });
            let line: Value = serde_json::from_str(&(beginning(route, Method::Get, status) + &end)).unwrap();
            assert_eq!(line["level"], level);
            assert_eq!((&line["route"], &line["status"]), (&json!(path(route)), &json!(status)));
            assert_eq!(
                (&line["code"], &line["cause"], &line["request_id"]),
                (&json!("NOT_FOUND"), &json!("a \"quoted\"\ncause"), &json!("abcdefgh"))
            );
            assert!(!end.contains('\n'), "a line is one line");
        }
    }

    #[test]
    fn a_finished_line_wants_an_id_alone() {
        let routes = endpoints::routes();
        let line = finished(&routes[0], Method::Get, 200) + "abcdefgh\"}";
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["request_id"], &line["ms"], &line["rt"]), (&json!("abcdefgh"), &json!(0.0), &json!(0)));
    }
}
