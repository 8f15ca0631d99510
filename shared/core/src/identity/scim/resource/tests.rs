use serde_json::json;

use super::{super::schema::GROUP_TYPE, *};

fn user(mut more: Value) -> Value {
    let body = more.as_object_mut().unwrap();
    body.entry("schemas").or_insert(json!([USER]));
    body.entry("userName").or_insert("ada".into());
    more
}

#[test]
fn a_body_is_made_canonical() {
    let body = user(json!({
        "schemas": [USER.to_uppercase(), ENTERPRISE], "USERNAME": " ada ", "id": "7", "meta": { "created": 1 }, "groups": [], "password": "secret",
        "active": "False", "externalid": "x", "name": { "GivenName": "Ada", "familyName": null }, "nickName": "",
        "emails": { "value": "a@b.example", "Primary": "true" }, "phoneNumbers": ["+49 30"], "photos": [],
        ENTERPRISE.to_lowercase(): { "department": "R&D", "manager": { "value": "8", "displayName": "Bob" } },
    }));
    let mut body = body;
    body.as_object_mut().unwrap().shift_remove("userName");
    let input = UserInput::read(body).unwrap();
    assert_eq!((input.user_name.as_str(), input.external_id.as_deref(), input.active), ("ada", Some("x"), Some(false)));
    assert_eq!(
        Value::Object(input.attributes.clone()),
        json!({
            "name": { "givenName": "Ada" }, "emails": [{ "value": "a@b.example", "primary": true }], "phoneNumbers": [{ "value": "+49 30" }],
            ENTERPRISE: { "department": "R&D", "manager": { "value": "8" } },
        })
    );
    assert_eq!((input.address().unwrap().as_str(), input.name("givenName").as_deref()), ("a@b.example", Some("Ada")));
    assert!(!format!("{input:?}").contains("ada"));
    assert_eq!(UserInput::of(input.clone().into_document()).unwrap(), input);
}

#[test]
fn the_address_is_the_primary_one() {
    let address = |emails: Value| UserInput::read(user(json!({ "userName": "Ada@name.example", "emails": emails }))).unwrap().address();
    assert_eq!(address(json!([{ "value": "a@x.example" }, { "value": "B@x.example", "primary": true }])).unwrap().as_str(), "b@x.example");
    assert_eq!(address(json!([{ "value": "a@x.example" }, { "value": "b@x.example" }])).unwrap().as_str(), "a@x.example");
    assert_eq!(address(json!([])).unwrap().as_str(), "ada@name.example");
    assert_eq!(address(json!([{ "value": "nobody" }])).unwrap_err().kind, Kind::InvalidValue);
}

#[test]
fn what_is_refused() {
    let two = json!([{ "value": "a", "primary": true }, { "value": "b", "primary": true }]);
    let many: Vec<Value> = (0..300).map(|n| json!({ "value": n.to_string() })).collect();
    for (body, kind) in [
        (json!([]), Kind::InvalidSyntax),
        (json!({ "userName": "a" }), Kind::InvalidSyntax),
        (json!({ "schemas": [GROUP_TYPE.schema.id], "userName": "a" }), Kind::InvalidSyntax),
        (json!({ "schemas": [USER] }), Kind::InvalidValue),
        (user(json!({ "userName": "  " })), Kind::InvalidValue),
        (user(json!({ "userName": 7 })), Kind::InvalidValue),
        (user(json!({ "userName": "x".repeat(300) })), Kind::InvalidValue),
        (user(json!({ "userName": "a\nb" })), Kind::InvalidValue),
        (user(json!({ "shoeSize": 9 })), Kind::InvalidSyntax),
        (user(json!({ "name": { "shoe": 9 } })), Kind::InvalidSyntax),
        (user(json!({ "name": "Ada" })), Kind::InvalidValue),
        (user(json!({ "active": "maybe" })), Kind::InvalidValue),
        (user(json!({ "active": 1 })), Kind::InvalidValue),
        (user(json!({ "title": ["a"] })), Kind::InvalidValue),
        (user(json!({ "title": "x".repeat(3000) })), Kind::InvalidValue),
        (user(json!({ "emails": two })), Kind::InvalidValue),
        (user(json!({ "emails": many })), Kind::TooMany),
        (user(json!({ ENTERPRISE: "x" })), Kind::InvalidValue),
        (user(json!({ ENTERPRISE: { "shoe": 1 } })), Kind::InvalidSyntax),
    ] {
        assert_eq!(UserInput::read(body.clone()).unwrap_err().kind, kind, "{body:.100}");
    }
}

#[test]
fn answers_are_cut_to_what_is_asked_for() {
    let resource = json!({
        "schemas": [USER], "id": "7", "userName": "ada", "title": "Dr", "name": { "givenName": "Ada", "familyName": "L" },
        "emails": [{ "value": "a", "type": "work" }], ENTERPRISE: { "department": "R", "division": "D" },
    });
    let cut = |included: &str, excluded: &str| {
        let projection = Projection::read(Some(included).filter(|text| !text.is_empty()), Some(excluded));
        Value::Object(projection.apply(&USER_TYPE, resource.as_object().unwrap().clone()))
    };
    assert_eq!(cut("", ""), resource);
    assert_eq!(
        cut("USERNAME, name.givenName,emails.value,nonsense", ""),
        json!({
        "schemas": [USER], "id": "7", "userName": "ada", "name": { "givenName": "Ada" }, "emails": [{ "value": "a" }] })
    );
    assert_eq!(cut(&format!("{ENTERPRISE}:department"), ""), json!({ "schemas": [USER], "id": "7", ENTERPRISE: { "department": "R" } }));
    assert_eq!(cut(ENTERPRISE, "")[ENTERPRISE], resource[ENTERPRISE]);
    let less = cut("", &format!("id,schemas,title,name.familyName,emails.type,{ENTERPRISE}"));
    assert_eq!(less, json!({ "schemas": [USER], "id": "7", "userName": "ada", "name": { "givenName": "Ada" }, "emails": [{ "value": "a" }] }));
    assert!(!Projection::read(None, Some("members")).shows(&GROUP_TYPE, "members") && Projection::default().shows(&GROUP_TYPE, "members"));
    assert!(!Projection::read(Some("displayName"), None).shows(&GROUP_TYPE, "members"));
}
