use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{
        USER,
        resource::{UserInput, is_primary},
        schema::{GROUP_TYPE, USER_TYPE},
    },
    *,
};

fn ada() -> Map<String, Value> {
    let ada = json!({
        "userName": "ada", "active": true, "title": "Dr", "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "emails": [{ "type": "work", "value": "ada@work.example", "primary": true }, { "type": "home", "value": "ada@home.example" }],
        ENTERPRISE: { "department": "R" },
    });
    ada.as_object().unwrap().clone()
}

fn patched(operations: Value) -> Result<Map<String, Value>, Fault> {
    let mut resource = ada();
    apply(&USER_TYPE, &mut resource, read(json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations }))?)?;
    Ok(resource)
}

fn one(op: &str, path: &str, value: Value) -> Result<Map<String, Value>, Fault> {
    patched(json!([{ "op": op, "path": path, "value": value }]))
}

#[test]
fn single_values() {
    assert_eq!(one("replace", "title", json!("Prof")).unwrap()["title"], "Prof");
    assert_eq!(one("add", "nickName", json!("Countess")).unwrap()["nickName"], "Countess");
    assert!(!one("remove", "title", Value::Null).unwrap().contains_key("title"));
    assert!(!one("replace", "title", json!("")).unwrap().contains_key("title"));
    assert_eq!(one("replace", "name.familyName", json!("King")).unwrap()["name"], json!({ "givenName": "Ada", "familyName": "King" }));
    assert_eq!(one("replace", "name", json!({ "givenName": "A" })).unwrap()["name"], json!({ "givenName": "A", "familyName": "Lovelace" }));
    assert_eq!(one("remove", "name.familyName", Value::Null).unwrap()["name"], json!({ "givenName": "Ada" }));
    assert_eq!(one("add", "externalId", json!("x")).unwrap()["externalId"], "x");
    let both = patched(json!([{ "op": "remove", "path": "name.givenName" }, { "op": "remove", "path": "name.familyName" }])).unwrap();
    assert!(!both.contains_key("name"));
}

#[test]
fn several_values() {
    let new = json!({ "type": "other", "value": "a@other.example", "primary": true });
    let added = one("add", "emails", json!([new])).unwrap();
    assert_eq!(added["emails"].as_array().unwrap().len(), 3);
    assert_eq!(added["emails"][0]["primary"], false, "another one is preferred now");
    // Once more is once.
    assert_eq!(patched(json!([{ "op": "add", "path": "emails", "value": [new] }, { "op": "add", "path": "emails", "value": new }])).unwrap(), added);
    assert_eq!(one("replace", "emails", json!([new])).unwrap()["emails"], json!([new]));
    assert!(!one("remove", "emails", Value::Null).unwrap().contains_key("emails"));
    assert_eq!(one("remove", "emails", json!([{ "value": "ada@work.example" }])).unwrap()["emails"].as_array().unwrap().len(), 1);
    assert_eq!(one("replace", "emails.display", json!("Ada")).unwrap()["emails"][1]["display"], "Ada");
}

#[test]
fn values_that_a_filter_selects() {
    let emails = |result: Result<Map<String, Value>, Fault>| result.unwrap()["emails"].clone();
    assert_eq!(emails(one("replace", r#"emails[type eq "work"].value"#, json!("new@work.example")))[0]["value"], "new@work.example");
    assert_eq!(emails(one("remove", r#"emails[type eq "home"]"#, Value::Null)).as_array().unwrap().len(), 1);
    assert!(emails(one("remove", r#"emails[type eq "work"].primary"#, Value::Null))[0].get("primary").is_none());
    assert_eq!(
        emails(one("add", r#"emails[type eq "home"].primary"#, json!("True"))),
        json!([
        { "type": "work", "value": "ada@work.example", "primary": false }, { "type": "home", "value": "ada@home.example", "primary": true }])
    );
    assert_eq!(emails(one("replace", r#"emails[type eq "home"]"#, json!({ "value": "x" })))[1], json!({ "value": "x" }));
    assert_eq!(emails(one("add", r#"emails[type eq "home"]"#, json!({ "display": "x" })))[1]["value"], "ada@home.example");
    // Where nothing is selected, what is added becomes what would have been.
    let made = one("add", r#"phoneNumbers[type eq "mobile" and primary eq true].value"#, json!("+49")).unwrap();
    assert_eq!(made["phoneNumbers"], json!([{ "primary": true, "type": "mobile", "value": "+49" }]));
    assert_eq!(one("replace", r#"emails[type eq "fax"].value"#, json!("x")).unwrap_err().kind, Kind::NoTarget);
    assert_eq!(one("remove", r#"emails[type eq "fax"]"#, Value::Null).unwrap(), ada());
}

#[test]
fn extensions() {
    let path = format!("{ENTERPRISE}:department");
    assert_eq!(one("replace", &path, json!("S")).unwrap()[ENTERPRISE]["department"], "S");
    assert!(!one("remove", &path, Value::Null).unwrap().contains_key(ENTERPRISE));
    assert_eq!(one("add", ENTERPRISE, json!({ "division": "D" })).unwrap()[ENTERPRISE], json!({ "department": "R", "division": "D" }));
    assert!(!one("remove", ENTERPRISE, Value::Null).unwrap().contains_key(ENTERPRISE));
    // Entra writes the manager's identifier as it is.
    let manager = one("add", &format!("{ENTERPRISE}:manager"), json!("7")).unwrap();
    assert_eq!(manager[ENTERPRISE]["manager"], json!({ "value": "7" }));
}

/// As Entra and Okta send them.
#[test]
fn as_directories_write_it() {
    let entra = patched(json!([
        { "op": "Replace", "path": "active", "value": "False" },
        { "op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@x.example" },
        { "op": "Add", "value": { "name.givenName": "Augusta", (format!("{ENTERPRISE}:costCenter")): "7", "emails[type eq \"home\"].value": "h@x.example" } },
    ]))
    .unwrap();
    assert_eq!((&entra["active"], &entra["name"]["givenName"], &entra[ENTERPRISE]["costCenter"]), (&json!(false), &json!("Augusta"), &json!("7")));
    assert_eq!((&entra["emails"][1]["value"], &entra["emails"][2]), (&json!("h@x.example"), &json!({ "type": "other", "value": "o@x.example" })));
    let okta = patched(json!([{ "op": "replace", "value": { "id": "7", "active": false, "schemas": [USER] } }])).unwrap();
    assert_eq!(okta["active"], false);
    assert!(!okta.contains_key("id"));
}

#[test]
fn what_is_refused() {
    for (operations, kind) in [
        (json!([]), Kind::InvalidSyntax),
        (json!({}), Kind::InvalidSyntax),
        (json!([7]), Kind::InvalidSyntax),
        (json!([{ "op": "copy", "path": "title", "value": "x" }]), Kind::InvalidSyntax),
        (json!([{ "op": "add", "path": 7, "value": "x" }]), Kind::InvalidSyntax),
        (json!([{ "op": "add", "path": "title", "values": "x" }]), Kind::InvalidSyntax),
        (json!([{ "op": "add", "value": "x" }]), Kind::InvalidSyntax),
        (json!([{ "op": "remove" }]), Kind::NoTarget),
        (json!([{ "op": "remove", "path": USER }]), Kind::NoTarget),
        (json!([{ "op": "add", "path": "shoeSize", "value": "9" }]), Kind::InvalidPath),
        (json!([{ "op": "add", "path": "emails[", "value": "9" }]), Kind::InvalidPath),
        (json!([{ "op": "add", "path": "title[type eq \"x\"]", "value": "9" }]), Kind::InvalidPath),
        (json!([{ "op": "add", "path": "emails.shoe", "value": "9" }]), Kind::InvalidPath),
        (json!([{ "op": "add", "value": { "shoe size": "9" } }]), Kind::InvalidPath),
        (json!([{ "op": "replace", "path": "phoneNumbers[shoe eq \"x\"].value", "value": "9" }]), Kind::InvalidFilter),
        (json!([{ "op": "replace", "path": "id", "value": "9" }]), Kind::Mutability),
        (json!([{ "op": "add", "path": "groups", "value": [{ "value": "9" }] }]), Kind::Mutability),
        (json!([{ "op": "remove", "path": "userName" }]), Kind::InvalidValue),
        (json!([{ "op": "replace", "path": "active", "value": "perhaps" }]), Kind::InvalidValue),
        (json!([{ "op": "replace", "path": "name", "value": "Ada" }]), Kind::InvalidValue),
        (Value::Array(vec![json!({ "op": "add", "path": "title", "value": "x" }); 1001]), Kind::TooMany),
    ] {
        assert_eq!(patched(operations.clone()).unwrap_err().kind, kind, "{operations:.100}");
    }
}

/// Operations as somebody might send them.
fn operations() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec![
        "userName",
        "active",
        "title",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails[type eq \"work\"]",
        "emails[type eq \"new\"].value",
        "emails[primary eq true].primary",
        "externalId",
        "members",
        "shoe",
        "groups",
        ENTERPRISE,
        "emails[not (type eq \"work\")]",
        "",
    ]);
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,10}".prop_map(Value::from),
        Just(json!([{ "value": "a", "type": "work", "primary": true }])),
        Just(json!({ "value": "b", "primary": true })),
        Just(json!({ "givenName": "X", "familyName": null })),
        Just(json!({ "title": "x", "emails": [] })),
        Just(json!([["x"], 7])),
    ];
    let op = prop::sample::select(vec!["add", "Replace", "REMOVE", "x"]);
    prop::collection::vec((op, path, value).prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value })), 0..6)
        .prop_map(Value::Array)
}

proptest! {
    /// Nothing panics, and what comes of it is a resource of its schema.
    #[test]
    fn what_is_patched_is_still_a_user(operations in operations()) {
        if let Ok(resource) = patched(operations) {
            let mut body = resource.clone();
            body.insert("schemas".into(), json!([USER]));
            let read = UserInput::read(Value::Object(body)).unwrap();
            prop_assert_eq!(read.into_document().len(), resource.len());
            let emails = resource.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
            prop_assert!(emails.iter().filter(|email| is_primary(email)).count() <= 1);
        }
    }

    #[test]
    fn operations_on_groups_do_not_panic(operations in operations()) {
        if let Ok(read) = read(json!({ "Operations": operations })) {
            let _ = apply(&GROUP_TYPE, &mut Map::new(), read.clone());
            let _ = super::super::group::GroupChange::read(read);
        }
    }
}
