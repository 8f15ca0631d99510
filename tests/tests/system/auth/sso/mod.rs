//! `/auth/sso`, `/sso/connections`

mod connections;
mod domains;
mod oidc;
mod peers;
mod refusals;
mod required;
mod saml;

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [connections::tests(), domains::tests(), oidc::tests(), peers::tests(), refusals::tests(), required::tests(), saml::tests()]
        .into_iter()
        .flatten()
        .collect()
}
