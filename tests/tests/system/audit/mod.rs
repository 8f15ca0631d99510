//! The audit trail.

mod activity;
mod logs;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [logs::tests(), activity::tests()].into_iter().flatten().collect()
}
