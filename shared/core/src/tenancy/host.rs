//! Which site a `Host` header means, by the configured base domains alone.

use std::net::Ipv4Addr;

use super::slug::Slug;

/// Longest host name (RFC 1035, 2.3.4), in bytes.
const MAX_NAME: usize = 253;

/// The base domains. Names without port, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    api_hosts: Vec<String>,
    app_domain: String,
    admin_host: String,
    public_host: String,
}

/// What a host stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// The API; the tenant is the token's.
    Api,
    /// An organisation's own label below the app domain.
    Tenant(Slug),
    /// A host name that only the directory can know, in lower case, without port and trailing dot.
    Custom(String),
    /// Platform administration.
    Admin,
    /// Public pages.
    Public,
    /// No organisation can have this host: not worth a look-up. `404 TENANT_NOT_FOUND`.
    Unknown,
    /// Not a host at all. `400 BAD_REQUEST`.
    Invalid,
}

impl HostConfig {
    /// The configuration from its texts; `api_hosts` is a list with commas.
    #[must_use]
    pub fn new(api_hosts: &str, app_domain: &str, admin_host: &str, public_host: &str) -> Self {
        let clean = |host: &str| host.trim().trim_end_matches('.').to_ascii_lowercase();
        Self {
            api_hosts: api_hosts.split(',').map(clean).filter(|host| !host.is_empty()).collect(),
            app_domain: clean(app_domain),
            admin_host: clean(admin_host),
            public_host: clean(public_host),
        }
    }

    /// The domain below which every tenant has its host.
    #[must_use]
    pub fn app_domain(&self) -> &str {
        &self.app_domain
    }

    /// The host name of an organisation, without port.
    #[must_use]
    pub fn tenant_host(&self, slug: &Slug) -> String {
        format!("{slug}.{}", self.app_domain)
    }

    /// The same of a slug that was read from Postgres.
    #[must_use]
    pub fn app_host(&self, slug: &str) -> String {
        format!("{slug}.{}", self.app_domain)
    }

    /// What a `Host` header stands for. Port, case and one trailing dot do not matter.
    #[must_use]
    pub fn classify(&self, header: &str) -> Site {
        let Some(name) = name_of(header) else { return Site::Invalid };
        if self.api_hosts.contains(&name) {
            return Site::Api;
        }
        if name == self.admin_host {
            return Site::Admin;
        }
        if name == self.public_host {
            return Site::Public;
        }
        if name == self.app_domain {
            return Site::Unknown;
        }
        if let Some(label) = name.strip_suffix(&self.app_domain).and_then(|rest| rest.strip_suffix('.')) {
            return Slug::parse(label).map_or(Site::Unknown, Site::Tenant);
        }
        // An address, a name without a dot: nobody can prove that it is theirs.
        if name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok() || !name.contains('.') {
            return Site::Unknown;
        }
        Site::Custom(name)
    }
}

/// The name of a `Host` header, in lower case, if it is one (RFC 9110, 7.2; no percent-encoding, no non-ASCII).
fn name_of(header: &str) -> Option<String> {
    let (name, port) = match header.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            return port_is_fine(port).then(|| format!("[{}]", address.to_ascii_lowercase()));
        }
        None => header.split_at(header.find(':').unwrap_or(header.len())),
    };
    if !port_is_fine(port) {
        return None;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= MAX_NAME && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

/// Nothing, or a colon and a port.
fn port_is_fine(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> HostConfig {
        HostConfig::new("localhost, 127.0.0.1,api.localhost", "app.localhost", "admin.localhost", "getzygo.localhost")
    }

    fn tenant(slug: &str) -> Site {
        Site::Tenant(Slug::parse(slug).unwrap())
    }

    #[test]
    fn the_sites_of_the_contract() {
        let production = HostConfig::new("api.zygo.tech", "app.zygo.tech", "admin.zygo.tech", "getzygo.com");
        assert_eq!(production.classify("api.zygo.tech"), Site::Api);
        assert_eq!(production.classify("acme.app.zygo.tech"), tenant("acme"));
        assert_eq!(production.classify("crm.acme.example"), Site::Custom("crm.acme.example".into()));
        assert_eq!(production.classify("admin.zygo.tech"), Site::Admin);
        assert_eq!(production.classify("getzygo.com"), Site::Public);
        assert_eq!(production.tenant_host(&Slug::parse("acme").unwrap()), "acme.app.zygo.tech");

        for host in ["localhost:8787", "api.localhost:8787", "127.0.0.1:8787", "localhost"] {
            assert_eq!(local().classify(host), Site::Api, "{host}");
        }
        assert_eq!(local().classify("acme.app.localhost:8787"), tenant("acme"));
        assert_eq!(local().classify("admin.localhost:8787"), Site::Admin);
        assert_eq!(local().classify("getzygo.localhost:8787"), Site::Public);
        assert_eq!(local().classify("crm.localhost:8787"), Site::Custom("crm.localhost".into()));
    }

    #[test]
    fn spelling_does_not_matter() {
        for host in ["ACME.App.LocalHost", "acme.app.localhost.", "acme.app.localhost.:443", "acme.app.localhost:65535"] {
            assert_eq!(local().classify(host), tenant("acme"), "{host}");
        }
    }

    #[test]
    fn what_nobody_can_have_is_unknown_without_a_look_up() {
        let hosts = [
            "app.localhost",
            "api.app.localhost",
            "www.app.localhost",
            "a.b.app.localhost",
            "ab.app.localhost",
            "xn--80ak6aa92e.app.localhost",
            "a--b.app.localhost",
            "a_b.app.localhost",
            "10.0.0.1",
            "[::1]:8787",
            "intranet",
        ];
        for host in hosts {
            assert_eq!(local().classify(host), Site::Unknown, "{host}");
        }
        assert_eq!(local().classify(&format!("{}.app.localhost", "x".repeat(41))), Site::Unknown);
    }

    #[test]
    fn a_suffix_is_not_a_subdomain() {
        assert_eq!(local().classify("acmeapp.localhost"), Site::Custom("acmeapp.localhost".into()));
        assert_eq!(local().classify("acme.app.localhost.example.com"), Site::Custom("acme.app.localhost.example.com".into()));
    }

    #[test]
    fn what_is_no_host_is_invalid() {
        let long_label = format!("{}.com", "x".repeat(64));
        let long_name = "x.".repeat(140);
        let hosts = [
            "",
            ".",
            "..",
            ":",
            ":80",
            "a..b",
            ".a",
            "a b.com",
            "a/b",
            "a@b.com",
            "user:pw@b.com",
            "acme.app.localhost:",
            "acme.app.localhost:x",
            "acme.app.localhost:80:80",
            "acme.app.localhost:65536",
            "acme.app.localhost:+80",
            "acme.app.localhost..",
            "-a.com",
            "a-.com",
            "ähm.de",
            "a\0.com",
            "a\r\n.com",
            "%61cme.app.localhost",
            "[::1",
            "[::g]",
            "[]",
            "[::1]x",
            "::1",
            "http://acme.com",
            "*.com",
            &long_label,
            &long_name,
        ];
        for host in hosts {
            assert_eq!(local().classify(host), Site::Invalid, "{host:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics_and_a_custom_host_is_stable(header in "(\\PC|[a-z.:0-9\\[\\]-]){0,80}") {
            if let Site::Custom(host) = local().classify(&header) {
                proptest::prop_assert_eq!(local().classify(&host), Site::Custom(host));
            }
        }

        #[test]
        fn every_slug_has_its_host(slug in "[a-z0-9]{3,10}(-[a-z0-9]{1,10}){0,2}", port: u16) {
            if let Ok(slug) = Slug::parse(&slug) {
                let host = local().tenant_host(&slug);
                proptest::prop_assert_eq!(local().classify(&format!("{host}:{port}")), Site::Tenant(slug));
            }
        }
    }
}
