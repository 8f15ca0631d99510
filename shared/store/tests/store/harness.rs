//! A database of its own for each test: created, migrated, and dropped whether the test passes or not.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use sqlx::{ConnectOptions as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};
use zygo_core::time::Timestamp;
use zygo_store::{Db, LookupScope, PlatformScope};

/// Held while the cluster's roles are made.
const ROLES_LOCK: i64 = 0x7a79_676f;

/// Where the migrations are.
pub fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../postgres-migrations")
}

fn url() -> String {
    std::env::var("ZYGO_TEST_DATABASE_URL")
        .expect("ZYGO_TEST_DATABASE_URL is not set; these tests need the URL of a superuser of a PostgreSQL they may create databases in")
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the database named by ZYGO_TEST_DATABASE_URL answers");
    tokio::spawn(connection);
    client
}

/// A database that a test has to itself.
pub struct TestDb {
    config: Config,
    name: String,
}

impl TestDb {
    /// A connection as superuser, for what only a test may do.
    pub async fn superuser(&self) -> Client {
        connect(&self.config).await
    }

    /// A connection as one of the roles.
    pub async fn role(&self, role: &str) -> Client {
        connect(self.config.clone().options(format!("-c role={role}"))).await
    }

    /// A store as the Worker has it.
    pub async fn app(&self) -> Db {
        Db::new(self.role("zygo_app").await)
    }

    /// A store as platform jobs have it.
    pub async fn platform(&self) -> Db {
        Db::new(self.role("zygo_platform").await)
    }

    /// A connection for the migration library, as the owner of the schema.
    pub async fn owner(&self) -> PgConnection {
        PgConnectOptions::from_str(&url()).unwrap().database(&self.name).options([("role", "zygo_owner")]).connect().await.unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "what a test stores must fall into this month's partitions")]
fn clock_micros() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

async fn make_roles(client: &Client) {
    let script = std::fs::read_to_string(migrations().join("bootstrap/roles.sql")).unwrap();
    client.execute("SELECT pg_advisory_lock($1)", &[&ROLES_LOCK]).await.unwrap();
    let made: i64 = client.query_one("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'zygo\\_%'", &[]).await.unwrap().get(0);
    // Roles belong to the cluster: somebody else may be working with the passwords that they have.
    let script: Vec<String> = script
        .lines()
        .filter(|line| made < 4 || !line.contains(" PASSWORD "))
        .map(|line| line.replace(":'owner_password'", "'owner'").replace(":'app_password'", "'app'").replace(":'platform_password'", "'platform'"))
        .collect();
    client.batch_execute(&script.join("\n")).await.expect("roles.sql runs");
    client.execute("SELECT pg_advisory_unlock($1)", &[&ROLES_LOCK]).await.unwrap();
}

async fn create() -> TestDb {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let config = Config::from_str(&url()).expect("ZYGO_TEST_DATABASE_URL is a URL");
    let admin = connect(&config).await;
    make_roles(&admin).await;
    let name = format!("zygo_test_{}_{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed), clock_micros() % 1_000_000);
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let script = std::fs::read_to_string(migrations().join("bootstrap/database.sql")).unwrap();
    admin.batch_execute(&script.replace(":\"database\"", &name)).await.expect("database.sql runs");
    TestDb { config: config.clone().dbname(&name).clone(), name }
}

/// Runs a test in a database that is empty but for the roles' rights.
pub fn with_empty(body: impl AsyncFnOnce(&TestDb)) {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(create());
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body(&db))));
    runtime.block_on(async {
        let admin = connect(&Config::from_str(&url()).unwrap()).await;
        admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", db.name)).await.unwrap();
    });
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Runs a test in a migrated database.
pub fn with_db(body: impl AsyncFnOnce(&TestDb)) {
    with_empty(async |db| {
        Migrator::new(migrations()).await.unwrap().run(&mut db.owner().await).await.expect("the migrations run");
        body(db).await;
    });
}

/// An instant in the present month, so that rows fall into a partition; tests move it by hand.
pub fn now() -> Timestamp {
    static START: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let start = START.get_or_init(|| clock_micros() / 1000);
    Timestamp::from_millis(*start)
}

/// An identifier that no other call gives.
pub fn new_id<T: From<uuid::Uuid>>() -> T {
    static SERIAL: AtomicU32 = AtomicU32::new(1);
    let mut random = [0; 10];
    random[..4].copy_from_slice(&SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    random[6..].copy_from_slice(&std::process::id().to_be_bytes());
    zygo_core::id::v7(now(), random).into()
}

/// A scope before anything is known.
pub fn lookup() -> LookupScope {
    LookupScope::new(None, "req-test")
}

/// The platform's scope.
pub fn platform() -> PlatformScope {
    PlatformScope::new("test", "req-test")
}

/// Asserts that something spends exactly one round trip, and gives what it gives.
pub async fn one_trip<T>(db: &Db, work: impl Future<Output = T>) -> T {
    let before = db.trips();
    let result = work.await;
    assert_eq!(db.trips() - before, 1, "one round trip");
    result
}
