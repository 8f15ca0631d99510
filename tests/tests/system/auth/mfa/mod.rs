//! `/auth/mfa`

mod challenge;
mod policy;
mod races;
mod step_up;
mod totp;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [challenge::tests(), policy::tests(), races::tests(), step_up::tests(), totp::tests()].into_iter().flatten().collect()
}
