//! What stands around every page: language, navigation, notices, problems, and the policy of what a browser may do with it.

use askama::Template;
use zygo_core::{error::Problem, mail::Language};
use zygo_runtime::random;

use super::{
    asset::{self, Asset},
    faults::Fault,
    forgery, language,
    notice::Notice,
    texts::{self, Texts},
};
use crate::{
    cookies,
    ctx::{Ctx, Shared},
    pipeline::head::Method,
    reply::{Answer, AnswerBody},
};

/// Our own style and pictures, forms to ourselves, no script, no frame around it.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page stands in.
pub struct Frame {
    /// Texts in the reader's language.
    pub t: &'static Texts,
    /// The reader's language.
    pub language: Language,
    /// Whether somebody is signed in.
    pub signed_in: bool,
    /// The organisation whose host this is.
    pub organisation: Option<String>,
    /// Path of the page.
    pub path: String,
    /// What to tell first, if all went well.
    pub notice: Option<&'static str>,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// The same page in the other language.
    pub translation: Option<Translation>,
    /// The forgery token, masked.
    pub csrf: String,
}

/// A link to a page in another language.
pub struct Translation {
    /// The language.
    pub tag: &'static str,
    /// Its name in itself.
    pub name: &'static str,
    /// Where.
    pub href: String,
}

impl Frame {
    /// The frame of a page with forms.
    #[must_use]
    pub fn new(ctx: &Ctx) -> Self {
        let mut frame = Self::bare(ctx);
        frame.signed_in = ctx.caller().is_ok();
        frame.organisation = ctx.host_tenant().map(|tenant| tenant.slug.to_string());
        frame.notice = ctx.query("notice").as_deref().and_then(Notice::from_key).map(|notice| notice.text(frame.t));
        frame.csrf = token(ctx);
        frame
    }

    /// The frame of a page without forms, which nobody is signed in to.
    #[must_use]
    pub fn bare(shared: &Shared) -> Self {
        let language = language::of(shared);
        Self {
            t: texts::of(language),
            language,
            signed_in: false,
            organisation: None,
            path: shared.head.path.clone(),
            notice: None,
            fault: None,
            translation: (shared.head.method.routed() == Method::Get).then(|| translation(shared, language)),
            csrf: String::new(),
        }
    }

    /// The same with a problem, if there is one.
    #[must_use]
    pub fn with(mut self, problem: Option<&Problem>) -> Self {
        self.fault = problem.map(|problem| Fault::new(problem, self.language));
        self
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn wrong(&self, field: &str) -> Option<&str> {
        self.fault.as_ref()?.field(field)
    }

    /// Whether a field is the first with something wrong: there one goes on.
    #[must_use]
    pub fn is_first_wrong(&self, field: &str) -> bool {
        self.fault.as_ref().and_then(|fault| fault.fields.first()).is_some_and(|(path, _)| path == field)
    }

    /// Where the style lies.
    #[must_use]
    pub fn style(&self) -> String {
        asset::href(Asset::Style)
    }

    /// Where the script lies that asks for passkeys.
    #[must_use]
    pub fn script(&self) -> String {
        asset::href(Asset::Passkey)
    }

    /// Where the icon lies.
    #[must_use]
    pub fn icon(&self) -> String {
        asset::href(Asset::Icon)
    }
}

/// A page as an answer.
///
/// # Errors
/// `INTERNAL` if its template fails.
pub fn show(page: &impl Template) -> Result<Answer, Problem> {
    let html = page.render().map_err(|error| Problem::internal(error.to_string()))?;
    let mut answer = Answer::text(200, "text/html; charset=utf-8", AnswerBody::Text(html));
    answer.headers.push(("content-security-policy", CSP.into()));
    // Without this, a browser would say of its forms that they come from nowhere; other sites still learn nothing.
    answer.headers.push(("referrer-policy", "same-origin".into()));
    Ok(answer)
}

/// A page with the one script of ours.
///
/// # Errors
/// `INTERNAL` if its template fails.
pub fn show_scripted(page: &impl Template) -> Result<Answer, Problem> {
    let mut answer = show(page)?;
    for (_, policy) in answer.headers.iter_mut().filter(|(name, _)| *name == "content-security-policy") {
        policy.push_str("; script-src 'self'");
    }
    Ok(answer)
}

/// The browser's forgery token under a fresh mask; one that has none gets one.
fn token(ctx: &Ctx) -> String {
    let kept = cookies::forgery_token(&ctx.head).filter(|token| forgery::is_token(token)).map(str::to_owned);
    let token = kept.unwrap_or_else(|| {
        let token = cookies::fresh();
        ctx.cookies.borrow_mut().push(cookies::open(&token));
        token
    });
    forgery::mask(&token, random::bytes()).unwrap_or_default()
}

fn translation(shared: &Shared, language: Language) -> Translation {
    let other = language::other(language);
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = form_urlencoded::parse(shared.head.query.as_bytes()).filter(|(name, _)| name != "lang");
    query.extend_pairs(kept).append_pair("lang", other.tag());
    Translation { tag: other.tag(), name: texts::of(other).language_name, href: format!("{}?{}", shared.head.path, query.finish()) }
}
