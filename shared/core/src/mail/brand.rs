//! The look of an organisation in the mails that are sent for it.

use super::Mail;
use crate::tenancy::{
    domain::CustomHost,
    settings::{Color, Colors},
};

/// Characters of a name that is shown, at most.
const LONGEST_NAME: usize = 64;
/// Characters of the name of a logo's file, at most.
const LONGEST_FILE: usize = 128;
/// What one presses, where no organisation says how it looks.
const PLAIN_BUTTON: &str = "background:#1f3fb5;color:#ffffff";

/// How the mails of an organisation look that has proved who it is.
///
/// Only one that has proved a domain has a brand. Anybody may make an organisation, call it what they like and invite anybody; whoever
/// reads its mail must see who says so, so the domain stands beside the name, and before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    domain: String,
    name: Option<String>,
    color: Option<Color>,
    logo: Option<String>,
}

impl Brand {
    /// What an organisation says of itself, as far as mails show it; `None` if its domain is no name of a host. A name that could be taken
    /// for something else than a name is left out, and so is a logo that is not a file below `logos`, the address of the organisation's.
    #[must_use]
    pub fn new(domain: &str, name: &str, colors: Colors, logo: Option<&str>, logos: &str) -> Option<Self> {
        let domain = CustomHost::parse(domain).ok()?.as_str().to_owned();
        let name = is_showable(name).then(|| name.to_owned());
        let logo = logo.filter(|logo| logo.strip_prefix(logos).is_some_and(is_file)).map(str::to_owned);
        Some(Self { domain, name, color: colors.primary, logo })
    }

    /// The domain that it has proved to be its own.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What it calls itself, if that can be shown.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where its logo is.
    #[must_use]
    pub fn logo(&self) -> Option<&str> {
        self.logo.as_deref()
    }

    /// The style of what one presses.
    fn button(&self) -> Option<String> {
        let color = self.color.as_ref()?;
        Some(format!("background:{};color:{}", color.as_str(), ink(color)))
    }
}

/// How a mail looks.
pub(super) struct Look<'a> {
    /// The organisation that it is sent for.
    pub brand: Option<&'a Brand>,
    /// The style of what one presses.
    pub button: String,
}

impl<'a> Look<'a> {
    pub fn of(brand: Option<&'a Brand>) -> Self {
        Self { brand, button: brand.and_then(Brand::button).unwrap_or_else(|| PLAIN_BUTTON.to_owned()) }
    }
}

impl Mail<'_> {
    /// Whether it is in the look of the organisation that it is sent for. What was asked for at the organisation's host is; what concerns
    /// somebody's account only for its members: to anybody else it speaks for us alone, wherever it was caused.
    #[must_use]
    pub const fn is_branded(&self, member: bool) -> bool {
        match self {
            Self::VerifyEmail { .. }
            | Self::AccountExists { .. }
            | Self::ResetPassword { .. }
            | Self::MagicLink { .. }
            | Self::Invitation { .. }
            | Self::ConfirmEmail { .. }
            | Self::SignInCode { .. } => true,
            Self::AccountLocked { .. } | Self::EmailChanged { .. } | Self::DeletionRequested { .. } | Self::SecurityNotice { .. } => member,
        }
    }
}

/// Whether a name looks like nothing but a name: one line, bounded, read in the direction in which it is written, and without what mail
/// programs make a link of.
fn is_showable(name: &str) -> bool {
    let length = name.chars().count();
    let mut after = name.chars().skip(1);
    let is_link = name.chars().any(|c| {
        let next = after.next();
        matches!(c, '@' | '＠') || is_dot(c) && next.is_some_and(char::is_alphanumeric) || matches!((c, next), ('/', Some('/')))
    });
    (1..=LONGEST_NAME).contains(&length) && name.trim() == name && !is_link && !name.chars().any(is_invisible)
}

/// What separates the labels of a domain (UTS 46, 4).
const fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Control characters, what ends a line or turns the direction of a text, and what cannot be seen. Those that join letters stay: some
/// scripts are not written without.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether it is a file's name and no way out of its folder.
fn is_file(name: &str) -> bool {
    (1..=LONGEST_FILE).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// The colour of letters on this ground: black or white, whichever stands out more (WCAG 2.2, contrast ratio).
fn ink(ground: &Color) -> &'static str {
    let luminance = luminance(ground);
    let (on_white, on_black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
    if on_white >= on_black { "#ffffff" } else { "#000000" }
}

/// WCAG 2.2, relative luminance: 0 for black, 1 for white.
fn luminance(color: &Color) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = color.channels().map(linear);
    0.0722_f64.mul_add(blue, 0.2126_f64.mul_add(red, 0.7152 * green))
}

#[cfg(test)]
mod tests;
