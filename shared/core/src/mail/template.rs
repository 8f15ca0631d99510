//! One source for each mail and language; frame and parts exist as HTML and as plain text, and the form's `askama.toml` decides which comes out.

use std::fmt;

use askama::{Error, Template, filters::Escaper};

use super::{Language, Mail, brand::Look, notice};
use crate::identity::{mfa::token::Kind, one_time::Purpose};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What comes out.
pub(super) struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Writes the mail of one source in both forms, with the values that the source reads.
macro_rules! written {
    ($source:literal, ($language:expr, $look:expr), $($name:ident: $kind:ty = $value:expr),+) => {{
        #[derive(Template)]
        #[template(path = $source, config = "src/mail/templates/text/askama.toml", escape = "none")]
        struct Text<'a> {
            language: &'a str,
            look: &'a Look<'a>,
            $($name: $kind),+
        }
        #[derive(Template)]
        #[template(path = $source, config = "src/mail/templates/html/askama.toml", escape = "html")]
        struct Html<'a> {
            language: &'a str,
            subject: &'a str,
            look: &'a Look<'a>,
            $($name: $kind),+
        }
        let (language, look) = ($language.tag(), $look);
        let text = without_gaps(&Text { language, look, $($name: $value),+ }.render()?);
        // The frame begins with it.
        let subject = text.lines().next().unwrap_or_default().to_owned();
        let html = without_gaps(&Html { language, subject: &subject, look, $($name: $value),+ }.render()?);
        Ok(Written { subject, text, html })
    }};
}

/// Writes a mail in both forms.
pub(super) fn write(mail: &Mail<'_>, language: Language, look: &Look<'_>) -> Result<Written, Error> {
    use Language::{English, German};
    let life = |purpose: Purpose, unit: i64| purpose.ttl_seconds().checked_div(unit).unwrap_or(0);
    // A source in both languages, with a link and how long that works.
    macro_rules! with_link {
        ($english:literal, $german:literal, $link:expr, $life:ident = $value:expr) => {
            match language {
                English => written!($english, (language, look), link: &'a str = $link, $life: i64 = $value),
                German => written!($german, (language, look), link: &'a str = $link, $life: i64 = $value),
            }
        };
    }
    match *mail {
        Mail::VerifyEmail { link, .. } => with_link!("verify_email.en", "verify_email.de", link, hours = life(Purpose::VerifyEmail, HOUR)),
        Mail::ResetPassword { link, .. } => {
            with_link!("reset_password.en", "reset_password.de", link, minutes = life(Purpose::ResetPassword, MINUTE))
        }
        Mail::MagicLink { link, .. } => with_link!("magic_link.en", "magic_link.de", link, minutes = life(Purpose::MagicLink, MINUTE)),
        Mail::Invitation { link, .. } => with_link!("invitation.en", "invitation.de", link, days = life(Purpose::Invitation, DAY)),
        Mail::ConfirmEmail { link } => with_link!("confirm_email.en", "confirm_email.de", link, hours = life(Purpose::ConfirmEmail, HOUR)),
        Mail::EmailChanged { link } => with_link!("email_changed.en", "email_changed.de", link, days = life(Purpose::RevertEmail, DAY)),
        Mail::DeletionRequested { link } => {
            with_link!("deletion_requested.en", "deletion_requested.de", link, days = life(Purpose::CancelDeletion, DAY))
        }
        Mail::AccountExists { link } => match language {
            English => written!("account_exists.en", (language, look), link: &'a str = link),
            German => written!("account_exists.de", (language, look), link: &'a str = link),
        },
        Mail::AccountLocked { failures, minutes } => match language {
            English => written!("account_locked.en", (language, look), failures: u32 = failures, minutes: u32 = minutes),
            German => written!("account_locked.de", (language, look), failures: u32 = failures, minutes: u32 = minutes),
        },
        Mail::SignInCode { code, reasons } => {
            let odd = notice::odd(reasons, language);
            let (odd, minutes) = (odd.as_str(), Kind::Challenge.ttl_seconds().checked_div(MINUTE).unwrap_or(0));
            match language {
                English => written!("sign_in_code.en", (language, look), code: &'a str = code, odd: &'a str = odd, minutes: i64 = minutes),
                German => written!("sign_in_code.de", (language, look), code: &'a str = code, odd: &'a str = odd, minutes: i64 = minutes),
            }
        }
        Mail::SecurityNotice { notice, country, link } => {
            let (title, told) = notice::words(notice, country, language);
            let (told, days) = (told.as_str(), life(Purpose::EndSessions, DAY));
            match language {
                English => {
                    written!("security_notice.en", (language, look), title: &'a str = title, told: &'a str = told, link: &'a str = link, days: i64 = days)
                }
                German => {
                    written!("security_notice.de", (language, look), title: &'a str = title, told: &'a str = told, link: &'a str = link, days: i64 = days)
                }
            }
        }
    }
}

/// Escapes for HTML text and quoted attributes, by name where there is one: askama's own are numbers, which makes links hard to read.
#[derive(Clone, Copy)]
pub(super) struct Escaped;

impl Escaper for Escaped {
    fn write_escaped_str<W: fmt::Write>(&self, mut out: W, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// At most one empty line in a row, none at the ends, a line break at the end.
fn without_gaps(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines() {
        // The signature's mark is two hyphens and a space (RFC 3676, 4.3).
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        result.push_str(line);
        result.push('\n');
    }
    result
}
