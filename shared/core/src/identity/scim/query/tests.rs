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
        (r#"emails[type eq "work" and not (primary eq true)]"#, r#"exists($."emails"[*] ? (((@."type" == "work") && !((@."primary" == true)))))"#),
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
