//! `/account`: who one is, and where one belongs.

use askama::Template;
use zygo_core::error::{Code, Problem};
use zygo_store::identity::{self, Me};

use super::{
    dates,
    frame::{self, Frame},
    redirect, second_factor,
    texts::Texts,
};
use crate::{ctx::Ctx, reply::Answer};

#[derive(Template)]
#[template(path = "pages/account.html")]
struct Page {
    frame: Frame,
    email: String,
    name: String,
    since: String,
    factors: String,
    organisations: Vec<Organisation>,
    /// Whether organisations are made at this host.
    public: bool,
}

struct Organisation {
    name: String,
    role: String,
    href: String,
    here: bool,
}

/// From the start page to the account, which is where everything begins.
///
/// # Errors
/// None of its own.
pub async fn start(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::see_other(redirect::HOME))
}

/// Shows the account, in one round trip.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let me = ctx.store(identity::me(&db, &ctx.lookup(), caller.user_id)).await?;
    let me = me.ok_or(Problem::new(Code::Unauthenticated))?;
    let frame = Frame::new(&ctx);
    frame::show(&Page {
        since: dates::day(me.user.created_at, frame.language),
        email: me.user.email.clone(),
        name: [&me.user.first_name, &me.user.last_name].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" "),
        factors: factors(frame.t, &me),
        organisations: organisations(&ctx, &me),
        public: ctx.host_tenant().is_none(),
        frame,
    })
}

fn factors(t: &Texts, me: &Me) -> String {
    let names: Vec<&str> = me.mfa_factors.iter().map(|factor| second_factor::name(t, *factor)).collect();
    if names.is_empty() { t.account_factors_none.to_owned() } else { names.join(", ") }
}

fn organisations(ctx: &Ctx, me: &Me) -> Vec<Organisation> {
    let here = ctx.host_tenant().map(|tenant| tenant.tenant_id);
    let view = |membership: &identity::Membership| Organisation {
        name: membership.tenant.name.clone(),
        role: membership.role.name.clone(),
        href: redirect::organisation(&ctx.app.config, &membership.tenant.slug),
        here: Some(membership.tenant.id) == here,
    };
    me.memberships.iter().map(view).collect()
}
