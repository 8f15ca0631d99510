//! Postgres, one round trip at a time.
//!
//! A batch sends scope, statements and commit as one pipeline. What a statement may be run in is in its type:
//! one of a [`TenantScope`] cannot run in a [`PlatformScope`], nor the other way round. The functions in `identity`,
//! `tenancy`, `audit`, `outbox`, `upkeep` and `health` each spend exactly one round trip.

pub mod access;
pub mod admin;
pub mod audit;
mod batch;
mod db;
mod error;
pub mod events;
pub mod health;
pub mod identity;
pub mod integrations;
pub mod outbox;
mod row;
mod scope;
mod statement;
pub mod tenancy;
pub mod upkeep;

pub use db::{Db, Owed};
pub use error::{
    LAST_OWNER, MAIL_DOMAIN_REFUSED, MEMBER_SUSPENDED, MEMBERS_FULL, SCIM_TOKEN, SESSION_ENDED, SIGN_ON_REQUIRED, SSO_NOT_COVERED, StoreError,
    TENANT_DELETED, TENANT_SUSPENDED,
};
pub use scope::{Actor, Guard, LookupScope, PlatformScope, Scope, TenantScope};
pub use statement::Described;

/// Every statement that this crate sends; a test holds each to the migrated schema, and this list to the source.
#[must_use]
pub fn statements() -> Vec<Described> {
    [
        batch::STATEMENTS,
        access::accept::STATEMENTS,
        access::invitation::STATEMENTS,
        access::role::STATEMENTS,
        access::change::STATEMENTS,
        access::member::STATEMENTS,
        admin::jobs::STATEMENTS,
        admin::suppressions::STATEMENTS,
        audit::list::STATEMENTS,
        audit::record::STATEMENTS,
        audit::retention::STATEMENTS,
        audit::seal::STATEMENTS,
        events::delivery::STATEMENTS,
        events::dispatch::STATEMENTS,
        events::endpoint::STATEMENTS,
        events::log::STATEMENTS,
        events::mail::STATEMENTS,
        events::stream::STATEMENTS,
        health::STATEMENTS,
        identity::address::STATEMENTS,
        identity::avatar::STATEMENTS,
        identity::deletion::STATEMENTS,
        identity::magic_link::STATEMENTS,
        identity::identities::STATEMENTS,
        identity::member::STATEMENTS,
        identity::notice::STATEMENTS,
        identity::mfa::standing::STATEMENTS,
        identity::mfa::challenge::STATEMENTS,
        identity::mfa::answer::STATEMENTS,
        identity::mfa::confirm::STATEMENTS,
        identity::mfa::devices::STATEMENTS,
        identity::mfa::enrol::STATEMENTS,
        identity::mfa::sms::STATEMENTS,
        identity::mfa::own::STATEMENTS,
        identity::mfa::redeem::STATEMENTS,
        identity::password::STATEMENTS,
        identity::preferences::STATEMENTS,
        identity::passkey::ceremony::STATEMENTS,
        identity::passkey::kept::STATEMENTS,
        identity::sign_up::STATEMENTS,
        identity::sign_in::STATEMENTS,
        identity::verification::STATEMENTS,
        identity::profile::STATEMENTS,
        identity::record::STATEMENTS,
        identity::rehash::STATEMENTS,
        identity::risk::STATEMENTS,
        identity::session::STATEMENTS,
        identity::scim::connection::STATEMENTS,
        identity::scim::token::STATEMENTS,
        identity::scim::user::STATEMENTS,
        identity::scim::group::STATEMENTS,
        identity::sign_on::STATEMENTS,
        identity::connection::STATEMENTS,
        identity::domain::STATEMENTS,
        identity::token::STATEMENTS,
        integrations::STATEMENTS,
        outbox::STATEMENTS,
        tenancy::STATEMENTS,
        tenancy::change::STATEMENTS,
        tenancy::deletion::STATEMENTS,
        tenancy::directory::STATEMENTS,
        tenancy::domain::STATEMENTS,
        tenancy::domain_check::STATEMENTS,
        tenancy::logo::STATEMENTS,
        tenancy::settings::STATEMENTS,
        upkeep::STATEMENTS,
    ]
    .concat()
}
