use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{identity::email::Email, text::Name};

#[derive(Debug, Deserialize, PartialEq)]
struct Input {
    email: Email,
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    count: u8,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Item {
    kind: Kind,
    #[serde(default)]
    note: Option<Inner>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Small,
    Large,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    #[serde(default)]
    #[expect(dead_code, reason = "only decoded")]
    inner: Option<Box<Closed>>,
}

fn fields<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<(String, String)> {
    match decode::<T>(text.as_bytes()).unwrap_err() {
        JsonError::Fields(fields) => fields.into_iter().map(|f| (f.path, f.code)).collect(),
        malformed => panic!("{malformed:?}"),
    }
}

fn one(path: &str, code: &str) -> Vec<(String, String)> {
    vec![(path.into(), code.into())]
}

#[test]
fn reads_an_input() {
    let input: Input = decode(br#" {"email":"Ada@Example.com","items":[{"kind":"small","note":{"text":"x"}}]} "#).unwrap();
    assert_eq!(input.email.as_str(), "ada@example.com");
    assert_eq!(input.items[0].kind, Kind::Small);
}

#[test]
fn malformed_texts_have_a_place() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(decode::<Value>(nested(32).as_bytes()).is_ok());
    let deep = nested(33);
    let bottomless = "[".repeat(200_000);
    let objects = "{\"a\":".repeat(100_000);
    let cases: &[(&[u8], usize, usize, &str)] = &[
        (b"", 1, 0, "EOF"),
        (b"{", 1, 1, "EOF"),
        (b"{\"a\":1,}", 1, 8, "trailing comma"),
        (b"{\"a\":1} x", 1, 9, "trailing characters"),
        (b"{}{}", 1, 3, "trailing characters"),
        (b"{\n  \"a\": 1,\n  \"a\": 2\n}", 3, 5, "a key occurs twice"),
        (b"{\"x\":[{\"b\":{\"a\":1,\"\\u0061\":2}}]}", 1, 26, "a key occurs twice"),
        (b"\"\xff\"", 1, 2, "unicode"),
        (b"\"\xc0\xaf\"", 1, 2, "unicode"),
        (b"{\"\xed\xa0\x80\":1}", 1, 3, "unicode"),
        (b"\"\\ud800\"", 1, 8, "hex escape"),
        (b"\xef\xbb\xbf{}", 1, 1, "expected value"),
        (b"'a'", 1, 1, "expected value"),
        (b"NaN", 1, 1, "expected value"),
        (b"01", 1, 2, "invalid number"),
        (b"1e999", 1, 5, "out of range"),
        (b"\"\x01\"", 1, 2, "control character"),
        (b"// x\n1", 1, 1, "expected value"),
        (deep.as_bytes(), 1, 34, "nested deeper than 32"),
        (bottomless.as_bytes(), 1, 33, "nested deeper than 32"),
        (objects.as_bytes(), 1, 161, "nested deeper than 32"),
    ];
    for (text, line, column, message) in cases {
        let shown = String::from_utf8_lossy(text).chars().take(40).collect::<String>();
        match decode::<Value>(text).unwrap_err() {
            JsonError::Malformed { line: l, column: c, message: m } => {
                assert_eq!((l, c), (*line, *column), "{shown}: {m}");
                assert!(m.contains(message) && !m.contains(" line "), "{shown}: {m}");
            }
            fields => panic!("{shown}: {fields:?}"),
        }
    }
}

#[test]
fn wrong_fields_are_named() {
    assert_eq!(fields::<Input>("{}"), one("email", "required"));
    assert_eq!(fields::<Input>(r#"{"email":"ada"}"#), one("email", "email"));
    assert_eq!(fields::<Input>(r#"{"email":5}"#), one("email", "type"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","name":" "}"#), one("name", "required"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","count":300}"#), one("count", "value"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","count":"1"}"#), one("count", "type"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","items":[{"kind":"small"},{"kind":"huge"}]}"#), one("items[1].kind", "choice"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","items":[{}]}"#), one("items[0].kind", "required"));
    assert_eq!(fields::<Input>("[1]"), one("", "type"));
    assert_eq!(fields::<Input>("null"), one("", "type"));
    assert_eq!(fields::<Input>(r#"["a@b.de",null,1,[]]"#), one("", "type"), "serde would take fields by their order");
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","items":[["small",null]]}"#), one("items[0]", "type"));
    assert_eq!(fields::<Input>(r#"{"email":"a@b.de","items":[{"kind":{"small":null,"large":null}}]}"#), one("items[0].kind", "type"));
    assert_eq!(fields::<(u8, u8)>("[1,2,3]"), one("", "length"));
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    Struct { side: f64 },
}

/// The pass of ours between serde_json's value and the types must read what serde_json itself would.
#[test]
fn every_kind_of_type_is_read() {
    let text = br#"{"shapes":["Unit",{"Newtype":3},{"Tuple":[1,"x"]},{"Struct":{"side":1.5}}],"map":{"a":-1},"id":"00000000-0000-0000-0000-000000000001","pair":[1,null],"any":{"x":[true]}}"#;
    #[derive(Debug, Deserialize, PartialEq)]
    struct All {
        shapes: Vec<Shape>,
        map: std::collections::BTreeMap<String, i64>,
        id: crate::id::UserId,
        pair: (u8, Option<u8>),
        any: Value,
        absent: Option<u8>,
    }
    let all: All = decode(text).unwrap();
    assert_eq!(all, serde_json::from_slice(text).unwrap());
    assert_eq!(all.shapes[3], Shape::Struct { side: 1.5 });
    assert_eq!(fields::<Vec<Shape>>(r#"[{"Struct":{"side":1,"x":2}}]"#), one("[0].x", "unknown_field"));
}

#[test]
fn unknown_fields_are_all_named() {
    let text = r#"{"email":"a@b.de","admin":true,"items":[{"kind":"small","x":{"y":1},"note":{"z":1}}]}"#;
    let names = ["admin", "items[0].x", "items[0].note.z"].map(|path| (path.to_owned(), "unknown_field".to_owned()));
    assert_eq!(fields::<Input>(text), names);
    assert_eq!(fields::<Closed>(r#"{"inner":{"inner":null,"x":1}}"#), one("inner.x", "unknown_field"));
    assert_eq!(fields::<Closed>(r#"{"x":1}"#), one("x", "unknown_field"));
    assert_eq!(fields::<Input>(r#"{"x":1,"email":5}"#), [one("email", "type"), one("x", "unknown_field")].concat());

    let many: serde_json::Map<String, Value> = (0..1_000).map(|i| (format!("f{i}"), Value::Null)).collect();
    assert_eq!(fields::<Inner>(&Value::Object(many).to_string()).len(), 20);
}

#[test]
fn the_character_that_postgres_lacks_is_refused() {
    assert_eq!(fields::<Value>(r#"{"a":[1,{"b":"x\u0000y"}]}"#), one("a[1].b", "characters"));
    assert_eq!(fields::<Value>(r#"{"a":{"\u0000":1}}"#), one("a", "characters"));
}

#[test]
fn messages_repeat_no_value() {
    for text in
        [r#"{"email":"a@b.de","count":"hunter2"}"#, r#"{"email":"hunter2"}"#, r#"{"email":"a@b.de","items":[{"kind":"hunter2"}]}"#, "\"hunter2\""]
    {
        let problem = Problem::from(decode::<Input>(text.as_bytes()).unwrap_err());
        assert!(!problem.document("r").to_string().contains("hunter2"), "{text}");
    }
}

#[test]
fn the_problems() {
    let malformed = Problem::from(decode::<Value>(b"{\n!").unwrap_err()).document("r");
    assert_eq!((&malformed["code"], &malformed["status"]), (&json!("MALFORMED_JSON"), &json!(400)));
    assert_eq!(malformed["details"], json!({ "line": 2, "column": 1 }));
    let invalid = Problem::from(decode::<Input>(br#"{"email":"a@b.de","count":[]}"#).unwrap_err()).document("r");
    assert_eq!((&invalid["code"], &invalid["status"]), (&json!("VALIDATION_FAILED"), &json!(422)));
    let field = json!({ "path": "count", "code": "type", "message": "expected a whole number in range" });
    assert_eq!(invalid["details"]["fields"], json!([field]));
    let object = Problem::from(decode::<Input>(b"7").unwrap_err()).document("r");
    assert_eq!(object["details"]["fields"][0]["message"], "expected an object");
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\0]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\0]{0,6}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_good_documents(document in document(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let plain: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(decode::<Value>(text.as_bytes()).unwrap(), plain);
    }

    #[test]
    fn accepts_nothing_that_serde_json_refuses(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = decode::<Value>(&bytes) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
        let _ = decode::<Input>(&bytes);
    }

    #[test]
    fn near_json_panics_nowhere(text in "[\\[\\]{}\",:0-9a-ntru\\\\ \\n.eE+-]{0,80}") {
        if let Ok(value) = decode::<Value>(text.as_bytes()) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
        let _ = decode::<Input>(text.as_bytes());
        let _ = decode::<Closed>(text.as_bytes());
    }

    #[test]
    fn a_broken_good_document_panics_nowhere(document in document(), at: prop::sample::Index, byte: u8) {
        let mut bytes = serde_json::to_vec(&document).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode::<Value>(&bytes);
    }
}
