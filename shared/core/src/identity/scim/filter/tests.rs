use proptest::prelude::*;

use super::*;

fn path(text: &str) -> AttrPath {
    AttrPath::parse(text).unwrap()
}

fn eq(name: &str, value: &str) -> Filter {
    Filter::Compare(path(name), Op::Eq, Literal::Text(value.into()))
}

/// The examples of RFC 7644, 3.4.2.2.
#[test]
fn the_examples_of_the_standard() {
    for text in [
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"userName sw "J""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"title pr and userType eq "Employee""#,
        r#"title pr or userType eq "Intern""#,
        r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType eq "Employee" and (emails.type eq "work")"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ] {
        Filter::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    }
}

#[test]
fn and_binds_more_than_or_and_not_more_than_both() {
    let (a, b, c) = (eq("a", "1"), eq("b", "2"), eq("c", "3"));
    let read = |text: &str| Filter::parse(text).unwrap();
    assert_eq!(read(r#"a eq "1" or b eq "2" and c eq "3""#), Filter::Any(vec![a.clone(), Filter::All(vec![b.clone(), c.clone()])]));
    assert_eq!(read(r#"(a eq "1" OR b eq "2") AND c EQ "3""#), Filter::All(vec![Filter::Any(vec![a.clone(), b.clone()]), c.clone()]));
    assert_eq!(read(r#"not(a eq "1") and b eq "2""#), Filter::All(vec![Filter::Not(Box::new(a)), b]));
    assert_eq!(read("  notes pr "), Filter::Present(path("notes")));
    assert_eq!(read(r#"a eq "q\"\\\u00e9""#), eq("a", "q\"\\é"));
}

#[test]
fn what_is_no_filter() {
    let deep = format!("{}a pr{}", "(".repeat(20), ")".repeat(20));
    let long = format!("a eq \"{}\"", "x".repeat(5000));
    for text in [
        "",
        " ",
        "a",
        "a eq",
        r#"a eq "x"#,
        r#"a eq "x" and"#,
        "a pr b pr",
        "(a pr",
        "a pr)",
        r#"a like "x""#,
        "a eq x",
        "a eq 01",
        r#"a.b.c eq "x""#,
        r#"1a eq "x""#,
        r#"a["x"]"#,
        "a[]",
        "not a pr",
        r#"a eq "\x""#,
        "a eq 1e",
        "apr",
        &deep,
        &long,
        r#"urn: eq "x""#,
        r#"a[b[c pr]"#,
    ] {
        assert!(Filter::parse(text).is_err(), "{text:.60}");
    }
}

#[test]
fn paths() {
    let plain = |text: &str| PatchPath { attribute: path(text), filter: None, part: None };
    assert_eq!(PatchPath::parse("members").unwrap(), plain("members"));
    assert_eq!(PatchPath::parse("name.familyName").unwrap(), plain("name.familyName"));
    let selected = PatchPath::parse(r#"addresses[type eq "work"].streetAddress"#).unwrap();
    assert_eq!((selected.filter, selected.part.as_deref()), (Some(eq("type", "work")), Some("streetAddress")));
    let extension = path(super::super::ENTERPRISE);
    assert!(extension.is_schema(super::super::ENTERPRISE) && !extension.is_schema(super::super::USER));
    for text in ["", "a b", "a.b[c pr]", "a[c pr].", "a[c pr].b.c", "a[c pr]b", "a eq 1", ".a", "a..b", "a["] {
        assert!(PatchPath::parse(text).is_err(), "{text}");
    }
}

/// Filters as somebody might write them.
pub fn written() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["userName", "active", "emails.value", "emails", "name.givenName", "meta.created", "externalId", "title"]);
    let op = prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let value = prop_oneof![
        "[\\PC]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("\"2026-01-01T00:00:00Z\"".to_owned()),
    ];
    let leaf = prop_oneof![
        (name.clone(), op, value).prop_map(|(name, op, value)| format!("{name} {op} {value}")),
        name.prop_map(|name| format!("{name} pr"))
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = Filter::parse(&text);
        let _ = PatchPath::parse(&text);
    }

    #[test]
    fn nor_one_of_the_grammars_own_words(text in "(userName|emails|\\[|\\]|\\(|\\)| |eq|and|or|not|pr|\"a\"|\"|\\\\|\\.|true|:|urn:){0,40}") {
        let _ = Filter::parse(&text);
        let _ = PatchPath::parse(&text);
    }

    #[test]
    fn what_is_written_is_read(text in written()) {
        prop_assert!(Filter::parse(&text).is_ok(), "{}", text);
    }
}
