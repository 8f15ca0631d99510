//! What happened, who is told, and what comes of it.

mod addresses;
mod arrival;
mod endpoints;
mod failure;
mod log;
mod order;
mod reports;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [endpoints::tests(), arrival::tests(), failure::tests(), addresses::tests(), order::tests(), log::tests(), reports::tests()];
    modules.into_iter().flatten().collect()
}
