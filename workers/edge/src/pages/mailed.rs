//! What the links of mails lead to: a page with a button for each purpose of a one-time token.
//!
//! Mail scanners fetch every link of a mail, so a GET only shows the button; the button redeems.

use askama::Template;
use zygo_core::{
    error::{Code, Problem},
    identity::one_time::Purpose,
};

use super::{
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    redirect, session,
    texts::Texts,
};
use crate::{
    cookies,
    ctx::Ctx,
    endpoints::identity::{end_all, verify_email},
    reply::Answer,
};

/// What a page says for a purpose.
struct Words {
    heading: &'static str,
    lead: &'static str,
    button: &'static str,
    /// Where one goes from a link that does not work any more, and what that is called.
    instead: (&'static str, &'static str),
}

/// The words for a purpose that has a page here.
const fn words(purpose: Purpose, t: &Texts) -> Option<Words> {
    let sign_in = ("/sign-in", t.sign_in);
    let (heading, lead, button, instead) = match purpose {
        Purpose::VerifyEmail => (t.verify, t.verify_lead, t.verify_button, ("/verify-email/resend", t.resend)),
        Purpose::EndSessions => (t.end_all, t.end_all_lead, t.end_all_button, sign_in),
        _ => return None,
    };
    Some(Words { heading, lead, button, instead })
}

#[derive(Template)]
#[template(path = "pages/mailed.html")]
struct Page<'a> {
    frame: Frame,
    words: Words,
    action: &'static str,
    token: &'a str,
    spent: bool,
}

/// The purpose whose page this is.
fn purpose(ctx: &Ctx) -> Result<Purpose, Problem> {
    Purpose::ALL.into_iter().find(|purpose| purpose.page() == ctx.route().path).ok_or(Problem::new(Code::NotFound))
}

fn show(ctx: &Ctx, token: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let purpose = purpose(ctx)?;
    let frame = Frame::new(ctx).with(problem);
    let spent =
        problem.is_some_and(|problem| matches!(problem.code(), Code::TokenInvalid | Code::TokenExpired | Code::TokenConsumed | Code::EmailTaken));
    let words = words(purpose, frame.t).ok_or(Problem::new(Code::NotFound))?;
    frame::show(&Page { words, action: purpose.page(), token, spent, frame })
}

/// Shows the button.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, &ctx.query("token").unwrap_or_default(), None)
}

/// Redeems the token.
///
/// # Errors
/// Those of the endpoint that redeems such tokens.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let token = form.text("token");
    match purpose(&ctx)? {
        Purpose::VerifyEmail => {
            verify_email::handle(ctx.clone(), form.input(&ctx, &["token"]).await?).await?;
            Ok(done(&ctx, Notice::Verified))
        }
        Purpose::EndSessions => {
            end_all::redeem(&ctx, token).await?;
            session::forget(&ctx);
            Ok(Answer::see_other(Notice::AllEnded.at("/sign-in")))
        }
        _ => Err(Problem::new(Code::NotFound)),
    }
}

/// Shows what became of the token.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, form.text("token"), Some(&problem))
}

/// To the account, or to sign in where nobody is.
fn done(ctx: &Ctx, notice: Notice) -> Answer {
    Answer::see_other(notice.at(if cookies::present(&ctx.head) { redirect::HOME } else { "/sign-in" }))
}

#[cfg(test)]
mod tests {
    use zygo_core::mail::Language;

    use super::{super::texts, *};
    use crate::{
        pipeline::head::Method,
        router::{Matched, Router},
    };

    #[test]
    fn every_page_of_a_mail_is_served() {
        let router = Router::new(false);
        for purpose in Purpose::ALL {
            let served = matches!(router.find(Method::Post, purpose.page()), Matched::Route(route, _) if route.page);
            assert_eq!(words(purpose, texts::of(Language::English)).is_some(), served, "{}", purpose.page());
        }
    }
}
