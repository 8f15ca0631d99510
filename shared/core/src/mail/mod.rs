//! Mails: what is written, in which language; sending is done elsewhere.

pub mod brand;
mod notice;
pub mod report;
pub mod samples;
pub mod standing;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::brand::{Brand, Look};
use crate::{
    error::Problem,
    identity::notice::{Notice, Reason},
    text::Locale,
};

/// A mail to be written, with what it says.
///
/// None carries a person's name: whoever signs up with somebody else's address chooses the name, and must not thereby write a line of
/// the mail that we send there. Nor does it show what an organisation says of itself, its name, logo or colours, while nobody knows who that
/// is: anybody may make an organisation and invite anybody, and a picture can say whatever a line can. Whose it is, the page says that it
/// leads to. One that has proved a domain is known; its mails have its [`Brand`], and the domain in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Mail<'a> {
    /// After sign-up: confirm the address.
    VerifyEmail {
        /// Where the token is redeemed.
        link: &'a str,
        /// The one-time token in the link.
        token: &'a str,
    },
    /// Somebody signed up with an address that has an account.
    AccountExists {
        /// Where one signs in.
        link: &'a str,
    },
    /// Too many wrong passwords in a row.
    AccountLocked {
        /// How many they were.
        failures: u32,
        /// How long nobody can sign in, in minutes.
        minutes: u32,
    },
    /// Somebody asked for a new password.
    ResetPassword {
        /// Where the token is redeemed.
        link: &'a str,
        /// The one-time token in the link.
        token: &'a str,
    },
    /// Somebody asked for a link to sign in with.
    MagicLink {
        /// Where the token is redeemed.
        link: &'a str,
        /// The one-time token in the link.
        token: &'a str,
    },
    /// Somebody is invited to an organisation.
    Invitation {
        /// Where the token is redeemed.
        link: &'a str,
        /// The one-time token in the link.
        token: &'a str,
    },
    /// To a new address: confirm that it is to be the account's.
    ConfirmEmail {
        /// Where the token is redeemed.
        link: &'a str,
    },
    /// To the old address: the account has another one now.
    EmailChanged {
        /// Where the old one is restored.
        link: &'a str,
    },
    /// The account will be deleted.
    DeletionRequested {
        /// Where that is cancelled.
        link: &'a str,
    },
    /// A sign-in looks odd, and the person has no second factor.
    SignInCode {
        /// The code to type.
        code: &'a str,
        /// What is odd.
        reasons: &'a [Reason],
    },
    /// Something that concerns the security of the account.
    SecurityNotice {
        /// What.
        notice: &'a Notice,
        /// Code of the country that a sign-in came from, as the network tells it.
        country: Option<&'a str>,
        /// Where all sessions can be ended; has a one-time token.
        link: &'a str,
    },
}

/// Languages that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, where nothing else is wanted.
    English,
    /// German.
    German,
}

impl Language {
    /// The languages.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language for somebody's locale, English if there is none for it.
    #[must_use]
    pub fn of(locale: Option<&Locale>) -> Self {
        match locale.map(Locale::language) {
            Some("de") => Self::German,
            _ => Self::English,
        }
    }

    /// The language tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// A mail as it is sent, and as the development mailbox shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The subject, one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML. Nothing is fetched for it but the logo of an organisation that has a brand.
    pub html: String,
    /// The links in it.
    pub links: Vec<String>,
    /// The tokens in it, by what they are for: `verify`, `reset`, `invite`, `magic`, `code`.
    pub tokens: BTreeMap<String, String>,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Mail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Mail<'_> {
    /// The name of the mail, and of its templates.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::AccountExists { .. } => "account_exists",
            Self::AccountLocked { .. } => "account_locked",
            Self::ResetPassword { .. } => "reset_password",
            Self::MagicLink { .. } => "magic_link",
            Self::Invitation { .. } => "invitation",
            Self::ConfirmEmail { .. } => "confirm_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::DeletionRequested { .. } => "deletion_requested",
            Self::SignInCode { .. } => "sign_in_code",
            Self::SecurityNotice { .. } => "security_notice",
        }
    }

    /// The link that it leads with.
    const fn link(&self) -> Option<&str> {
        match self {
            Self::VerifyEmail { link, .. }
            | Self::AccountExists { link }
            | Self::ResetPassword { link, .. }
            | Self::MagicLink { link, .. }
            | Self::Invitation { link, .. }
            | Self::ConfirmEmail { link }
            | Self::EmailChanged { link }
            | Self::DeletionRequested { link }
            | Self::SecurityNotice { link, .. } => Some(link),
            Self::AccountLocked { .. } | Self::SignInCode { .. } => None,
        }
    }

    /// The one-time token that the development mailbox shows, and by what name.
    const fn token(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::VerifyEmail { token, .. } => Some(("verify", token)),
            Self::ResetPassword { token, .. } => Some(("reset", token)),
            Self::MagicLink { token, .. } => Some(("magic", token)),
            Self::Invitation { token, .. } => Some(("invite", token)),
            Self::SignInCode { code, .. } => Some(("code", code)),
            _ => None,
        }
    }

    /// Writes the mail, in the look of the organisation that it is sent for.
    ///
    /// # Errors
    /// `INTERNAL`, if its link is not one of the web or it cannot be written.
    pub fn render(&self, language: Language, brand: Option<&Brand>) -> Result<Rendered, Problem> {
        let link = self.link();
        if link.is_some_and(|l| !l.starts_with("https://") && !l.starts_with("http://")) {
            return Err(Problem::internal("a mail's link is not one of the web"));
        }
        let tokens = self.token().map(|(name, token)| (name.to_owned(), token.to_owned())).into_iter().collect();
        let written = template::write(self, language, &Look::of(brand))
            .map_err(|e| Problem::internal(format!("mail {} {}: {e}", self.name(), language.tag())))?;
        Ok(Rendered {
            subject: written.subject,
            text: written.text,
            html: written.html,
            links: link.map(str::to_owned).into_iter().collect(),
            tokens,
        })
    }
}

#[cfg(test)]
mod tests;
