//! How odd a sign-in is, and what is done about it.
//!
//! What is known of an attempt and of the person's earlier ones ([`history`]) becomes signals; each has a weight in [`TABLE`]; the
//! sum decides. The same reasons stand in the security event and in the mail.

pub mod agent;
pub mod disposable;
pub mod history;
pub mod mailed_code;

use super::notice::{Notice, Reason};
use crate::id::SessionId;

/// A signal: something odd, or something that speaks for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Odd, for this reason.
    Odd(Reason),
    /// The factor that was given cannot be phished: a passkey with user verification.
    PhishingResistant,
}

/// What each signal weighs. The only place to change it.
///
/// Any one or two signals of a person on the move (a new device, another network, an odd hour) pass. A new device in a new country,
/// or one after many failures, needs a second factor; with travel that nobody can have made on top of it, it is refused. A known
/// device that seems to have made such a journey (a VPN) needs a second factor.
pub const TABLE: [(Signal, i32); 9] = [
    (Signal::Odd(Reason::NewDevice), 20),
    (Signal::Odd(Reason::NewCountry), 25),
    (Signal::Odd(Reason::NewNetwork), 5),
    (Signal::Odd(Reason::ImpossibleTravel), 30),
    (Signal::Odd(Reason::RecentFailures), 20),
    (Signal::Odd(Reason::UnusualHour), 5),
    (Signal::Odd(Reason::BlockedAddress), 100),
    (Signal::Odd(Reason::DisposableMail), 40),
    (Signal::PhishingResistant, -30),
];

/// From this score on a second factor is asked for, or a mailed code where there is none.
pub const VERIFY_FROM: u8 = 40;
/// From this score on the sign-in is refused.
pub const REFUSE_FROM: u8 = 70;

/// What is done about a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Pass,
    /// A second factor must be given, or a mailed code where there is none.
    Verify,
    /// It is refused; the person is told by mail.
    Refuse,
}

/// A sign-in, judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// 0 to 100.
    pub score: u8,
    /// What was odd, in the order of the table.
    pub reasons: Vec<Reason>,
}

impl Assessment {
    /// Sums up signals; one that is there twice counts once.
    #[must_use]
    pub fn of(signals: &[Signal]) -> Self {
        let mut sum = 0_i32;
        let mut reasons = Vec::new();
        for (signal, weight) in TABLE.iter().filter(|(signal, _)| signals.contains(signal)) {
            sum = sum.saturating_add(*weight);
            if let Signal::Odd(reason) = signal {
                reasons.push(*reason);
            }
        }
        Self { score: u8::try_from(sum.clamp(0, 100)).unwrap_or(100), reasons }
    }

    /// Sums up what was odd about a sign-in, as it was noted.
    #[must_use]
    pub fn noted(reasons: &[Reason]) -> Self {
        Self::of(&reasons.iter().copied().map(Signal::Odd).collect::<Vec<_>>())
    }

    /// What is done about it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self.score {
            REFUSE_FROM.. => Outcome::Refuse,
            VERIFY_FROM.. => Outcome::Verify,
            _ => Outcome::Pass,
        }
    }

    /// The names of what was odd.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        self.reasons.iter().map(|reason| reason.key()).collect()
    }

    /// What the person is told of a session that began all the same.
    #[must_use]
    pub fn notice(&self, session_id: SessionId) -> Option<Notice> {
        match self.outcome() {
            Outcome::Pass => self.has(Reason::NewDevice).then_some(Notice::NewDevice { session_id }),
            Outcome::Verify | Outcome::Refuse => Some(Notice::SignInSuspicious { reasons: self.reasons.clone() }),
        }
    }

    /// Whether something was odd for this reason.
    #[must_use]
    pub fn has(&self, reason: Reason) -> bool {
        self.reasons.contains(&reason)
    }
}

#[cfg(test)]
mod tests;
