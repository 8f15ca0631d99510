//! `/auth`

mod cookies;
mod end_all;
mod enumeration;
mod limits;
mod lock;
mod login;
mod logout;
mod magic_link;
mod mfa;
mod oauth;
mod passkeys;
mod refresh;
mod reset_password;
mod risk;
mod sessions;
mod signup;
mod sso;
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
        magic_link::tests(),
        mfa::tests(),
        oauth::tests(),
        passkeys::tests(),
        refresh::tests(),
        risk::tests(),
        reset_password::tests(),
        sessions::tests(),
        signup::tests(),
        sso::tests(),
        switch_tenant::tests(),
        verify_email::tests(),
    ];
    modules.into_iter().flatten().collect()
}
