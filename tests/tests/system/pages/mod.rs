//! The pages for people, by plain HTTP as a browser without scripts speaks it.

mod account;
mod federated;
mod forgery;
mod hosts;
mod invitation;
mod mailed;
mod passkeys;
mod second_factor;
mod session;
mod sign_in;
mod sign_up;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [
        account::tests(),
        federated::tests(),
        forgery::tests(),
        hosts::tests(),
        invitation::tests(),
        mailed::tests(),
        passkeys::tests(),
        second_factor::tests(),
        session::tests(),
        sign_in::tests(),
        sign_up::tests(),
    ];
    modules.into_iter().flatten().collect()
}
