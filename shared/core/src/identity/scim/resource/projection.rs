//! Which attributes an answer has.

use serde_json::{Map, Value};

use crate::identity::scim::{
    ENTERPRISE,
    filter::AttrPath,
    schema::{COMMON, ResourceType, Target, find},
};

/// Which attributes an answer has (RFC 7644, 3.9).
#[derive(Debug, Clone, Default)]
pub struct Projection {
    included: Vec<AttrPath>,
    excluded: Vec<AttrPath>,
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`, names with commas between them. A name that means nothing is nothing.
    #[must_use]
    pub fn read(included: Option<&str>, excluded: Option<&str>) -> Self {
        let names = |text: Option<&str>| text.unwrap_or_default().split(',').filter_map(|name| AttrPath::parse(name.trim())).collect();
        Self { included: names(included), excluded: names(excluded) }
    }

    /// Whether an attribute with parts is in the answer at all, so that nobody gathers what nobody sees.
    #[must_use]
    pub fn shows(&self, of: &ResourceType, name: &str) -> bool {
        let is = |path: &AttrPath| of.target(path).is_some_and(|target| target.attribute.name == name);
        let whole = |path: &AttrPath| path.part.is_none() && is(path);
        if self.included.is_empty() { !self.excluded.iter().any(whole) } else { self.included.iter().any(is) }
    }

    /// What of a resource is shown.
    #[must_use]
    pub fn apply(&self, of: &ResourceType, resource: Map<String, Value>) -> Map<String, Value> {
        if !self.included.is_empty() {
            return self.only(of, resource);
        }
        let mut shown = resource;
        for path in &self.excluded {
            if path.is_schema(ENTERPRISE) {
                shown.shift_remove(ENTERPRISE);
            } else if let Some(target) = of.target(path).filter(|target| !target.attribute.always) {
                without(&mut shown, target);
            }
        }
        shown
    }

    fn only(&self, of: &ResourceType, resource: Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for (key, value) in resource {
            let always = key == "schemas" || find(COMMON, &key).is_some_and(|attribute| attribute.always);
            let whole = |path: &AttrPath| path.is_schema(&key) || of.target(path).is_some_and(|target| is_at(target, &key) && target.part.is_none());
            if always || self.included.iter().any(|path| path.is_schema(&key) || key != ENTERPRISE && whole(path)) {
                shown.insert(key, value);
                continue;
            }
            let targets: Vec<Target> = self.included.iter().filter_map(|path| of.target(path)).filter(|target| is_at(*target, &key)).collect();
            if let Some(value) = parts(&value, &targets) {
                shown.insert(key, value);
            }
        }
        shown
    }
}

/// Whether a target stands in the member of this name: its attribute, or the extension that has it.
fn is_at(target: Target, key: &str) -> bool {
    target.extension.unwrap_or(target.attribute.name) == key
}

fn without(resource: &mut Map<String, Value>, target: Target) {
    let place = match target.extension {
        Some(extension) => resource.get_mut(extension).and_then(Value::as_object_mut),
        None => Some(resource),
    };
    let Some(place) = place else { return };
    let Some(part) = target.part else { return drop(place.shift_remove(target.attribute.name)) };
    match place.get_mut(target.attribute.name) {
        Some(Value::Object(value)) => drop(value.shift_remove(part.name)),
        Some(Value::Array(values)) => values.iter_mut().filter_map(Value::as_object_mut).for_each(|value| drop(value.shift_remove(part.name))),
        _ => {}
    }
}

/// The parts of a value that some targets name.
fn parts(value: &Value, targets: &[Target]) -> Option<Value> {
    let wanted = |name: &str| {
        targets.iter().any(|target| match target.extension {
            Some(_) => target.attribute.name == name,
            None => target.part.is_some_and(|part| part.name == name),
        })
    };
    let of_object = |members: &Map<String, Value>| {
        let kept = members.iter().filter(|(name, _)| wanted(name));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    match value {
        _ if targets.is_empty() => None,
        Value::Object(members) => Some(of_object(members)),
        Value::Array(values) => Some(values.iter().filter_map(Value::as_object).map(of_object).collect()),
        _ => None,
    }
}
