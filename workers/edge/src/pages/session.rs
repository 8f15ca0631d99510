//! Who looks at a page: the access token of a cookie, renewed here from the refresh token beside it.
//!
//! A page's GET carries no header of a script's making, so its proof is a cookie: `__Host-zygo_access`, HttpOnly, for the
//! minutes that the token lives. Where it is missing or over, the refresh token is rotated as `POST /auth/refresh` does, and
//! the answer brings both cookies anew. A request forged from elsewhere can at most cause such a renewal, whose tokens go
//! to the browser that they belong to; whatever changes something is a form, and proves that a page of ours sent it.

use std::rc::Rc;

use zygo_core::{
    error::{Code, Problem},
    identity::token::ACCESS_SECONDS,
};

use super::{language, redirect, second_factor};
use crate::{
    caller::Caller,
    cookies,
    ctx::{Ctx, Shared},
    endpoints::identity::{refresh, session::Session, sign_in::SignedIn},
    pipeline::{authenticate, host::Resolved},
    reply::{Answer, Reply},
    route::{Route, Who},
};

/// The caller of a page that wants one.
///
/// # Errors
/// A 401, upon which the browser is sent to sign in, or what the lease refuses.
pub async fn caller(shared: &Rc<Shared>, route: &'static Route, site: &Resolved) -> Result<Option<Rc<Caller>>, Problem> {
    if route.who == Who::Public {
        return Ok(None);
    }
    if route.who == Who::Anybody {
        // Nobody who is not signed in is sent away.
        return Ok(if cookies::present(&shared.head) { signed_in(shared, route, site).await.ok() } else { None });
    }
    signed_in(shared, route, site).await.map(Some)
}

async fn signed_in(shared: &Rc<Shared>, route: &'static Route, site: &Resolved) -> Result<Rc<Caller>, Problem> {
    let kept = match cookies::access(&shared.head) {
        Some(token) => authenticate::admitted(shared, route, site, token).await,
        None => Err(Problem::new(Code::Unauthenticated)),
    };
    match kept {
        Ok(caller) => Ok(caller),
        Err(problem) if matches!(problem.code(), Code::Unauthenticated | Code::TokenExpired | Code::TokenInvalid) => {
            let access = renew(shared, route, site).await?;
            authenticate::admitted(shared, route, site, &access).await
        }
        Err(problem) => Err(problem),
    }
}

/// Rotates the refresh token of the cookie; answers the access token, and both go with the response.
async fn renew(shared: &Rc<Shared>, route: &'static Route, site: &Resolved) -> Result<String, Problem> {
    let refresh = cookies::unproven_refresh(&shared.head).ok_or(Problem::new(Code::Unauthenticated))?;
    let ctx = Ctx::new(Rc::clone(shared), route, Vec::new(), site.tenant.clone(), None, Vec::new());
    let session = refresh::rotate(&ctx, refresh, false).await?;
    keep(shared, &session.into_body().ok_or(Problem::internal("a session without a body"))?)
}

/// Puts a session's tokens into cookies; answers the access token.
fn keep(shared: &Shared, session: &Session) -> Result<String, Problem> {
    let (refresh, access) = session.tokens().ok_or(Problem::internal("a session without tokens"))?;
    let mut kept = shared.cookies.borrow_mut();
    kept.push(cookies::session(refresh));
    kept.push(access_cookie(access));
    kept.extend(session.device_token().map(cookies::trusted));
    drop(kept);
    language::remember(shared, session.locale());
    Ok(access.to_owned())
}

/// The cookie of an access token, for the seconds that it lives.
#[must_use]
pub fn access_cookie(access: &str) -> String {
    cookies::access_token(access, u32::try_from(ACCESS_SECONDS).unwrap_or_default())
}

/// Goes on after a way to sign in was right: to where the person wanted to, or to the second factor that is wanted first.
///
/// # Errors
/// `INTERNAL` for a session whose tokens went elsewhere.
pub fn proceed(ctx: &Ctx, signed_in: Reply<SignedIn>, wanted: Option<&str>) -> Result<Answer, Problem> {
    let (signed_in, headers) = signed_in.into_parts();
    match signed_in.ok_or(Problem::internal("a sign-in without a body"))? {
        SignedIn::Session(session) => {
            // What began outside of the pages, as at a provider, ends with the refresh token in a cookie already.
            let there = headers.into_iter().filter(|(name, _)| *name == "set-cookie").map(|(_, cookie)| cookie);
            match session.tokens() {
                Some(_) => drop(keep(ctx, &session)?),
                None => ctx.cookies.borrow_mut().extend(there),
            }
            let mut kept = ctx.cookies.borrow_mut();
            // Whoever knew the token of before does not know that of the session.
            kept.push(cookies::open(&cookies::fresh()));
            if second_factor::token(&ctx.head).is_some() {
                kept.push(second_factor::spent());
            }
            Ok(Answer::see_other(redirect::target(ctx.app, wanted)))
        }
        SignedIn::Challenge(challenge) => Ok(second_factor::ask(ctx, &challenge, wanted)),
    }
}

/// Forgets the session in this browser.
pub fn forget(shared: &Shared) {
    let mut cookies = shared.cookies.borrow_mut();
    cookies.clear();
    cookies.extend(crate::cookies::cleared());
}
