//! The way of a request: head, route, host, admission, caller, rights, body, handler, reply.

pub mod admission;
pub mod authenticate;
pub mod body;
pub mod head;
pub mod host;
pub mod idempotency;
pub mod kept;
pub mod outline;
pub mod record;
pub mod respond;

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::{Context, Env};
use zygo_core::{
    error::{Code, Problem},
    http::request_id,
};
use zygo_runtime::{clock, js, log, random};

use self::head::{Head, Method};
use crate::{
    app::App,
    ctx::{Ctx, Shared},
    outbox, pages,
    reply::{Answer, AnswerBody},
    route::{Hosts, Route},
    router::{Matched, allow},
    security,
};

/// One of the Workers that the route table is shared out to.
pub struct Program {
    /// Its part of the table.
    pub routes: fn() -> Vec<Route>,
    /// The service binding behind which the other part stands; without one, what has no path here has none at all.
    pub beyond: Option<&'static str>,
    /// Paths below which problems are told in the words of a protocol of their own.
    pub dialects: &'static [(&'static str, Dialect)],
}

/// Tells a problem in other words: the answer has its headers already.
pub type Dialect = fn(&Problem, Answer) -> Answer;

/// Answers one request; `head` is what [`js::head`] wrote of it.
pub async fn serve(program: &'static Program, head: String, request: JsValue, env: Env, context: Context) -> JsValue {
    let now = clock::now();
    let mut head = Head::parse(&head, request.clone());
    let request_id = request_id::choose(head.header("x-request-id"), now, random::bytes());
    let app = match App::get(program, &env) {
        Ok(app) => app,
        Err(cause) => {
            log::line(log::Level::Error, "configuration", serde_json::json!({ "cause": cause }));
            return respond::bare(&Problem::internal(cause), &request_id);
        }
    };
    let matched = app.router.find(head.method, &head.path);
    let route = match (&matched, program.beyond) {
        (Matched::Route(route, _), _) => Some(*route),
        (Matched::Nothing, Some(binding)) => return Box::pin(beyond(app, &env, binding, &request, &request_id)).await,
        _ => None,
    };
    if route.is_some_and(|route| !route.memory && route.hosts != Hosts::Any) {
        head.locate(&js::place(&request));
    }
    let shared = Rc::new(Shared::new(app, env, now, request_id, head));
    let result = run(&shared, matched, request).await;
    if let Some(route) = route {
        security::refused(&shared, route);
    }
    let dialect = program.dialects.iter().find(|(start, _)| shared.head.path.starts_with(start));
    let result = match (result, dialect) {
        (Err(problem), Some((_, tell))) => {
            let answer = tell(&problem, respond::problem_answer(&shared, &problem));
            Ok(Answer { problem: Some(problem), ..answer })
        }
        (result, _) => result,
    };
    let response = respond::finish(&shared, route, result);
    let (owed, after) = (shared.take_owed(), shared.take_after());
    if !owed.is_empty() || !after.is_empty() {
        context.wait_until(async move {
            futures::join!(outbox::announce(&shared, owed), futures::future::join_all(after));
            // What was written after the response counts too.
            outbox::announce(&shared, shared.take_owed()).await;
        });
    }
    response
}

/// Sends a request on as it came, and the answer back; what it says of leases to this isolate alone is heeded and left out.
async fn beyond(app: &App, env: &Env, binding: &str, request: &JsValue, request_id: &str) -> JsValue {
    let answer = match js::send_on(env.as_ref(), binding, request) {
        Ok(promise) => JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    answer.map_or_else(
        |error| {
            log::line(log::Level::Error, "sent on", serde_json::json!({ "to": binding, "cause": format!("{error:?}"), "request_id": request_id }));
            respond::bare(&Problem::unavailable(format!("{binding}: {error:?}")), request_id)
        },
        |answer| {
            let (doubted, answer) = js::take_header(answer, respond::DOUBTED);
            for tenant in doubted.iter().flat_map(|list| list.split(", ")).filter_map(|id| id.parse().ok()) {
                app.leases.borrow_mut().doubt(tenant, clock::now());
            }
            answer
        },
    )
}

async fn run(shared: &Rc<Shared>, matched: Matched<'static>, request: JsValue) -> Result<Answer, Problem> {
    shared.trace.page.set(matches!(&matched, Matched::Route(route, _) if route.page));
    let any_host = matches!(&matched, Matched::Route(route, _) if route.hosts == Hosts::Any);
    let site = if any_host { host::Resolved::default() } else { host::resolve(shared).await? };
    shared.trace.host.replace(site.tenant.clone());
    let matched = served(shared, matched, &site);
    if shared.head.method == Method::Options {
        return options(shared, &matched);
    }
    if let Some(answer) = site.moved(shared) {
        return Ok(answer);
    }
    let (route, params) = match matched {
        Matched::Route(route, params) => (route, params),
        Matched::OtherMethods(routes) => return Err(other_method(routes)),
        Matched::Nothing => return Err(Problem::new(Code::NotFound)),
    };
    host::permit(route, &site)?;
    // A way that few requests take is boxed, so that all others carry a pointer of it and not its state.
    let caller = match route.page {
        true => Box::pin(pages::session::caller(shared, route, &site)).await?,
        false => authenticate::caller(shared, route, &site).await?,
    };
    if let Some(caller) = &caller {
        authenticate::authorize(route, caller, shared.now)?;
    }
    let body = body::read(shared, route, request).await?;
    let ctx = Ctx::new(Rc::clone(shared), route, params, site.tenant, caller, body);
    // A header is looked for only where it says something: each look is a crossing.
    let key = if route.idempotent { shared.head.header("idempotency-key") } else { None };
    match key {
        Some(key) => Box::pin(idempotency::once(ctx.clone(), key)).await,
        None => (route.handler)(ctx).await,
    }
}

/// What of a match is served at a site; elsewhere it is as if it were not there. Errors are pages where a person sees them.
fn served(shared: &Shared, matched: Matched<'static>, site: &host::Resolved) -> Matched<'static> {
    let (is_served, page) = match &matched {
        Matched::Route(route, _) => (site.serves(route), route.page),
        Matched::OtherMethods(routes) => (routes.iter().any(|route| site.serves(route)), routes.iter().any(|route| route.page)),
        Matched::Nothing => (false, false),
    };
    let lost_person = site.kind == Some(host::Kind::Public) && shared.head.accepts_html();
    shared.trace.page.set(if is_served { page } else { lost_person });
    if is_served { matched } else { Matched::Nothing }
}

fn other_method(routes: &[Route]) -> Problem {
    Problem::new(Code::MethodNotAllowed).details(serde_json::json!({ "allow": allow(routes) }))
}

fn options(shared: &Shared, matched: &Matched<'static>) -> Result<Answer, Problem> {
    let allowed = match matched {
        Matched::Route(route, _) => allow(std::slice::from_ref(*route)),
        Matched::OtherMethods(routes) => allow(routes),
        Matched::Nothing => return Err(Problem::new(Code::NotFound)),
    };
    let mut answer = Answer::text(204, "", AnswerBody::Empty);
    // Whether the origin may, `respond` says; these are what it may then do.
    if shared.head.header("access-control-request-method").is_some() {
        shared.trace.preflight.replace(Some(allowed.clone()));
    }
    answer.headers.push(("allow", allowed));
    Ok(answer)
}
#[cfg(test)]
mod tests {
    use super::*;

    fn state_of<P, H, R, E, C, F>(_: impl FnOnce(P, H, R, E, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Each request moves it twice; ways that few take are boxed.
    #[test]
    fn the_state_of_a_request_is_small() {
        assert!(state_of(serve) < 2048, "{} bytes", state_of(serve));
    }
}
