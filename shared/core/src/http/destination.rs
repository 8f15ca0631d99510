//! Where a browser may be sent back to: a path, or a page at a host that is known. Anything else would be an open redirect.

use url::Url;

use crate::error::Problem;

/// Longest destination, in bytes: it travels in a cookie.
const MAX: usize = 1024;

/// Reads a destination. A path leads to the host that was asked; a whole URL must be at one of `hosts` (`name` or `name:port`), by
/// https, or by http where `plain` allows it.
///
/// # Errors
/// `VALIDATION_FAILED` that names the field.
pub fn read(field: &str, text: &str, hosts: &[&str], plain: bool) -> Result<String, Problem> {
    parse(text, hosts, plain).ok_or_else(|| Problem::field(field, "destination", "neither a path nor a page at a known host"))
}

/// The destination with a parameter added to its query, before any fragment.
#[must_use]
pub fn with_parameter(destination: &str, name: &str, value: &str) -> String {
    let (page, fragment) = destination.split_once('#').map_or((destination, None), |(page, fragment)| (page, Some(fragment)));
    let pair: String = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    let separator = if page.contains('?') { '&' } else { '?' };
    match fragment {
        Some(fragment) => format!("{page}{separator}{pair}#{fragment}"),
        None => format!("{page}{separator}{pair}"),
    }
}

fn parse(text: &str, hosts: &[&str], plain: bool) -> Option<String> {
    // What browsers strip or turn around before they read a URL is refused rather than followed.
    if text.is_empty() || text.len() > MAX || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    if text.starts_with('/') {
        let base = Url::parse("https://here.invalid/").ok()?;
        let url = base.join(text).ok()?;
        let path = url.as_str().strip_prefix("https://here.invalid")?;
        return (path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned());
    }
    let url = Url::parse(text).ok()?;
    let known = match (url.host_str()?, url.port()) {
        (host, None) => hosts.contains(&host),
        (host, Some(port)) => hosts.contains(&format!("{host}:{port}").as_str()),
    };
    let scheme = url.scheme() == "https" || (plain && url.scheme() == "http");
    (known && scheme && url.username().is_empty() && url.password().is_none()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &[&str] = &["acme.app.test", "localhost:8787"];

    #[test]
    fn paths_and_known_hosts_are_destinations() {
        for (text, destination) in [
            ("/", "/"),
            ("/a/b?c=d#e", "/a/b?c=d#e"),
            ("/a/../b", "/b"),
            ("https://acme.app.test", "https://acme.app.test/"),
            ("https://ACME.app.test/a?b", "https://acme.app.test/a?b"),
            ("http://localhost:8787/a", "http://localhost:8787/a"),
        ] {
            assert_eq!(parse(text, HOSTS, true).as_deref(), Some(destination), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("/{}", "a".repeat(MAX));
        for text in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "///evil.test",
            "/a\r\nx: y",
            "/ a",
            "/a/..//evil.test",
            "https://evil.test/",
            "https://acme.app.test.evil.test/",
            "https://acme.app.test@evil.test/",
            "https://u:p@acme.app.test/",
            "https://acme.app.test:8443/",
            "https:evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://acme.app.test/",
            "localhost:8787/a",
            "/ä",
            &long,
        ] {
            assert_eq!(parse(text, HOSTS, true), None, "{text:?}");
        }
        assert_eq!(parse("http://acme.app.test/", HOSTS, false), None);
        assert_eq!(read("redirect_to", "x", HOSTS, true).unwrap_err().status(), 422);
    }

    #[test]
    fn a_parameter_goes_into_the_query() {
        assert_eq!(with_parameter("/a", "error", "X Y"), "/a?error=X+Y");
        assert_eq!(with_parameter("/a?b=c#d?e", "error", "X"), "/a?b=c&error=X#d?e");
    }

    proptest::proptest! {
        #[test]
        fn a_path_stays_on_its_host(text in "/[ -~]{0,30}") {
            if let Some(path) = parse(&text, HOSTS, true) {
                let url = Url::parse("https://here.test/x").unwrap().join(&path).unwrap();
                proptest::prop_assert_eq!(url.host_str(), Some("here.test"));
            }
        }
    }
}
