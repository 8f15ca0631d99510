//! The audit trail: changes of data, what people did, what was at risk.

pub mod activity;
pub mod events;
pub mod export;
pub mod logs;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zygo_core::{access::Permission, audit::export::Change, time::Timestamp};

use crate::route::{Route, Who};

/// Position in a list: creation and id of the last row shown.
#[derive(Serialize, Deserialize)]
pub struct Position(Timestamp, Uuid);

impl Position {
    const fn pair(&self) -> (Timestamp, Uuid) {
        (self.0, self.1)
    }
}

impl From<&Change> for Position {
    fn from(change: &Change) -> Self {
        Self(change.created_at, change.id)
    }
}

/// The routes of this capability.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::raw(
            "/audit-logs",
            Who::Permission(Permission::AuditView),
            "Changes on record: a page of them, or all as CSV or JSON Lines with `audit.export`",
            "application/json",
            logs::handle,
        )
        .answers::<logs::Output>()
        .query::<logs::Query>(),
        Route::get("/users/{id}/activity", Who::Session, "What a person did: one's own, or a member's with `users.view`", activity::handle)
            .query::<activity::Query>(),
        Route::get("/security-events", Who::Permission(Permission::SecurityEventsView), "What was at risk", events::handle).query::<events::Query>(),
    ]
}
