//! What somebody wants to see of the trail, read from a query string.

use uuid::Uuid;

use crate::{
    error::{FieldError, Problem},
    id::UserId,
    time::Timestamp,
};

/// Longest name of an actor, action, type or kind, in bytes.
const LONGEST: usize = 120;

/// What is wanted of the change log; `None` is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Who, as `user:…`, `anonymous`, `platform:…`.
    pub actor: Option<String>,
    /// What was done, as `roles.update`.
    pub action: Option<String>,
    /// To what kind of thing, as `roles`.
    pub resource_type: Option<String>,
    /// To which.
    pub resource_id: Option<Uuid>,
    /// When.
    pub period: Period,
}

impl LogFilter {
    /// Reads `actor` (a person's id alone is good too), `action`, `resource_type`, `resource_id`, `from`, `to`.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` with every field that cannot be meant.
    pub fn read(query: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let mut reader = Reader::new(query);
        let filter = Self {
            actor: reader.read("actor", "actor", "user:<id>, a person's id, anonymous, or platform:<reason>", actor),
            action: reader.name("action"),
            resource_type: reader.name("resource_type"),
            resource_id: reader.read("resource_id", "uuid", "not an identifier", |text| text.parse().ok()),
            period: reader.period(),
        };
        reader.done(filter)
    }
}

/// What is wanted of the security events; `None` is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// What happened, as `sign_in.failed`.
    pub kind: Option<String>,
    /// How grave: `info`, `warning`, `critical`.
    pub severity: Option<String>,
    /// Whom it concerns.
    pub user_id: Option<UserId>,
    /// When.
    pub period: Period,
}

impl EventFilter {
    /// Reads `kind`, `severity`, `user_id`, `from`, `to`.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` with every field that cannot be meant.
    pub fn read(query: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let mut reader = Reader::new(query);
        let severity = |text: &str| ["info", "warning", "critical"].contains(&text).then(|| text.to_owned());
        let filter = Self {
            kind: reader.name("kind"),
            severity: reader.read("severity", "one_of", "info, warning or critical", severity),
            user_id: reader.read("user_id", "uuid", "not an identifier", |text| text.parse().ok()),
            period: reader.period(),
        };
        reader.done(filter)
    }
}

/// A stretch of time, its beginning included and its end not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Option<Timestamp>,
}

struct Reader<Q> {
    query: Q,
    wrong: Vec<FieldError>,
}

impl<Q: Fn(&str) -> Option<String>> Reader<Q> {
    const fn new(query: Q) -> Self {
        Self { query, wrong: Vec::new() }
    }

    fn read<T>(&mut self, name: &str, code: &str, rule: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = (self.query)(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.wrong.push(FieldError::new(name, code, rule));
        }
        value
    }

    fn name(&mut self, name: &str) -> Option<String> {
        self.read(name, "name", "lower-case words with dots between, as users.update", |text| is_name(text).then(|| text.to_owned()))
    }

    fn period(&mut self) -> Period {
        let (code, rule) = ("time", "not a time as RFC 3339 has it, like 2026-01-28T09:30:00Z");
        let time = |text: &str| text.parse::<jiff::Timestamp>().ok().map(Timestamp::from);
        let period = Period { from: self.read("from", code, rule, time), to: self.read("to", code, rule, time) };
        if let (Some(from), Some(to)) = (period.from, period.to)
            && from >= to
        {
            self.wrong.push(FieldError::new("to", "range", "not after from"));
        }
        period
    }

    fn done<T>(self, filter: T) -> Result<T, Problem> {
        if self.wrong.is_empty() { Ok(filter) } else { Err(Problem::fields(&self.wrong)) }
    }
}

fn is_name(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    text.len() <= LONGEST && text.split('.').all(word)
}

/// An actor as the trail writes it.
fn actor(text: &str) -> Option<String> {
    if let Ok(id) = text.parse::<UserId>() {
        return Some(format!("user:{id}"));
    }
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let known = match kind {
        "user" => rest.parse::<UserId>().is_ok(),
        "anonymous" => text == "anonymous",
        "platform" | "scim" => !rest.is_empty(),
        _ => false,
    };
    (known && text.len() <= LONGEST && text.bytes().all(|b| (0x20..0x7f).contains(&b))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn of<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn wrong<T: std::fmt::Debug>(result: Result<T, Problem>) -> Vec<String> {
        let document = result.unwrap_err().document("r");
        let fields = document["details"]["fields"].as_array().unwrap();
        fields.iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect()
    }

    const ID: &str = "019a0000-0000-7000-8000-000000000001";

    #[test]
    fn nothing_asked_is_anything() {
        assert_eq!(LogFilter::read(of(&[])).unwrap(), LogFilter::default());
        assert_eq!(EventFilter::read(of(&[])).unwrap(), EventFilter::default());
    }

    #[test]
    fn what_is_asked_is_read() {
        let filter = LogFilter::read(of(&[
            ("actor", ID),
            ("action", "user_roles.update"),
            ("resource_type", "user_roles"),
            ("resource_id", ID),
            ("from", "2026-01-28T09:30:00Z"),
            ("to", "2026-01-28T10:30:00+01:00"),
        ]));
        assert_eq!(wrong(filter), ["to"], "the same instant");
        let filter = LogFilter::read(of(&[("actor", ID), ("from", "2026-01-28T09:30:00Z"), ("to", "2026-01-28T09:30:00.001Z")])).unwrap();
        assert_eq!(filter.actor.unwrap(), format!("user:{ID}"));
        assert_eq!(filter.period.to.unwrap().since(filter.period.from.unwrap()), 1);
        let event = EventFilter::read(of(&[("kind", "rls.violation"), ("severity", "critical"), ("user_id", ID)])).unwrap();
        assert_eq!((event.kind.as_deref(), event.severity.as_deref()), (Some("rls.violation"), Some("critical")));
    }

    #[test]
    fn actors() {
        for good in [&format!("user:{ID}"), "anonymous", "platform:audit retention", "scim:019a"] {
            assert_eq!(actor(good).as_deref(), Some(good));
        }
        for bad in ["", "user:", "user:x", "anonymous:x", "platform:", "root", "platform:a\nb", &format!("platform:{}", "x".repeat(LONGEST))] {
            assert_eq!(actor(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        let bad = [("actor", "me"), ("action", "Users.Update"), ("resource_type", "a..b"), ("resource_id", "7"), ("from", "yesterday"), ("to", "")];
        assert_eq!(wrong(LogFilter::read(of(&bad))), ["actor", "action", "resource_type", "resource_id", "from", "to"]);
        let bad = [("kind", "%"), ("severity", "grave"), ("user_id", "{}")];
        assert_eq!(wrong(EventFilter::read(of(&bad))), ["kind", "severity", "user_id"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_none_slips_through(text in "\\PC{0,140}") {
            let all = |_: &str| Some(text.clone());
            if let Err(problem) = LogFilter::read(all) {
                proptest::prop_assert_eq!(problem.document("r")["code"].clone(), Value::from("VALIDATION_FAILED"));
            }
            if is_name(&text) {
                proptest::prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b)));
            }
        }
    }
}
