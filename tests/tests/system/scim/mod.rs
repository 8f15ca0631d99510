//! `/scim/v2`, `/scim/connections`

mod connections;
mod groups;
mod peer;
mod refusals;
mod users;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [connections::tests(), groups::tests(), peer::tests(), refusals::tests(), users::tests()].into_iter().flatten().collect()
}
