//! In which language a page is: as its reader chose, else as their account says, else as their browser asks.

use zygo_core::{http::accept_language, mail::Language, text::Locale};

use crate::{cookies, ctx::Shared};

const COOKIE: &str = "__Host-zygo_language";
/// A year, in seconds.
const MAX_AGE: u32 = 365 * 24 * 3600;

/// The language of this request's page. What `?lang=` asks for is kept.
#[must_use]
pub fn of(shared: &Shared) -> Language {
    if let Some(chosen) = shared.query("lang").as_deref().and_then(by_tag) {
        keep(shared, chosen);
        return chosen;
    }
    let kept = shared.head.cookie(COOKIE).and_then(by_tag);
    let asked = || shared.head.header("accept-language").and_then(accept_language::preferred);
    kept.or_else(asked).unwrap_or(Language::English)
}

/// The other one.
#[must_use]
pub const fn other(language: Language) -> Language {
    match language {
        Language::English => Language::German,
        Language::German => Language::English,
    }
}

/// Keeps the language of an account that was signed in to, unless its owner chose one in this browser.
pub fn remember(shared: &Shared, locale: &str) {
    if shared.head.cookie(COOKIE).is_none() {
        keep(shared, Language::of(Locale::parse(locale).ok().as_ref()));
    }
}

fn keep(shared: &Shared, language: Language) {
    shared.cookies.borrow_mut().push(cookies::kept(COOKIE, language.tag(), MAX_AGE));
}

fn by_tag(tag: &str) -> Option<Language> {
    Language::ALL.into_iter().find(|language| language.tag() == tag)
}
