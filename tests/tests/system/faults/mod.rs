//! What happens when something breaks.

mod crash;
mod jobs;
mod mail;
mod postgres;
mod queues;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [crash::tests(), jobs::tests(), mail::tests(), postgres::tests(), queues::tests()].into_iter().flatten().collect()
}
