//! PATCH (RFC 7644, 3.5.2), applied to a user. What Entra and Okta write beside the standard is read as they mean it: names and
//! operations in any case, a list's one value without its list, flags as strings, paths as keys of a value without a path.

use serde_json::{Map, Value};

use super::{
    ENTERPRISE, Fault, Kind, MOST_OPERATIONS,
    filter::{Filter, Literal, Op, PatchPath},
    query::selects,
    resource::{coerce, is_primary},
    schema::{Attribute, Mutability, ResourceType, Target},
};

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

/// What several values come to.
fn several(action: Action, target: &Target, filter: Option<&Filter>, old: Vec<Value>, value: Value) -> Result<Option<Value>, Fault> {
    let values = match (filter, target.part) {
        (None, None) => all(action, target.attribute, old, value)?,
        (None, Some(part)) => each(action, old, part, &value, |_| Ok(true))?,
        (Some(filter), part) => selected(action, target.attribute, filter, old, part, &value)?,
    };
    let values: Vec<Value> = values.into_iter().filter(|value| value.as_object().is_none_or(|parts| !parts.is_empty())).collect();
    coerce(target.attribute, Value::Array(values))
}

fn all(action: Action, attribute: &'static Attribute, mut old: Vec<Value>, value: Value) -> Result<Vec<Value>, Fault> {
    let everything = value.is_null();
    let new = list(coerce(attribute, value)?);
    match action {
        Action::Replace => Ok(new),
        Action::Remove if everything => Ok(Vec::new()),
        // With values: just these go.
        Action::Remove => {
            let same = |one: &Value, other: &Value| one == other || one.get("value").is_some() && one.get("value") == other.get("value");
            old.retain(|value| !new.iter().any(|gone| same(value, gone)));
            Ok(old)
        }
        Action::Add => {
            for value in new {
                if old.contains(&value) {
                    continue;
                }
                demote(&mut old, is_primary(&value));
                old.push(value);
            }
            Ok(old)
        }
    }
}

/// A value that becomes the preferred one takes that from the others (RFC 7644, 3.5.2).
fn demote(others: &mut [Value], primary: bool) {
    if primary {
        others.iter_mut().filter_map(|other| other.get_mut("primary")).for_each(|flag| *flag = false.into());
    }
}

fn each(
    action: Action,
    mut old: Vec<Value>,
    part: &'static Attribute,
    value: &Value,
    is_meant: impl Fn(&Value) -> Result<bool, Fault>,
) -> Result<Vec<Value>, Fault> {
    let becomes_primary = part.name == "primary" && action != Action::Remove && coerce(part, value.clone())? == Some(Value::Bool(true));
    let meant: Vec<bool> = old.iter().map(is_meant).collect::<Result<_, _>>()?;
    if meant.contains(&true) {
        demote(&mut old, becomes_primary);
    }
    for (one, _) in old.iter_mut().zip(meant).filter(|(_, meant)| *meant) {
        if let Value::Object(parts) = one {
            put(parts, action, part, value.clone())?;
        }
    }
    Ok(old)
}

/// An operation on the values that a filter selects.
fn selected(
    action: Action,
    attribute: &'static Attribute,
    filter: &Filter,
    mut old: Vec<Value>,
    part: Option<&'static Attribute>,
    value: &Value,
) -> Result<Vec<Value>, Fault> {
    let is_meant = |one: &Value| selects(attribute, filter, one);
    // Looked at even where there is no value, so that what is no filter is told.
    is_meant(&Value::Null)?;
    let nothing = !old.iter().map(is_meant).collect::<Result<Vec<_>, _>>()?.contains(&true);
    match (action, part) {
        (Action::Remove, None) => {
            let kept: Vec<bool> = old.iter().map(|one| is_meant(one).map(|meant| !meant)).collect::<Result<_, _>>()?;
            let mut kept = kept.into_iter();
            old.retain(|_| kept.next().unwrap_or(true));
            Ok(old)
        }
        (Action::Remove, Some(_)) if nothing => Ok(old),
        (Action::Replace, _) if nothing => Err(Fault::new(Kind::NoTarget, format!("no value of {} is selected", attribute.name))),
        (Action::Add, _) if nothing => {
            let mut made = described(attribute, filter)?;
            merge(&mut made, action, attribute, part, value)?;
            demote(&mut old, made.get("primary").and_then(Value::as_bool) == Some(true));
            old.push(Value::Object(made));
            Ok(old)
        }
        (_, Some(part)) => each(action, old, part, value, is_meant),
        (_, None) => {
            let meant: Vec<bool> = old.iter().map(is_meant).collect::<Result<_, _>>()?;
            demote(&mut old, coerce(attribute, value.clone())?.is_some_and(|new| list(Some(new)).iter().any(is_primary)));
            for (one, _) in old.iter_mut().zip(meant).filter(|(_, meant)| *meant) {
                let mut parts = match one {
                    Value::Object(parts) if action == Action::Add => std::mem::take(parts),
                    _ => Map::new(),
                };
                merge(&mut parts, action, attribute, None, value)?;
                *one = Value::Object(parts);
            }
            Ok(old)
        }
    }
}

fn merge(
    parts: &mut Map<String, Value>,
    action: Action,
    attribute: &'static Attribute,
    part: Option<&'static Attribute>,
    value: &Value,
) -> Result<(), Fault> {
    if let Some(part) = part {
        return put(parts, action, part, value.clone());
    }
    match list(coerce(attribute, value.clone())?).pop() {
        Some(Value::Object(new)) => parts.extend(new),
        _ => return Err(Fault::new(Kind::InvalidValue, format!("a value of {} is an object", attribute.name))),
    }
    Ok(())
}

/// The value that a filter describes by what it wants to be equal: what is added where nothing is selected becomes what it
/// would have selected.
fn described(attribute: &'static Attribute, filter: &Filter) -> Result<Map<String, Value>, Fault> {
    let mut made = Map::new();
    let mut equalities = vec![filter];
    while let Some(filter) = equalities.pop() {
        match filter {
            Filter::All(filters) => equalities.extend(filters),
            Filter::Compare(path, Op::Eq, literal) => {
                let value = match literal {
                    Literal::Text(text) => Value::from(text.as_str()),
                    Literal::Flag(flag) => Value::from(*flag),
                    Literal::Null | Literal::Number(_) => continue,
                };
                if let Some(part) = attribute.part(&path.name) {
                    put(&mut made, Action::Add, part, value)?;
                }
            }
            _ => {}
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests;
