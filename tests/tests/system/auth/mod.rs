//! `/auth`

mod cookies;
mod end_all;
mod enumeration;
mod limits;
mod lock;
mod login;
mod logout;
mod mfa;
mod refresh;
mod sessions;
mod signup;
mod switch_tenant;
mod verify_email;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    let modules = [
        cookies::tests(),
        end_all::tests(),
        enumeration::tests(),
        limits::tests(),
        lock::tests(),
        login::tests(),
        logout::tests(),
        mfa::tests(),
        refresh::tests(),
        sessions::tests(),
        signup::tests(),
        switch_tenant::tests(),
        verify_email::tests(),
    ];
    modules.into_iter().flatten().collect()
}
