//! Bodies made canonical: names in the schema's spelling, values of their types, nothing that is not the client's to write.

use serde_json::{Map, Value};

use super::{
    ENTERPRISE, Fault, Kind, USER, document,
    query::flag,
    schema::{Attribute, COMMON, Mutability, ResourceType, Type, USER_TYPE, find},
};
use crate::identity::email::Email;

pub use projection::Projection;

mod projection;

/// Longest text of a value, in characters.
const LONGEST: usize = 2048;
/// Longest name of a user or a group, and longest `externalId`, in characters.
pub const LONGEST_NAME: usize = 256;
/// Values of one attribute at most; a group's members are not counted so.
const MOST_VALUES: usize = 200;

fn value_fault(detail: String) -> Fault {
    Fault::new(Kind::InvalidValue, detail)
}

/// The attributes of a body that are the client's to write, in the schema's spelling.
///
/// # Errors
/// `invalidSyntax` for what is no such resource or has unknown attributes, `invalidValue` for values of another type.
pub fn canonical(of: &ResourceType, body: Value) -> Result<Map<String, Value>, Fault> {
    let Value::Object(body) = body else { return Err(Fault::new(Kind::InvalidSyntax, format!("the body is no {}", of.name))) };
    check_schemas(of, &body)?;
    let mut resource = Map::new();
    for (key, value) in body {
        if let Some((name, value)) = member(of, &key, value)? {
            resource.insert(name.to_owned(), value);
        }
    }
    Ok(resource)
}

fn check_schemas(of: &ResourceType, body: &Map<String, Value>) -> Result<(), Fault> {
    let stated = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).and_then(|(_, value)| value.as_array());
    let is = |one: &Value, id: &str| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(id));
    if stated.is_some_and(|stated| stated.iter().any(|one| is(one, of.schema.id))) {
        Ok(())
    } else {
        Err(Fault::new(Kind::InvalidSyntax, format!("schemas lacks {}", of.schema.id)))
    }
}

/// One member of a body: its canonical name and value; `None` for what is left out.
fn member(of: &ResourceType, key: &str, value: Value) -> Result<Option<(&'static str, Value)>, Fault> {
    // Some clients send a password with every new user. It is nobody's here, and is not kept.
    let ignored = key.eq_ignore_ascii_case("schemas") || of.name == USER_TYPE.name && key.eq_ignore_ascii_case("password");
    if ignored {
        return Ok(None);
    }
    if let Some(extension) = of.extension.filter(|extension| extension.id.eq_ignore_ascii_case(key)) {
        return Ok(object(extension.attributes, key, value)?.map(|value| (extension.id, value)));
    }
    let attribute = find(of.schema.attributes, key).or_else(|| find(COMMON, key));
    let attribute = attribute.ok_or_else(|| Fault::new(Kind::InvalidSyntax, format!("{key} is no attribute of a {}", of.name)))?;
    // What is not the client's to write is no fault in a body, which may be an answer changed and sent back (RFC 7644, 3.5.1).
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(None);
    }
    Ok(coerce(attribute, value)?.map(|value| (attribute.name, value)))
}

/// A value as its attribute has it; `None` where it is none (RFC 7643, 2.5).
///
/// # Errors
/// `invalidValue`, `invalidSyntax`.
pub fn coerce(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, Fault> {
    if !attribute.many {
        return single(attribute, value);
    }
    let values = match value {
        Value::Null => return Ok(None),
        Value::Array(values) => values,
        // One, without its list.
        one => vec![one],
    };
    let values: Vec<Value> = values.into_iter().filter_map(|value| single(attribute, value).transpose()).collect::<Result<_, _>>()?;
    let primary = values.iter().filter(|value| is_primary(value)).count();
    if attribute.name != "members" && values.len() > MOST_VALUES {
        return Err(Fault::new(Kind::TooMany, format!("{} has {MOST_VALUES} values at most", attribute.name)));
    }
    if primary > 1 {
        return Err(value_fault(format!("one of {} is primary at most", attribute.name)));
    }
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

/// Whether a value is the preferred one.
#[must_use]
pub fn is_primary(value: &Value) -> bool {
    value.get("primary").and_then(Value::as_bool) == Some(true)
}

fn single(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, Fault> {
    let wrong = |expected: &str| Err(value_fault(format!("{} is {expected}", attribute.name)));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Type::Boolean, Value::Bool(flag)) => Ok(Some(flag.into())),
        (Type::Boolean, Value::String(text)) => match flag(&text) {
            Some(flag) => Ok(Some(flag.into())),
            None => wrong("true or false"),
        },
        (Type::Boolean, _) => wrong("true or false"),
        (Type::Complex, Value::String(text)) => match attribute.part("value") {
            // A value without its object.
            Some(part) => object(attribute.parts, attribute.name, Value::Object(Map::from_iter([(part.name.to_owned(), text.into())]))),
            None => wrong("an object"),
        },
        (Type::Complex, value) => object(attribute.parts, attribute.name, value),
        (_, Value::String(text)) if text.is_empty() => Ok(None),
        (_, Value::String(text)) if text.chars().count() > LONGEST => wrong("too long"),
        (_, Value::String(text)) => Ok(Some(text.into())),
        _ => wrong("a string"),
    }
}

fn object(parts: &'static [Attribute], name: &str, value: Value) -> Result<Option<Value>, Fault> {
    let members = match value {
        Value::Null => return Ok(None),
        Value::Object(members) => members,
        _ => return Err(value_fault(format!("{name} is an object"))),
    };
    let mut made = Map::new();
    for (key, value) in members {
        let part = find(parts, &key).ok_or_else(|| Fault::new(Kind::InvalidSyntax, format!("{key} is no part of {name}")))?;
        if part.mutability != Mutability::ReadOnly
            && let Some(value) = coerce(part, value)?
        {
            made.insert(part.name.to_owned(), value);
        }
    }
    Ok((!made.is_empty()).then_some(Value::Object(made)))
}

/// A user as the directory describes them.
#[derive(Clone, PartialEq)]
pub struct UserInput {
    /// What the directory calls the person.
    pub user_name: String,
    /// What the client calls the resource.
    pub external_id: Option<String>,
    /// Whether the person may sign in; `None` where nothing is said.
    pub active: Option<bool>,
    /// Everything else.
    pub attributes: Map<String, Value>,
}

impl UserInput {
    /// Reads a body.
    ///
    /// # Errors
    /// As [`canonical`]; `invalidValue` without a name.
    pub fn read(body: Value) -> Result<Self, Fault> {
        Self::of(canonical(&USER_TYPE, body)?)
    }

    /// The same of a resource that is canonical already.
    ///
    /// # Errors
    /// `invalidValue` without a name.
    pub fn of(mut attributes: Map<String, Value>) -> Result<Self, Fault> {
        let user_name = take_name(&mut attributes, "userName")?.ok_or_else(|| value_fault("userName is required".into()))?;
        let external_id = take_name(&mut attributes, "externalId")?;
        let active = attributes.shift_remove("active").and_then(|active| active.as_bool());
        Ok(Self { user_name, external_id, active, attributes })
    }

    /// The resource that PATCH changes.
    #[must_use]
    pub fn into_document(self) -> Map<String, Value> {
        let mut document = self.attributes;
        document.insert("userName".into(), self.user_name.into());
        document.extend(self.external_id.map(|id| ("externalId".to_owned(), Value::from(id))));
        document.extend(self.active.map(|active| ("active".to_owned(), Value::from(active))));
        document
    }

    /// The address of the account: the primary one, else the first; the user's name where there is none.
    ///
    /// # Errors
    /// `invalidValue` where that is no mail address.
    pub fn address(&self) -> Result<Email, Fault> {
        let emails = self.attributes.get("emails").and_then(Value::as_array);
        let chosen = emails.and_then(|emails| emails.iter().find(|email| is_primary(email)).or_else(|| emails.first()));
        let address = chosen.and_then(|email| email.get("value")).and_then(Value::as_str);
        let fault = |_| match address {
            Some(_) => value_fault("the address in emails is no mail address".into()),
            None => value_fault("emails holds an address, or userName is one".into()),
        };
        Email::parse(address.unwrap_or(&self.user_name)).map_err(fault)
    }

    /// A part of the name, as far as an account keeps one.
    #[must_use]
    pub fn name(&self, part: &str) -> Option<String> {
        let text = self.attributes.get("name")?.get(part)?.as_str()?;
        crate::text::Name::parse(text).ok().map(crate::text::Name::into_string)
    }
}

impl std::fmt::Debug for UserInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserInput").field("active", &self.active).finish_non_exhaustive()
    }
}

/// Takes a name out; without blanks at its ends, not empty, not too long.
///
/// # Errors
/// `invalidValue`.
pub fn take_name(attributes: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Fault> {
    let Some(Value::String(text)) = attributes.shift_remove(key) else { return Ok(None) };
    let name = text.trim();
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(value_fault(format!("{key} has at most {LONGEST_NAME} characters, none of them a control character")));
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// The schemas that a user is of.
#[must_use]
pub fn user_schemas(resource: &Map<String, Value>) -> Value {
    let extension = document::uses_extension(resource).then_some(ENTERPRISE);
    [USER].into_iter().chain(extension).collect()
}

#[cfg(test)]
mod tests;
