//! Networks that an organisation lets its people in from.

use std::{borrow::Cow, fmt, net::IpAddr};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Invalid;

/// A network by its prefix (RFC 4632, RFC 4291), or one address. Written as it is usually: bits beyond the prefix are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Reads `203.0.113.0/24`, `2001:db8::/32`, or an address alone.
    ///
    /// # Errors
    /// `network`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let alone = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let net = text.parse::<IpNet>().ok().or_else(alone);
        net.map(|net| Self(net.trunc())).ok_or(Invalid::new("network", "not an address or a network such as 203.0.113.0/24"))
    }

    /// Whether an address is of it. An IPv4 address is the same in its IPv6 form.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.prefix_len() == self.0.max_prefix_len();
        if whole { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Network {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 49, "examples": ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"] })
    }
}

/// Whether an allow-list lets a client in, whose address is written as the edge gives it. An empty list lets everybody in; one
/// that is not empty lets nobody in whose address cannot be read.
#[must_use]
pub fn admits(networks: &[Network], client: &str) -> bool {
    networks.is_empty() || client.parse::<IpAddr>().is_ok_and(|address| networks.iter().any(|network| network.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, shown) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/32", "203.0.113.7"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("::1", "::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            let network = Network::parse(text).unwrap();
            assert_eq!(network.to_string(), shown);
            assert_eq!(serde_json::from_str::<Network>(&serde_json::to_string(&network).unwrap()).unwrap(), network);
        }
        for text in ["", "203.0.113", "203.0.113.7/33", "203.0.113.7/-1", "203.0.113.7/", " 203.0.113.7", "2001:db8::/129", "acme.example", "1", "*"]
        {
            assert_eq!(Network::parse(text).unwrap_err().code, "network", "{text}");
        }
    }

    #[test]
    fn who_is_let_in() {
        let list = |texts: &[&str]| texts.iter().map(|text| Network::parse(text).unwrap()).collect::<Vec<_>>();
        let some = list(&["203.0.113.0/24", "2001:db8::/32"]);
        for client in ["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.9", "2001:db8:ffff::1"] {
            assert!(admits(&some, client), "{client}");
        }
        for client in ["203.0.114.0", "203.0.112.255", "2001:db9::1", "::1", "", "unknown", "203.0.113.7:80"] {
            assert!(!admits(&some, client), "{client}");
            assert!(admits(&[], client), "an empty list: {client}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_stays(text in "[0-9a-f.:/]{0,30}") {
            if let Ok(network) = Network::parse(&text) {
                proptest::prop_assert_eq!(Network::parse(&network.to_string()).unwrap(), network);
            }
        }
    }
}
