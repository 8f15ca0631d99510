//! `/auth/passkeys`

mod ceremonies;
mod login;
mod manage;
mod register;
mod second_factor;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [ceremonies::tests(), login::tests(), manage::tests(), register::tests(), second_factor::tests()];
    modules.into_iter().flatten().collect()
}
