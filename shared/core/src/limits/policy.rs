//! Which limits guard what: the table of `spec/platform.md`, and the keys they count under.
//!
//! Exact limits live in objects: one per client address, account, user or
//! tenant. A [`Guarded`] action names what it needs, so no limit can be left
//! out by forgetting a key. Plan limits on ordinary traffic are the gate's
//! ([`crate::gate`]).

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use sha2::{Digest, Sha256};

use super::gcra::{Check, Limit};
use crate::id::{TenantId, UserId};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Sign-in, per account and address together.
pub const SIGN_IN: Limit = Limit::per(10, 15 * MINUTE);
/// Sign-in, per address.
pub const SIGN_IN_ADDRESS: Limit = Limit::per(100, HOUR);
/// Sign-up, per address.
pub const SIGN_UP: Limit = Limit::per(5, HOUR);
/// Each kind of mail that anyone may ask for, per account.
pub const MAIL_ACCOUNT: Limit = Limit::per(3, HOUR);
/// Each kind of mail that anyone may ask for, per address.
pub const MAIL_ADDRESS: Limit = Limit::per(10, HOUR);
/// Codes by SMS, per user.
pub const SMS: Limit = Limit::per(5, HOUR);
/// Calls of directories, per address: a synchronisation comes in bursts.
pub const DIRECTORY: Limit = Limit::per(1_200, MINUTE);
/// Pictures, per user: each costs the picture Worker up to a second.
pub const UPLOADS: Limit = Limit::per(20, HOUR);
/// Deliveries asked for, per tenant.
pub const REDELIVERIES: Limit = Limit::per(120, HOUR);
/// Wrong answers after which a challenge is void.
pub const WRONG_ANSWERS: u32 = 5;

/// Failures in a row before an account is locked.
pub const LOCK_FROM: u32 = 10;
const LOCK_FIRST_SECONDS: i64 = 60;
const LOCK_MOST_SECONDS: i64 = 3600;

/// How long an account is locked after its `failures`-th failed sign-in in a row, in seconds:
/// a minute at the tenth, doubled by each further one, an hour at most. `None` before the tenth.
#[must_use]
pub fn lock_seconds(failures: u32) -> Option<i64> {
    let doublings = failures.checked_sub(LOCK_FROM)?;
    // Six doublings already exceed the hour.
    let factor = 1_i64.checked_shl(doublings.min(6)).unwrap_or(i64::MAX);
    Some(LOCK_FIRST_SECONDS.saturating_mul(factor).min(LOCK_MOST_SECONDS))
}

/// A client address as limits count it: IPv4 whole, IPv6 by its /64, IPv4-mapped IPv6 as IPv4.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddressKey(String);

impl AddressKey {
    /// The key of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_string()),
            IpAddr::V6(v6) => {
                let network = Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64));
                Self(format!("{network}/64"))
            }
        }
    }

    /// The key of an address in text; whatever is not an address shares one key.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.trim().parse().map_or_else(|_| Self("unknown".to_owned()), Self::of)
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account as limits count it: a hash of its mail address, so that no key holds one,
/// and the same whether or not the account exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountKey(String);

impl AccountKey {
    /// The key of a mail address; case and outer blanks do not matter.
    #[must_use]
    pub fn of(email: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"zygo.limits.account:");
        hash.update(email.trim().to_lowercase());
        Self(format!("{:x}", hash.finalize()))
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An action under exact limits, with everything its limits count by.
#[derive(Debug, Clone, Copy)]
pub enum Guarded<'a> {
    /// A password or passkey sign-in.
    SignIn {
        /// Where it comes from.
        address: &'a AddressKey,
        /// Whose it claims to be.
        account: &'a AccountKey,
    },
    /// A sign-in by way of somebody else, who has counted its own attempts: by address alone.
    Federated {
        /// Where it comes from.
        address: &'a AddressKey,
    },
    /// A call of an organisation's directory.
    Directory {
        /// Where it comes from.
        address: &'a AddressKey,
    },
    /// A new account.
    SignUp {
        /// Where it comes from.
        address: &'a AddressKey,
    },
    /// A mail that anyone may ask for.
    Mail {
        /// Which mail; each kind counts for itself.
        kind: MailKind,
        /// Where it comes from.
        address: &'a AddressKey,
        /// Who would receive it.
        account: &'a AccountKey,
    },
    /// A code by SMS.
    Sms {
        /// Who would receive it.
        user: UserId,
    },
    /// A picture that is uploaded.
    Upload {
        /// Who uploads it.
        user: UserId,
    },
    /// Deliveries that somebody asks for: a test, one again, all again.
    Redelivery {
        /// The tenant.
        tenant: TenantId,
    },
    /// Invitations into a tenant.
    Invite {
        /// The tenant.
        tenant: TenantId,
        /// How many its plan allows in a day.
        per_day: u32,
        /// How many are to be sent now.
        count: u32,
    },
}

/// Mails that anyone may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// To reset a password.
    ForgotPassword,
    /// To verify an address again.
    ResendVerification,
    /// To sign in without a password.
    MagicLink,
    /// To an address that is to be an account's.
    ConfirmEmail,
    /// An invitation once more.
    Invitation,
}

impl MailKind {
    const fn policies(self) -> (&'static str, &'static str) {
        match self {
            Self::ForgotPassword => ("forgot-password-account", "forgot-password-address"),
            Self::ResendVerification => ("resend-verification-account", "resend-verification-address"),
            Self::MagicLink => ("magic-link-account", "magic-link-address"),
            Self::ConfirmEmail => ("confirm-email-account", "confirm-email-address"),
            Self::Invitation => ("resend-invitation", "resend-invitation-address"),
        }
    }
}

/// One call to a limits object. Its checks are taken all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the object.
    pub object: String,
    /// What to take from it.
    pub checks: Vec<Check>,
}

fn check(policy: &'static str, key: String, limit: Limit) -> Check {
    Check { key, policy: policy.into(), limit, cost: 1 }
}

impl Guarded<'_> {
    /// The calls that admit this action, in order; the first refusal is the answer.
    ///
    /// `address_factor` widens the limits that count by address alone (1 in
    /// production). Each object decides for itself: where an action needs two,
    /// the address pays even if the account then refuses, so that nobody
    /// probes accounts for free.
    #[must_use]
    pub fn calls(&self, address_factor: u32) -> Vec<Call> {
        let at = |address: &AddressKey, checks| Call { object: format!("address:{address}"), checks };
        let by_address = |policy, limit: Limit| check(policy, policy.to_owned(), limit.times(address_factor));
        match *self {
            Self::SignIn { address, account } => {
                vec![at(address, vec![check("sign-in", format!("sign-in:{account}"), SIGN_IN), by_address("sign-in-address", SIGN_IN_ADDRESS)])]
            }
            Self::Federated { address } => vec![at(address, vec![by_address("sign-in-address", SIGN_IN_ADDRESS)])],
            Self::Directory { address } => vec![at(address, vec![by_address("directory", DIRECTORY)])],
            Self::SignUp { address } => vec![at(address, vec![by_address("sign-up", SIGN_UP)])],
            Self::Mail { kind, address, account } => {
                let (by_account, of_address) = kind.policies();
                let own = check(by_account, by_account.to_owned(), MAIL_ACCOUNT);
                vec![at(address, vec![by_address(of_address, MAIL_ADDRESS)]), Call { object: format!("account:{account}"), checks: vec![own] }]
            }
            Self::Sms { user } => {
                vec![Call { object: format!("user:{user}"), checks: vec![check("sms", "sms".to_owned(), SMS)] }]
            }
            Self::Upload { user } => {
                vec![Call { object: format!("user:{user}"), checks: vec![check("uploads", "uploads".to_owned(), UPLOADS)] }]
            }
            Self::Redelivery { tenant } => {
                vec![Call { object: format!("tenant:{tenant}"), checks: vec![check("redeliveries", "redeliveries".to_owned(), REDELIVERIES)] }]
            }
            Self::Invite { tenant, per_day, count } => {
                let limit = Limit::per(per_day, DAY);
                let invite = Check { cost: count, ..check("invitations", "invitations".to_owned(), limit) };
                vec![Call { object: format!("tenant:{tenant}"), checks: vec![invite] }]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_by_network() {
        assert_eq!(AddressKey::parse("203.0.113.7").to_string(), "203.0.113.7");
        assert_eq!(AddressKey::parse("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
        assert_eq!(AddressKey::parse("2001:db8:1:2::"), AddressKey::parse("2001:db8:1:2:ffff::1"));
        assert_ne!(AddressKey::parse("2001:db8:1:2::"), AddressKey::parse("2001:db8:1:3::"));
        assert_eq!(AddressKey::parse("::ffff:203.0.113.7").to_string(), "203.0.113.7");
        assert_eq!(AddressKey::parse("nonsense"), AddressKey::parse(""));
    }

    #[test]
    fn accounts_count_by_a_hash() {
        let key = AccountKey::of(" Ada@Example.org ");
        assert_eq!(key, AccountKey::of("ada@example.org"));
        assert_eq!(key.to_string().len(), 64);
        assert!(!key.to_string().contains("ada"));
    }

    #[test]
    fn locks_grow_from_a_minute_to_an_hour() {
        let locks: Vec<_> = [0, 9, 10, 11, 12, 15, 16, 1000, u32::MAX].map(lock_seconds).into();
        let expected = [None, None, Some(60), Some(120), Some(240), Some(1920), Some(3600), Some(3600), Some(3600)];
        assert_eq!(locks, expected);
    }

    #[test]
    fn the_factor_widens_addresses_alone() {
        let (address, account) = (AddressKey::parse("203.0.113.7"), AccountKey::of("a@b.c"));
        let calls = Guarded::SignIn { address: &address, account: &account }.calls(100);
        let limits: Vec<_> = calls.iter().flat_map(|call| &call.checks).map(|check| check.limit.count).collect();
        assert_eq!(limits, [10, 10_000]);
        let mail = Guarded::Mail { kind: MailKind::MagicLink, address: &address, account: &account }.calls(100);
        let limits: Vec<_> = mail.iter().flat_map(|call| &call.checks).map(|check| check.limit.count).collect();
        assert_eq!(limits, [1000, 3]);
    }

    #[test]
    fn mails_of_different_kinds_count_apart() {
        let (address, account) = (AddressKey::parse("203.0.113.7"), AccountKey::of("a@b.c"));
        let of = |kind| Guarded::Mail { kind, address: &address, account: &account }.calls(1);
        let (one, two) = (of(MailKind::ForgotPassword), of(MailKind::MagicLink));
        for (a, b) in one.iter().zip(&two) {
            assert_eq!(a.object, b.object);
            assert_ne!(a.checks, b.checks);
        }
    }
}
