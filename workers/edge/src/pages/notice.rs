//! What a page tells first after something went well; its key stands in the address, its text does not.

use super::texts::Texts;

/// What went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The address is verified.
    Verified,
    /// Signed out.
    SignedOut,
    /// A session was ended.
    SessionEnded,
    /// All other sessions were ended.
    OthersEnded,
    /// An organisation was created.
    OrganisationCreated,
}

impl Notice {
    const ALL: [Self; 5] = [Self::Verified, Self::SignedOut, Self::SessionEnded, Self::OthersEnded, Self::OrganisationCreated];

    /// The key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::SignedOut => "signed-out",
            Self::SessionEnded => "session-ended",
            Self::OthersEnded => "others-ended",
            Self::OrganisationCreated => "organisation-created",
        }
    }

    /// The notice with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.key() == key)
    }

    /// What it says.
    #[must_use]
    pub const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::Verified => t.notice_verified,
            Self::SignedOut => t.notice_signed_out,
            Self::SessionEnded => t.notice_session_ended,
            Self::OthersEnded => t.notice_others_ended,
            Self::OrganisationCreated => t.notice_organisation_created,
        }
    }

    /// A path with this notice.
    #[must_use]
    pub fn at(self, path: &str) -> String {
        format!("{path}?notice={}", self.key())
    }
}
