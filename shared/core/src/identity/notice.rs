//! What a person is told about their account's security, by a mail that cannot be switched off.

use serde::{Deserialize, Serialize};

use crate::id::SessionId;

/// A change or an attempt that the person must hear of, in case it was not theirs. Old variants stay decodable: a notice
/// lies in the outbox until its mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notice {
    /// Somebody signed in from a device that was not seen before.
    NewDevice {
        /// The session that it began.
        session_id: SessionId,
    },
    /// A sign-in looked odd and passed by a second factor or a mailed code.
    SignInSuspicious {
        /// What was odd.
        reasons: Vec<Reason>,
    },
    /// A sign-in looked so odd that it was refused.
    SignInRefused {
        /// What was odd.
        reasons: Vec<Reason>,
    },
    /// A refresh token came back after it was replaced; its session was ended.
    RefreshTokenReused,
    /// The password was set or changed.
    PasswordChanged,
    /// A second factor was set up, or made anew.
    FactorAdded {
        /// Which.
        factor: Factor,
    },
    /// A second factor was removed.
    FactorRemoved {
        /// Which.
        factor: Factor,
    },
    /// A backup code was used to sign in.
    BackupCodeUsed,
    /// An account elsewhere was connected, to sign in with.
    AccountLinked {
        /// Which.
        provider: Provider,
    },
    /// An account elsewhere was disconnected.
    AccountUnlinked {
        /// Which.
        provider: Provider,
    },
    /// An organisation of theirs is to be deleted.
    TenantDeletionScheduled,
    /// An organisation of theirs that was to be deleted is kept.
    TenantDeletionCancelled,
    /// A domain of an organisation of theirs leads nowhere any more.
    DomainFailing,
    /// An endpoint of an organisation that they administer was switched off.
    WebhookDisabled,
}

/// A second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// An authenticator app (RFC 6238).
    Totp,
    /// Codes by SMS.
    Sms,
    /// A passkey (`WebAuthn`).
    Passkey,
    /// The set of backup codes.
    BackupCodes,
}

impl Factor {
    /// Every factor.
    pub const ALL: [Self; 4] = [Self::Totp, Self::Sms, Self::Passkey, Self::BackupCodes];
}

/// Whose accounts one may sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Google.
    Google,
    /// GitHub.
    Github,
    /// Microsoft.
    Microsoft,
    /// Apple.
    Apple,
    /// The identity provider of an organisation.
    Organization,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::Google, Self::Github, Self::Microsoft, Self::Apple, Self::Organization];
}

/// What is odd about a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A device that was not seen before.
    NewDevice,
    /// A country that was not seen before.
    NewCountry,
    /// A network that was not seen before.
    NewNetwork,
    /// Farther from the last sign-in than anybody travels in the time between.
    ImpossibleTravel,
    /// Many failures on the account or the address lately.
    RecentFailures,
    /// An hour at which the person does not sign in.
    UnusualHour,
    /// An address that is on a block list.
    BlockedAddress,
    /// A mail domain of throw-away addresses.
    DisposableMail,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::NewDevice,
        Self::NewCountry,
        Self::NewNetwork,
        Self::ImpossibleTravel,
        Self::RecentFailures,
        Self::UnusualHour,
        Self::BlockedAddress,
        Self::DisposableMail,
    ];

    /// The reason's constant name.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::NewCountry => "new_country",
            Self::NewNetwork => "new_network",
            Self::ImpossibleTravel => "impossible_travel",
            Self::RecentFailures => "recent_failures",
            Self::UnusualHour => "unusual_hour",
            Self::BlockedAddress => "blocked_address",
            Self::DisposableMail => "disposable_mail",
        }
    }

    /// The reason of that name, if there is one.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.key() == key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_have_the_names_that_they_are_stored_by() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.key());
            assert_eq!(Reason::from_key(reason.key()), Some(reason));
        }
    }

    /// The forms that SQL writes, and that lie in outboxes: they may not change.
    #[test]
    fn the_stored_forms() {
        let forms = [
            (Notice::PasswordChanged, json!({ "what": "password_changed" })),
            (Notice::RefreshTokenReused, json!({ "what": "refresh_token_reused" })),
            (Notice::BackupCodeUsed, json!({ "what": "backup_code_used" })),
            (Notice::TenantDeletionScheduled, json!({ "what": "tenant_deletion_scheduled" })),
            (Notice::DomainFailing, json!({ "what": "domain_failing" })),
            (Notice::WebhookDisabled, json!({ "what": "webhook_disabled" })),
            (Notice::TenantDeletionCancelled, json!({ "what": "tenant_deletion_cancelled" })),
            (Notice::FactorAdded { factor: Factor::BackupCodes }, json!({ "what": "factor_added", "factor": "backup_codes" })),
            (Notice::FactorRemoved { factor: Factor::Totp }, json!({ "what": "factor_removed", "factor": "totp" })),
            (Notice::AccountLinked { provider: Provider::Github }, json!({ "what": "account_linked", "provider": "github" })),
            (Notice::AccountUnlinked { provider: Provider::Organization }, json!({ "what": "account_unlinked", "provider": "organization" })),
            (
                Notice::SignInRefused { reasons: vec![Reason::NewDevice, Reason::ImpossibleTravel] },
                json!({ "what": "sign_in_refused", "reasons": ["new_device", "impossible_travel"] }),
            ),
            (Notice::SignInSuspicious { reasons: vec![] }, json!({ "what": "sign_in_suspicious", "reasons": [] })),
        ];
        for (notice, form) in forms {
            assert_eq!(serde_json::to_value(&notice).unwrap(), form);
            assert_eq!(serde_json::from_value::<Notice>(form).unwrap(), notice);
        }
    }
}
