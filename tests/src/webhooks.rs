//! Endpoints and deliveries, and readers of them that others wrote.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{people::Member, receiver::Received, settings::Settings, system::System};

impl Member {
    /// Describes an endpoint.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn endpoint(&self, description: &Value) -> Result<Value> {
        self.session.api.post("/webhooks", description).await?.json_of(201)
    }

    /// The secret of an endpoint.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn secret(&self, endpoint: &Value) -> Result<Value> {
        self.session.api.get(&of(endpoint, "/secret")?).await?.json_of(200)
    }

    /// An endpoint's deliveries, newest first.
    ///
    /// # Errors
    /// When they are refused.
    pub async fn deliveries(&self, endpoint: &Value) -> Result<Vec<Value>> {
        let list = self.session.api.get(&of(endpoint, "/deliveries?limit=100")?).await?.json_of(200)?;
        list["data"].as_array().cloned().context("no data")
    }

    /// Does something that the organisation's endpoints hear of: `tenant.updated`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn renames(&self, name: &str) -> Result<()> {
        self.session.api.patch(&self.path(""), &json!({ "name": name })).await?.expect(200).map(drop)
    }
}

/// A path below an endpoint.
///
/// # Errors
/// When it has no id.
pub fn of(endpoint: &Value, rest: &str) -> Result<String> {
    Ok(format!("/webhooks/{}{rest}", endpoint["id"].as_str().context("no id")?))
}

impl System {
    /// Writes events past every request, as if their transactions had just been committed and nobody had heard of it: what finds them is the
    /// sweep.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn happen(&self, member: &Member, count: i64, data: &Value) -> Result<()> {
        let tenant: uuid::Uuid = member.tenant_id.parse()?;
        let insert = "INSERT INTO events (id, tenant_id, type, data, occurred_at) \
                      SELECT make_uuid_v7(now()), $1, 'tenant.updated', $3::jsonb || jsonb_build_object('tenant_id', $1::uuid, 'version', n), now() - interval '1 minute' + n * interval '1 millisecond' \
                      FROM generate_series(1, $2::bigint) n";
        self.database.execute(insert, &[&tenant, &count, data]).await.map(drop)
    }

    /// Makes all that an endpoint is owed due now, and wakes its object.
    ///
    /// # Errors
    /// When runtime or database do not answer.
    pub async fn hurry(&self, endpoint: &Value) -> Result<()> {
        let id: uuid::Uuid = endpoint["id"].as_str().context("no id")?.parse()?;
        let due =
            "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 minute' WHERE webhook_id = $1 AND status IN ('pending', 'failing')";
        self.database.execute(due, &[&id]).await?;
        self.scheduled("* * * * *").await
    }
}

/// Who else reads deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// npm's `standardwebhooks`.
    JavaScript,
    /// Python's `standardwebhooks`.
    Python,
}

impl Reader {
    fn command(self, settings: &Settings) -> Option<Command> {
        let folder = settings.root.join("tests/peers");
        let (program, script) = match self {
            Self::JavaScript => ("node".to_owned(), "webhooks.mjs"),
            Self::Python => (std::env::var("ZYGO_STANDARDWEBHOOKS").ok().filter(|path| !path.is_empty())?, "webhooks.py"),
        };
        let mut command = Command::new(program);
        command.arg(folder.join(script));
        Some(command)
    }

    /// Whether it takes a delivery as signed by a secret; `None` where this machine does not have it.
    ///
    /// # Errors
    /// When it says neither.
    pub async fn takes(self, secret: &str, delivery: &Received) -> Result<Option<bool>> {
        let Some(mut command) = self.command(&Settings::read()?) else { return Ok(None) };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting it")?;
        let headers: serde_json::Map<String, Value> =
            delivery.request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let line = json!({ "secret": secret, "headers": headers, "body": delivery.text()? }).to_string();
        let mut stdin = child.stdin.take().context("no standard input")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let verdict = String::from_utf8(output.stdout)?;
        ensure!(["ok\n", "no\n"].contains(&verdict.as_str()), "it said {verdict:?}");
        Ok(Some(verdict == "ok\n"))
    }
}
