//! Hashes of passwords with newer parameters.

use tokio_postgres::types::Type;

use crate::{Described, LookupScope, batch::Batch, scope::Scope, statement::Statement};

const fn strengthen<S>() -> Statement<S> {
    Statement::new(
        "identity.strengthen_password",
        &[Type::TEXT, Type::TEXT],
        &[Type::BOOL],
        "/* identity.strengthen_password */ SELECT strengthen_password($1, $2)",
    )
}

/// This module's statements.
pub const STATEMENTS: &[Described] = &[strengthen::<LookupScope>().described()];

/// A hash with newer parameters (PHC strings both), of the password that was just checked against a weaker one.
#[derive(Clone)]
pub struct Rehash {
    /// What it was checked against: another is left alone, since the password was changed meanwhile.
    pub old: String,
    /// What takes its place.
    pub new: String,
}

impl Rehash {
    /// Stores it for the scope's own person.
    pub(crate) fn add<'a, S: Scope>(&'a self, batch: Batch<'a, S>) -> Batch<'a, S> {
        batch.add(&strengthen(), &[&self.old, &self.new])
    }
}
