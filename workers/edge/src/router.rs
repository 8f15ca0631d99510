//! Finds the route of a path.

use crate::{pipeline::head::Method, route::Route};

/// The methods of one path.
type Methods = Vec<Route>;

/// The route table as a radix tree.
pub struct Router {
    tree: matchit::Router<Methods>,
}

/// What a request matched.
pub enum Matched<'r> {
    /// A route, with the values of its path's parameters.
    Route(&'r Route, Vec<(&'static str, String)>),
    /// A path whose routes have other methods.
    OtherMethods(&'r [Route]),
    /// Nothing.
    Nothing,
}

impl Router {
    /// The router over a table; the routes of development exist there alone.
    #[must_use]
    pub fn new(routes: Vec<Route>, development: bool) -> Self {
        let mut paths: Vec<(&'static str, Methods)> = Vec::new();
        for route in routes.into_iter().filter(|route| development || route.tag != "dev") {
            match paths.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, methods)) => methods.push(route),
                None => paths.push((route.path, vec![route])),
            }
        }
        let mut tree = matchit::Router::new();
        for (path, methods) in paths {
            // A conflict of paths is found by the test that walks over all routes.
            let _ = tree.insert(path, methods);
        }
        Self { tree }
    }

    /// Matches a path, percent-encoded as it came.
    #[must_use]
    pub fn find<'r>(&'r self, method: Method, path: &str) -> Matched<'r> {
        let Ok(found) = self.tree.at(path) else { return Matched::Nothing };
        let Some(route) = found.value.iter().find(|route| route.method == method.routed()) else {
            return Matched::OtherMethods(found.value);
        };
        let names = parameter_names(route.path);
        let params = names.zip(found.params.iter().map(|(_, value)| value.to_owned())).collect();
        Matched::Route(route, params)
    }
}

/// The value of an `Allow` header for some routes of one path.
#[must_use]
pub fn allow(routes: &[Route]) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for route in routes {
        methods.push(route.method.as_str());
        if route.method == Method::Get {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

fn parameter_names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints;

    #[test]
    fn every_route_of_the_table_is_found() {
        let router = Router::new(endpoints::routes(), true);
        for route in endpoints::routes() {
            let path = route.path.replace(['{', '}'], "");
            assert!(
                matches!(router.find(route.method, &path), Matched::Route(found, _) if found.path == route.path),
                "{} {}",
                route.method.as_str(),
                route.path
            );
        }
    }

    #[test]
    fn routes_of_development_exist_there_alone() {
        assert!(matches!(Router::new(endpoints::routes(), true).find(Method::Get, "/dev/mailbox"), Matched::Route(..)));
        assert!(matches!(Router::new(endpoints::routes(), false).find(Method::Post, "/dev/mailbox"), Matched::Nothing));
    }

    #[test]
    fn other_methods_are_told_apart_from_nothing() {
        let router = Router::new(endpoints::routes(), true);
        assert!(matches!(router.find(Method::Delete, "/health"), Matched::OtherMethods(_)));
        assert!(matches!(router.find(Method::Get, "/nothing/here"), Matched::Nothing));
        assert!(matches!(router.find(Method::Head, "/health"), Matched::Route(..)));
    }
}
