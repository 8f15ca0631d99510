//! Statements: SQL with its types, checked against the schema by a test.

use std::marker::PhantomData;

use tokio_postgres::types::Type;

/// A statement as the test of all statements sees it.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Names its function, `module.function` or `module.function.part`.
    pub name: &'static str,
    /// The SQL; begins with a comment that repeats the name.
    pub sql: &'static str,
    /// Types of the parameters `$1`, `$2`, …
    pub params: &'static [Type],
    /// Types of the result's columns.
    pub columns: &'static [Type],
}

/// A statement that runs in a scope of type `S` and in no other.
///
/// With its types known beforehand it is sent without being prepared, which would cost a round trip of its own.
#[derive(Debug)]
pub struct Statement<S> {
    described: Described,
    scope: PhantomData<fn(S)>,
}

impl<S> Statement<S> {
    /// A statement; written once, as a constant beside the function that sends it.
    #[must_use]
    pub const fn new(name: &'static str, params: &'static [Type], columns: &'static [Type], sql: &'static str) -> Self {
        Self { described: Described { name, sql, params, columns }, scope: PhantomData }
    }

    /// The statement without its scope.
    #[must_use]
    pub const fn described(&self) -> Described {
        Described { name: self.described.name, sql: self.described.sql, params: self.described.params, columns: self.described.columns }
    }
}
