//! The whole system, from outside: the modules mirror the URLs, `platform` is what holds for all of them, `faults`
//! what happens when something breaks, `afterwards` what all of it left behind.
#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

mod access;
mod admin;
mod afterwards;
mod audit;
mod auth;
mod faults;
mod integrations;
mod journey;
mod mails;
mod operations;
mod pages;
mod permissions;
mod platform;
mod scim;
mod streams;
mod tenants;
mod users;
mod webhooks;
mod well_known;

fn main() -> std::process::ExitCode {
    let tests = [
        journey::tests(),
        auth::tests(),
        users::tests(),
        tenants::tests(),
        tenants::deletion::tests(),
        tenants::domains::tests(),
        tenants::features::tests(),
        tenants::logo::tests(),
        tenants::rename::tests(),
        tenants::settings::tests(),
        permissions::tests(),
        access::tests(),
        admin::tests(),
        audit::tests(),
        well_known::tests(),
        operations::tests(),
        pages::tests(),
        platform::tests(),
        faults::tests(),
        integrations::tests(),
        mails::tests(),
        scim::tests(),
        streams::tests(),
        webhooks::tests(),
    ];
    zygo_tests::runner::run(tests.into_iter().flatten().collect(), afterwards::tests())
}
