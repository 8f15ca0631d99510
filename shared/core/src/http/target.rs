//! Which URLs this program may call: addresses that others choose must not lead inward.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longest URL that is called, in bytes.
const MAX: usize = 8 * 1024;

/// Reads a URL and judges it: https, a public name or address, port 443 or one above 1023, no credentials. `loopback` allows this
/// machine too, by http as well, at any port: for development and tests.
///
/// What a name resolves to is not seen here; the runtime's network reaches no private address in production.
///
/// # Errors
/// A word for the log that says what is wrong with it.
pub fn permit(text: &str, loopback: bool) -> Result<Url, &'static str> {
    if text.len() > MAX {
        return Err("overlong URL");
    }
    let url = Url::parse(text).map_err(|_| "not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials in the URL");
    }
    match place(&url).ok_or("no host")? {
        Place::Loopback if loopback && matches!(url.scheme(), "https" | "http") => Ok(url),
        Place::Loopback | Place::Inward => Err("not a public address"),
        Place::Public if url.scheme() != "https" => Err("not https"),
        Place::Public if url.port().is_some_and(|port| port < 1024) => Err("a port of another service"),
        Place::Public => Ok(url),
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

/// Global unicast, without what embeds an IPv4 address (6to4, Teredo) and the documentation's.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let embeds = a == 0x2002 || (a == 0x2001 && b == 0);
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    global && !embeds && !documentation
}

#[cfg(test)]
mod tests {
    use super::permit;

    #[test]
    fn public_addresses_may_be_called() {
        for url in ["https://op.test/a?b=c", "https://op.test:8443/", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://op.test./"] {
            assert!(permit(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn nothing_leads_inward() {
        for (url, why) in [
            ("http://op.test/", "not https"),
            ("ftp://op.test/", "not https"),
            ("https://op.test:22/", "a port of another service"),
            ("https://op.test:80/", "a port of another service"),
            ("https://user:word@op.test/", "credentials in the URL"),
            ("https://user@op.test/", "credentials in the URL"),
            ("https://127.0.0.1/", "not a public address"),
            ("https://2130706433/", "not a public address"),
            ("https://0x7f.1/", "not a public address"),
            ("https://localhost/", "not a public address"),
            ("https://a.localhost/", "not a public address"),
            ("https://[::1]/", "not a public address"),
            ("https://[::ffff:127.0.0.1]/", "not a public address"),
            ("https://[::]/", "not a public address"),
            ("https://[fe80::1]/", "not a public address"),
            ("https://[fd00::1]/", "not a public address"),
            ("https://[64:ff9b::7f00:1]/", "not a public address"),
            ("https://[2002:7f00:1::]/", "not a public address"),
            ("https://[2001:db8::1]/", "not a public address"),
            ("https://10.0.0.1/", "not a public address"),
            ("https://172.16.0.1/", "not a public address"),
            ("https://192.168.1.1/", "not a public address"),
            ("https://169.254.169.254/", "not a public address"),
            ("https://100.64.0.1/", "not a public address"),
            ("https://192.0.0.1/", "not a public address"),
            ("https://198.18.0.1/", "not a public address"),
            ("https://224.0.0.1/", "not a public address"),
            ("https://255.255.255.255/", "not a public address"),
            ("https://0.0.0.0/", "not a public address"),
            ("https://metadata.google.internal/", "not a public address"),
            ("https://printer.local/", "not a public address"),
            ("https://intranet/", "not a public address"),
            ("data:text/plain,a", "no host"),
            ("/path", "not a URL"),
            ("", "not a URL"),
        ] {
            assert_eq!(permit(url, false).err(), Some(why), "{url}");
        }
        assert_eq!(permit(&format!("https://op.test/{}", "a".repeat(9000)), false).err(), Some("overlong URL"));
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
