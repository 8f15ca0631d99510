//! `GET /events/stream`, `POST /events/stream/tickets`

mod access;
mod arrival;
mod refusals;
mod restart;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [arrival::tests(), access::tests(), refusals::tests(), restart::tests()].into_iter().flatten().collect()
}
