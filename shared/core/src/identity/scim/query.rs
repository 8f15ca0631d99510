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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::schema::{GROUP_TYPE, USER_ATTRIBUTES, USER_TYPE, find},
        *,
    };

    fn path(text: &str) -> String {
        Condition::read(&USER_TYPE, text).unwrap().path.unwrap()
    }

    #[test]
    fn filters_become_paths() {
        for (filter, expected) in [
            (r#"userName eq "Ada@Example.org""#, r#"($."username" == "ada@example.org")"#),
            ("active eq \"False\"", r#"($."active" == false)"#),
            (r#"emails co "EXAMPLE""#, r#"($."emails"."value" like_regex "example" flag "q")"#),
            (r#"userName ew ".org""#, r#"($."username" like_regex "\\.org$")"#),
            (
                r#"emails[type eq "work" and not (primary eq true)]"#,
                r#"exists($."emails"[*] ? (((@."type" == "work") && !((@."primary" == true)))))"#,
            ),
            ("title eq null or title ne \"x\"", r#"(!(exists($."title")) || !($."title" == "x"))"#),
            (r#"meta.created ge "2026-01-01T01:00:00+01:00""#, r#"($."meta"."created" >= "2026-01-01t00:00:00.000z")"#),
            (
                r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "R\"D""#,
                r#"($."urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"."department" starts with "r\"d")"#,
            ),
        ] {
            assert_eq!(path(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_must_hold_narrows() {
        let read = |text| Condition::read(&USER_TYPE, text).unwrap();
        let both = read(r#"userName eq "Ada" and (externalId eq "X" and active eq true)"#);
        assert_eq!((both.name.as_deref(), both.external_id.as_deref(), both.id), (Some("ada"), Some("X"), None));
        for text in [r#"userName eq "a" or title pr"#, r#"not (userName eq "a")"#, r#"userName co "a""#] {
            assert_eq!(read(text).name, None, "{text}");
        }
        let group = Condition::read(&GROUP_TYPE, r#"displayName eq "Staff" and members.value eq "7""#).unwrap();
        assert_eq!(group.name.as_deref(), Some("staff"));
        // A user's display name is nobody's alone.
        assert_eq!(read(r#"displayName eq "Ada""#).name, None);
    }

    #[test]
    fn what_cannot_be_asked_for() {
        for text in [
            r#"shoeSize eq "9""#,
            r#"name eq "x""#,
            r#"active gt true"#,
            r#"active eq "maybe""#,
            r#"userName eq true"#,
            r#"userName[a pr]"#,
            r#"emails[shoe pr]"#,
            r#"emails[type.x pr]"#,
            r#"meta.created gt "yesterday""#,
            r#"meta.created co "2026""#,
            r#"userName gt null"#,
            "userName eq 7",
            r#"userName eq "a\u0000b""#,
            r#"emails[type[a pr]]"#,
            r#"urn:x:y:userName pr"#,
        ] {
            assert_eq!(Condition::read(&USER_TYPE, text).unwrap_err().kind, Kind::InvalidFilter, "{text}");
        }
        assert!(Condition::read(&GROUP_TYPE, "userName pr").is_err());
    }

    #[test]
    fn values_are_selected() {
        let emails = find(USER_ATTRIBUTES, "emails").unwrap();
        let value = json!({ "type": "Work", "value": "ada@example.org", "primary": true });
        for (filter, expected) in [
            ("type eq \"work\"", true),
            ("primary eq false", false),
            ("value co \"EXAMPLE\" and type sw \"w\"", true),
            ("display pr or not (value ew \".com\")", true),
            ("display eq null", true),
            ("display ne \"x\" and value gt \"aa\" and value le \"b\"", true),
            ("display gt \"x\"", false),
        ] {
            assert_eq!(selects(emails, &Filter::parse(filter).unwrap(), &value).unwrap(), expected, "{filter}");
        }
        assert!(selects(emails, &Filter::parse("type eq \"x\" and shoe pr").unwrap(), &value).is_err());
    }

    #[test]
    fn pages() {
        assert_eq!(Page::new(None, None), Page { start: 1, count: MOST_RESULTS });
        assert_eq!(Page::new(Some(-3), Some(-1)), Page { start: 1, count: 0 });
        assert_eq!(Page::new(Some(i64::MAX), Some(i64::MAX)).offset(), i64::MAX - 1);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_a_path_or_refused(text in super::super::filter::tests::written()) {
            if let Ok(condition) = Condition::read(&USER_TYPE, &text) {
                prop_assert!(condition.path.is_some_and(|path| path.contains("$.")));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,100}") {
            let _ = Condition::read(&USER_TYPE, &text);
        }
    }
}
