//! Scope, statements and commit in one pipeline: one write, one round trip.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::future::{OptionFuture, join, join_all, join3, join4};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use crate::{
    Db, Described, Guard, LookupScope, PlatformScope, Scope, StoreError, TenantScope,
    row::at,
    scope::{Check, Context},
    statement::Statement,
};

/// Statements of a batch at most. Up to this many, `join_all` polls its futures in their order, which is the order on the wire.
const MOST: usize = 24;

/// Opens every transaction: the context that policies and triggers read, transaction-local.
const ENTER: Statement<LookupScope> = Statement::new(
    "batch.enter",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT],
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT],
    "/* batch.enter */ SELECT set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true), \
     set_config('app.request_id', $3, true), set_config('app.actor', $4, true), set_config('app.platform_reason', $5, true), \
     set_config('app.address', $6, true), set_config('app.host_tenant_id', $7, true)",
);

/// Opens the work of a guarded scope: an error where the person may not, so that nothing after it is done.
const REQUIRE: Statement<TenantScope> = Statement::new(
    "batch.require",
    &[Type::INT2, Type::TEXT_ARRAY, Type::UUID],
    &[Type::BOOL],
    "/* batch.require */ SELECT require_permission($1, $2, $3)",
);

/// Opens the work of whoever administers the platform: an error where they do not.
const REQUIRE_ADMINISTRATOR: Statement<PlatformScope> = Statement::new(
    "batch.require_administrator",
    &[Type::UUID, Type::UUID, Type::TEXT_ARRAY],
    &[Type::BOOL],
    "/* batch.require_administrator */ SELECT require_administrator($1, $2, $3)",
);

/// Opens the work of a tenant's directory: an error where its token is none.
const REQUIRE_TOKEN: Statement<TenantScope> = Statement::new(
    "batch.require_token",
    &[Type::UUID, Type::BYTEA, Type::JSONB, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* batch.require_token */ SELECT require_scim_token($1, $2, $3, $4)",
);

/// The lock that changes of a tenant's team take first.
const ALONE: Statement<TenantScope> =
    Statement::new("batch.alone", &[], &[], "/* batch.alone */ SELECT FROM tenants WHERE id = app_tenant_id() FOR NO KEY UPDATE");

/// Closes the work of a transaction that may write: which endpoints it owes deliveries (`fan_out_events`).
const OWED: Statement<LookupScope> =
    Statement::new("batch.owed", &[], &[Type::TEXT], "/* batch.owed */ SELECT current_setting('app.owed', true) AS owed");

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[ENTER.described(), ALONE.described(), REQUIRE.described(), REQUIRE_ADMINISTRATOR.described(), REQUIRE_TOKEN.described(), OWED.described()];

/// A parameter of a statement.
pub type Param<'a> = &'a (dyn ToSql + Sync);

struct Step<'a> {
    name: &'static str,
    sql: &'static str,
    params: Vec<(Param<'a>, Type)>,
    arity: bool,
}

/// Statements that run in one transaction and one round trip.
///
/// If one fails, those after it are refused by the server and the commit rolls back; the first error is the one that counts.
#[must_use = "a batch does nothing until it is run"]
pub struct Batch<'a, S: Scope> {
    db: &'a Db,
    scope: &'a S,
    begin: &'static str,
    writes: bool,
    alone: bool,
    steps: Vec<Step<'a>>,
}

impl<'a, S: Scope> Batch<'a, S> {
    /// A transaction that only reads; but for the entry that a guarded scope leaves.
    pub fn read(db: &'a Db, scope: &'a S) -> Self {
        let begin = if scope.guard().is_some() { "BEGIN" } else { "BEGIN READ ONLY" };
        Self { db, scope, begin, writes: false, alone: false, steps: Vec::new() }
    }

    /// A transaction that may write.
    pub const fn write(db: &'a Db, scope: &'a S) -> Self {
        Self { db, scope, begin: "BEGIN", writes: true, alone: false, steps: Vec::new() }
    }

    /// Takes the lock of the scope's tenant before anything else is looked at: whoever changes its memberships, roles and
    /// invitations does so one after the other, and each sees what the one before has done.
    pub const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Adds a statement with its parameters, in the order of `$1`, `$2`, …
    pub fn add(mut self, statement: &Statement<S>, params: &[Param<'a>]) -> Self {
        let Described { name, sql, params: types, .. } = statement.described();
        let arity = types.len() == params.len();
        self.steps.push(Step { name, sql, params: params.iter().copied().zip(types.iter().cloned()).collect(), arity });
        self
    }

    /// Sends it all, and gives each statement's rows in the order they were added.
    ///
    /// # Errors
    /// The first error of the transaction.
    pub async fn run(self) -> Result<Answers, StoreError> {
        if let Some(step) = self.steps.iter().find(|step| !step.arity) {
            return Err(StoreError::Bug(format!("{}: wrong number of parameters", step.name)));
        }
        if self.steps.len() > MOST {
            return Err(StoreError::Bug("a batch of too many statements".into()));
        }
        let context = self.scope.context();
        let Context { tenant_id, user_id, request_id, actor, platform_reason, address, host_tenant_id } = &context;
        let enter = [tenant_id, user_id, request_id, actor, platform_reason, address, host_tenant_id].map(|value| (value as Param<'_>, Type::TEXT));
        let client = self.db.one_trip();
        let alone = OptionFuture::from(self.alone.then(|| client.query_typed(ALONE.described().sql, &[])));
        let guard = OptionFuture::from(self.scope.guard().map(|guard| require(client, guard)));
        // A parameter that cannot be encoded fails before it is sent; the commit, polled after it, must not go through then.
        let unsent = AtomicBool::new(false);
        let work = join_all(self.steps.iter().map(|step| {
            let unsent = &unsent;
            async move {
                let rows = client.query_typed(step.sql, &step.params).await;
                unsent.fetch_or(rows.is_err(), Ordering::Relaxed);
                rows.map_err(|error| StoreError::from_postgres(step.name, &error).of(step.sql))
            }
        }));
        let owed = OptionFuture::from(self.writes.then(|| client.query_typed(OWED.described().sql, &[])));
        let commit = async { client.batch_execute(if unsent.load(Ordering::Relaxed) { "ROLLBACK" } else { "COMMIT" }).await };
        // Polled in this order, which is the order on the wire.
        let enter = client.query_typed(ENTER.described().sql, &enter);
        let ((begun, entered, locked), guarded, (worked, owed), committed) =
            join4(join3(client.batch_execute(self.begin), enter, alone), guard, join(work, owed), commit).await;
        begun.map_err(|error| StoreError::from_postgres("batch.begin", &error))?;
        entered.map_err(|error| StoreError::from_postgres("batch.enter", &error))?;
        locked.transpose().map_err(|error| StoreError::from_postgres("batch.alone", &error))?;
        guarded.transpose()?;
        let answers = worked.into_iter().collect::<Result<VecDeque<_>, _>>()?;
        committed.map_err(|error| StoreError::from_postgres("batch.commit", &error))?;
        if let Some(Ok(rows)) = owed {
            let noted = rows.first().and_then(|row| row.try_get::<_, Option<&str>>(0).ok().flatten());
            noted.into_iter().for_each(|endpoints| self.db.owe(endpoints));
        }
        Ok(Answers(answers))
    }

    /// Sends a batch of one statement, and gives its rows.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn rows(self) -> Result<Vec<Row>, StoreError> {
        Ok(self.run().await?.take())
    }
}

/// Asks whether the scope's person, or its directory, may; sent between the context and the work.
async fn require(client: &Client, guard: &Guard) -> Result<(), StoreError> {
    match &guard.0 {
        Check::Person { permission, default_roles, session } => {
            let session = session.uuid();
            ask(client, REQUIRE.described(), &[permission, default_roles, &session]).await
        }
        Check::Administrator { person, session, roles } => {
            let (person, session) = (person.uuid(), session.uuid());
            ask(client, REQUIRE_ADMINISTRATOR.described(), &[&person, &session, roles]).await
        }
        Check::Directory { connection, hash, by_plan, now } => {
            let (connection, now) = (connection.uuid(), at(*now));
            ask(client, REQUIRE_TOKEN.described(), &[&connection, hash, by_plan, &now]).await
        }
    }
}

async fn ask(client: &Client, Described { name, sql, params: types, .. }: Described, params: &[Param<'_>]) -> Result<(), StoreError> {
    let params: Vec<(Param<'_>, Type)> = params.iter().copied().zip(types.iter().cloned()).collect();
    client.query_typed(sql, &params).await.map(drop).map_err(|error| StoreError::from_postgres(name, &error))
}

/// The rows of a batch's statements.
pub struct Answers(VecDeque<Vec<Row>>);

impl Answers {
    /// The rows of the next statement, in the order they were added; none when all were taken.
    pub fn take(&mut self) -> Vec<Row> {
        self.0.pop_front().unwrap_or_default()
    }
}
