//! A database of its own for each test: a copy of a migrated one, dropped whether the test passes or not.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};
use zygo_core::time::Timestamp;
use zygo_store::{Db, LookupScope, PlatformScope};

/// Held while the cluster's roles are made, or the database that the others are copies of.
const CLUSTER_LOCK: i64 = 0x7a79_676f;
/// What the names of migrated databases that are copied begin with.
const TEMPLATE: &str = "zygo_test_template_";

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
    client.execute("SELECT pg_advisory_lock($1)", &[&CLUSTER_LOCK]).await.unwrap();
    let made: i64 = client.query_one("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'zygo\\_%'", &[]).await.unwrap().get(0);
    // Roles belong to the cluster: somebody else may be working with the passwords that they have.
    let script: Vec<String> = script
        .lines()
        .filter(|line| made < 4 || !line.contains(" PASSWORD "))
        .map(|line| line.replace(":'owner_password'", "'owner'").replace(":'app_password'", "'app'").replace(":'platform_password'", "'platform'"))
        .collect();
    client.batch_execute(&script.join("\n")).await.expect("roles.sql runs");
    client.execute("SELECT pg_advisory_unlock($1)", &[&CLUSTER_LOCK]).await.unwrap();
}

fn config() -> Config {
    Config::from_str(&url()).expect("ZYGO_TEST_DATABASE_URL is a URL")
}

async fn admin() -> Client {
    connect(&config()).await
}

async fn create(name: &str, copy_of: Option<&str>) -> TestDb {
    let admin = admin().await;
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", copy_of.unwrap_or("template1"))).await.unwrap();
    let script = std::fs::read_to_string(migrations().join("bootstrap/database.sql")).unwrap();
    admin.batch_execute(&script.replace(":\"database\"", name)).await.expect("database.sql runs");
    TestDb { config: config().dbname(name).clone(), name: name.to_owned() }
}

/// The migrated database that the others are copies of. It stays for the next run, which drops it if the migrations, or the day, are others:
/// what the migrations make for the present month has to be there.
async fn make_template() -> String {
    let migrator = Migrator::new(migrations()).await.unwrap();
    let mut sum = DefaultHasher::new();
    migrator.iter().for_each(|migration| migration.checksum.hash(&mut sum));
    let name = format!("{TEMPLATE}{}_{:016x}", clock_micros() / 86_400_000_000, sum.finish());
    let admin = admin().await;
    make_roles(&admin).await;
    admin.execute("SELECT pg_advisory_lock($1)", &[&CLUSTER_LOCK]).await.unwrap();
    let known = admin.query("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", &[&TEMPLATE]).await.unwrap();
    let known: Vec<String> = known.iter().map(|row| row.get(0)).collect();
    for old in known.iter().filter(|known| **known != name) {
        // Whoever still copies it keeps it until the run after this.
        let _ = admin.batch_execute(&format!("DROP DATABASE {old}")).await;
    }
    if !known.contains(&name) {
        let unfinished = format!("{TEMPLATE}unfinished");
        let mut owner = create(&unfinished, None).await.owner().await;
        migrator.run(&mut owner).await.expect("the migrations run");
        owner.close().await.unwrap();
        admin.batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await.unwrap();
    }
    admin.execute("SELECT pg_advisory_unlock($1)", &[&CLUSTER_LOCK]).await.unwrap();
    name
}

fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| Runtime::new().unwrap().block_on(make_template()))
}

fn with(copy_of: Option<&str>, body: impl AsyncFnOnce(&TestDb)) {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let name = format!("zygo_test_{}_{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed), clock_micros() % 1_000_000);
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(create(&name, copy_of));
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body(&db))));
    runtime.block_on(async { admin().await.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap() });
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

/// Runs a test in a database that is empty but for the roles' rights.
pub fn with_empty(body: impl AsyncFnOnce(&TestDb)) {
    // The roles are made with it.
    template();
    with(None, body);
}

/// Runs a test in a migrated database.
pub fn with_db(body: impl AsyncFnOnce(&TestDb)) {
    with(Some(template()), body);
}

/// An instant in the present month, so that rows fall into a partition; tests move it by hand.
pub fn now() -> Timestamp {
    static START: OnceLock<i64> = OnceLock::new();
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
