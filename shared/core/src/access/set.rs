//! Sets of permissions: one bit for each place in the catalogue.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::catalogue::{COUNT, Permission};
use crate::text::Invalid;

/// A set of permissions. Written in tokens as hexadecimal without leading zeros, bit 0 being the catalogue's first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u128);

// A catalogue of over 128 permissions would need a wider set.
const _: () = assert!(COUNT <= 128);

impl PermissionSet {
    /// The set of none.
    pub const EMPTY: Self = Self(0);

    /// The set of all.
    pub const ALL: Self = Self(Self::MASK);

    const MASK: u128 = if COUNT == 128 { u128::MAX } else { (1 << COUNT) - 1 };

    /// The set of these bits; bits beyond the catalogue are dropped, for they permit nothing.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits & Self::MASK)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Whether a permission is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// Whether every permission of another set is in this one.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The set with one permission more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | bit(permission))
    }

    /// The set with one permission less.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !bit(permission))
    }

    /// How many permissions are in the set.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |p| self.contains(*p))
    }

    /// The keys in the order of the catalogue.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Permission::key)
    }

    /// The set as tokens carry it.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:x}", self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) writes: 1 to 32 lower-case digits. Bits beyond the catalogue are dropped, so that
    /// a token of a newer catalogue confers nothing unknown.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = (1..=32).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let bits = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        Some(Self::from_bits(bits))
    }
}

const fn bit(permission: Permission) -> u128 {
    1_u128.wrapping_shl(permission.index() as u32)
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:x}", self.0))
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| Invalid::new("permission_set", "not a set of permissions in hexadecimal").into_serde())
    }
}

impl JsonSchema for PermissionSet {
    fn schema_name() -> Cow<'static, str> {
        "PermissionSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{1,32}$" })
    }
}
