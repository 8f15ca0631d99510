//! Identifiers: UUIDs of version 7 (RFC 9562), one type per kind of thing.

use uuid::Uuid;

use crate::time::Timestamp;

/// A version 7 UUID from the request's clock and ten random bytes.
///
/// Instants before the epoch count as the epoch.
#[must_use]
pub fn v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID behind the identifier.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Only the hyphenated form: an id has one spelling in a URL.
                if text.len() != 36 {
                    return Uuid::parse_str("").map(Self);
                }
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A tenant (organisation).
    TenantId,
    /// A person, over all tenants.
    UserId,
    /// One signed-in device in one tenant.
    SessionId,
    /// A role of one tenant.
    RoleId,
    /// An event of the event log.
    EventId,
    /// A row of the outbox.
    OutboxId,
    /// A tenant's connection to its identity provider.
    ConnectionId,
    /// A connection that a tenant's directory writes through.
    ScimConnectionId,
    /// A token of such a connection.
    ScimTokenId,
    /// A group of a tenant's directory.
    ScimGroupId,
    /// An invitation into a tenant.
    InvitationId,
    /// A mail domain that a tenant claims.
    DomainId,
    /// A message kept in the development mailbox.
    MessageId,
    /// A device that somebody trusts.
    TrustedDeviceId,
    /// A second factor that is being asked for.
    ChallengeId,
    /// A code sent by SMS.
    SmsCodeId,
    /// A passkey of somebody.
    PasskeyId,
    /// An endpoint of a tenant, which events are delivered to.
    WebhookId,
    /// One event on its way to one endpoint.
    DeliveryId,
}

impl TenantId {
    /// The platform itself, tenant zero: where sessions and events live that belong to no organisation.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// Whether this is the platform rather than an organisation.
    #[must_use]
    pub fn is_platform(self) -> bool {
        self == Self::PLATFORM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_7_sorts_by_time() {
        let earlier = v7(Timestamp::from_millis(1_000), [0xff; 10]);
        let later = v7(Timestamp::from_millis(1_001), [0; 10]);
        assert!(earlier < later);
        assert_eq!(earlier.get_version_num(), 7);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = v7(Timestamp::from_millis(1_000), [7; 10]);
        assert!(id.to_string().parse::<UserId>().is_ok());
        assert!(id.simple().to_string().parse::<UserId>().is_err());
        assert!("{00000000-0000-0000-0000-000000000000}".parse::<UserId>().is_err());
    }
}
