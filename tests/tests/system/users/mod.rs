//! `/users/me` and what lies below it.

mod avatar;
mod change_email;
mod change_password;
mod deletion;
mod me;
mod preferences;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [me::tests(), avatar::tests(), change_email::tests(), change_password::tests(), deletion::tests(), preferences::tests()];
    modules.into_iter().flatten().collect()
}
