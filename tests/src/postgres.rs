//! A PostgreSQL server of a test's own: killed as the kernel would, and started again as it was.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{database::Database, settings::Settings};

/// A server that `scripts/lib/postgres.sh` started.
#[derive(Debug, Clone)]
pub struct Postgres {
    root: PathBuf,
    home: PathBuf,
}

impl Postgres {
    /// The server whose directory the environment names, so that nobody kills another's.
    ///
    /// # Errors
    /// When it names none.
    pub fn own() -> Result<Self> {
        let home = std::env::var_os("ZYGO_LOSS_POSTGRES").context("ZYGO_LOSS_POSTGRES is not set: start this test with scripts/loss")?;
        Ok(Self { root: Settings::read()?.root, home: home.into() })
    }

    /// Sends SIGKILL to the server and to all of its own processes.
    ///
    /// # Errors
    /// When it does not say which process it is.
    pub async fn kill(&self, database: &Database) -> Result<()> {
        let file = database.column("SELECT pg_read_file('postmaster.pid')", &[]).await?;
        let pid = file.first().and_then(|text| text.lines().next()).context("no postmaster.pid")?.trim().to_owned();
        let children = Command::new("pgrep").args(["-P", &pid]).output().await.context("pgrep")?;
        let children = String::from_utf8(children.stdout)?;
        let all: Vec<&str> = std::iter::once(pid.as_str()).chain(children.split_whitespace()).collect();
        // One that is gone already needs no signal.
        Command::new("kill").arg("-KILL").args(&all).stderr(Stdio::null()).status().await.context("kill")?;
        Ok(())
    }

    /// Starts it again, at the port that it had, and waits until it has recovered.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub async fn start(&self) -> Result<()> {
        let script = "source \"$0/scripts/lib.sh\" && pg_again \"$1\" dev";
        let status =
            Command::new("bash").arg("-c").arg(script).arg(&self.root).arg(&self.home).stdin(Stdio::null()).status().await.context("bash")?;
        ensure!(status.success(), "PostgreSQL does not come back");
        Ok(())
    }
}
