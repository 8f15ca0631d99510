//! The catalogue of events: name, version, and the schema of the payload.

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::readers::{AUDITORS_AND_PERSON, CONNECTIONS, ENDPOINTS, NOBODY, ORGANISATION, PEOPLE, PEOPLE_AND_PERSON, PERSON, ROLES, Readers};
use crate::{
    access::Permission,
    id::{
        ConnectionId, DomainId, InvitationId, PasskeyId, RoleId, ScimConnectionId, ScimGroupId, ScimTokenId, SessionId, TenantId, UserId, WebhookId,
    },
    stream::Audience,
};

/// A payload that belongs to one type of event.
pub trait Payload: Serialize + JsonSchema {
    /// The event's name, `noun.verb_past`.
    const TYPE: &'static str;
    /// Version of the payload's schema.
    const VERSION: i16;
    /// What happened, in one sentence.
    const MEANING: &'static str;
}

/// One line of the catalogue.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventType {
    /// The event's name.
    pub name: &'static str,
    /// Version of the payload's schema.
    pub version: i16,
    /// What happened.
    pub description: &'static str,
    /// The permission with which streams tell of it; `null` where none suffices.
    pub permission: Option<&'static str>,
    /// Whether streams tell the person whom it concerns, the payload's `user_id`, without that permission too.
    pub to_person: bool,
    /// JSON Schema of the payload.
    pub schema: Value,
}

/// Who may see an event, by its type and payload: nobody, if the catalogue does not say.
#[must_use]
pub fn audience(event_type: &str, data: &Value) -> Audience {
    readers(event_type).map(|readers| readers.audience(data)).unwrap_or_default()
}

macro_rules! events {
    ($($type:literal v $version:literal to $readers:ident, $meaning:literal => $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)+ })+) => {
        $(
            #[doc = $meaning]
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$doc])* pub $field: $kind,)+
            }

            impl Payload for $name {
                const TYPE: &'static str = $type;
                const VERSION: i16 = $version;
                const MEANING: &'static str = $meaning;
            }
        )+

        /// Every type of event, in the order of the catalogue.
        #[must_use]
        pub fn catalogue() -> Vec<EventType> {
            vec![$(EventType {
                name: $name::TYPE,
                version: $name::VERSION,
                description: $name::MEANING,
                permission: $readers.permission.map(Permission::key),
                to_person: $readers.person,
                schema: schema_for!($name).to_value(),
            },)+]
        }

        /// The name of every type, in the order of the catalogue.
        pub const NAMES: &[&str] = &[$($type,)+];

        /// Who may see events of a type; `None` for one that is not in the catalogue, which nobody may.
        #[must_use]
        pub fn readers(event_type: &str) -> Option<Readers> {
            match event_type {
                $($type => Some($readers),)+
                _ => None,
            }
        }

        /// Whether a stored payload fits the schema of its type.
        #[must_use]
        pub fn fits(event_type: &str, data: &Value) -> bool {
            match event_type {
                $($type => $name::deserialize(data).is_ok(),)+
                _ => false,
            }
        }
    };
}

events! {
    "user.signed_up" v 1 to PEOPLE_AND_PERSON, "Somebody created an account." => UserSignedUp {
        /// The new user.
        user_id: UserId,
    }
    "user.email_verified" v 1 to PEOPLE_AND_PERSON, "A user proved that their address is theirs." => UserEmailVerified {
        /// The user.
        user_id: UserId,
    }
    "user.updated" v 1 to PEOPLE_AND_PERSON, "A user changed their profile." => UserUpdated {
        /// The user.
        user_id: UserId,
        /// The profile's version after the change.
        version: i32,
    }
    "user.factor_added" v 1 to AUDITORS_AND_PERSON, "A user set up a second factor." => UserFactorAdded {
        /// The user.
        user_id: UserId,
        /// Which: `totp`, `sms`, `passkey`.
        factor: String,
    }
    "user.factor_removed" v 1 to AUDITORS_AND_PERSON, "A user took a second factor off." => UserFactorRemoved {
        /// The user.
        user_id: UserId,
        /// Which: `totp`, `sms`, `passkey`.
        factor: String,
    }
    "user.phone_verified" v 1 to AUDITORS_AND_PERSON, "A user proved that a telephone number is theirs." => UserPhoneVerified {
        /// The user.
        user_id: UserId,
    }
    "user.preferences_updated" v 1 to PERSON, "A user changed their preferences." => UserPreferencesUpdated {
        /// The user.
        user_id: UserId,
        /// The preferences' version after the change.
        version: i64,
    }
    "user.password_changed" v 1 to AUDITORS_AND_PERSON, "A user's password was set anew." => UserPasswordChanged {
        /// The user.
        user_id: UserId,
    }
    "user.email_changed" v 1 to AUDITORS_AND_PERSON, "A user's mail address was changed, or changed back." => UserEmailChanged {
        /// The user.
        user_id: UserId,
    }
    "user.deletion_requested" v 1 to PEOPLE_AND_PERSON, "A user asked to delete their account; nobody can sign in to it now." => UserDeletionRequested {
        /// The user.
        user_id: UserId,
    }
    "user.deletion_cancelled" v 1 to PEOPLE_AND_PERSON, "A user kept an account that was to be deleted." => UserDeletionCancelled {
        /// The user.
        user_id: UserId,
    }
    "user.deleted" v 1 to PEOPLE_AND_PERSON, "An account was erased." => UserDeleted {
        /// The user.
        user_id: UserId,
    }
    "identity.linked" v 1 to AUDITORS_AND_PERSON, "A user connected an account elsewhere, to sign in with." => IdentityLinked {
        /// The user.
        user_id: UserId,
        /// The provider's name, such as `google`.
        provider: String,
    }
    "identity.unlinked" v 1 to AUDITORS_AND_PERSON, "A user disconnected an account elsewhere." => IdentityUnlinked {
        /// The user.
        user_id: UserId,
        /// The provider's name, such as `google`.
        provider: String,
    }
    "integration.connected" v 1 to PERSON, "A member connected a drive elsewhere." => IntegrationConnected {
        /// The connection.
        integration_id: Uuid,
        /// Whose it is.
        user_id: UserId,
        /// The provider's name, such as `dropbox`.
        provider: String,
    }
    "integration.disconnected" v 1 to PERSON, "A member disconnected a drive elsewhere." => IntegrationDisconnected {
        /// The connection.
        integration_id: Uuid,
        /// Whose it was.
        user_id: UserId,
        /// The provider's name, such as `dropbox`.
        provider: String,
    }
    "session.created" v 1 to AUDITORS_AND_PERSON, "A user signed in." => SessionCreated {
        /// The session.
        session_id: SessionId,
        /// Whose session.
        user_id: UserId,
    }
    "session.revoked" v 1 to AUDITORS_AND_PERSON, "A session was ended." => SessionRevoked {
        /// The session.
        session_id: SessionId,
        /// Whose session.
        user_id: UserId,
        /// Why it ended, a word such as `signed_out`.
        reason: String,
    }
    "member.provisioned" v 1 to PEOPLE_AND_PERSON, "Somebody became a member through the organisation's identity provider, by signing on or because its directory says so." => MemberProvisioned {
        /// The new member.
        user_id: UserId,
        /// Their role.
        role_id: RoleId,
    }
    "user.invited" v 1 to PEOPLE, "Somebody was invited to an organisation." => UserInvited {
        /// The invitation.
        invitation_id: InvitationId,
        /// The role that it gives.
        role_id: RoleId,
    }
    "invitation.revoked" v 1 to PEOPLE, "An invitation was withdrawn." => InvitationRevoked {
        /// The invitation.
        invitation_id: InvitationId,
    }
    "member.joined" v 1 to PEOPLE_AND_PERSON, "Somebody accepted an invitation." => MemberJoined {
        /// The new member.
        user_id: UserId,
        /// Their role.
        role_id: RoleId,
        /// The invitation.
        invitation_id: InvitationId,
    }
    "member.role_changed" v 1 to PEOPLE_AND_PERSON, "A member got another role." => MemberRoleChanged {
        /// The member.
        user_id: UserId,
        /// Their role now.
        role_id: RoleId,
    }
    "member.suspended" v 1 to PEOPLE_AND_PERSON, "A member was suspended; their sessions in the organisation ended." => MemberSuspended {
        /// The member.
        user_id: UserId,
    }
    "member.activated" v 1 to PEOPLE_AND_PERSON, "A suspended member was let in again." => MemberActivated {
        /// The member.
        user_id: UserId,
    }
    "member.removed" v 1 to PEOPLE_AND_PERSON, "Somebody is no member any more." => MemberRemoved {
        /// Who was one.
        user_id: UserId,
    }
    "role.created" v 1 to ROLES, "An organisation made a role." => RoleCreated {
        /// The role.
        role_id: RoleId,
    }
    "role.updated" v 1 to ROLES, "A role was changed, or what it permits." => RoleUpdated {
        /// The role.
        role_id: RoleId,
        /// Its version after the change.
        version: i32,
    }
    "role.deleted" v 1 to ROLES, "A role was removed." => RoleDeleted {
        /// The role.
        role_id: RoleId,
    }
    "tenant.ownership_transferred" v 1 to ORGANISATION, "An owner made another member an owner in their place." => TenantOwnershipTransferred {
        /// Who was an owner, and is an admin now.
        from_user_id: UserId,
        /// The owner.
        to_user_id: UserId,
    }
    "sso_connection.created" v 1 to CONNECTIONS, "An organisation described its identity provider." => SsoConnectionCreated {
        /// The connection.
        connection_id: ConnectionId,
    }
    "sso_connection.updated" v 1 to CONNECTIONS, "A connection to an identity provider was changed." => SsoConnectionUpdated {
        /// The connection.
        connection_id: ConnectionId,
        /// Its version after the change.
        version: i32,
    }
    "sso_connection.deleted" v 1 to CONNECTIONS, "A connection to an identity provider was removed." => SsoConnectionDeleted {
        /// The connection.
        connection_id: ConnectionId,
    }
    "sso_domain.verified" v 1 to CONNECTIONS, "An organisation proved that a mail domain is its own." => SsoDomainVerified {
        /// The claim.
        domain_id: DomainId,
        /// The domain.
        domain: String,
    }
    "scim_connection.created" v 1 to CONNECTIONS, "An organisation made a connection for its directory." => ScimConnectionCreated {
        /// The connection.
        connection_id: ScimConnectionId,
    }
    "scim_connection.updated" v 1 to CONNECTIONS, "A connection of a directory was changed." => ScimConnectionUpdated {
        /// The connection.
        connection_id: ScimConnectionId,
        /// Its version after the change.
        version: i32,
    }
    "scim_connection.deleted" v 1 to CONNECTIONS, "A connection of a directory was removed, with its tokens and groups." => ScimConnectionDeleted {
        /// The connection.
        connection_id: ScimConnectionId,
    }
    "scim_token.issued" v 1 to CONNECTIONS, "A token for a directory was issued." => ScimTokenIssued {
        /// The connection.
        connection_id: ScimConnectionId,
        /// The token.
        token_id: ScimTokenId,
    }
    "scim_token.revoked" v 1 to CONNECTIONS, "A token of a directory was ended." => ScimTokenRevoked {
        /// The connection.
        connection_id: ScimConnectionId,
        /// The token.
        token_id: ScimTokenId,
    }
    "scim_user.updated" v 1 to CONNECTIONS, "A directory changed what it says of a member." => ScimUserUpdated {
        /// The member.
        user_id: UserId,
        /// Version of the directory's record after the change.
        version: i32,
    }
    "scim_group.created" v 1 to CONNECTIONS, "A directory made a group." => ScimGroupCreated {
        /// The group.
        group_id: ScimGroupId,
    }
    "scim_group.updated" v 1 to CONNECTIONS, "A directory changed a group, or who is in it." => ScimGroupUpdated {
        /// The group.
        group_id: ScimGroupId,
        /// Its version after the change.
        version: i32,
    }
    "scim_group.deleted" v 1 to CONNECTIONS, "A directory removed a group." => ScimGroupDeleted {
        /// The group.
        group_id: ScimGroupId,
    }
    "passkey.added" v 1 to AUDITORS_AND_PERSON, "A user added a passkey." => PasskeyAdded {
        /// The passkey.
        passkey_id: PasskeyId,
        /// Whose passkey.
        user_id: UserId,
    }
    "passkey.removed" v 1 to AUDITORS_AND_PERSON, "A user removed a passkey." => PasskeyRemoved {
        /// The passkey.
        passkey_id: PasskeyId,
        /// Whose passkey it was.
        user_id: UserId,
    }
    "tenant.updated" v 1 to ORGANISATION, "An organisation changed its name, its slug, or how it looks." => TenantUpdated {
        /// The organisation.
        tenant_id: TenantId,
        /// Its version after the change.
        version: i32,
    }
    "tenant.settings_updated" v 1 to ORGANISATION, "An organisation changed what it lays down for its people." => TenantSettingsUpdated {
        /// The organisation.
        tenant_id: TenantId,
        /// The settings' version after the change.
        version: i32,
    }
    "tenant.deletion_scheduled" v 1 to ORGANISATION, "An organisation is to be deleted; until then it may be kept." => TenantDeletionScheduled {
        /// The organisation.
        tenant_id: TenantId,
    }
    "tenant.deletion_cancelled" v 1 to ORGANISATION, "An organisation that was to be deleted is kept." => TenantDeletionCancelled {
        /// The organisation.
        tenant_id: TenantId,
    }
    "tenant.deleted" v 1 to ORGANISATION, "An organisation was closed for good." => TenantDeleted {
        /// The organisation.
        tenant_id: TenantId,
    }
    "domain.verified" v 1 to ORGANISATION, "An organisation proved that a domain is its own." => DomainVerified {
        /// The claim.
        domain_id: DomainId,
        /// The name of the host.
        domain: String,
    }
    "domain.status_changed" v 1 to ORGANISATION, "A domain of an organisation is served, or is no more." => DomainStatusChanged {
        /// The claim.
        domain_id: DomainId,
        /// The name of the host.
        domain: String,
        /// What it is now: `issuing`, `active`, `failing`.
        status: String,
    }
    "domain.removed" v 1 to ORGANISATION, "An organisation gave a domain up." => DomainRemoved {
        /// The claim.
        domain_id: DomainId,
        /// The name of the host.
        domain: String,
    }
    "webhook.created" v 1 to ENDPOINTS, "An organisation described an endpoint that events are delivered to." => WebhookCreated {
        /// The endpoint.
        webhook_id: WebhookId,
    }
    "webhook.updated" v 1 to ENDPOINTS, "An endpoint was changed." => WebhookUpdated {
        /// The endpoint.
        webhook_id: WebhookId,
        /// Its version after the change.
        version: i32,
    }
    "webhook.deleted" v 1 to ENDPOINTS, "An endpoint was removed." => WebhookDeleted {
        /// The endpoint.
        webhook_id: WebhookId,
    }
    "webhook.secret_rotated" v 1 to ENDPOINTS, "An endpoint got a new signing secret; the one before signs for another day." => WebhookSecretRotated {
        /// The endpoint.
        webhook_id: WebhookId,
    }
    "webhook.disabled" v 1 to ENDPOINTS, "An endpoint was switched off because it is gone, or failed for days." => WebhookDisabled {
        /// The endpoint.
        webhook_id: WebhookId,
        /// Why: `gone`, `failing`.
        reason: String,
    }
    "webhook.tested" v 1 to NOBODY, "Somebody tried an endpoint; this goes to that endpoint alone." => WebhookTested {
        /// The endpoint.
        webhook_id: WebhookId,
    }
    "tenant.created" v 1 to ORGANISATION, "An organisation was created." => TenantCreated {
        /// The organisation.
        tenant_id: TenantId,
        /// Its slug.
        slug: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for event in catalogue() {
            assert!(seen.insert(event.name), "{} twice", event.name);
            assert!(event.name.contains('.'));
            assert!(event.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_'));
            assert_eq!(event.schema["type"], "object");
        }
    }

    #[test]
    fn a_payload_fits_its_own_type_only() {
        let data = serde_json::json!({ "tenant_id": TenantId::PLATFORM, "slug": "acme" });
        assert!(fits("tenant.created", &data));
        assert!(!fits("user.signed_up", &data));
        assert!(!fits("tenant.vanished", &data));
    }

    #[test]
    fn whom_an_event_concerns_is_in_its_payload() {
        for event in catalogue().iter().filter(|event| event.to_person) {
            assert!(event.schema["properties"]["user_id"].is_object(), "{}", event.name);
        }
        let data = serde_json::json!({ "user_id": "019a0000-0000-7000-8000-00000000dead" });
        assert_eq!(audience("no.such_event", &data), Audience::default());
        assert_ne!(audience("session.created", &data), audience("session.created", &serde_json::json!({ "user_id": 7 })));
        assert_eq!(audience("webhook.tested", &data), Audience::default());
    }
}
