//! The audit trail.

mod activity;
mod logs;
mod seals;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [logs::tests(), activity::tests(), seals::tests()].into_iter().flatten().collect()
}
