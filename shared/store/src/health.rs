//! Whether Postgres answers.

use tokio_postgres::types::Type;

use crate::{Db, Described, LookupScope, StoreError, batch::Batch, statement::Statement};

const PING: Statement<LookupScope> = Statement::new("health.ping", &[], &[Type::INT4], "/* health.ping */ SELECT 1");

/// This module's statements.
pub const STATEMENTS: &[Described] = &[PING.described()];

/// Asks Postgres for a sign of life.
///
/// # Errors
/// `Unavailable` when it gives none.
pub async fn ping(db: &Db, scope: &LookupScope) -> Result<(), StoreError> {
    Batch::read(db, scope).add(&PING, &[]).rows().await.map(drop)
}
