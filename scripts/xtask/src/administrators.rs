//! Who administers the platform: people with an account, each in a role.

use anyhow::{Context as _, Result, ensure};
use clap::{Subcommand, ValueEnum};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;
use zygo_core::{id, time::Timestamp};

use crate::{files, roles};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Makes somebody an administrator, in this role from now on
    Add {
        /// Address of an account that has proved it
        email: String,
        /// What they may
        #[arg(long, value_enum, default_value_t = Role::Owner)]
        role: Role,
    },
    /// Ends it, with the next request
    Remove {
        /// Their address
        email: String,
    },
    /// Lists them
    List,
}

/// What an administrator may: look, act, or also say who else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Looks
    Support,
    /// Looks and acts
    Operator,
    /// The same; the platform's own
    Owner,
}

impl Role {
    const fn key(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

/// Does it, in one transaction; the audit trail names this tool as the reason.
///
/// # Errors
/// When nobody of that address has an account with a proved address, or the database is away.
pub async fn run(url: &str, action: &Action) -> Result<()> {
    let mut connection = roles::connect(&url.parse().context("the database URL is malformed")?).await?;
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("SELECT set_config('app.platform_reason', 'administrators', true), set_config('app.actor', 'platform:administrators', true)")
        .execute(&mut *transaction)
        .await?;
    match action {
        Action::Add { email, role } => add(&mut transaction, email, *role).await?,
        Action::Remove { email } => remove(&mut transaction, email).await?,
        Action::List => list(&mut transaction).await?,
    }
    transaction.commit().await?;
    Ok(())
}

async fn add(connection: &mut PgConnection, email: &str, role: Role) -> Result<()> {
    let added = sqlx::query(
        "INSERT INTO admin_users (id, user_id, role)
         SELECT $1, id, $3 FROM users WHERE email = lower($2) AND status = 'active' AND email_verified_at IS NOT NULL
         ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, disabled_at = NULL",
    )
    .bind(new_id()?)
    .bind(email)
    .bind(role.key())
    .execute(connection)
    .await
    .context("adding takes zygo_platform or a superuser")?;
    ensure!(added.rows_affected() == 1, "no account has this address and has proved it: sign up and verify it first");
    Ok(())
}

async fn remove(connection: &mut PgConnection, email: &str) -> Result<()> {
    let removed = sqlx::query(
        "UPDATE admin_users SET disabled_at = now_ms() WHERE disabled_at IS NULL AND user_id IN (SELECT id FROM users WHERE email = lower($1))",
    )
    .bind(email)
    .execute(connection)
    .await
    .context("removing takes zygo_platform or a superuser")?;
    ensure!(removed.rows_affected() == 1, "nobody of this address administers the platform");
    Ok(())
}

async fn list(connection: &mut PgConnection) -> Result<()> {
    let all: Vec<(String, String)> = sqlx::query_as(
        "SELECT u.email, a.role FROM admin_users a JOIN users u ON u.id = a.user_id WHERE a.disabled_at IS NULL ORDER BY a.created_at, a.id",
    )
    .fetch_all(connection)
    .await?;
    for (email, role) in all {
        println!("{role:<9} {email}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a command line tool has no caller that could hand it a clock")]
fn new_id() -> Result<Uuid> {
    Ok(id::v7(Timestamp::from(jiff::Timestamp::now()), files::random()?))
}
