//! Runs the migrations as the owner of the tables, whoever connects.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use sqlx::{
    Connection, PgConnection,
    migrate::{Migrate, MigrateError, Migrator},
};

use crate::roles;

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// Applies all that are missing
    Up,
    /// Reverts the newest, or all down to a version
    Down {
        /// Reverts everything newer than this version; 0 reverts all
        #[arg(long)]
        to: Option<i64>,
    },
    /// Lists them
    Status,
}

/// Runs `action` on the database.
pub async fn run(action: &Action, url: &str) -> Result<()> {
    if url.is_empty() {
        bail!("--database-url (or DATABASE_URL) is missing");
    }
    let migrator = Migrator::new(Path::new("postgres-migrations")).await.context("reading postgres-migrations/")?;
    let mut connection = roles::connect(&url.parse().context("the database URL is malformed")?).await?;
    // A superuser would otherwise own the tables, and row-level security does not bind a superuser.
    sqlx::raw_sql("SET ROLE zygo_owner").execute(&mut connection).await.context("becoming zygo_owner; run the bootstrap first")?;
    connection.ensure_migrations_table().await?;
    let applied: BTreeSet<i64> = connection.list_applied_migrations().await?.into_iter().map(|found| found.version).collect();
    match action {
        Action::Up => {
            migrator.run(&mut connection).await.map_err(explain)?;
            let new = up(&migrator).filter(|(version, _)| !applied.contains(version)).count();
            println!("{new} migrations applied, {} in all", up(&migrator).count());
        }
        Action::Down { to } => down(&migrator, &mut connection, &applied, *to).await?,
        Action::Status => {
            for (version, name) in up(&migrator) {
                println!("{} {version:04} {name}", if applied.contains(&version) { "applied" } else { "missing" });
            }
        }
    }
    connection.close().await.context("closing the connection")
}

/// A migration that has landed is never edited; while it is being written, a local database has to begin anew.
fn explain(error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version) => {
            anyhow!("migration {version:04} is not the one that this database has applied; a local one starts anew with scripts/dev --reset")
        }
        other => anyhow!(other),
    }
}

async fn down(migrator: &Migrator, connection: &mut PgConnection, applied: &BTreeSet<i64>, to: Option<i64>) -> Result<()> {
    let target = to.or_else(|| applied.iter().nth_back(1).copied()).unwrap_or(0);
    migrator.undo(connection, target).await?;
    println!("{} migrations reverted", applied.iter().filter(|version| **version > target).count());
    Ok(())
}

/// Version and name of each migration.
fn up(migrator: &Migrator) -> impl Iterator<Item = (i64, &str)> {
    migrator.iter().filter(|migration| !migration.migration_type.is_down_migration()).map(|migration| (migration.version, &*migration.description))
}
