//! `/auth/mfa`

mod challenge;
mod devices;
mod notices;
mod phone;
mod policy;
mod races;
mod sms;
mod step_up;
mod totp;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [
        challenge::tests(),
        devices::tests(),
        notices::tests(),
        phone::tests(),
        policy::tests(),
        races::tests(),
        sms::tests(),
        step_up::tests(),
        totp::tests(),
    ];
    modules.into_iter().flatten().collect()
}
