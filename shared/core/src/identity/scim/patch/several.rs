//! Attributes with several values.

use serde_json::{Map, Value};

use super::{Action, list, put};
use crate::identity::scim::{
    Fault, Kind,
    filter::{Filter, Literal, Op},
    query::selects,
    resource::{coerce, is_primary},
    schema::{Attribute, Target},
};

/// What several values come to.
pub(super) fn several(action: Action, target: &Target, filter: Option<&Filter>, old: Vec<Value>, value: Value) -> Result<Option<Value>, Fault> {
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
