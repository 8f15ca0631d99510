//! The head of a request: what each needs is read from JavaScript in one string and cut up here, the rest when it is asked for.

use std::cell::OnceCell;

use wasm_bindgen::JsValue;
use zygo_core::identity::risk::history::Coordinates;
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
    /// PUT
    Put,
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
            "PUT" => Self::Put,
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
            Self::Put => "PUT",
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
    /// Scheme of the URL: `https` everywhere but on a laptop.
    pub scheme: &'static str,
    /// Path, still percent-encoded.
    pub path: String,
    /// Query without its question mark; empty if there is none.
    pub query: String,
    /// Country of the client, where the edge knows it and the route may write it down.
    pub country: Option<String>,
    /// Number of the client's network (autonomous system), likewise.
    pub network: Option<i64>,
    /// About where the client is, likewise.
    pub place: Option<Coordinates>,
    headers: [OnceCell<Option<Box<str>>>; js::HEADERS.len()],
    /// Where the headers that nobody has asked for yet are.
    request: JsValue,
}

impl Head {
    /// Cuts up what [`js::head`] wrote of a `Request`.
    #[must_use]
    pub fn parse(text: &str, request: JsValue) -> Self {
        let mut lines = text.split('\n');
        let method = Method::parse(lines.next().unwrap_or_default());
        let url = lines.next().unwrap_or_default();
        // By prefix: to search for the text between scheme and host takes longer than all the rest of this.
        let (scheme, after_scheme) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (None, Some(rest)) => ("http", rest),
            (rest, _) => ("https", rest.unwrap_or(url)),
        };
        let target = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
        let target = target.split('#').next().unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let head = Self {
            method,
            scheme,
            path: path.to_owned(),
            query: query.to_owned(),
            country: None,
            network: None,
            place: None,
            headers: Default::default(),
            request,
        };
        for (slot, value) in head.headers.iter().zip(lines) {
            let _ = slot.set(Some(value).filter(|value| !value.is_empty()).map(Into::into));
        }
        head
    }

    /// Takes in what [`js::place`] says.
    pub fn locate(&mut self, text: &str) {
        let mut parts = text.split(' ');
        // `XX` is the edge's word for not knowing.
        self.country = parts.next().filter(|country| country.len() == 2 && *country != "XX").map(str::to_owned);
        self.network = parts.next().and_then(|network| network.parse().ok());
        let mut degrees = || parts.next()?.parse::<f64>().ok();
        self.place = degrees().zip(degrees()).and_then(|(north, east)| Coordinates::new(north, east));
    }

    /// A header's value; only those in [`js::HEADERS`] are ever there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let at = js::HEADERS.iter().position(|known| *known == name)?;
        self.headers.get(at)?.get_or_init(|| js::header(&self.request, at).map(Into::into)).as_deref()
    }

    /// The origin of the site that was asked, as browsers serialise it (RFC 6454, 6.2).
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.header("host").unwrap_or_default().to_ascii_lowercase())
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

    fn parsed(text: &str, headers: &[(&str, &str)]) -> Head {
        let head = Head::parse(text, JsValue::UNDEFINED);
        for (name, value) in headers {
            let at = js::HEADERS.iter().position(|known| known == name).unwrap();
            head.headers[at].set(Some((*value).into())).unwrap();
        }
        head
    }

    #[test]
    fn cuts_a_head() {
        let headers = [("host", "acme.app.localhost:8787"), ("authorization", "Bearer abc"), ("cookie", "a=1; b=2")];
        let mut head = parsed("GET\nhttp://acme.app.localhost:8787/users/me?x=1#f\nabc-1\n", &headers);
        head.locate("DE 3320 52.52437 13.41053");
        assert_eq!((head.method, head.path.as_str(), head.query.as_str()), (Method::Get, "/users/me", "x=1"));
        assert_eq!(head.bearer(), Some("abc"));
        assert_eq!(head.cookie("b"), Some("2"));
        assert_eq!((head.country.as_deref(), head.network), (Some("DE"), Some(3320)));
        assert_eq!(head.place, Coordinates::new(52.5, 13.4));
        assert_eq!(head.origin(), "http://acme.app.localhost:8787");
        assert_eq!((head.header("x-request-id"), head.header("origin")), (Some("abc-1"), None));
        assert_eq!(head.header("x-unknown"), None);
    }

    #[test]
    fn what_the_edge_does_not_know_is_missing() {
        for (text, country, network) in
            [("", None, None), ("   ", None, None), ("DE   ", Some("DE"), None), ("XX 7 ", None, Some(7)), ("T1 x y z", Some("T1"), None)]
        {
            let mut head = parsed("GET\nhttps://h/", &[]);
            head.locate(text);
            assert_eq!((head.country.as_deref(), head.network, head.place), (country, network, None), "{text}");
        }
    }

    #[test]
    fn odd_heads_do_not_panic() {
        for text in ["", "GET", "GET\n", "GET\nhttp://h", "GET\nhttp://h?q", "BREW\nx\n\n\n99 y\nfoo"] {
            let _ = parsed(text, &[]);
        }
        assert_eq!(parsed("GET\nhttp://h", &[]).path, "/");
    }
}
