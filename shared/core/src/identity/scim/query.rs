//! What a list is asked for: a filter as Postgres evaluates it, which page, and which attributes.
//!
//! A filter becomes an SQL/JSON path over a copy of the resource that is all in lower case. Values go into it as JSON strings,
//! names come from the schema's tables, so nothing of the client's text is ever syntax. Where case counts (`id`, `externalId`)
//! the exact value stands beside the path in [`Condition`].

use serde_json::Value;

use super::{
    Fault, Kind, MOST_RESULTS,
    filter::{AttrPath, Filter, Literal, Op},
    schema::{Attribute, ResourceType, Target, Type},
};
use crate::time::Timestamp;

/// A filter, ready for the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The path that must be true of a resource in lower case; `None` for all.
    pub path: Option<String>,
    /// What its unique name must be, in lower case: a user's `userName`, a group's `displayName`. An index finds it.
    pub name: Option<String>,
    /// What its `externalId` must be.
    pub external_id: Option<String>,
    /// What its `id` must be.
    pub id: Option<String>,
}

impl Condition {
    /// Reads a filter over a type of resources.
    ///
    /// # Errors
    /// `invalidFilter` for what cannot be read, names what is no attribute, or compares what cannot be compared so.
    pub fn read(of: &ResourceType, text: &str) -> Result<Self, Fault> {
        let filter = Filter::parse(text)?;
        let mut condition = Self { path: Some(expression(of, &filter)?), ..Self::default() };
        condition.narrow(of, &filter);
        Ok(condition)
    }

    /// Notes what every match must have, so that an index finds the few there can be.
    fn narrow(&mut self, of: &ResourceType, filter: &Filter) {
        match filter {
            Filter::All(filters) => filters.iter().for_each(|filter| self.narrow(of, filter)),
            Filter::Compare(path, Op::Eq, Literal::Text(value)) => {
                let Some(Target { extension: None, attribute, part: None }) = of.target(path) else { return };
                match attribute.name {
                    "id" => self.id = Some(value.clone()),
                    "externalId" => self.external_id = Some(value.clone()),
                    _ if attribute.unique => self.name = Some(value.to_lowercase()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(Kind::InvalidFilter, detail)
}

fn expression(of: &ResourceType, filter: &Filter) -> Result<String, Fault> {
    let named = |path: &AttrPath| of.target(path).ok_or_else(|| invalid(format!("{path} is no attribute of a {}", of.name)));
    Ok(match filter {
        Filter::Compare(path, op, value) => {
            let target = named(path)?;
            let part = target.part.or_else(|| target.attribute.many.then(|| target.attribute.part("value")).flatten());
            compared(&steps(target.extension, target.attribute, part), part.unwrap_or(target.attribute), *op, value)?
        }
        Filter::Present(path) => {
            let target = named(path)?;
            present(&steps(target.extension, target.attribute, target.part))
        }
        Filter::Within(path, inner) => {
            let target = named(path)?;
            if target.part.is_some() || !target.attribute.many {
                return Err(invalid(format!("{path} has not several values")));
            }
            format!("exists({}[*] ? ({}))", steps(target.extension, target.attribute, None), within(target.attribute, inner)?)
        }
        Filter::Not(inner) => format!("!({})", expression(of, inner)?),
        Filter::All(filters) => joined(filters, " && ", |filter| expression(of, filter))?,
        Filter::Any(filters) => joined(filters, " || ", |filter| expression(of, filter))?,
    })
}

/// A filter over the parts of one value.
fn within(parent: &'static Attribute, filter: &Filter) -> Result<String, Fault> {
    Ok(match filter {
        Filter::Compare(path, op, value) => {
            let part = part_of(parent, path)?;
            compared(&format!("@{}", step(part.name)), part, *op, value)?
        }
        Filter::Present(path) => present(&format!("@{}", step(part_of(parent, path)?.name))),
        Filter::Within(path, _) => return Err(invalid(format!("{path} has not several values"))),
        Filter::Not(inner) => format!("!({})", within(parent, inner)?),
        Filter::All(filters) => joined(filters, " && ", |filter| within(parent, filter))?,
        Filter::Any(filters) => joined(filters, " || ", |filter| within(parent, filter))?,
    })
}

fn part_of(parent: &'static Attribute, path: &AttrPath) -> Result<&'static Attribute, Fault> {
    let plain = path.urn.is_none() && path.part.is_none();
    plain.then(|| parent.part(&path.name)).flatten().ok_or_else(|| invalid(format!("{} has no part {path}", parent.name)))
}

fn joined(filters: &[Filter], between: &str, each: impl Fn(&Filter) -> Result<String, Fault>) -> Result<String, Fault> {
    let all: Vec<String> = filters.iter().map(each).collect::<Result<_, _>>()?;
    Ok(format!("({})", all.join(between)))
}

fn steps(extension: Option<&str>, attribute: &Attribute, part: Option<&Attribute>) -> String {
    let names = extension.into_iter().chain([attribute.name]).chain(part.map(|part| part.name));
    names.fold(String::from("$"), |steps, name| steps + &step(name))
}

fn step(name: &str) -> String {
    format!(".{}", quoted(&name.to_lowercase()))
}

fn present(place: &str) -> String {
    // What is empty is not kept, so that whatever is there has a value.
    format!("exists({place})")
}

/// What a value is compared with, once it is known to be of the attribute's type.
enum Comparand {
    Text(String),
    Flag(bool),
    Nothing,
}

fn comparand(leaf: &Attribute, op: Op, value: &Literal) -> Result<Comparand, Fault> {
    let wrong = || invalid(format!("{} is not compared so", leaf.name));
    let equality = matches!(op, Op::Eq | Op::Ne);
    match (leaf.kind, value) {
        (Type::Complex, _) => Err(invalid(format!("{} has parts, and is compared by one of them", leaf.name))),
        (_, Literal::Null) if equality => Ok(Comparand::Nothing),
        (Type::Boolean, Literal::Flag(flag)) if equality => Ok(Comparand::Flag(*flag)),
        // As some clients write it.
        (Type::Boolean, Literal::Text(text)) if equality => flag(text).map(Comparand::Flag).ok_or_else(wrong),
        (Type::DateTime, Literal::Text(text)) if !matches!(op, Op::Co | Op::Sw | Op::Ew) => {
            let time: jiff::Timestamp = text.parse().map_err(|_| invalid(format!("{} is compared with an RFC 3339 time", leaf.name)))?;
            Ok(Comparand::Text(Timestamp::from(time).to_string().to_lowercase()))
        }
        (Type::String | Type::Reference(_), Literal::Text(text)) => Ok(Comparand::Text(text.to_lowercase())),
        (Type::Binary, Literal::Text(text)) if equality => Ok(Comparand::Text(text.to_lowercase())),
        _ => Err(wrong()),
    }
    .and_then(|comparand| match &comparand {
        Comparand::Text(text) if text.contains('\0') => Err(invalid("U+0000 is in no value")),
        _ => Ok(comparand),
    })
}

/// `true` and `false` in any case.
pub(super) fn flag(text: &str) -> Option<bool> {
    [("true", true), ("false", false)].into_iter().find_map(|(word, flag)| text.eq_ignore_ascii_case(word).then_some(flag))
}

fn compared(place: &str, leaf: &Attribute, op: Op, value: &Literal) -> Result<String, Fault> {
    let value = match comparand(leaf, op, value)? {
        Comparand::Nothing if op == Op::Eq => return Ok(format!("!({})", present(place))),
        Comparand::Nothing => return Ok(present(place)),
        Comparand::Flag(flag) => flag.to_string(),
        Comparand::Text(text) if op == Op::Ew => quoted(&format!("{}$", escaped(&text))),
        Comparand::Text(text) => quoted(&text),
    };
    Ok(match op {
        Op::Eq => format!("({place} == {value})"),
        // What is missing is not equal either.
        Op::Ne => format!("!({place} == {value})"),
        Op::Co => format!("({place} like_regex {value} flag \"q\")"),
        Op::Sw => format!("({place} starts with {value})"),
        Op::Ew => format!("({place} like_regex {value})"),
        Op::Gt => format!("({place} > {value})"),
        Op::Ge => format!("({place} >= {value})"),
        Op::Lt => format!("({place} < {value})"),
        Op::Le => format!("({place} <= {value})"),
    })
}

/// A string as SQL/JSON paths write it, which is JSON's way.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text as a regular expression that matches just it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}

/// Whether one value of a multi-valued attribute is what a filter selects.
///
/// # Errors
/// `invalidFilter`.
pub fn selects(parent: &'static Attribute, filter: &Filter, value: &Value) -> Result<bool, Fault> {
    Ok(match filter {
        Filter::Compare(path, op, literal) => {
            let part = part_of(parent, path)?;
            let comparand = comparand(part, *op, literal)?;
            let there = value.get(part.name);
            holds(there, *op, &comparand)
        }
        Filter::Present(path) => value.get(part_of(parent, path)?.name).is_some_and(|value| !value.is_null()),
        Filter::Within(path, _) => return Err(invalid(format!("{path} has not several values"))),
        Filter::Not(inner) => !selects(parent, inner, value)?,
        // Each is looked at, so that what is wrong is told whatever the values are.
        Filter::All(filters) => filters.iter().try_fold(true, |all, filter| Ok(selects(parent, filter, value)? && all))?,
        Filter::Any(filters) => filters.iter().try_fold(false, |any, filter| Ok(selects(parent, filter, value)? || any))?,
    })
}

fn holds(there: Option<&Value>, op: Op, comparand: &Comparand) -> bool {
    let text = there.and_then(Value::as_str).map(str::to_lowercase);
    let equal = match comparand {
        Comparand::Nothing => there.is_none_or(Value::is_null),
        Comparand::Flag(flag) => there.and_then(Value::as_bool) == Some(*flag),
        Comparand::Text(wanted) => text.as_deref() == Some(wanted),
    };
    let (Some(text), Comparand::Text(wanted)) = (text, comparand) else { return if op == Op::Ne { !equal } else { op == Op::Eq && equal } };
    match op {
        Op::Eq => equal,
        Op::Ne => !equal,
        Op::Co => text.contains(wanted),
        Op::Sw => text.starts_with(wanted),
        Op::Ew => text.ends_with(wanted),
        Op::Gt => text > *wanted,
        Op::Ge => text >= *wanted,
        Op::Lt => text < *wanted,
        Op::Le => text <= *wanted,
    }
}

/// Which of the matches are shown (RFC 7644, 3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first one, from 1.
    pub start: i64,
    /// How many at most.
    pub count: i64,
}

impl Page {
    /// Reads `startIndex` and `count`. What is less than it may be is the least that it may be; more than a page holds is a page.
    #[must_use]
    pub fn new(start: Option<i64>, count: Option<i64>) -> Self {
        Self { start: start.unwrap_or(1).max(1), count: count.unwrap_or(MOST_RESULTS).clamp(0, MOST_RESULTS) }
    }

    /// How many matches come before it.
    #[must_use]
    pub const fn offset(self) -> i64 {
        self.start.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests;
