//! What the links of mails lead to: a page with a button for each purpose of a one-time token.
//!
//! Mail scanners fetch every link of a mail, so a GET only shows the button; the button redeems.

use askama::Template;
use zygo_core::{
    error::{Code, Problem},
    identity::one_time::Purpose,
};

use super::{
    ask::Ask,
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    redirect, session,
    texts::Texts,
};
use crate::{
    cookies,
    ctx::Ctx,
    endpoints::identity::{cancel_deletion, confirm_email, end_all, magic_link, revert_email, session::Client, verify_email},
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
        Purpose::MagicLink => (t.magic, t.magic_lead, t.sign_in, (Ask::Magic.path(), t.magic_again)),
        Purpose::ConfirmEmail => (t.confirm_email, t.confirm_email_lead, t.confirm_email_button, sign_in),
        Purpose::RevertEmail => (t.revert_email, t.revert_email_lead, t.revert_email_button, (Ask::Reset.path(), t.forgot)),
        Purpose::CancelDeletion => (t.keep_account, t.keep_account_lead, t.keep_account_button, sign_in),
        Purpose::EndSessions => (t.end_all, t.end_all_lead, t.end_all_button, sign_in),
        // A new password needs more than a button, and so does an invitation.
        Purpose::ResetPassword | Purpose::Invitation => return None,
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
        Purpose::VerifyEmail => drop(verify_email::redeem(&ctx, token).await?),
        Purpose::ConfirmEmail => drop(confirm_email::redeem(&ctx, token).await?),
        Purpose::CancelDeletion => cancel_deletion::redeem(&ctx, token).await?,
        Purpose::EndSessions => end_all::redeem(&ctx, token).await?,
        Purpose::RevertEmail => revert_email::redeem(&ctx, token).await?,
        Purpose::MagicLink => {
            let client = Client { device_name: None, cookie: false };
            return session::proceed(&ctx, magic_link::sign_in(&ctx, token, None, client).await?, None);
        }
        Purpose::ResetPassword | Purpose::Invitation => return Err(Problem::new(Code::NotFound)),
    }
    Ok(done(&ctx, purpose(&ctx)?))
}

/// To the account, or to sign in where nobody is.
fn done(ctx: &Ctx, purpose: Purpose) -> Answer {
    let (notice, ends) = match purpose {
        Purpose::ConfirmEmail => (Notice::AddressChanged, false),
        Purpose::CancelDeletion => (Notice::AccountKept, false),
        Purpose::EndSessions => (Notice::AllEnded, true),
        Purpose::RevertEmail => (Notice::AddressReverted, true),
        _ => (Notice::Verified, false),
    };
    if ends {
        session::forget(ctx);
    }
    let signed_in = !ends && cookies::present(&ctx.head);
    Answer::see_other(notice.at(if signed_in { redirect::HOME } else { "/sign-in" }))
}

/// Shows what became of the token.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, form.text("token"), Some(&problem))
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
        let router = Router::new(crate::endpoints::routes(), false);
        for purpose in Purpose::ALL {
            let served = matches!(router.find(Method::Post, purpose.page()), Matched::Route(route, _) if route.page);
            assert!(served, "{}", purpose.page());
            let button = words(purpose, texts::of(Language::English)).is_some();
            assert!(button || matches!(purpose, Purpose::Invitation | Purpose::ResetPassword), "{}", purpose.page());
        }
    }
}
