//! Streams: what happens is told at once to whoever is connected and may see it. Pure core of the stream objects.
//!
//! A stream is a [`Log`]: entries with a place each, told to [`Reader`]s whom the entry's [`Audience`] admits. Where entries come from is
//! the object's affair; [`Place`] is how far it has taken over a tenant's events from Postgres. Invariants:
//!
//! - An entry gets its place when the object takes it over, never before it is committed; places only grow, and none is given twice. So
//!   nothing ever appears below what a reader has seen, whatever the order in which transactions began or ended.
//! - What was published before is known by its key and not told again, for as long as it is kept.
//! - Whoever comes back with a [`Cursor`] gets all that its audience admits them to since, in order, once; or is told that they are
//!   [`Behind`](Resume::Behind), where some of it is kept no longer or the log has begun anew. Never a part.
//! - Who is in no audience sees nothing: the rule of a thing that nobody wrote a rule for.
//! - A reader who does not read is cut off after [`WINDOW`] entries; what they missed waits for them.

mod audience;
mod cursor;
mod feed;
pub mod frame;
mod log;
mod place;
mod reader;
pub mod ticket;
mod window;

pub use audience::Audience;
pub use cursor::Cursor;
pub use feed::{Fed, Feed};
pub use log::{Entry, KEPT, KEPT_BYTES, Log, Publication, Resume};
pub use place::{Page, Place, Taken, TakenRow};
pub use reader::{PER_PERSON, PER_STREAM, Reader, room};
pub use window::{WINDOW, Window};

#[cfg(test)]
mod model;
