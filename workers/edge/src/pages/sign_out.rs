//! `/sign-out`

use askama::Template;
use zygo_core::{
    error::Problem,
    identity::session::{EndReason, Filter},
};
use zygo_store::identity::Which;

use super::{
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    session,
};
use crate::{ctx::Ctx, reply::Answer, revocation};

#[derive(Template)]
#[template(path = "pages/sign_out.html")]
struct Page {
    frame: Frame,
}

/// Asks, for whoever came by a link.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(&ctx) })
}

/// Ends this session.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`; ending again is harmless.
pub async fn submit(ctx: Ctx, _: Form) -> Result<Answer, Problem> {
    let id = ctx.caller()?.session_id;
    revocation::end(&ctx, Which::One(id), Filter::One(id), EndReason::SignedOut).await?;
    session::forget(&ctx);
    Ok(Answer::see_other(Notice::SignedOut.at("/sign-in")))
}

/// Asks again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, _: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(&ctx).with(Some(&problem)) })
}
