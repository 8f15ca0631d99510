//! The way of a request: head, route, host, admission, caller, rights, body, handler, reply.

pub mod admission;
pub mod authenticate;
pub mod body;
pub mod head;
pub mod host;
pub mod idempotency;
pub mod respond;

use std::rc::Rc;

use wasm_bindgen::JsValue;
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
    reply::{Answer, AnswerBody},
    route::Route,
    router::{Matched, allow},
};

/// Answers one request.
pub async fn serve(request: JsValue, env: Env, context: Context) -> JsValue {
    let now = clock::now();
    let head = Head::parse(&js::head(&request));
    let request_id = request_id::choose(head.header("x-request-id"), now, random::bytes());
    let app = match App::get(&env) {
        Ok(app) => app,
        Err(cause) => {
            log::line(log::Level::Error, "configuration", serde_json::json!({ "cause": cause }));
            return respond::bare(&Problem::internal(cause), &request_id);
        }
    };
    let shared = Rc::new(Shared::new(app, env, now, request_id, head));
    let matched = app.router.find(shared.head.method, &shared.head.path);
    let route = match &matched {
        Matched::Route(route, _) => Some(*route),
        _ => None,
    };
    let result = run(&shared, matched, request).await;
    let response = respond::finish(&shared, route, result);
    let after = shared.take_after();
    if !after.is_empty() {
        context.wait_until(async move {
            futures::future::join_all(after).await;
        });
    }
    response
}

async fn run(shared: &Rc<Shared>, matched: Matched<'static>, request: JsValue) -> Result<Answer, Problem> {
    let any_host = matches!(&matched, Matched::Route(route, _) if route.any_host);
    let site = if any_host { host::Resolved::default() } else { host::resolve(shared).await? };
    if shared.head.method == Method::Options {
        return options(shared, &matched);
    }
    let (route, params) = match matched {
        Matched::Route(route, params) => (route, params),
        Matched::OtherMethods(routes) => return Err(other_method(routes)),
        Matched::Nothing => return Err(Problem::new(Code::NotFound)),
    };
    host::permit(route, &site)?;
    let caller = authenticate::caller(shared, route, &site)?;
    if let Some(caller) = &caller {
        admission::leased(shared, caller, route).await?;
        authenticate::authorize(route, caller)?;
    }
    let body = body::read(shared, route, request).await?;
    let ctx = Ctx::new(Rc::clone(shared), route, params, site.tenant, caller, body);
    match (route.idempotent, shared.head.header("idempotency-key")) {
        (true, Some(key)) => idempotency::once(ctx.clone(), key).await,
        _ => (route.handler)(ctx).await,
    }
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
