//! A copy of the gate's log for whoever holds connections open: may they still be told anything?

use uuid::Uuid;

use super::{Gate, LeaseBook, News, Rate, Standing, TenantState};
use crate::{
    error::Code,
    id::{SessionId, TenantId, UserId},
    time::Timestamp,
};

/// Anything: what is looked up here spends none of the tenant's tokens.
const RATE: Rate = Rate::per_minute(1);

/// What is known of a tenant's revocations and policy. It is believed for [`LEASE_MS`](super::LEASE_MS), as a lease is.
pub struct Watch {
    tenant: TenantId,
    copy: Gate,
    book: LeaseBook,
}

impl Watch {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, copy: Gate::default(), book: LeaseBook::new(Uuid::nil(), 1) }
    }

    /// The gate's log up to this place and the policy in this version are known.
    #[must_use]
    pub const fn place(&self) -> (u64, i64) {
        self.copy.place()
    }

    /// Whether the gate should be asked before anything is told.
    #[must_use]
    pub fn is_behind(&self, now: Timestamp) -> bool {
        self.copy.is_behind(false, now)
    }

    /// Whether what is known may still be believed.
    #[must_use]
    pub fn knows(&self, now: Timestamp) -> bool {
        self.book.state(self.tenant, now).is_some()
    }

    /// Takes in what the gate said that was asked at an instant.
    pub fn follow(&mut self, news: News, asked_at: Timestamp) {
        self.copy.follow(news, asked_at);
        let ask = self.book.ask(self.tenant, RATE, asked_at);
        let lease = self.copy.lease(&ask.request, asked_at);
        self.book.accept(self.tenant, &ask.asked, &lease, asked_at);
    }

    /// Whether a token that was issued then still lets its person in, from an address.
    ///
    /// # Errors
    /// The code that a request with that token would be refused with; `DEPENDENCY_UNAVAILABLE` where the gate has not been heard for too long.
    pub fn judge(&self, user: UserId, session: SessionId, issued_at: Timestamp, address: &str, now: Timestamp) -> Result<(), Code> {
        match self.book.standing(self.tenant, session, user, issued_at, now) {
            Standing::Good => {}
            Standing::Stale | Standing::Void => return Err(Code::TokenExpired),
            Standing::SessionEnded => return Err(Code::SessionRevoked),
            Standing::UserRevoked => return Err(Code::UserSuspended),
            Standing::Unknown => return Err(Code::DependencyUnavailable),
        }
        match self.book.state(self.tenant, now) {
            Some(TenantState::Active) => {}
            Some(TenantState::Suspended) => return Err(Code::TenantSuspended),
            Some(TenantState::Deleted) => return Err(Code::TenantDeleted),
            None => return Err(Code::DependencyUnavailable),
        }
        if self.book.admits(self.tenant, address, now) { Ok(()) } else { Err(Code::IpNotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gate::{LEASE_MS, Policy, Revocation},
        tenancy::network::Network,
    };

    fn id<T: From<Uuid>>(n: u128) -> T {
        Uuid::from_u128(n).into()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    fn told(gate: &Gate, watch: &mut Watch, now: Timestamp) {
        let (since, policy) = watch.place();
        watch.follow(gate.news(since, policy, now), now);
    }

    fn judged(watch: &Watch, now: Timestamp) -> Result<(), Code> {
        watch.judge(id(1), id(10), at(0), "192.0.2.7", now)
    }

    #[test]
    fn knows_nothing_until_it_was_told_and_not_for_longer_than_a_lease() {
        let (gate, mut watch) = (Gate::default(), Watch::new(id(7)));
        assert_eq!(judged(&watch, at(1)), Err(Code::DependencyUnavailable));
        told(&gate, &mut watch, at(1));
        assert_eq!(judged(&watch, at(LEASE_MS)), Ok(()));
        assert_eq!(judged(&watch, at(LEASE_MS + 2)), Err(Code::DependencyUnavailable));
        for n in 1..200 {
            told(&gate, &mut watch, at(LEASE_MS + n * 100));
            assert_eq!(judged(&watch, at(LEASE_MS + n * 100 + 1)), Ok(()));
        }
    }

    #[test]
    fn says_what_a_request_would_be_told() {
        for (revocation, code) in [
            (Revocation::Session(id(10)), Some(Code::SessionRevoked)),
            (Revocation::Session(id(11)), None),
            (Revocation::User(id(1)), Some(Code::UserSuspended)),
            (Revocation::User(id(2)), None),
            (Revocation::UserPermissions(id(1)), Some(Code::TokenExpired)),
            (Revocation::Permissions, Some(Code::TokenExpired)),
            (Revocation::Tokens, Some(Code::TokenExpired)),
            (Revocation::Tenant(TenantState::Suspended), Some(Code::TenantSuspended)),
            (Revocation::Tenant(TenantState::Deleted), Some(Code::TenantDeleted)),
        ] {
            let (mut gate, mut watch) = (Gate::default(), Watch::new(id(7)));
            told(&gate, &mut watch, at(5));
            gate.revoke(revocation, at(10));
            told(&gate, &mut watch, at(20));
            assert_eq!(judged(&watch, at(21)).err(), code, "{revocation:?}");
        }
    }

    #[test]
    fn networks_hold_for_open_connections_too() {
        let (mut gate, mut watch) = (Gate::default(), Watch::new(id(7)));
        gate.lay_down(Policy { version: 1, networks: vec![Network::parse("198.51.100.0/24").unwrap()] });
        told(&gate, &mut watch, at(1));
        assert_eq!(judged(&watch, at(2)), Err(Code::IpNotAllowed));
    }
}
