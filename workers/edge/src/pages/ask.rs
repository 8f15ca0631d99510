//! Pages that ask for a mail, and the page that says that one may be on its way; the same for every address.

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    texts::Texts,
};
use crate::{
    ctx::Ctx,
    endpoints::identity::{forgot_password, magic_link, resend},
    reply::Answer,
};

/// What mail is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The one that confirms an address.
    Verify,
    /// The one that sets a new password.
    Reset,
    /// The one to sign in with.
    Magic,
}

/// What the pages say.
struct Words {
    heading: &'static str,
    lead: &'static str,
    sent: &'static str,
}

impl Ask {
    const ALL: [Self; 3] = [Self::Verify, Self::Reset, Self::Magic];

    /// The path of the form.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Verify => "/verify-email/resend",
            Self::Reset => "/forgot-password",
            Self::Magic => "/sign-in/link",
        }
    }

    /// The path that says that a mail may be on its way.
    #[must_use]
    pub const fn sent(self) -> &'static str {
        match self {
            Self::Verify => "/verify-email/sent",
            Self::Reset => "/forgot-password/sent",
            Self::Magic => "/sign-in/link/sent",
        }
    }

    const fn words(self, t: &Texts) -> Words {
        match self {
            Self::Verify => Words { heading: t.resend, lead: t.resend_lead, sent: t.sent_verify },
            Self::Reset => Words { heading: t.forgot, lead: t.forgot_lead, sent: t.sent_reset },
            Self::Magic => Words { heading: t.magic_ask, lead: t.magic_ask_lead, sent: t.sent_magic },
        }
    }

    fn of(ctx: &Ctx) -> Result<Self, Problem> {
        let path = ctx.route().path;
        Self::ALL.into_iter().find(|ask| ask.path() == path || ask.sent() == path).ok_or(Problem::new(Code::NotFound))
    }
}

#[derive(Template)]
#[template(path = "pages/ask.html")]
struct Page<'a> {
    frame: Frame,
    words: Words,
    action: &'static str,
    email: &'a str,
}

fn show(ctx: &Ctx, email: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let ask = Ask::of(ctx)?;
    let frame = Frame::new(ctx).with(problem);
    frame::show(&Page { words: ask.words(frame.t), action: ask.path(), email, frame })
}

/// Shows the form.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, "", None)
}

/// Sends a mail where one is owed.
///
/// # Errors
/// Those of the endpoint that does the same.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let ask = Ask::of(&ctx)?;
    match ask {
        Ask::Verify => drop(resend::handle(ctx.clone(), form.input(&ctx, &["email"]).await?).await?),
        Ask::Reset => drop(forgot_password::handle(ctx.clone(), form.input(&ctx, &["email"]).await?).await?),
        Ask::Magic => drop(magic_link::request(ctx.clone(), form.input(&ctx, &["email"]).await?).await?),
    }
    Ok(Answer::see_other(ask.sent()))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, form.text("email"), Some(&problem))
}

#[derive(Template)]
#[template(path = "pages/sent.html")]
struct Sent {
    frame: Frame,
    words: Words,
    ask: &'static str,
}

/// Says that a mail may be on its way.
///
/// # Errors
/// `INTERNAL`.
pub async fn sent(ctx: Ctx) -> Result<Answer, Problem> {
    let ask = Ask::of(&ctx)?;
    let frame = Frame::new(&ctx);
    frame::show(&Sent { words: ask.words(frame.t), ask: ask.path(), frame })
}
