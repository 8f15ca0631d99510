//! The platform's own administration.

mod jobs;
mod refusals;
mod suppressions;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [jobs::tests(), refusals::tests(), suppressions::tests()].into_iter().flatten().collect()
}
