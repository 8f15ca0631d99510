//! Who may see an event, by its type.

use serde_json::Value;

use crate::{access::Permission, stream::Audience};

/// Who may see events of a type: the permission to look at what they are about, and perhaps the person whom they concern, who is the
/// payload's `user_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// The permission; `None` where none suffices.
    pub permission: Option<Permission>,
    /// Whether the person whom it concerns may see it anyway.
    pub person: bool,
}

impl Readers {
    const fn of(permission: Permission) -> Self {
        Self { permission: Some(permission), person: false }
    }

    const fn and_the_person(self) -> Self {
        Self { person: true, ..self }
    }

    /// Who may see one of them.
    #[must_use]
    pub fn audience(self, data: &Value) -> Audience {
        let person = data.get("user_id").filter(|_| self.person).and_then(Value::as_str).and_then(|id| id.parse().ok());
        Audience::new(self.permission, person)
    }
}

/// Nobody.
pub(super) const NOBODY: Readers = Readers { permission: None, person: false };
/// The person alone.
pub(super) const PERSON: Readers = NOBODY.and_the_person();
/// Whoever sees the organisation's people.
pub(super) const PEOPLE: Readers = Readers::of(Permission::UsersView);
/// The same, and the person.
pub(super) const PEOPLE_AND_PERSON: Readers = PEOPLE.and_the_person();
/// Whoever reads the audit trail, and the person: what an account is protected with, and where it is used.
pub(super) const AUDITORS_AND_PERSON: Readers = Readers::of(Permission::AuditView).and_the_person();
/// Whoever sees roles.
pub(super) const ROLES: Readers = Readers::of(Permission::RolesView);
/// Whoever sees the organisation.
pub(super) const ORGANISATION: Readers = Readers::of(Permission::OrgView);
/// Whoever administers its connections to identity providers and directories.
pub(super) const CONNECTIONS: Readers = Readers::of(Permission::OrgUpdate);
/// Whoever sees its endpoints.
pub(super) const ENDPOINTS: Readers = Readers::of(Permission::WebhooksView);
