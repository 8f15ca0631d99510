//! What is more than ten lines of shell: databases, keys, demo data, generated documents.
//!
//! The scripts in `scripts/` call it; `cargo run -p xtask -- --help` lists it.

mod administrators;
mod audit;
mod demo;
mod files;
mod keys;
mod migrations;
#[cfg(feature = "routes")]
mod openapi;
mod roles;
mod secrets;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Tasks of the Zygo repository that are more than ten lines of shell")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Creates the cluster's roles and hands a database to them; prints its URLs as shell assignments
    Bootstrap {
        /// A superuser (or a role that may create roles)
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
        /// File of the roles' passwords, made at random if it is missing
        #[arg(long)]
        passwords: PathBuf,
        /// Creates this database first, if it is missing, instead of using the URL's own
        #[arg(long)]
        create: Option<String>,
    },
    /// Applies, reverts or lists the migrations of postgres-migrations/
    Migrate {
        #[command(subcommand)]
        action: migrations::Action,
        /// Connects as a superuser or as zygo_owner
        #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, default_value = "")]
        database_url: String,
    },
    /// Fills a development database with the demo organisations and people, and prints who they are
    Seed {
        /// Connects as zygo_owner or a superuser
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
    /// Says who administers the platform
    Administrators {
        #[command(subcommand)]
        action: administrators::Action,
        /// Connects as zygo_platform or a superuser
        #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, default_value = "")]
        database_url: String,
    },
    /// Adds the secrets that are missing to a file of NAME=value lines, at random
    Secrets {
        /// The file, for development .dev.vars
        #[arg(long, default_value = ".dev.vars")]
        file: PathBuf,
    },
    /// Changes the ring of access-token keys in such a file
    RotateKeys {
        #[command(subcommand)]
        step: keys::Step,
        /// The file
        #[arg(long, default_value = ".dev.vars", global = true)]
        file: PathBuf,
        /// Says what would happen, changes nothing
        #[arg(long, global = true)]
        dry_run: bool,
    },
    /// Prints one secret of such a file, for the standard input of `wrangler secret put`
    Secret {
        /// Its name
        name: String,
        /// The file
        #[arg(long, default_value = ".dev.vars")]
        file: PathBuf,
    },
    /// Holds the audit trail against its seals
    VerifyAudit {
        /// Connects as zygo_platform or a superuser
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
        /// This organisation alone
        #[arg(long)]
        tenant: Option<uuid::Uuid>,
        /// A mirror of the bucket with the seals' copies
        #[arg(long)]
        archive: Option<PathBuf>,
    },
    /// Writes public/openapi.json from the route table
    #[cfg(feature = "routes")]
    Openapi {
        /// The document
        #[arg(long, default_value = "public/openapi.json")]
        file: PathBuf,
        /// Fails if the document is not what the route table says, changes nothing
        #[arg(long)]
        check: bool,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse().task).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line of causes: whoever runs this wants the reason, not a stack trace.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> Result<()> {
    match task {
        Task::Bootstrap { database_url, passwords, create } => roles::bootstrap(&database_url, &passwords, create.as_deref()).await,
        Task::Migrate { action, database_url } => migrations::run(&action, &database_url).await,
        Task::Seed { database_url } => demo::seed(&database_url).await,
        Task::Administrators { action, database_url } => administrators::run(&database_url, &action).await,
        Task::Secrets { file } => secrets::complete(&file),
        Task::RotateKeys { step, file, dry_run } => keys::rotate(&step, &file, dry_run),
        Task::Secret { name, file } => secrets::show(&name, &file),
        Task::VerifyAudit { database_url, tenant, archive } => audit::verify(&database_url, tenant, archive.as_deref()).await,
        #[cfg(feature = "routes")]
        Task::Openapi { file, check } => openapi::run(&file, check),
    }
}
