//! Jobs, written into the outbox past every request, and what became of them.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{random, system::System, wait::eventually};

/// The tenant that nobody's own jobs belong to.
pub const PLATFORM: &str = "00000000-0000-0000-0000-000000000000";

/// A job of a test's own.
#[derive(Debug, Clone)]
pub struct Owed {
    /// Its row.
    pub id: Uuid,
    kind: String,
}

impl Owed {
    /// The message that stands for it.
    #[must_use]
    pub fn message(&self) -> Value {
        json!({ "outbox_id": self.id, "tenant_id": PLATFORM, "kind": self.kind })
    }
}

impl System {
    /// Owes a job that nobody has heard of; the sweep finds it in an hour.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn owes(&self, kind: &str, queue: &str, payload: &Value) -> Result<Owed> {
        let id = uuid::Builder::from_random_bytes(random::bytes()?).into_uuid();
        let mut payload = payload.clone();
        payload["kind"] = kind.into();
        let owe = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
                   VALUES ($1, '00000000-0000-0000-0000-000000000000', $2, $3, $4, now_ms(), now_ms() + interval '1 hour')";
        ensure!(self.database.execute(owe, &[&id, &kind, &queue, &payload]).await? == 1);
        Ok(Owed { id, kind: kind.to_owned() })
    }

    /// What became of a job: its row's attempts, tries and outcome, its record's state, the outcomes of its runs, and why it failed.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn became(&self, job: &Owed) -> Result<String> {
        let row = "SELECT concat_ws(' ', o.attempts, o.tries, coalesce(o.outcome, '-'), coalesce(j.status, '-'), \
                     coalesce(string_agg(a.outcome, ',' ORDER BY a.attempt), '-'), o.last_error) \
                   FROM outbox o LEFT JOIN jobs j ON j.id = o.id LEFT JOIN job_attempts a ON a.job_id = o.id WHERE o.id = $1 GROUP BY o.id, j.id";
        self.database.column(row, &[&job.id]).await?.first().cloned().context("no such job")
    }

    /// Waits until a job became this.
    ///
    /// # Errors
    /// When it became something else.
    pub async fn becomes(&self, job: &Owed, wanted: &str) -> Result<()> {
        eventually(async || {
            let row = self.became(job).await?;
            ensure!(row == wanted, "{row:?}, not {wanted:?}");
            Ok(())
        })
        .await
    }
}
