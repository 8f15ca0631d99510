//! Groups: what a body says of one, and what operations come to without looking at who is in it already.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Fault, Kind,
    filter::{Filter, Literal, Op, PatchPath},
    patch::{Action, Operation, members},
    resource::{canonical, coerce, take_name},
    schema::{GROUP_TYPE, Mutability},
};

/// A group as the directory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInput {
    /// Its name.
    pub display_name: String,
    /// What the client calls it.
    pub external_id: Option<String>,
    /// Who is in it.
    pub members: Vec<Uuid>,
}

impl GroupInput {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidValue`.
    pub fn read(body: Value) -> Result<Self, Fault> {
        let mut attributes = canonical(&GROUP_TYPE, body)?;
        let display_name = take_name(&mut attributes, "displayName")?.ok_or_else(nameless)?;
        let external_id = take_name(&mut attributes, "externalId")?;
        Ok(Self { display_name, external_id, members: people(attributes.shift_remove("members").unwrap_or_default())? })
    }
}

fn nameless() -> Fault {
    Fault::new(Kind::InvalidValue, "displayName is required")
}

fn person(value: &Value) -> Result<Uuid, Fault> {
    let id = value.get("value").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
    id.ok_or_else(|| Fault::new(Kind::InvalidValue, "the value of a member is the id of a user"))
}

fn people(value: Value) -> Result<Vec<Uuid>, Fault> {
    let mut people: Vec<Uuid> = match value {
        Value::Array(values) => values.iter().map(person).collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// What is to change of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// Its name.
    pub display_name: Option<String>,
    /// What the client calls it; `Some(None)` clears it.
    pub external_id: Option<Option<String>>,
    /// Whether whoever is in it goes first.
    pub replace: bool,
    /// Who comes in.
    pub add: Vec<Uuid>,
    /// Who goes.
    pub remove: Vec<Uuid>,
}

impl From<GroupInput> for GroupChange {
    fn from(input: GroupInput) -> Self {
        let GroupInput { display_name, external_id, members } = input;
        Self { display_name: Some(display_name), external_id: Some(external_id), replace: true, add: members, remove: Vec::new() }
    }
}

impl GroupChange {
    /// What operations come to, one after the other.
    ///
    /// # Errors
    /// `invalidPath`, `invalidFilter`, `invalidValue`, `mutability`.
    pub fn read(operations: Vec<Operation>) -> Result<Self, Fault> {
        let mut change = Self::default();
        for Operation { action, path, value } in operations {
            match path {
                Some(path) if !path.attribute.is_schema(GROUP_TYPE.schema.id) => change.take(action, &path, value)?,
                _ => {
                    for (path, value) in members(value)? {
                        let target = GROUP_TYPE.target(&path.attribute);
                        if target.is_none_or(|target| target.attribute.mutability != Mutability::ReadOnly) {
                            change.take(action, &path, value)?;
                        }
                    }
                }
            }
        }
        Ok(change)
    }

    fn take(&mut self, action: Action, path: &PatchPath, value: Value) -> Result<(), Fault> {
        let unknown = || Fault::new(Kind::InvalidPath, format!("{} is no attribute of a Group that is changed so", path.attribute));
        let target = GROUP_TYPE.target(&path.attribute).filter(|target| target.part.is_none() && path.part.is_none()).ok_or_else(unknown)?;
        let attribute = target.attribute;
        if attribute.mutability == Mutability::ReadOnly {
            return Err(Fault::new(Kind::Mutability, format!("{} is read only", attribute.name)));
        }
        match (attribute.name, &path.filter) {
            ("members", filter) => self.take_members(action, filter.as_ref(), value.is_null(), coerce(attribute, value)?),
            (name, None) => {
                let value = if action == Action::Remove { None } else { coerce(attribute, value)? };
                let mut one: Map<String, Value> = value.into_iter().map(|value| (name.to_owned(), value)).collect();
                let text = take_name(&mut one, name)?;
                if name == "displayName" {
                    self.display_name = Some(text.ok_or_else(nameless)?);
                } else {
                    self.external_id = Some(text);
                }
                Ok(())
            }
            _ => Err(unknown()),
        }
    }

    fn take_members(&mut self, action: Action, filter: Option<&Filter>, everybody: bool, value: Option<Value>) -> Result<(), Fault> {
        let named = match filter {
            Some(filter) => selected(filter)?,
            None => people(value.unwrap_or_default())?,
        };
        match (action, filter) {
            (Action::Add, None) => {
                self.remove.retain(|one| !named.contains(one));
                self.add.extend(named);
            }
            (Action::Replace, None) => *self = Self { replace: true, add: named, remove: Vec::new(), ..std::mem::take(self) },
            (Action::Remove, None) if everybody => *self = Self { replace: true, add: Vec::new(), remove: Vec::new(), ..std::mem::take(self) },
            (Action::Remove, _) => {
                self.add.retain(|one| !named.contains(one));
                self.remove.extend(named);
            }
            (_, Some(_)) => return Err(Fault::new(Kind::InvalidPath, "members that a filter selects can be removed")),
        }
        Ok(())
    }
}

/// The members that a filter names: `value eq "…"`, or several of these.
fn selected(filter: &Filter) -> Result<Vec<Uuid>, Fault> {
    match filter {
        Filter::Compare(path, Op::Eq, Literal::Text(id)) if path.urn.is_none() && path.part.is_none() && path.name.eq_ignore_ascii_case("value") => {
            // Whoever has no identifier of ours is not in it.
            Ok(Uuid::try_parse(id).ok().into_iter().collect())
        }
        Filter::Any(filters) => filters.iter().try_fold(Vec::new(), |mut all, filter| {
            all.extend(selected(filter)?);
            Ok(all)
        }),
        _ => Err(Fault::new(Kind::InvalidFilter, "members are selected by their value")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{GROUP, patch},
        *,
    };

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);
    const C: Uuid = Uuid::from_u128(3);

    fn change(operations: Value) -> Result<GroupChange, Fault> {
        GroupChange::read(patch::read(json!({ "Operations": operations }))?)
    }

    #[test]
    fn bodies() {
        let body = json!({ "schemas": [GROUP], "displayName": "Staff", "members": [{ "value": B }, { "value": A, "$ref": "x", "type": "User" }, { "value": B }] });
        let input = GroupInput::read(body).unwrap();
        assert_eq!((input.display_name.as_str(), input.members), ("Staff", vec![A, B]));
        for (body, kind) in [
            (json!({ "schemas": [GROUP] }), Kind::InvalidValue),
            (json!({ "schemas": [GROUP], "displayName": "x", "members": [{ "value": "nobody" }] }), Kind::InvalidValue),
            (json!({ "schemas": [GROUP], "displayName": "x", "owners": [] }), Kind::InvalidSyntax),
        ] {
            assert_eq!(GroupInput::read(body).unwrap_err().kind, kind);
        }
    }

    #[test]
    fn operations_add_up() {
        let add = |id: Uuid| json!({ "op": "Add", "path": "members", "value": [{ "value": id }] });
        let remove = |id: Uuid| json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") });
        let sum = change(json!([add(A), add(B), remove(A), remove(C), add(C)])).unwrap();
        assert_eq!((sum.replace, sum.add, sum.remove), (false, vec![B, C], vec![A]));
        let all = change(json!([add(A), { "op": "replace", "path": "members", "value": [{ "value": B }] }, add(C)])).unwrap();
        assert_eq!((all.replace, all.add, all.remove), (true, vec![B, C], vec![]));
        let none = change(json!([add(A), { "op": "remove", "path": "members" }])).unwrap();
        assert_eq!((none.replace, none.add, none.remove), (true, vec![], vec![]));
        // Entra removes with values, Okta replaces without a path.
        let some = change(json!([{ "op": "Remove", "path": "members", "value": [{ "value": A }] }])).unwrap();
        assert_eq!((some.replace, some.remove), (false, vec![A]));
        let okta = change(json!([{ "op": "replace", "value": { "id": "7", "displayName": "New", "externalId": "" } }])).unwrap();
        assert_eq!((okta.display_name.as_deref(), okta.external_id), (Some("New"), Some(None)));
        assert_eq!(change(json!([{ "op": "remove", "path": "members", "value": [] }])).unwrap(), GroupChange::default());
        let either = change(json!([{ "op": "remove", "path": format!("members[value eq \"{A}\" or value eq \"{B}\" or value eq \"x\"]") }])).unwrap();
        assert_eq!(either.remove, vec![A, B]);
    }

    #[test]
    fn what_is_refused() {
        for (operation, kind) in [
            (json!({ "op": "add", "path": "owners", "value": [] }), Kind::InvalidPath),
            (json!({ "op": "add", "path": "members.value", "value": "x" }), Kind::InvalidPath),
            (json!({ "op": "replace", "path": "members[value eq \"x\"]", "value": {} }), Kind::InvalidPath),
            (json!({ "op": "replace", "path": "displayName[a pr]", "value": "x" }), Kind::InvalidPath),
            (json!({ "op": "remove", "path": "members[display eq \"x\"]" }), Kind::InvalidFilter),
            (json!({ "op": "remove", "path": "displayName" }), Kind::InvalidValue),
            (json!({ "op": "add", "path": "members", "value": [{ "value": "x" }] }), Kind::InvalidValue),
            (json!({ "op": "replace", "path": "id", "value": "x" }), Kind::Mutability),
        ] {
            assert_eq!(change(json!([operation])).unwrap_err().kind, kind, "{operation}");
        }
    }
}
