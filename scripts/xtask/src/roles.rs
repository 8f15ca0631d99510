//! The cluster's roles and a database that belongs to them.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::files;

const ROLES: &str = include_str!("../../../postgres-migrations/bootstrap/roles.sql");
const DATABASE: &str = include_str!("../../../postgres-migrations/bootstrap/database.sql");

/// Passwords of the roles that sign in.
#[derive(Serialize, Deserialize)]
struct Passwords {
    owner: String,
    app: String,
    platform: String,
}

impl Passwords {
    fn read_or_make(path: &Path) -> Result<Self> {
        if path.exists() {
            let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            return serde_json::from_str(&text).with_context(|| format!("{} is not a file of passwords", path.display()));
        }
        let made = Self { owner: files::random_password()?, app: files::random_password()?, platform: files::random_password()? };
        files::write_private(path, &serde_json::to_string_pretty(&made)?)?;
        Ok(made)
    }
}

/// Creates roles and database as far as they are missing, sets the passwords, and prints the URLs of each role.
pub async fn bootstrap(url: &str, passwords: &Path, create: Option<&str>) -> Result<()> {
    let options: PgConnectOptions = url.parse().context("the database URL is malformed")?;
    let passwords = Passwords::read_or_make(passwords)?;
    let mut server = connect(&options).await?;
    let roles = [("owner_password", &*passwords.owner), ("app_password", &*passwords.app), ("platform_password", &*passwords.platform)];
    sqlx::raw_sql(&substitute(ROLES, &roles)?).execute(&mut server).await.context("creating the roles")?;
    let options = match create {
        Some(name) => {
            create_database(&mut server, name).await?;
            options.database(name)
        }
        None => options,
    };
    server.close().await?;
    let name = options.get_database().context("the database URL names no database")?.to_owned();
    let mut database = connect(&options).await?;
    sqlx::raw_sql(&substitute(DATABASE, &[("database", &name)])?).execute(&mut database).await.context("handing the database over")?;
    database.close().await?;
    for (variable, role, password) in [
        ("OWNER_URL", "zygo_owner", &passwords.owner),
        ("APP_URL", "zygo_app", &passwords.app),
        ("PLATFORM_URL", "zygo_platform", &passwords.platform),
    ] {
        println!("{variable}='{}'", url_of(&options, &name, role, password)?);
    }
    Ok(())
}

/// Connects, with a sentence instead of a chain of causes when nobody answers.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    PgConnection::connect_with(options)
        .await
        .with_context(|| format!("connecting to PostgreSQL at {}:{} as {}", options.get_host(), options.get_port(), options.get_username()))
}

async fn create_database(server: &mut PgConnection, name: &str) -> Result<()> {
    let found: Option<i32> =
        sqlx::query_scalar("SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1").bind(name).fetch_optional(&mut *server).await?;
    if found.is_none() {
        sqlx::raw_sql(&substitute("CREATE DATABASE :\"name\"", &[("name", name)])?).execute(server).await.context("creating the database")?;
    }
    Ok(())
}

/// Replaces `:'name'` by the value as a literal and `:"name"` by the value as an identifier, as psql does with `-v`.
fn substitute(sql: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = sql.to_owned();
    for (name, value) in values {
        // Doubling the quote is all it takes: standard_conforming_strings gives the backslash no meaning.
        if value.contains('\0') {
            bail!("{name} contains a NUL");
        }
        text = text.replace(&format!(":'{name}'"), &format!("'{}'", value.replace('\'', "''")));
        text = text.replace(&format!(":\"{name}\""), &format!("\"{}\"", value.replace('"', "\"\"")));
    }
    Ok(text)
}

fn url_of(options: &PgConnectOptions, database: &str, role: &str, password: &str) -> Result<String> {
    // What we put between quotes of a URL and of the shell must need no escaping in either.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain(password) || !plain(database) {
        bail!("passwords and database names may only hold letters, digits, hyphen, underscore and dot");
    }
    let host = options.get_host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let tls = match options.get_ssl_mode() {
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => "?sslmode=require",
        _ => "",
    };
    Ok(format!("postgres://{role}:{password}@{host}:{}/{database}{tls}", options.get_port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_quotes() -> Result<()> {
        let sql = substitute("ALTER ROLE a PASSWORD :'p'; ALTER DATABASE :\"d\"", &[("p", "x'; DROP"), ("d", "a\"b")])?;
        assert_eq!(sql, "ALTER ROLE a PASSWORD 'x''; DROP'; ALTER DATABASE \"a\"\"b\"");
        assert!(substitute(":'p'", &[("p", "\0")]).is_err());
        Ok(())
    }

    #[test]
    fn urls_keep_tls_and_refuse_what_a_shell_would_read() -> Result<()> {
        let options: PgConnectOptions = "postgres://root:x@db.example.org:6543/zygo?sslmode=require".parse()?;
        assert_eq!(url_of(&options, "zygo", "zygo_app", "ab12")?, "postgres://zygo_app:ab12@db.example.org:6543/zygo?sslmode=require");
        assert!(url_of(&options, "zy'go", "zygo_app", "ab12").is_err());
        Ok(())
    }
}
