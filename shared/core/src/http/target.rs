//! Which URLs this program may call: addresses that others choose must not lead inward.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use url::{Host, Url};

/// Longest URL that is called, in bytes.
const MAX: usize = 8 * 1024;

/// Why a URL may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Longer than any that is called.
    Overlong,
    /// Not a URL.
    NotUrl,
    /// A name or a password in it.
    Credentials,
    /// No host.
    NoHost,
    /// An address or a name that leads inward.
    NotPublic,
    /// Not https.
    NotHttps,
    /// A port below 1024 that other services have.
    Port,
}

impl Refusal {
    /// Stable code, the `code` of a field error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Overlong => "url_length",
            Self::NotUrl | Self::NoHost => "url",
            Self::Credentials => "url_credentials",
            Self::NotPublic => "url_not_public",
            Self::NotHttps => "url_not_https",
            Self::Port => "url_port",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlong => "overlong URL",
            Self::NotUrl => "not a URL",
            Self::Credentials => "credentials in the URL",
            Self::NoHost => "no host",
            Self::NotPublic => "not a public address",
            Self::NotHttps => "not https",
            Self::Port => "a port of another service",
        })
    }
}

/// Reads a URL and judges it: https, a public name or address, port 80, 443 or one above 1023, no credentials. `loopback` allows this
/// machine too, by http as well, at any port: for development and tests.
///
/// What a name resolves to is not seen here: [`is_public`] judges each address that a resolver names.
///
/// # Errors
/// What is wrong with it.
pub fn permit(text: &str, loopback: bool) -> Result<Url, Refusal> {
    if text.len() > MAX {
        return Err(Refusal::Overlong);
    }
    let url = Url::parse(text).map_err(|_| Refusal::NotUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::Credentials);
    }
    match place(&url).ok_or(Refusal::NoHost)? {
        Place::Loopback if loopback && matches!(url.scheme(), "https" | "http") => Ok(url),
        Place::Loopback | Place::Inward => Err(Refusal::NotPublic),
        Place::Public if url.scheme() != "https" => Err(Refusal::NotHttps),
        Place::Public if url.port().is_some_and(|port| port < 1024 && port != 80) => Err(Refusal::Port),
        Place::Public => Ok(url),
    }
}

/// The name that a resolver must be asked for before a URL is called; `None` for an address, and for this machine.
#[must_use]
pub fn name_to_resolve(url: &Url) -> Option<&str> {
    match (url.host()?, place(url)?) {
        (Host::Domain(name), Place::Public) => Some(name.strip_suffix('.').unwrap_or(name)),
        _ => None,
    }
}

/// Whether an address is one that the whole Internet shares.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

enum Place {
    Loopback,
    Inward,
    Public,
}

fn place(url: &Url) -> Option<Place> {
    Some(match url.host()? {
        Host::Ipv4(address) if address.is_loopback() => Place::Loopback,
        Host::Ipv4(address) if is_public_v4(address) => Place::Public,
        Host::Ipv6(address) if address.is_loopback() => Place::Loopback,
        Host::Ipv6(address) if is_public_v6(address) => Place::Public,
        Host::Domain(name) => place_of_name(name.strip_suffix('.').unwrap_or(name)),
        Host::Ipv4(_) | Host::Ipv6(_) => Place::Inward,
    })
}

/// Names of this machine and of local networks (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`).
fn place_of_name(name: &str) -> Place {
    let last = name.rsplit('.').next().unwrap_or(name);
    match last {
        "localhost" => Place::Loopback,
        "local" | "internal" | "arpa" | "onion" | "home" | "lan" | "corp" => Place::Inward,
        _ if last == name => Place::Inward,
        _ => Place::Public,
    }
}

/// Addresses that the registry of special purposes (RFC 6890) does not set apart.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let set_apart = address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && matches!(b, 18 | 19));
    !set_apart
}

/// Global unicast, without what embeds an IPv4 address (6to4), what protocols have (RFC 2928; Teredo among them), and the documentation's.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let embeds = a == 0x2002 || (a == 0x2001 && b < 0x0200);
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    global && !embeds && !documentation
}

/// Every notation of addresses and names that lead inward, and what else is refused, each with its code: what the tests of this module and
/// of the whole system go through. Natively only.
#[cfg(not(target_arch = "wasm32"))]
pub const REFUSED: &[(&str, &str)] = &[
    ("http://op.test/", "url_not_https"),
    ("ftp://op.test/", "url_not_https"),
    ("https://op.test:22/", "url_port"),
    ("https://op.test:25/", "url_port"),
    ("https://op.test:1023/", "url_port"),
    ("https://user:word@op.test/", "url_credentials"),
    ("https://user@op.test/", "url_credentials"),
    ("https://:word@op.test/", "url_credentials"),
    // A public name as the user of a private address, and the other way round.
    ("https://op.test@127.0.0.1/", "url_credentials"),
    ("https://127.0.0.1#@op.test/", "url_not_public"),
    ("https://127.0.0.1\\@op.test/", "url_not_public"),
    // Loopback: dotted, short, decimal, octal, hexadecimal, mixed, percent-encoded, with a trailing dot, in other scripts.
    ("https://127.0.0.1/", "url_not_public"),
    ("https://127.1/", "url_not_public"),
    ("https://127.255.255.254/", "url_not_public"),
    ("https://2130706433/", "url_not_public"),
    ("https://017700000001/", "url_not_public"),
    ("https://0177.0.0.1/", "url_not_public"),
    ("https://0x7f000001/", "url_not_public"),
    ("https://0x7f.1/", "url_not_public"),
    ("https://0x7f.0.0.0x1/", "url_not_public"),
    ("https://127.0.0.1./", "url_not_public"),
    ("https://%31%32%37.0.0.1/", "url_not_public"),
    ("https://１２７.0.0.1/", "url_not_public"),
    ("https://127。0。0。1/", "url_not_public"),
    ("https://①②⑦.⓪.⓪.①/", "url_not_public"),
    ("https://localhost/", "url_not_public"),
    ("https://LOCALHOST./", "url_not_public"),
    ("https://a.localhost/", "url_not_public"),
    ("https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "url_not_public"),
    ("https://[::1]/", "url_not_public"),
    ("https://[0:0:0:0:0:0:0:1]/", "url_not_public"),
    // IPv4 in IPv6: mapped, compatible, translated, 6to4, Teredo, ISATAP's kin of link-local.
    ("https://[::ffff:127.0.0.1]/", "url_not_public"),
    ("https://[::ffff:7f00:1]/", "url_not_public"),
    ("https://[::ffff:8.8.8.8]/", "url_not_public"),
    ("https://[::127.0.0.1]/", "url_not_public"),
    ("https://[64:ff9b::7f00:1]/", "url_not_public"),
    ("https://[64:ff9b:1::7f00:1]/", "url_not_public"),
    ("https://[2002:7f00:1::]/", "url_not_public"),
    ("https://[2001:0:7f00:1::]/", "url_not_public"),
    // The registries of special addresses (RFC 6890).
    ("https://0.0.0.0/", "url_not_public"),
    ("https://0/", "url_not_public"),
    ("https://0.1.2.3/", "url_not_public"),
    ("https://10.0.0.1/", "url_not_public"),
    ("https://167772161/", "url_not_public"),
    ("https://012.0.0.1/", "url_not_public"),
    ("https://100.64.0.1/", "url_not_public"),
    ("https://100.127.255.255/", "url_not_public"),
    ("https://169.254.169.254/", "url_not_public"),
    ("https://0xa9fea9fe/", "url_not_public"),
    ("https://2852039166/", "url_not_public"),
    ("https://0251.0376.0251.0376/", "url_not_public"),
    ("https://[::ffff:a9fe:a9fe]/", "url_not_public"),
    ("https://172.16.0.1/", "url_not_public"),
    ("https://172.31.255.255/", "url_not_public"),
    ("https://192.0.0.1/", "url_not_public"),
    ("https://192.0.2.1/", "url_not_public"),
    ("https://192.88.99.1/", "url_not_public"),
    ("https://192.168.1.1/", "url_not_public"),
    ("https://198.18.0.1/", "url_not_public"),
    ("https://198.19.255.255/", "url_not_public"),
    ("https://198.51.100.1/", "url_not_public"),
    ("https://203.0.113.1/", "url_not_public"),
    ("https://224.0.0.1/", "url_not_public"),
    ("https://240.0.0.1/", "url_not_public"),
    ("https://255.255.255.255/", "url_not_public"),
    ("https://[::]/", "url_not_public"),
    ("https://[100::1]/", "url_not_public"),
    ("https://[2001:2::1]/", "url_not_public"),
    ("https://[2001:10::1]/", "url_not_public"),
    ("https://[2001:db8::1]/", "url_not_public"),
    ("https://[3fff::1]/", "url_not_public"),
    ("https://[5f00::1]/", "url_not_public"),
    ("https://[fc00::1]/", "url_not_public"),
    ("https://[fd00:ec2::254]/", "url_not_public"),
    ("https://[fe80::1]/", "url_not_public"),
    ("https://[fec0::1]/", "url_not_public"),
    ("https://[ff02::1]/", "url_not_public"),
    // Names of networks' own.
    ("https://metadata.google.internal/", "url_not_public"),
    ("https://printer.local/", "url_not_public"),
    ("https://router.lan/", "url_not_public"),
    ("https://1.0.0.127.in-addr.arpa/", "url_not_public"),
    ("https://x.onion/", "url_not_public"),
    ("https://intranet/", "url_not_public"),
    ("https://intranet./", "url_not_public"),
    ("data:text/plain,a", "url"),
    ("file:///etc/passwd", "url"),
    ("https://", "url"),
    ("https://[::1/", "url"),
    ("https://256.1.1.1/", "url"),
    ("https://1.2.3.4.5/", "url"),
    ("/path", "url"),
    ("", "url"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_may_be_called() {
        for url in [
            "https://op.test/a?b=c",
            "https://op.test:8443/",
            "https://op.test:80/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://op.test./",
        ] {
            assert!(permit(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn nothing_leads_inward() {
        for (url, code) in REFUSED {
            assert_eq!(permit(url, false).err().map(Refusal::code), Some(*code), "{url}");
        }
        assert_eq!(permit(&format!("https://op.test/{}", "a".repeat(9000)), false).err(), Some(Refusal::Overlong));
    }

    #[test]
    fn a_resolver_is_asked_for_public_names_alone() {
        for (url, name) in [
            ("https://op.test./a", Some("op.test")),
            ("https://münchen.example/", Some("xn--mnchen-3ya.example")),
            ("https://8.8.8.8/", None),
            ("https://[2606:4700::1111]/", None),
            ("http://localhost:9/", None),
        ] {
            assert_eq!(name_to_resolve(&Url::parse(url).unwrap()), name, "{url}");
        }
    }

    #[test]
    fn what_a_name_leads_to_is_judged_alike() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("169.254.169.254", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::ffff:8.8.8.8", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn development_may_call_its_own_machine_and_no_other() {
        for url in ["http://127.0.0.1:9/", "http://localhost:80/", "https://[::1]:1234/"] {
            assert!(permit(url, true).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://op.test/", "ftp://localhost/", "http://a:b@localhost/"] {
            assert!(permit(url, true).is_err(), "{url}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,100}") {
            let _ = permit(&text, true);
        }
    }
}
