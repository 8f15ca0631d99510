//! Every endpoint, by capability. The table of a capability stands in its `mod.rs`.

pub mod access;
pub mod admin;
pub mod audit;
pub mod dev;
pub mod events;
pub mod identity;
pub mod integrations;
pub mod system;
pub mod tenancy;

use crate::{pages, route::Route};

/// What clients call all day.
#[must_use]
pub fn api() -> Vec<Route> {
    tagged(vec![
        ("identity", identity::routes()),
        ("tenancy", tenancy::routes()),
        ("access", access::routes()),
        ("system", system::routes()),
        ("dev", dev::routes()),
        ("pages", pages::assets()),
    ])
}

/// Pages, what a browser is sent through, and what is administered now and then. No path is in both.
#[must_use]
pub fn console() -> Vec<Route> {
    tagged(vec![
        ("identity", identity::federated()),
        ("tenancy", tenancy::administration()),
        ("access", access::administration()),
        ("integrations", integrations::routes()),
        ("audit", audit::routes()),
        ("events", events::routes()),
        ("admin", admin::routes()),
        ("dev", dev::previews()),
        ("pages", pages::routes()),
    ])
}

/// The whole route table.
#[must_use]
pub fn routes() -> Vec<Route> {
    [api(), console()].into_iter().flatten().collect()
}

fn tagged(tables: Vec<(&'static str, Vec<Route>)>) -> Vec<Route> {
    tables.into_iter().flat_map(|(tag, table)| table.into_iter().map(move |route| route.tag(tag))).collect()
}

#[cfg(test)]
mod emits;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_path_is_in_both_parts() {
        let paths = |routes: Vec<crate::route::Route>| routes.iter().map(|route| route.path).collect::<HashSet<_>>();
        assert_eq!(paths(super::api()).intersection(&paths(super::console())).count(), 0);
    }
}
