//! Rate limits: the arithmetic, the table of limits, and what clients are told.
//!
//! [`gcra`] decides, [`policy`] says which limits guard what and under which
//! keys, [`headers`] writes the answer by the IETF draft.

pub mod gcra;
pub mod headers;
pub mod policy;
