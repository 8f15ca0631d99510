//! When a job that failed is tried again: a policy for each kind, as data.

use super::job::Job;

/// The longest wish of somebody else that is honoured, in seconds: a day.
const LONGEST_WISH: u32 = 86_400;

/// How often a job is tried, and how long it rests between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts before it is dead.
    pub attempts: u32,
    /// Seconds before the second attempt; each further wait is twice as long.
    pub base: u32,
    /// The longest wait in seconds.
    pub cap: u32,
    /// By how many per cent a wait is shorter or longer, so that what failed together does not come back together.
    pub jitter: u32,
}

/// What somebody waits for with a code that soon is over.
const AT_ONCE: Policy = Policy { attempts: 5, base: 5, cap: 60, jitter: 20 };
/// Mail: its transport may be away for hours.
const MAIL: Policy = Policy { attempts: 12, base: 5, cap: 3_600, jitter: 20 };
/// What ends somebody's access: soon, and for as long as it takes.
const ACCESS: Policy = Policy { attempts: 20, base: 2, cap: 600, jitter: 20 };
/// What is copied or removed where nobody waits.
const UPKEEP: Policy = Policy { attempts: 10, base: 10, cap: 3_600, jitter: 20 };
/// What is owed anew by the clock, however this one ends.
const RECURRING: Policy = Policy { attempts: 6, base: 10, cap: 300, jitter: 20 };

impl Job {
    /// How often it is tried.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        match self {
            Self::MailSignInCode { .. } | Self::SmsCode { .. } => AT_ONCE,
            Self::MailVerifyEmail { .. }
            | Self::MailAccountExists { .. }
            | Self::MailAccountLocked { .. }
            | Self::MailSecurityNotice { .. }
            | Self::MailResetPassword { .. }
            | Self::MailMagicLink { .. }
            | Self::MailConfirmEmail { .. }
            | Self::MailEmailChanged { .. }
            | Self::MailDeletionRequested { .. }
            | Self::MailInvitation { .. } => MAIL,
            Self::SessionsEnd { .. } | Self::GateRevoke { .. } | Self::DirectorySync { .. } => ACCESS,
            Self::FilesRemove { .. } | Self::IntegrationsRevoke { .. } | Self::DomainsRelease { .. } | Self::AuditArchive { .. } => UPKEEP,
            Self::IntegrationsRenew { .. } | Self::DomainsCheck { .. } | Self::AuditSeal { .. } | Self::AuditExpire { .. } => RECURRING,
        }
    }
}

impl Policy {
    /// Seconds to wait after so many attempts; `None` when that was the last. `wish` is how long somebody else asked us to wait, in seconds:
    /// more than the policy's wait is granted, up to a day, less is not.
    #[must_use]
    pub fn wait(&self, attempts: u32, wish: Option<u32>, random: u32) -> Option<u32> {
        if attempts >= self.attempts {
            return None;
        }
        let doublings = attempts.saturating_sub(1).min(20);
        let wait = self.base.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.cap);
        let spread = wait.saturating_mul(self.jitter).checked_div(50).unwrap_or(0).max(1);
        let wait = wait.saturating_sub(spread.checked_div(2).unwrap_or(0)).saturating_add(random.checked_rem(spread).unwrap_or(0)).max(1);
        Some(wish.map_or(wait, |wish| wish.min(LONGEST_WISH).max(wait)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Policy; 5] = [AT_ONCE, MAIL, ACCESS, UPKEEP, RECURRING];

    #[test]
    fn waits_double_up_to_the_cap_give_or_take_the_jitter() {
        let waits: Vec<u32> = (1..MAIL.attempts).map(|attempts| MAIL.wait(attempts, None, 0).unwrap()).collect();
        assert_eq!(waits, [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 2880]);
        assert_eq!(MAIL.wait(1, None, u32::MAX), Some(5));
    }

    #[test]
    fn whoever_asks_for_more_time_gets_it_up_to_a_day() {
        assert_eq!(MAIL.wait(1, Some(120), 0), Some(120));
        assert_eq!(MAIL.wait(1, Some(0), 0), Some(4));
        assert_eq!(MAIL.wait(1, Some(u32::MAX), 0), Some(LONGEST_WISH));
        assert_eq!(MAIL.wait(MAIL.attempts, Some(1), 0), None, "the last attempt was the last");
    }

    proptest! {
        #[test]
        fn every_wait_is_bounded_and_there_is_a_last(attempts: u32, random: u32, wish: Option<u32>) {
            for policy in ALL {
                let wait = policy.wait(attempts, wish, random);
                prop_assert_eq!(wait.is_none(), attempts >= policy.attempts);
                let most = policy.cap + policy.cap / 5;
                prop_assert!(wait.is_none_or(|wait| (1..=most.max(LONGEST_WISH)).contains(&wait)));
                prop_assert!(wish.is_some() || wait.is_none_or(|wait| wait <= most));
            }
        }
    }
}
