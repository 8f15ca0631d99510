//! A database of a test's own: a copy of the migrated one, read directly to see what the system leaves there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Url;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls, types::ToSql};

use crate::{random, settings::Settings};

/// A statement's parameters.
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The statements that hand a database over to the roles; a copy does not inherit them.
const HAND_OVER: &str = include_str!("../../postgres-migrations/bootstrap/database.sql");

/// A database that is dropped at the end.
#[derive(Debug, Clone)]
pub struct Database {
    superuser: Url,
    app: Url,
    platform: Url,
    name: String,
}

impl Database {
    /// Copies the template.
    ///
    /// # Errors
    /// When PostgreSQL is away, or somebody is connected to the template and stays so.
    pub async fn create(settings: &Settings) -> Result<Self> {
        let template = Url::parse(&settings.app_url).context("APP_URL")?;
        let superuser = Url::parse(&settings.superuser_url).context("DATABASE_URL")?;
        let name = format!("zygo_{}", random::word()?);
        let server = connect(&superuser).await?;
        let copy = format!("CREATE DATABASE {name} TEMPLATE {}", template.path().trim_start_matches('/'));
        let mut attempt = 0;
        // A copy needs the template for itself; another run may just be copying it.
        while let Err(error) = server.batch_execute(&copy).await {
            attempt += 1;
            ensure!(attempt < 50, "copying the template: {error:?}");
            sleep(Duration::from_millis(200)).await;
        }
        server.batch_execute(&HAND_OVER.replace(":\"database\"", &name)).await.context("handing the copy over")?;
        let at = |url: &Url| {
            let mut url = url.clone();
            url.set_path(&name);
            url
        };
        Ok(Self { app: at(&template), platform: at(&Url::parse(&settings.platform_url).context("PLATFORM_URL")?), superuser: at(&superuser), name })
    }

    /// Host and port of the server.
    ///
    /// # Errors
    /// When the URL names none.
    pub fn server(&self) -> Result<String> {
        let host = self.superuser.host_str().context("DATABASE_URL names no host")?;
        Ok(format!("{host}:{}", self.superuser.port().unwrap_or(5432)))
    }

    /// The URLs of the Worker's two roles, by way of a proxy on this machine.
    ///
    /// # Errors
    /// When a URL cannot take a port.
    pub fn urls_through(&self, port: u16) -> Result<(String, String)> {
        let through = |url: &Url| -> Result<String> {
            let mut url = url.clone();
            url.set_host(Some("127.0.0.1"))?;
            if url.set_port(Some(port)).is_err() {
                bail!("the URL takes no port");
            }
            Ok(url.to_string())
        };
        Ok((through(&self.app)?, through(&self.platform)?))
    }

    /// A connection past the proxy and past row-level security.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn sql(&self) -> Result<Client> {
        connect(&self.superuser).await
    }

    /// Its URL, past the proxy and past row-level security, for tools that are handed one.
    #[must_use]
    pub fn url(&self) -> &str {
        self.superuser.as_str()
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn execute(&self, statement: &str, parameters: Parameters<'_>) -> Result<u64> {
        Ok(self.sql().await?.execute(statement, parameters).await?)
    }

    /// Runs a statement past the rules that triggers keep, for a state that no caller could bring about.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn bend(&self, statement: &str, parameters: Parameters<'_>) -> Result<u64> {
        let sql = self.sql().await?;
        sql.batch_execute("SET session_replication_role = replica").await?;
        Ok(sql.execute(statement, parameters).await?)
    }

    /// The one number that a statement answers.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn count(&self, statement: &str, parameters: Parameters<'_>) -> Result<i64> {
        Ok(self.sql().await?.query_one(statement, parameters).await?.try_get(0)?)
    }

    /// The first column, as text, of all rows.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn column(&self, statement: &str, parameters: Parameters<'_>) -> Result<Vec<String>> {
        let rows = self.sql().await?.query(statement, parameters).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The kinds of jobs that are not settled.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn unsettled(&self) -> Result<Vec<String>> {
        self.column("SELECT kind || ' ' || attempts || ' ' || coalesce(last_error, '') FROM outbox WHERE settled_at IS NULL", &[]).await
    }

    /// Waits until the outbox is empty. `false` after the given time.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn settles_within(&self, limit: Duration) -> Result<bool> {
        let sql = self.sql().await?;
        let settled = async {
            loop {
                let left: i64 = sql.query_one("SELECT count(*) FROM outbox WHERE settled_at IS NULL", &[]).await?.try_get(0)?;
                if left == 0 {
                    return anyhow::Ok(());
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(limit, settled).await {
            Ok(result) => result.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Makes every job that is not settled due now, as if its lease had run out.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn make_due(&self) -> Result<u64> {
        self.execute("UPDATE outbox SET available_at = now() - interval '1 second', claimed_until = NULL WHERE settled_at IS NULL", &[]).await
    }

    /// Deletes the database.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn remove(&self) -> Result<()> {
        let mut server = self.superuser.clone();
        server.set_path("postgres");
        connect(&server).await?.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await?;
        Ok(())
    }
}

async fn connect(url: &Url) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await.context("connecting to PostgreSQL")?;
    // Ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}
