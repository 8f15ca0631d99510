//! Where a form may lead to: a page of ours that somebody signed in looks at, and nowhere else.

use zygo_runtime::Config;

use crate::{
    app::App,
    pipeline::head::Method,
    route::Who,
    router::{Matched, Router},
};

/// Where one arrives without having wanted to go anywhere.
pub const HOME: &str = "/account";
/// Longest target that is remembered, in bytes.
const LONGEST: usize = 512;

/// The wanted target if it is one, else [`HOME`].
#[must_use]
pub fn target(app: &App, wanted: Option<&str>) -> String {
    wanted.filter(|wanted| is_target(&app.router, wanted)).unwrap_or(HOME).to_owned()
}

/// The sign-in page, from where one comes back to a target.
#[must_use]
pub fn sign_in(app: &App, back: &str) -> String {
    if back == HOME || !is_target(&app.router, back) {
        return "/sign-in".to_owned();
    }
    with_way_back("/sign-in", back)
}

/// A page at the public host.
#[must_use]
pub fn public(config: &Config, path: &str) -> String {
    format!("{}{path}", config.public_url)
}

/// The page that takes a second factor again, from where one comes back to a target.
#[must_use]
pub fn step_up(app: &App, back: &str) -> String {
    with_way_back("/account/confirm", &target(app, Some(back)))
}

/// A path with the parameter `redirect_to`.
#[must_use]
pub fn with_way_back(path: &str, back: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("redirect_to", back).finish();
    format!("{path}?{query}")
}

/// The pages of an organisation, at its own host; scheme and port are those of the public pages.
#[must_use]
pub fn organisation(config: &Config, slug: &str) -> String {
    let (scheme, authority) = config.public_url.split_once("://").unwrap_or(("https", ""));
    let port = authority.rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{slug}.{}{port}/", config.hosts.app_domain())
}

/// Whether a target is a path on this host with a page behind it: no scheme, no host, nothing that a browser would take for one.
fn is_target(router: &Router, wanted: &str) -> bool {
    let plain = wanted.len() <= LONGEST && wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    let local = wanted.starts_with('/') && !wanted.starts_with("//");
    let path = wanted.split('?').next().unwrap_or_default();
    // Whoever signs in does not mean to leave.
    let leaves = path == "/sign-out";
    let page = |matched| matches!(matched, Matched::Route(route, _) if route.page && route.who != Who::Public);
    plain && local && !leaves && page(router.find(Method::Get, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_are_targets() {
        let router = Router::new(crate::endpoints::routes(), true);
        for fine in ["/account", "/account/sessions", "/account?notice=verified"] {
            assert!(is_target(&router, fine), "{fine}");
        }
        let hostile = [
            "",
            "account",
            "//evil.example",
            "//evil.example/account",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/account",
            "javascript:alert(1)",
            "/account\r\nset-cookie: a=b",
            "/account#@evil.example",
            "/ account",
            "/\taccount",
            "/account/../../evil",
            "/.evil.example",
            "@evil.example",
            "/sign-in",
            "/sign-out",
            "/users/me",
            "/assets/pages.css",
            "/dev/mailbox",
            "/äccount",
        ];
        for wanted in hostile {
            assert!(!is_target(&router, wanted), "{wanted:?}");
        }
        assert!(!is_target(&router, &format!("/account?{}", "x".repeat(LONGEST))));
    }
}
