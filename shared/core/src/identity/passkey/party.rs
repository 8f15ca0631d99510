//! The relying party: under which id a host's passkeys stand, and from which origins their use is accepted.

/// The ids under which passkeys stand, in the order in which a host is matched with them.
///
/// A browser lets a page use an id that is its host or a domain above it. All hosts below one id share passkeys; a host below none
/// has none. So a tenant's own domain has none: whoever owns it could ask for a person's passkey and use the answer here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RpIds(Vec<String>);

impl RpIds {
    /// Reads a list of domains with commas.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(|id| id.trim().trim_end_matches('.').to_ascii_lowercase()).filter(|id| !id.is_empty()).collect())
    }

    /// The id for a host: the first of the list that the host is, or lies below.
    #[must_use]
    pub fn of(&self, host: &str) -> Option<&str> {
        let name = host_name(host).to_ascii_lowercase();
        self.0.iter().map(String::as_str).find(|id| lies_under(&name, id))
    }
}

/// A host without its port and trailing dot.
fn host_name(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

fn lies_under(name: &str, id: &str) -> bool {
    name.strip_suffix(id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A relying party, as one request sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The id.
    pub id: String,
    /// Origins of pages that may ask: exact, as browsers serialise them (scheme, host, port unless it is the scheme's own).
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// The relying party of a request: to `origin`, the site's own, come those of `others` that lie under the same id.
    ///
    /// `None` where the host has no passkeys.
    #[must_use]
    pub fn new(ids: &RpIds, host: &str, origin: String, others: &[String]) -> Option<Self> {
        let id = ids.of(host)?.to_owned();
        let also = others.iter().filter(|other| other.split_once("://").is_some_and(|(_, host)| ids.of(host) == Some(&id))).cloned();
        let origins = std::iter::once(origin).chain(also).collect();
        Some(Self { id, origins })
    }

    /// Whether a page of this origin may ask.
    #[must_use]
    pub fn accepts(&self, origin: &str) -> bool {
        self.origins.iter().any(|accepted| accepted == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_that_covers_a_host_is_its_own() {
        let ids = RpIds::parse(" app.localhost,api.localhost, getzygo.LOCALHOST.,localhost,,");
        let cases = [
            ("localhost", Some("localhost")),
            ("localhost:8787", Some("localhost")),
            ("Acme.App.Localhost:8787", Some("app.localhost")),
            ("app.localhost", Some("app.localhost")),
            ("notapp.localhost", Some("localhost")),
            ("getzygo.localhost.", Some("getzygo.localhost")),
            ("127.0.0.1:8787", None),
            ("[::1]:8787", None),
            ("acme.example", None),
            ("localhost.example", None),
            ("", None),
        ];
        for (host, id) in cases {
            assert_eq!(ids.of(host), id, "{host}");
        }
        assert_eq!(RpIds::default().of("localhost"), None);
    }

    #[test]
    fn only_origins_under_the_same_id_join() {
        let ids = RpIds::parse("zygo.tech,getzygo.com");
        let others = ["https://console.zygo.tech", "https://getzygo.com", "https://evilzygo.tech", "https://zygo.tech.evil.example", "zygo.tech"];
        let party = RelyingParty::new(&ids, "acme.app.zygo.tech", "https://acme.app.zygo.tech".into(), &others.map(str::to_owned)).unwrap();
        assert_eq!(party.id, "zygo.tech");
        assert_eq!(party.origins, ["https://acme.app.zygo.tech", "https://console.zygo.tech"]);
        assert!(party.accepts("https://console.zygo.tech"));
        for stranger in
            ["https://other.app.zygo.tech", "http://acme.app.zygo.tech", "https://acme.app.zygo.tech:8443", "https://acme.app.zygo.tech/", "null"]
        {
            assert!(!party.accepts(stranger), "{stranger}");
        }
        assert_eq!(RelyingParty::new(&ids, "shop.example", "https://shop.example".into(), &[]), None);
    }
}
