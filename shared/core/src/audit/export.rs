//! The trail as a file: CSV (RFC 4180) or JSON Lines, a row at a time.

use csv_core::{WriteResult, Writer};
use serde_json::Value;
use uuid::Uuid;

use crate::{error::Problem, id::UserId, time::Timestamp};

/// How the trail is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page, with a cursor.
    Page,
    /// All of it, comma-separated.
    Csv,
    /// All of it, an object a line.
    JsonLines,
}

impl Format {
    /// What `format` says, else the first media type of `Accept` that is known, else a page.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` for a format that there is not.
    pub fn negotiate(format: Option<&str>, accept: Option<&str>) -> Result<Self, Problem> {
        match format {
            Some("json") => return Ok(Self::Page),
            Some("csv") => return Ok(Self::Csv),
            Some("jsonl") => return Ok(Self::JsonLines),
            Some(_) => return Err(Problem::field("format", "one_of", "json, csv or jsonl")),
            None => {}
        }
        let kinds = accept.unwrap_or_default().split(',').map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let known = |kind: String| match kind.as_str() {
            "application/json" => Some(Self::Page),
            "text/csv" => Some(Self::Csv),
            "application/jsonl" | "application/x-ndjson" | "application/ndjson" => Some(Self::JsonLines),
            _ => None,
        };
        Ok(kinds.filter_map(known).next().unwrap_or(Self::Page))
    }

    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Page => "application/json; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
        }
    }

    /// The ending of a file's name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Page => "json",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// A change on record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Change {
    /// Identifier.
    pub id: Uuid,
    /// Who: `user:<id>`, `anonymous`, `platform:<reason>`.
    pub actor: String,
    /// The person, if it was one.
    pub user_id: Option<UserId>,
    /// What was done, as `roles.update`.
    pub action: String,
    /// To what kind of thing, as `roles`.
    pub resource_type: String,
    /// To which.
    pub resource_id: Option<Uuid>,
    /// What it was before, without secrets; `null` for what is new.
    pub before: Option<Value>,
    /// What it is now; `null` for what is gone.
    pub after: Option<Value>,
    /// Address that the request came from.
    pub ip: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// The first line of a CSV file.
const COLUMNS: [&str; 11] = ["created_at", "id", "actor", "user_id", "action", "resource_type", "resource_id", "ip", "request_id", "before", "after"];

/// What stands before the first row.
#[must_use]
pub fn head(format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    if format == Format::Csv {
        record(COLUMNS.into_iter().map(str::to_owned), &mut out);
    }
    out
}

/// Appends a row.
///
/// # Errors
/// `INTERNAL` if it cannot be written as JSON.
pub fn row(format: Format, change: &Change, out: &mut Vec<u8>) -> Result<(), Problem> {
    if format == Format::Csv {
        let text = |value: Option<&dyn ToString>| value.map(ToString::to_string).unwrap_or_default();
        let json = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
        let cells = [
            change.created_at.to_string(),
            change.id.to_string(),
            change.actor.clone(),
            text(change.user_id.as_ref().map(|id| id as _)),
            change.action.clone(),
            change.resource_type.clone(),
            text(change.resource_id.as_ref().map(|id| id as _)),
            change.ip.clone().unwrap_or_default(),
            change.request_id.clone().unwrap_or_default(),
            json(change.before.as_ref()),
            json(change.after.as_ref()),
        ];
        record(cells, out);
        return Ok(());
    }
    serde_json::to_writer(&mut *out, change).map_err(|error| Problem::internal(error.to_string()))?;
    out.push(b'\n');
    Ok(())
}

/// Appends a record and its end. A cell that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises for CSV.
fn record(cells: impl IntoIterator<Item = String>, out: &mut Vec<u8>) {
    let mut writer = csv_core::WriterBuilder::new().terminator(csv_core::Terminator::CRLF).build();
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            grow(&mut writer, out, |writer, room| {
                let (result, written) = writer.delimiter(room);
                (result, 0, written)
            });
        }
        let cell = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell };
        let mut rest = cell.as_bytes();
        grow(&mut writer, out, |writer, room| {
            let (result, read, written) = writer.field(rest, room);
            rest = rest.get(read..).unwrap_or_default();
            (result, read, written)
        });
    }
    grow(&mut writer, out, |writer, room| {
        let (result, written) = writer.terminator(room);
        (result, 0, written)
    });
}

/// Lets the writer write until it has room enough.
fn grow(writer: &mut Writer, out: &mut Vec<u8>, mut step: impl FnMut(&mut Writer, &mut [u8]) -> (WriteResult, usize, usize)) {
    let mut room = [0; 256];
    loop {
        let (result, _, written) = step(writer, &mut room);
        out.extend_from_slice(room.get(..written).unwrap_or_default());
        if result == WriteResult::InputEmpty {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        Change {
            id: Uuid::from_u128(1),
            actor: "user:00000000-0000-0000-0000-000000000002".into(),
            user_id: Some(Uuid::from_u128(2).into()),
            action: "roles.update".into(),
            resource_type: "roles".into(),
            resource_id: Some(Uuid::from_u128(3)),
            before: Some(serde_json::json!({ "name": "a \"quoted\", thing\r\nover lines" })),
            after: None,
            ip: Some("2001:db8::7".into()),
            request_id: Some("-dashed-id".into()),
            created_at: Timestamp::from_millis(1_769_592_600_123),
        }
    }

    #[test]
    fn csv_is_quoted_and_harmless() {
        let mut out = head(Format::Csv);
        row(Format::Csv, &change(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "created_at,id,actor,user_id,action,resource_type,resource_id,ip,request_id,before,after\r\n\
             2026-01-28T09:30:00.123Z,00000000-0000-0000-0000-000000000001,user:00000000-0000-0000-0000-000000000002,\
             00000000-0000-0000-0000-000000000002,roles.update,roles,00000000-0000-0000-0000-000000000003,2001:db8::7,'-dashed-id,\
             \"{\"\"name\"\":\"\"a \\\"\"quoted\\\"\", thing\\r\\nover lines\"\"}\",\r\n"
        );
    }

    #[test]
    fn json_lines_are_lines() {
        let mut out = head(Format::JsonLines);
        row(Format::JsonLines, &change(), &mut out).unwrap();
        row(Format::JsonLines, &change(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&value["action"], &value["after"]), (&Value::from("roles.update"), &Value::Null));
        }
    }

    #[test]
    fn formats_are_agreed_on() {
        let cases: &[(Option<&str>, Option<&str>, Format)] = &[
            (None, None, Format::Page),
            (None, Some("*/*"), Format::Page),
            (None, Some("text/csv"), Format::Csv),
            (None, Some("text/html, Text/CSV;q=0.9, application/json"), Format::Csv),
            (None, Some("application/json, text/csv"), Format::Page),
            (None, Some("application/x-ndjson"), Format::JsonLines),
            (None, Some("application/jsonl"), Format::JsonLines),
            (Some("json"), Some("text/csv"), Format::Page),
            (Some("csv"), None, Format::Csv),
            (Some("jsonl"), Some("text/csv"), Format::JsonLines),
        ];
        for (format, accept, expected) in cases {
            assert_eq!(Format::negotiate(*format, *accept).unwrap(), *expected, "{format:?} {accept:?}");
        }
        assert!(Format::negotiate(Some("xml"), None).is_err());
    }

    proptest::proptest! {
        /// What a reader of others reads is what was written.
        #[test]
        fn any_cell_comes_back(cells in proptest::collection::vec("[^=+\\-@\t\r\u{feff}]\\PC{0,600}|", 1..6)) {
            let mut out = Vec::new();
            record(cells.clone(), &mut out);
            let mut reader = csv_core::Reader::new();
            let (mut input, mut output, mut ends) = (out.as_slice(), vec![0; 8192], vec![0; 16]);
            let (result, _, written, fields) = reader.read_record(input, &mut output, &mut ends);
            proptest::prop_assert_eq!(result, csv_core::ReadRecordResult::Record);
            input = &output[..written];
            let mut read = Vec::new();
            let mut start = 0;
            for end in &ends[..fields] {
                read.push(String::from_utf8(input[start..*end].to_vec()).unwrap());
                start = *end;
            }
            if cells == [""] {
                // An empty record is written with quotes, lest it be no record.
                proptest::prop_assert_eq!(read, vec![""]);
            } else {
                proptest::prop_assert_eq!(read, cells);
            }
        }
    }
}
