//! Reading rows: by column name, times as the domain's.

use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;
use zygo_core::time::Timestamp;

use crate::StoreError;

/// Reads cells of a row; what does not fit is a bug, since a test compares the types.
pub trait Cells {
    /// A cell.
    fn cell<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, StoreError>;

    /// An identifier.
    fn id<T: From<Uuid>>(&self, column: &str) -> Result<T, StoreError> {
        Ok(self.cell::<Uuid>(column)?.into())
    }

    /// A time.
    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(self.cell::<jiff::Timestamp>(column)?.into())
    }

    /// A time that may be missing.
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.cell::<Option<jiff::Timestamp>>(column)?.map(Into::into))
    }
}

impl Cells for Row {
    fn cell<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, StoreError> {
        self.try_get(column).map_err(|error| StoreError::Bug(format!("column {column}: {error}")))
    }
}

/// A time as a parameter.
pub fn at(time: Timestamp) -> jiff::Timestamp {
    time.into()
}

/// The only row of an answer that must have one.
pub fn only(rows: Vec<Row>, statement: &str) -> Result<Row, StoreError> {
    rows.into_iter().next().ok_or_else(|| StoreError::Bug(format!("{statement}: no row")))
}
