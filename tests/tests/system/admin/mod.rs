//! The platform's own administration.

mod jobs;
mod refusals;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [jobs::tests(), refusals::tests()].into_iter().flatten().collect()
}
