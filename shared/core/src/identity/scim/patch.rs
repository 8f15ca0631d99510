//! PATCH (RFC 7644, 3.5.2), applied to a user. What Entra and Okta write beside the standard is read as they mean it: names and
//! operations in any case, a list's one value without its list, flags as strings, paths as keys of a value without a path.

use serde_json::{Map, Value};

use super::{
    ENTERPRISE, Fault, Kind, MOST_OPERATIONS,
    filter::{Filter, PatchPath},
    resource::coerce,
    schema::{Attribute, Mutability, ResourceType, Target},
};

use several::several;

mod several;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Puts a value in, beside those that there are.
    Add,
    /// Puts a value in the place of another.
    Replace,
    /// Takes a value out.
    Remove,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub action: Action,
    /// What it is aimed at; the resource itself without.
    pub path: Option<PatchPath>,
    /// The value.
    pub value: Value,
}

fn syntax(detail: &str) -> Fault {
    Fault::new(Kind::InvalidSyntax, detail)
}

/// Reads the body of a PATCH.
///
/// # Errors
/// `invalidSyntax`, `invalidPath`, `tooMany`.
pub fn read(body: Value) -> Result<Vec<Operation>, Fault> {
    let operations = match body {
        Value::Object(body) => body.into_iter().find(|(key, _)| key.eq_ignore_ascii_case("Operations")).map(|(_, value)| value),
        _ => None,
    };
    let Some(Value::Array(operations)) = operations else { return Err(syntax("Operations is a list")) };
    if operations.is_empty() {
        return Err(syntax("there is no operation"));
    }
    if operations.len() > MOST_OPERATIONS {
        return Err(Fault::new(Kind::TooMany, format!("{MOST_OPERATIONS} operations at most")));
    }
    operations.into_iter().map(operation).collect()
}

fn operation(body: Value) -> Result<Operation, Fault> {
    let Value::Object(body) = body else { return Err(syntax("an operation is an object")) };
    let (mut action, mut path, mut value) = (None, None, Value::Null);
    for (key, member) in body {
        match key.to_ascii_lowercase().as_str() {
            "op" => action = member.as_str().map(str::to_ascii_lowercase),
            "path" => path = Some(member).filter(|path| !path.is_null()),
            "value" => value = member,
            _ => return Err(syntax("an operation has op, path and value")),
        }
    }
    let action = match action.as_deref() {
        Some("add") => Action::Add,
        Some("replace") => Action::Replace,
        Some("remove") => Action::Remove,
        _ => return Err(syntax("op is add, replace or remove")),
    };
    let path = match path {
        None => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(PatchPath::parse(&path)?),
        Some(_) => return Err(syntax("path is a string")),
    };
    if path.is_none() && action == Action::Remove {
        return Err(Fault::new(Kind::NoTarget, "remove has a path"));
    }
    Ok(Operation { action, path, value })
}

/// The operations of one without a path: each member of its value is a path of its own.
///
/// # Errors
/// `invalidSyntax` for a value that is no object, `invalidPath` for a key that is no path.
pub fn members(value: Value) -> Result<Vec<(PatchPath, Value)>, Fault> {
    let Value::Object(members) = value else { return Err(syntax("without a path, value is an object")) };
    members.into_iter().filter(|(key, _)| !key.eq_ignore_ascii_case("schemas")).map(|(key, value)| Ok((PatchPath::parse(&key)?, value))).collect()
}

/// Applies operations to a resource, one after the other.
///
/// # Errors
/// The first one's that cannot be done; the resource is of no use then.
pub fn apply(of: &ResourceType, resource: &mut Map<String, Value>, operations: Vec<Operation>) -> Result<(), Fault> {
    for Operation { action, path, value } in operations {
        match path {
            Some(path) if path.filter.is_none() && path.attribute.is_schema(of.schema.id) => whole(of, resource, action, value)?,
            Some(path) => at(of, resource, action, &path, value)?,
            None => whole(of, resource, action, value)?,
        }
    }
    // What has lost its last attribute is not there any more.
    resource.retain(|key, value| key != ENTERPRISE || value.as_object().is_some_and(|members| !members.is_empty()));
    Ok(())
}

fn whole(of: &ResourceType, resource: &mut Map<String, Value>, action: Action, value: Value) -> Result<(), Fault> {
    if action == Action::Remove {
        return Err(Fault::new(Kind::NoTarget, "remove has a path to an attribute"));
    }
    for (path, value) in members(value)? {
        // What is not the client's to write is no fault among other members.
        if of.target(&path.attribute).is_none_or(|target| target.attribute.mutability != Mutability::ReadOnly) {
            at(of, resource, action, &path, value)?;
        }
    }
    Ok(())
}

fn at(of: &ResourceType, resource: &mut Map<String, Value>, action: Action, path: &PatchPath, value: Value) -> Result<(), Fault> {
    if let Some(extension) = of.extension.filter(|extension| path.filter.is_none() && path.attribute.is_schema(extension.id)) {
        return extended(of, resource, extension.id, action, value);
    }
    let unknown = || Fault::new(Kind::InvalidPath, format!("{} is no attribute of a {}", path.attribute, of.name));
    let mut target = of.target(&path.attribute).ok_or_else(unknown)?;
    if let Some(part) = &path.part {
        target.part = Some(target.attribute.part(part).ok_or_else(unknown)?);
    }
    if target.attribute.mutability == Mutability::ReadOnly || target.leaf().mutability == Mutability::ReadOnly {
        return Err(Fault::new(Kind::Mutability, format!("{} is read only", path.attribute)));
    }
    if path.filter.is_some() && !target.attribute.many {
        return Err(Fault::new(Kind::InvalidPath, format!("{} has not several values", path.attribute)));
    }
    let place = match target.extension {
        None => resource,
        Some(extension) => resource.entry(extension).or_insert_with(|| Map::new().into()).as_object_mut().ok_or_else(unknown)?,
    };
    change(place, action, &target, path.filter.as_ref(), value)
}

/// An operation on an extension as a whole.
fn extended(of: &ResourceType, resource: &mut Map<String, Value>, urn: &str, action: Action, value: Value) -> Result<(), Fault> {
    if action == Action::Remove {
        resource.shift_remove(urn);
        return Ok(());
    }
    for (mut path, value) in members(value)? {
        path.attribute.urn = Some(urn.to_owned());
        at(of, resource, action, &path, value)?;
    }
    Ok(())
}

fn change(place: &mut Map<String, Value>, action: Action, target: &Target, filter: Option<&Filter>, value: Value) -> Result<(), Fault> {
    let attribute = target.attribute;
    let old = place.shift_remove(attribute.name);
    let new = if attribute.many { several(action, target, filter, list(old), value)? } else { one(action, target, old, value)? };
    if new.is_none() && attribute.required {
        return Err(Fault::new(Kind::InvalidValue, format!("{} is required", attribute.name)));
    }
    place.extend(new.map(|new| (attribute.name.to_owned(), new)));
    Ok(())
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(values)) => values,
        other => other.into_iter().collect(),
    }
}

/// What a single value comes to.
fn one(action: Action, target: &Target, old: Option<Value>, value: Value) -> Result<Option<Value>, Fault> {
    let attribute = target.attribute;
    let Some(part) = target.part else {
        let new = if action == Action::Remove { None } else { coerce(attribute, value)? };
        return Ok(match (old, new) {
            // Of a complex value, the parts that are not mentioned stay (RFC 7644, 3.5.2.3).
            (Some(Value::Object(mut old)), Some(Value::Object(new))) => {
                old.extend(new);
                Some(Value::Object(old))
            }
            (_, new) => new,
        });
    };
    let mut parts = match old {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    put(&mut parts, action, part, value)?;
    Ok((!parts.is_empty()).then_some(Value::Object(parts)))
}

fn put(parts: &mut Map<String, Value>, action: Action, part: &'static Attribute, value: Value) -> Result<(), Fault> {
    let new = if action == Action::Remove { None } else { coerce(part, value)? };
    parts.shift_remove(part.name);
    parts.extend(new.map(|new| (part.name.to_owned(), new)));
    Ok(())
}

#[cfg(test)]
mod tests;
