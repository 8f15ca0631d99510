//! Roles, members, invitations.

mod critical;
mod invitations;
mod matrix;
mod members;
mod ownership;
mod roles;
mod suspension;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules =
        [roles::tests(), members::tests(), suspension::tests(), ownership::tests(), critical::tests(), invitations::tests(), matrix::tests()];
    modules.into_iter().flatten().collect()
}
