//! The attributes of users and groups as tables: what is read, kept, patched, filtered by and described comes from them.

pub use attributes::{COMMON, ENTERPRISE_ATTRIBUTES, GROUP_ATTRIBUTES, USER_ATTRIBUTES};

mod attributes;
pub mod service;

use super::{ENTERPRISE, GROUP, USER};

/// What a value is (RFC 7643, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// An instant, RFC 3339.
    DateTime,
    /// Base64.
    Binary,
    /// A URI, or the address of a resource.
    Reference(&'static [&'static str]),
    /// An object with attributes of its own.
    Complex,
}

/// Who may write it (RFC 7643, 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Nobody from outside.
    ReadOnly,
    /// The client.
    ReadWrite,
    /// The client, when the value is made.
    Immutable,
}

/// An attribute.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name; compared without regard to case.
    pub name: &'static str,
    /// What a value is.
    pub kind: Type,
    /// Whether there may be several.
    pub many: bool,
    /// Whether there must be one.
    pub required: bool,
    /// Whether case counts when values are compared.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// Whether it is in every answer, whatever is asked for.
    pub always: bool,
    /// Whether the organisation has each value once.
    pub unique: bool,
    /// Values that are usual.
    pub canonical: &'static [&'static str],
    /// The attributes of a complex value.
    pub parts: &'static [Attribute],
    /// What it says.
    pub description: &'static str,
}

impl Attribute {
    const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: Type::String,
            many: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            always: false,
            unique: false,
            canonical: &[],
            parts: &[],
            description,
        }
    }

    const fn complex(name: &'static str, description: &'static str, parts: &'static [Self]) -> Self {
        Self { kind: Type::Complex, parts, ..Self::text(name, description) }
    }

    const fn list(name: &'static str, description: &'static str, parts: &'static [Self]) -> Self {
        Self { many: true, ..Self::complex(name, description, parts) }
    }

    const fn of(self, kind: Type) -> Self {
        Self { kind, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    const fn writable(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    const fn usual(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    /// A part of a complex value, by its name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        find(self.parts, name)
    }
}

/// An attribute of a list by its name, in any case.
#[must_use]
pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// A schema.
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its attributes, without those that every resource has.
    pub attributes: &'static [Attribute],
}

/// The schema of users.
pub const USER_SCHEMA: Schema = Schema { id: USER, name: "User", description: "A member of the organisation", attributes: USER_ATTRIBUTES };
/// The schema of what enterprises add.
pub const ENTERPRISE_SCHEMA: Schema =
    Schema { id: ENTERPRISE, name: "EnterpriseUser", description: "What enterprises say of a member", attributes: ENTERPRISE_ATTRIBUTES };
/// The schema of groups.
pub const GROUP_SCHEMA: Schema = Schema { id: GROUP, name: "Group", description: "A group of members", attributes: GROUP_ATTRIBUTES };

/// A type of resources: users or groups.
#[derive(Debug)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Where they are, below the base.
    pub endpoint: &'static str,
    /// Its schema.
    pub schema: &'static Schema,
    /// What extends it.
    pub extension: Option<&'static Schema>,
}

/// Users.
pub const USER_TYPE: ResourceType = ResourceType { name: "User", endpoint: "/Users", schema: &USER_SCHEMA, extension: Some(&ENTERPRISE_SCHEMA) };
/// Groups.
pub const GROUP_TYPE: ResourceType = ResourceType { name: "Group", endpoint: "/Groups", schema: &GROUP_SCHEMA, extension: None };

/// An attribute of a resource: which, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// URN of the extension that it stands in, if in one.
    pub extension: Option<&'static str>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The part of it that is meant.
    pub part: Option<&'static Attribute>,
}

impl Target {
    /// What is compared: the part, or the attribute itself.
    #[must_use]
    pub fn leaf(&self) -> &'static Attribute {
        self.part.unwrap_or(self.attribute)
    }
}

impl ResourceType {
    /// The attribute of a name, in the schema of a URN if one is given.
    #[must_use]
    pub fn attribute(&self, urn: Option<&str>, name: &str) -> Option<(Option<&'static str>, &'static Attribute)> {
        let core = || find(self.schema.attributes, name).or_else(|| find(COMMON, name)).map(|attribute| (None, attribute));
        match urn {
            None => core(),
            Some(urn) if urn.eq_ignore_ascii_case(self.schema.id) => core(),
            Some(urn) => {
                let extension = self.extension.filter(|extension| extension.id.eq_ignore_ascii_case(urn))?;
                find(extension.attributes, name).map(|attribute| (Some(extension.id), attribute))
            }
        }
    }

    /// The attribute and the part of it that a path means.
    #[must_use]
    pub fn target(&self, path: &super::filter::AttrPath) -> Option<Target> {
        let (extension, attribute) = self.attribute(path.urn.as_deref(), &path.name)?;
        let part = match &path.part {
            Some(name) => Some(attribute.part(name)?),
            None => None,
        };
        Some(Target { extension, attribute, part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_in_their_schema() {
        assert_eq!(USER_TYPE.attribute(None, "USERNAME").unwrap().1.name, "userName");
        assert_eq!(USER_TYPE.attribute(Some(&USER.to_uppercase()), "Id").unwrap().1.name, "id");
        assert_eq!(USER_TYPE.attribute(Some(ENTERPRISE), "department").unwrap().0, Some(ENTERPRISE));
        assert!(USER_TYPE.attribute(None, "department").is_none() && USER_TYPE.attribute(Some(GROUP), "displayName").is_none());
        assert!(GROUP_TYPE.attribute(Some(ENTERPRISE), "department").is_none());
    }

    #[test]
    fn names_are_each_their_own() {
        fn check(attributes: &[Attribute]) {
            let names: std::collections::BTreeSet<_> = attributes.iter().map(|attribute| attribute.name.to_lowercase()).collect();
            assert_eq!(names.len(), attributes.len());
            attributes.iter().for_each(|attribute| check(attribute.parts));
        }
        for schema in [USER_SCHEMA, ENTERPRISE_SCHEMA, GROUP_SCHEMA] {
            check(schema.attributes);
            assert!(schema.attributes.iter().all(|attribute| find(COMMON, attribute.name).is_none()));
        }
    }
}
