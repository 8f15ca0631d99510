//! Every endpoint, by capability. The table of a capability stands in its `mod.rs`.

pub mod access;
pub mod dev;
pub mod identity;
pub mod integrations;
pub mod system;
pub mod tenancy;

use crate::{pages, route::Route};

/// The whole route table.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (tag, table) in [
        ("identity", identity::routes()),
        ("tenancy", tenancy::routes()),
        ("integrations", integrations::routes()),
        ("access", access::routes()),
        ("system", system::routes()),
        ("dev", dev::routes()),
        ("pages", pages::routes()),
    ] {
        routes.extend(table.into_iter().map(|route| route.tag(tag)));
    }
    routes
}
