//! How far a tenant's events were taken over from Postgres.
//!
//! Events carry the number of the transaction that wrote them. Numbers are given when transactions begin to write, and they commit in any
//! order, so "all above the last one seen" would skip whoever commits late. A place is a **snapshot** instead, which Postgres writes as
//! `xmin:xmax:running`: what is new is what the snapshot of now sees and that of then did not. That is every committed event, once, without
//! waiting for transactions that are still running (as a horizon would), and without writing anything for it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Audience, Publication};

/// How far events were taken over. The default knows nothing: what is taken with it is where to begin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The snapshot up to which all was taken.
    pub seen: Option<String>,
    /// Where the difference to the next one is too large for one page: how far it was gone through.
    pub page: Option<Page>,
}

/// A way through the difference of two snapshots, in the order of transaction and event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The later snapshot.
    pub until: String,
    /// Transaction of the last event taken.
    pub transaction: String,
    /// That event.
    pub id: Uuid,
}

/// An event that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRow {
    /// The event.
    pub id: Uuid,
    /// The transaction that wrote it.
    pub transaction: String,
    /// Who may see it.
    pub audience: Audience,
    /// What they are told: JSON.
    pub text: String,
}

/// What Postgres answered to somebody at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its snapshot of now.
    pub now: String,
    /// Whether it knows less than the place: it was set back to an earlier state.
    pub set_back: bool,
    /// Events in order.
    pub rows: Vec<TakenRow>,
    /// Whether there may be more.
    pub full: bool,
}

impl Place {
    /// The place after an answer that was asked for at this one.
    #[must_use]
    pub fn after(&self, taken: &Taken) -> Self {
        let until = self.page.as_ref().map_or(&taken.now, |page| &page.until).clone();
        match taken.rows.last() {
            _ if taken.set_back || self.seen.is_none() => Self { seen: Some(taken.now.clone()), page: None },
            Some(last) if taken.full => {
                Self { seen: self.seen.clone(), page: Some(Page { until, transaction: last.transaction.clone(), id: last.id }) }
            }
            _ => Self { seen: Some(until), page: None },
        }
    }
}

impl From<TakenRow> for Publication {
    fn from(row: TakenRow) -> Self {
        Self { key: row.id, audience: row.audience, text: row.text }
    }
}
