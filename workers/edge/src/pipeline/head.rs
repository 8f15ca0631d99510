//! The head of a request, read from JavaScript in one string and cut up here.

use zygo_runtime::js;

/// Request methods that the route table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// Anything else: always 405.
    Other,
}

impl Method {
    fn parse(text: &str) -> Self {
        match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// The method as it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "OTHER",
        }
    }

    /// The method whose route answers: HEAD is served by GET.
    #[must_use]
    pub fn routed(self) -> Self {
        if self == Self::Head { Self::Get } else { self }
    }
}

/// The head: method, target and the few headers that the pipeline reads.
#[derive(Debug, Clone)]
pub struct Head {
    /// Method.
    pub method: Method,
    /// Path, still percent-encoded.
    pub path: String,
    /// Query without its question mark; empty if there is none.
    pub query: String,
    /// Country of the client, where the edge knows it and the route may write it down.
    pub country: Option<String>,
    headers: [Option<Box<str>>; js::HEADERS.len()],
}

impl Head {
    /// Cuts up what [`js::head`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut lines = text.split('\n');
        let method = Method::parse(lines.next().unwrap_or_default());
        let url = lines.next().unwrap_or_default();
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let target = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
        let target = target.split('#').next().unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut head = Self { method, path: path.to_owned(), query: query.to_owned(), country: None, headers: Default::default() };
        for line in lines {
            let Some((key, value)) = line.split_once(' ') else { continue };
            if let Some(slot) = key.parse::<usize>().ok().and_then(|at| head.headers.get_mut(at)) {
                *slot = Some(value.into());
            }
        }
        head
    }

    /// Takes in what [`js::place`] says.
    pub fn locate(&mut self, country: &str) {
        self.country = (!country.is_empty()).then(|| country.to_owned());
    }

    /// A header's value; only those in [`js::HEADERS`] are ever there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let at = js::HEADERS.iter().position(|known| *known == name)?;
        self.headers.get(at)?.as_deref()
    }

    /// The client's address as the edge saw it.
    #[must_use]
    pub fn client_address(&self) -> &str {
        self.header("cf-connecting-ip").unwrap_or("unknown")
    }

    /// Whether a browser asks for something to look at.
    #[must_use]
    pub fn accepts_html(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// The token after `Bearer` (RFC 6750), if the request carries one.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// A cookie's value (RFC 6265).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header("cookie")?.split(';').find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_a_head() {
        let mut head = Head::parse("GET\nhttp://acme.app.localhost:8787/users/me?x=1#f\n0 acme.app.localhost:8787\n1 Bearer abc\n10 a=1; b=2");
        head.locate("DE");
        assert_eq!((head.method, head.path.as_str(), head.query.as_str()), (Method::Get, "/users/me", "x=1"));
        assert_eq!(head.bearer(), Some("abc"));
        assert_eq!(head.cookie("b"), Some("2"));
        assert_eq!(head.country.as_deref(), Some("DE"));
        assert_eq!(head.header("origin"), None);
    }

    #[test]
    fn odd_heads_do_not_panic() {
        for text in ["", "GET", "GET\n", "GET\nhttp://h", "GET\nhttp://h?q", "BREW\nx\n99 y\n-1 z\nfoo"] {
            let _ = Head::parse(text);
        }
        assert_eq!(Head::parse("GET\nhttp://h").path, "/");
    }
}
