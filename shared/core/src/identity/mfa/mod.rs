//! Second factors: which there are, when one is asked for, and how long one counts as fresh.

pub mod backup;
mod code;
pub mod qr;
pub mod sms;
pub mod token;
pub mod totp;

pub use code::{CodeFactor, TypedCode};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{id::TrustedDeviceId, time::Timestamp};

/// How long a second factor is fresh enough for what asks for a step-up, in seconds.
pub const FRESH_SECONDS: i64 = 600;

/// The authentication method (RFC 8176) that says that more than one factor was given.
pub const AMR: &str = "mfa";

/// A second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Factor {
    /// Codes of an authenticator app (RFC 6238).
    Totp,
    /// Codes by SMS.
    Sms,
    /// A passkey.
    Passkey,
    /// One of the codes kept for when the others are lost.
    BackupCode,
    /// A code by mail, for an odd sign-in of somebody who has none of the others. Nobody sets it up, and it is no second factor.
    Email,
}

impl Factor {
    /// Every factor that can be set up, in the order that they are offered in.
    pub const ALL: [Self; 4] = [Self::Totp, Self::Sms, Self::Passkey, Self::BackupCode];

    /// The factor's constant name.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Passkey => "passkey",
            Self::BackupCode => "backup_code",
            Self::Email => "email",
        }
    }

    /// The factor of that name, if there is one.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.key() == key)
    }

    /// The authentication method that it is (RFC 8176).
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Totp | Self::BackupCode | Self::Email => "otp",
            Self::Sms => "sms",
            Self::Passkey => "hwk",
        }
    }

    /// Whether somebody who has it has a second factor. Backup codes only stand in for one.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::BackupCode | Self::Email)
    }

    /// Whether a sign-in that was answered with it is one of more than one factor.
    #[must_use]
    pub const fn is_second(self) -> bool {
        !matches!(self, Self::Email)
    }
}

/// The authentication methods after a second factor was given, each once.
#[must_use]
pub fn amr_with(amr: Vec<String>, factor: Factor) -> Vec<String> {
    let methods = [Some(factor.amr()), factor.is_second().then_some(AMR)];
    amr_and(amr, methods.into_iter().flatten().map(str::to_owned))
}

/// Authentication methods and more of them, each once.
#[must_use]
pub fn amr_and(mut amr: Vec<String>, more: impl IntoIterator<Item = String>) -> Vec<String> {
    for method in more {
        if !amr.contains(&method) {
            amr.push(method);
        }
    }
    amr
}

/// Whether a second factor given at `mfa_at` is fresh.
#[must_use]
pub fn is_fresh(mfa_at: Option<Timestamp>, now: Timestamp) -> bool {
    mfa_at.is_some_and(|at| now.since(at) < FRESH_SECONDS.saturating_mul(1000))
}

/// Where somebody stands with second factors, at the tenant that they sign in to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// What they have set up, in the order of [`Factor::ALL`].
    pub factors: Vec<Factor>,
    /// The device that they sign in from, where they trust it.
    pub trusted_device: Option<TrustedDeviceId>,
    /// From when on the tenant wants a second factor of them; `None` where it does not.
    pub required_from: Option<Timestamp>,
}

/// Whether what somebody has proved is enough for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Enough,
    /// One of their second factors is wanted first.
    Challenge,
    /// The tenant wants a second factor, and they have none.
    SetUpFirst,
}

impl Standing {
    /// Whether a second factor is set up.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.factors.iter().any(|factor| factor.counts())
    }

    /// Whether the tenant wants a second factor, the period of grace is over, and there is none.
    #[must_use]
    pub fn must_set_up(&self, now: Timestamp) -> bool {
        !self.is_enrolled() && self.required_from.is_some_and(|from| from <= now)
    }

    /// Whether a proof is enough; `with_factor` says whether it held a second factor already.
    #[must_use]
    pub fn verdict(&self, with_factor: bool, now: Timestamp) -> Verdict {
        match () {
            () if with_factor => Verdict::Enough,
            () if self.must_set_up(now) => Verdict::SetUpFirst,
            () if self.is_enrolled() && self.trusted_device.is_none() => Verdict::Challenge,
            () => Verdict::Enough,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn factors_are_found_by_name() {
        for factor in Factor::ALL {
            assert_eq!(Factor::from_key(factor.key()), Some(factor));
            assert_eq!(serde_json::to_value(factor).unwrap(), factor.key());
        }
        assert_eq!(Factor::from_key("email"), None, "nobody sets it up");
    }

    #[test]
    fn methods_stand_once() {
        let amr = amr_with(vec!["pwd".into()], Factor::Totp);
        assert_eq!(amr, ["pwd", "otp", "mfa"]);
        assert_eq!(amr_with(amr, Factor::BackupCode), ["pwd", "otp", "mfa"]);
        assert_eq!(amr_with(vec!["pwd".into()], Factor::Email), ["pwd", "otp"]);
    }

    #[test]
    fn freshness_lasts_ten_minutes() {
        assert!(is_fresh(Some(NOW), NOW.plus_seconds(599)));
        assert!(!is_fresh(Some(NOW), NOW.plus_seconds(600)));
        assert!(!is_fresh(None, NOW));
    }

    /// Every combination of what is set up, whether the device is trusted, what the tenant wants, and what was proved.
    #[test]
    fn the_table_of_verdicts() {
        use Verdict::{Challenge, Enough, SetUpFirst};
        let device = Some(TrustedDeviceId::from(uuid::Uuid::nil()));
        let (past, future) = (Some(NOW), Some(NOW.plus_millis(1)));
        let table: &[(&[Factor], bool, Option<Timestamp>, Verdict)] = &[
            (&[], false, None, Enough),
            (&[], false, future, Enough),
            (&[], false, past, SetUpFirst),
            (&[], true, past, SetUpFirst),
            (&[Factor::BackupCode], false, None, Enough),
            (&[Factor::BackupCode], false, past, SetUpFirst),
            (&[Factor::Totp], false, None, Challenge),
            (&[Factor::Totp], false, past, Challenge),
            (&[Factor::Totp], true, past, Enough),
            (&[Factor::Sms, Factor::BackupCode], false, None, Challenge),
            (&[Factor::Passkey], false, None, Challenge),
            (&[Factor::Passkey], true, None, Enough),
        ];
        for (factors, trusted, required_from, expected) in table {
            let standing = Standing { factors: factors.to_vec(), trusted_device: device.filter(|_| *trusted), required_from: *required_from };
            assert_eq!(standing.verdict(false, NOW), *expected, "{standing:?}");
            assert_eq!(standing.verdict(true, NOW), Enough, "{standing:?}");
        }
    }
}
