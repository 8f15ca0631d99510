//! What HTTP means here, apart from any server: bodies, cursors, entity tags, request ids, origins.

pub mod accept_language;
pub mod cors;
pub mod cursor;
pub mod destination;
pub mod dns;
pub mod etag;
pub mod json;
pub mod request_id;
pub mod target;
