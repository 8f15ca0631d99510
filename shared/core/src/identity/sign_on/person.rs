//! From a provider's statements to a person.

use super::{Attributes, RoleMapping};
use crate::{id::RoleId, identity::email::Email, text::Name};

/// The longest subject, in bytes.
const LONGEST_SUBJECT: usize = 1024;

/// What providers usually call a mail address, the clearest name first.
const EMAIL: &[&str] = &[
    "email",
    "mail",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:oid:1.2.840.113549.1.9.1",
    "emailAddress",
];
const FIRST_NAME: &[&str] =
    &["given_name", "givenName", "firstName", "first_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "urn:oid:2.5.4.42"];
const LAST_NAME: &[&str] =
    &["family_name", "sn", "surname", "lastName", "last_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "urn:oid:2.5.4.4"];

/// Attributes by name, each with its values.
pub type Claims = [(String, Vec<String>)];

/// How a provider names the person.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The name.
    pub name: &'a str,
    /// Whether it stays the same with every sign-on.
    pub stays: bool,
}

/// What is missing to know somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A mail address.
    Email,
    /// A name that stays.
    Subject,
}

/// Somebody, as a provider knows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that stays.
    pub subject: String,
    /// Their mail address.
    pub email: Email,
    /// Their given name.
    pub first_name: Option<Name>,
    /// Their family name.
    pub last_name: Option<Name>,
    /// The roles that their values are mapped to.
    pub roles: Vec<RoleId>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

impl Person {
    /// Reads a provider's statements. Where no attribute is a mail address, the subject may be one; where the subject changes
    /// each time, the mail address stands for it.
    ///
    /// # Errors
    /// What is missing.
    pub fn read(subject: Subject<'_>, claims: &Claims, attributes: &Attributes, mappings: &[RoleMapping]) -> Result<Self, Missing> {
        let email = values(claims, attributes.email.as_ref(), EMAIL).find_map(|value| Email::parse(value).ok());
        // A configured name is the only one that counts.
        let fallback = || Email::parse(subject.name).ok().filter(|_| attributes.email.is_none());
        let email = email.or_else(fallback).ok_or(Missing::Email)?;
        let name = |configured: Option<&Name>, usual| values(claims, configured, usual).find_map(|value| Name::parse(value).ok());
        let subject = if subject.stays { subject.name } else { email.as_str() };
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
            return Err(Missing::Subject);
        }
        Ok(Self {
            subject: subject.to_owned(),
            first_name: name(attributes.first_name.as_ref(), FIRST_NAME),
            last_name: name(attributes.last_name.as_ref(), LAST_NAME),
            roles: roles(claims, attributes, mappings),
            email,
        })
    }
}

fn values<'a>(claims: &'a Claims, configured: Option<&'a Name>, usual: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let configured = configured.map(Name::as_str);
    let usual = if configured.is_some() { [].as_slice() } else { usual };
    configured.into_iter().chain(usual.iter().copied()).flat_map(move |name| of(claims, name))
}

fn of<'a>(claims: &'a Claims, name: &str) -> impl Iterator<Item = &'a str> {
    claims.iter().filter(move |(known, _)| known == name).flat_map(|(_, values)| values).map(String::as_str).collect::<Vec<_>>().into_iter()
}

fn roles(claims: &Claims, attributes: &Attributes, mappings: &[RoleMapping]) -> Vec<RoleId> {
    let Some(name) = &attributes.roles else { return Vec::new() };
    let given: Vec<&str> = of(claims, name.as_str()).collect();
    mappings.iter().filter(|mapping| given.contains(&mapping.value.as_str())).map(|mapping| mapping.role_id).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn claims(list: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        list.iter().map(|(name, values)| ((*name).to_owned(), values.iter().map(|&value| value.to_owned()).collect())).collect()
    }

    fn named(name: &str) -> Option<Name> {
        Name::parse(name).ok()
    }

    const STAYS: Subject<'_> = Subject { name: "s-1", stays: true };

    #[test]
    fn the_usual_names_are_known() {
        let given = claims(&[("mail", &["no address", "Ada@Acme.example"]), ("givenName", &["Ada"]), ("urn:oid:2.5.4.4", &["Lovelace"])]);
        let person = Person::read(STAYS, &given, &Attributes::default(), &[]).unwrap();
        assert_eq!((person.subject.as_str(), person.email.as_str()), ("s-1", "ada@acme.example"));
        assert_eq!((person.first_name, person.last_name), (named("Ada"), named("Lovelace")));
    }

    #[test]
    fn a_configured_name_is_the_only_one() {
        let attributes = Attributes { email: named("upn"), ..Attributes::default() };
        let given = claims(&[("email", &["eve@acme.example"]), ("upn", &["ada@acme.example"])]);
        assert_eq!(Person::read(STAYS, &given, &attributes, &[]).unwrap().email.as_str(), "ada@acme.example");
        let mail = Subject { name: "eve@acme.example", stays: true };
        assert_eq!(Person::read(mail, &claims(&[("email", &["eve@acme.example"])]), &attributes, &[]), Err(Missing::Email));
    }

    #[test]
    fn the_subject_may_be_the_address_and_the_address_the_subject() {
        let mail = Subject { name: "Ada@acme.example", stays: true };
        assert_eq!(Person::read(mail, &[], &Attributes::default(), &[]).unwrap().email.as_str(), "ada@acme.example");
        let given = claims(&[("email", &["ada@acme.example"])]);
        let changing = Subject { name: "x-9", stays: false };
        assert_eq!(Person::read(changing, &given, &Attributes::default(), &[]).unwrap().subject, "ada@acme.example");
        assert_eq!(Person::read(STAYS, &[], &Attributes::default(), &[]), Err(Missing::Email));
        let long = "s".repeat(LONGEST_SUBJECT + 1);
        for name in ["", &long] {
            assert_eq!(Person::read(Subject { name, stays: true }, &given, &Attributes::default(), &[]), Err(Missing::Subject));
        }
    }

    #[test]
    fn roles_are_mapped_letter_by_letter() {
        let role = |n: u128| RoleId::from(Uuid::from_u128(n));
        let mappings = [("Admins", 1), ("Staff", 2), ("admins", 3)].map(|(value, n)| RoleMapping { value: named(value).unwrap(), role_id: role(n) });
        let attributes = Attributes { roles: named("groups"), ..Attributes::default() };
        let given = claims(&[("email", &["ada@acme.example"]), ("groups", &["Staff", "Admins", "Others"])]);
        assert_eq!(Person::read(STAYS, &given, &attributes, &mappings).unwrap().roles, [role(1), role(2)]);
        assert!(Person::read(STAYS, &given, &Attributes::default(), &mappings).unwrap().roles.is_empty());
    }
}
