//! Who may see an entry.

use serde::{Deserialize, Serialize};

use super::Reader;
use crate::{access::Permission, id::UserId};

/// Who may see an entry: whoever holds a permission, and the person whom it concerns. The default admits nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    /// Key of the permission; `None` where none suffices.
    #[serde(with = "by_key")]
    permission: Option<Permission>,
    /// The person whom it concerns, where they may see it without the permission.
    person: Option<UserId>,
}

impl Audience {
    /// Whoever holds the permission, and the person.
    #[must_use]
    pub const fn new(permission: Option<Permission>, person: Option<UserId>) -> Self {
        Self { permission, person }
    }

    /// Whether a reader belongs to it.
    #[must_use]
    pub fn admits(&self, reader: &Reader) -> bool {
        self.permission.is_some_and(|permission| reader.permissions.contains(permission)) || self.person == Some(reader.user_id)
    }
}

/// A permission as its key. One that the catalogue does not know admits nobody.
mod by_key {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::access::Permission;

    #[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "the form that serde calls")]
    pub(super) fn serialize<S: Serializer>(permission: &Option<Permission>, serializer: S) -> Result<S::Ok, S::Error> {
        permission.map(Permission::key).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Permission>, D::Error> {
        let key: Option<String> = Option::deserialize(deserializer)?;
        Ok(key.as_deref().and_then(Permission::from_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::PermissionSet, stream::reader::tests::reader};

    #[test]
    fn deny_by_default() {
        let all = reader(1, PermissionSet::ALL);
        assert!(!Audience::default().admits(&all));
        assert!(Audience::new(Some(Permission::UsersView), None).admits(&all));
        assert!(!Audience::new(Some(Permission::UsersView), None).admits(&reader(1, PermissionSet::EMPTY)));
    }

    #[test]
    fn whom_it_concerns_needs_no_permission() {
        let nobody = PermissionSet::EMPTY;
        let audience = Audience::new(Some(Permission::UsersView), Some(reader(1, nobody).user_id));
        assert!(audience.admits(&reader(1, nobody)) && !audience.admits(&reader(2, nobody)));
    }

    #[test]
    fn is_kept_as_it_is() {
        for permission in Permission::ALL.iter().copied().map(Some).chain([None]) {
            let audience = Audience::new(permission, None);
            assert_eq!(serde_json::from_str::<Audience>(&serde_json::to_string(&audience).unwrap()).unwrap(), audience);
        }
        let unknown: Audience = serde_json::from_str(r#"{"permission":"no.such","person":null}"#).unwrap();
        assert_eq!(unknown, Audience::default());
    }
}
