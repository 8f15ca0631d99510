//! Whether a mail goes to an address of which something bad was reported.

use super::Mail;

/// What was reported of an address, where it keeps mail from going there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A mail for it came back for good.
    Bounced,
    /// Its owner said that our mail is not wanted.
    Complained,
}

impl Trouble {
    /// Reads the database's name of it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "bounced" => Some(Self::Bounced),
            "complained" => Some(Self::Complained),
            _ => None,
        }
    }

    /// Why a mail was not sent, for its job's record.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Bounced => "not sent: mail to this address bounced",
            Self::Complained => "not sent: the address complained of mail",
        }
    }
}

/// What a mail is for, as far as it decides where it still goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It proves an address, or gives an account back to whoever has it, and was asked for just now. It goes wherever it is asked to, at most
    /// three times an hour: whoever proves an address that bounced ends its trouble by that, and has no other way to.
    Proof,
    /// The security of an account wants it. Somebody who complained still gets it: they cannot do without, and it is about them. To an
    /// address that bounced it would reach nobody.
    Security,
    /// Somebody else wants it sent, and its recipient may do without.
    Courtesy,
}

impl Need {
    /// Whether it goes to an address in trouble.
    #[must_use]
    pub const fn goes(self, trouble: Trouble) -> bool {
        match (self, trouble) {
            (Self::Proof, _) | (Self::Security, Trouble::Complained) => true,
            (Self::Security, Trouble::Bounced) | (Self::Courtesy, _) => false,
        }
    }
}

impl Mail<'_> {
    /// What the mail is for.
    #[must_use]
    pub const fn need(&self) -> Need {
        match self {
            Self::VerifyEmail { .. } | Self::ConfirmEmail { .. } | Self::ResetPassword { .. } => Need::Proof,
            Self::MagicLink { .. }
            | Self::SignInCode { .. }
            | Self::AccountLocked { .. }
            | Self::EmailChanged { .. }
            | Self::DeletionRequested { .. }
            | Self::SecurityNotice { .. } => Need::Security,
            Self::AccountExists { .. } | Self::Invitation { .. } => Need::Courtesy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_where() {
        use Trouble::{Bounced, Complained};
        let table = [
            (Need::Proof, Bounced, true),
            (Need::Proof, Complained, true),
            (Need::Security, Bounced, false),
            (Need::Security, Complained, true),
            (Need::Courtesy, Bounced, false),
            (Need::Courtesy, Complained, false),
        ];
        for (need, trouble, goes) in table {
            assert_eq!(need.goes(trouble), goes, "{need:?} {trouble:?}");
        }
    }

    #[test]
    fn troubles_have_names() {
        for (name, trouble) in [("bounced", Some(Trouble::Bounced)), ("complained", Some(Trouble::Complained)), ("deferred", None), ("", None)] {
            assert_eq!(Trouble::parse(name), trouble);
        }
    }
}
