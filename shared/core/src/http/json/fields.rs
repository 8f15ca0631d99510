//! The second pass: value to input type.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use super::{JsonError, source::Source};
use crate::{error::FieldError, text::split_invalid};

/// Most unknown fields that are named in one answer.
const MAX_NAMED: usize = 20;

/// Makes the input of a value.
///
/// serde stops at the first field that does not fit. So that an answer names them all, the field at fault is taken out
/// and the rest is read again, for the errors alone.
pub(super) fn read<T: DeserializeOwned>(mut value: Value) -> Result<T, JsonError> {
    let mut named: Vec<FieldError> = Vec::new();
    loop {
        let kept = value.as_object().cloned();
        match once::<T>(value) {
            Ok(input) if named.is_empty() => return Ok(input),
            Ok(_) => return Err(JsonError::Fields(named)),
            Err(fields) => {
                let found = fields.into_iter().filter(|field| !named.iter().any(|known| known.path == field.path)).collect::<Vec<_>>();
                let top = found.first().and_then(|field| field.path.split(['.', '[']).next()).map(str::to_owned);
                named.extend(found);
                named.truncate(MAX_NAMED);
                let rest = kept.zip(top).and_then(|(mut map, key)| map.shift_remove(&key).map(|_| map));
                // Nothing of it can be taken out: the field is missing, or the whole is no object.
                let Some(rest) = rest.filter(|_| named.len() < MAX_NAMED) else { return Err(JsonError::Fields(named)) };
                value = Value::Object(rest);
            }
        }
    }
}

/// Reads a value once: the input, or the first field at fault and the unknown ones before it.
fn once<T: DeserializeOwned>(value: Value) -> Result<T, Vec<FieldError>> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let result = {
        let mut note = |path: Path<'_>| unknown.push(FieldError::new(written(&path), "unknown_field", "not a field of this input"));
        let deserializer = serde_ignored::Deserializer::new(Source(value), &mut note);
        T::deserialize(serde_path_to_error::Deserializer::new(deserializer, &mut track))
    };
    unknown.truncate(MAX_NAMED);
    match result {
        Ok(input) if unknown.is_empty() => Ok(input),
        Ok(_) => Err(unknown),
        Err(error) => {
            let path = track.path().to_string();
            let mut fields = vec![field_error(if path == "." { "" } else { &path }, &error.to_string())];
            fields.append(&mut unknown);
            Err(fields)
        }
    }
}

/// Refuses U+0000 in any text or key: Postgres has no such character, so no field here can keep it.
pub(super) fn refuse_nul(value: &Value) -> Result<(), JsonError> {
    find_nul(value, &String::new).map_or(Ok(()), |path| Err(JsonError::Fields(vec![FieldError::new(path, "characters", "must not contain U+0000")])))
}

/// The path of the first text with U+0000. As deep as the first pass lets values be.
fn find_nul(value: &Value, path: &dyn Fn() -> String) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(path),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| find_nul(item, &|| format!("{}[{i}]", path()))),
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            if key.contains('\0') {
                return Some(path());
            }
            find_nul(item, &|| join(&path(), key))
        }),
        _ => None,
    }
}

/// Turns serde's sentence into a field error: a stable code, and what was expected rather than what was there.
fn field_error(path: &str, text: &str) -> FieldError {
    if let Some((code, message)) = split_invalid(text) {
        return FieldError::new(path, code, message);
    }
    let quoted = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = text.strip_prefix("missing field `") {
        return FieldError::new(join(path, &quoted(rest)), "required", "is required");
    }
    if let Some(rest) = text.strip_prefix("unknown field `") {
        let name = quoted(rest);
        let ends_so = path == name || path.ends_with(&format!(".{name}"));
        let path = if ends_so { path.to_owned() } else { join(path, &name) };
        return FieldError::new(path, "unknown_field", "not a field of this input");
    }
    let code = [("invalid type", "type"), ("unknown variant", "choice"), ("invalid value", "value"), ("invalid length", "length")]
        .into_iter()
        .find_map(|(start, code)| text.starts_with(start).then_some(code));
    let message = match (code, text.rsplit_once(", expected ")) {
        (Some(_), Some((_, expected))) => format!("expected {}", in_json_words(expected)),
        _ => "not a valid value".to_owned(),
    };
    FieldError::new(path, code.unwrap_or("value"), message)
}

/// What serde calls by Rust's names, in JSON's.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number in range",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of a field that nobody read, written as the paths of errors are.
fn written(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", written(parent)),
        Path::Map { parent, key } => join(&written(parent), key),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => written(parent),
    }
}
