//! The audit trail.

mod activity;
mod events;
mod export;
mod logs;
mod seals;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [logs::tests(), export::tests(), activity::tests(), events::tests(), seals::tests()].into_iter().flatten().collect()
}
