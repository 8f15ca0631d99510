//! What a service provider says of itself: its configuration, its types of resources, its schemas (RFC 7643, 5 to 8.7).

use serde_json::{Map, Value, json};

use super::{
    BASE, ENTERPRISE, LIST, MOST_RESULTS,
    schema::{Attribute, ENTERPRISE_SCHEMA, GROUP_SCHEMA, GROUP_TYPE, Mutability, ResourceType, Schema, Type, USER_SCHEMA, USER_TYPE, service},
};

/// The configuration.
#[must_use]
pub fn config(origin: &str) -> Value {
    let no = json!({ "supported": false });
    json!({
        "schemas": [service::CONFIG.id],
        "documentationUri": "https://docs.zygo.tech/scim",
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST_RESULTS },
        "changePassword": no,
        "sort": no,
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of a directory connection",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": meta("ServiceProviderConfig", origin, "/ServiceProviderConfig"),
    })
}

/// The types of resources.
#[must_use]
pub fn resource_types(origin: &str) -> Value {
    list(TYPES.iter().map(|one| resource_type(one, origin)).collect())
}

const TYPES: [&ResourceType; 2] = [&USER_TYPE, &GROUP_TYPE];
const SCHEMAS: [&Schema; 6] = [&USER_SCHEMA, &GROUP_SCHEMA, &ENTERPRISE_SCHEMA, &service::CONFIG, &service::RESOURCE_TYPE, &service::SCHEMA];

/// One of the types, by its name.
#[must_use]
pub fn resource_type_named(name: &str, origin: &str) -> Option<Value> {
    TYPES.iter().find(|one| one.name == name).map(|one| resource_type(one, origin))
}

fn resource_type(one: &ResourceType, origin: &str) -> Value {
    let extensions: Vec<Value> = one.extension.iter().map(|extension| json!({ "schema": extension.id, "required": false })).collect();
    json!({
        "schemas": [service::RESOURCE_TYPE.id],
        "id": one.name,
        "name": one.name,
        "description": one.schema.description,
        "endpoint": one.endpoint,
        "schema": one.schema.id,
        "schemaExtensions": extensions,
        "meta": meta("ResourceType", origin, &format!("/ResourceTypes/{}", one.name)),
    })
}

/// The schemas: those of resources, and those of the documents here.
#[must_use]
pub fn schemas(origin: &str) -> Value {
    list(SCHEMAS.iter().map(|one| schema(one, origin)).collect())
}

/// One of the schemas, by its URN.
#[must_use]
pub fn schema_named(id: &str, origin: &str) -> Option<Value> {
    SCHEMAS.iter().find(|one| one.id.eq_ignore_ascii_case(id)).map(|one| schema(one, origin))
}

fn schema(one: &Schema, origin: &str) -> Value {
    json!({
        "schemas": [service::SCHEMA.id],
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "attributes": one.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": meta("Schema", origin, &format!("/Schemas/{}", one.id)),
    })
}

fn attribute(one: &Attribute) -> Value {
    let mut described = Map::new();
    let mut put = |name: &str, value: Value| drop(described.insert(name.to_owned(), value));
    put("name", json!(one.name));
    put("type", json!(type_name(one.kind)));
    put("multiValued", json!(one.many));
    put("description", json!(one.description));
    put("required", json!(one.required));
    if let Type::Reference(types) = one.kind {
        put("referenceTypes", json!(types));
    }
    if !one.canonical.is_empty() {
        put("canonicalValues", json!(one.canonical));
    }
    if one.kind == Type::Complex {
        put("subAttributes", one.parts.iter().map(attribute).collect());
    } else {
        put("caseExact", json!(one.case_exact));
    }
    put(
        "mutability",
        json!(match one.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
        }),
    );
    put("returned", json!(if one.always { "always" } else { "default" }));
    put("uniqueness", json!(if one.unique { "server" } else { "none" }));
    Value::Object(described)
}

const fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::String => "string",
        Type::Boolean => "boolean",
        Type::Integer => "integer",
        Type::DateTime => "dateTime",
        Type::Binary => "binary",
        Type::Reference(_) => "reference",
        Type::Complex => "complex",
    }
}

fn meta(resource_type: &str, origin: &str, path: &str) -> Value {
    json!({ "resourceType": resource_type, "location": format!("{origin}{BASE}{path}") })
}

/// A list that is all there is.
fn list(resources: Vec<Value>) -> Value {
    let total = resources.len();
    json!({ "schemas": [LIST], "totalResults": total, "itemsPerPage": total, "startIndex": 1, "Resources": resources })
}

/// What a page of matches is (RFC 7644, 3.4.2).
#[must_use]
pub fn page(total: i64, start: i64, resources: Vec<Value>) -> Value {
    json!({ "schemas": [LIST], "totalResults": total, "itemsPerPage": resources.len(), "startIndex": start, "Resources": resources })
}

/// The URN of what enterprises add, which stands in a user's `schemas` where it is used.
#[must_use]
pub fn uses_extension(resource: &Map<String, Value>) -> bool {
    resource.contains_key(ENTERPRISE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_say_where_they_are() {
        let origin = "https://acme.app.zygo.tech";
        assert_eq!(config(origin)["meta"]["location"], "https://acme.app.zygo.tech/scim/v2/ServiceProviderConfig");
        assert_eq!(resource_types(origin)["totalResults"], 2);
        let user = schema_named(&super::super::USER.to_lowercase(), origin).unwrap();
        assert_eq!(user["meta"]["location"], format!("{origin}/scim/v2/Schemas/{}", super::super::USER));
        assert!(schema_named("urn:x", origin).is_none() && resource_type_named("user", origin).is_none());
    }

    #[test]
    fn the_schemas_are_the_tables() {
        let names: Vec<_> = schemas("")["Resources"][0]["attributes"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names.len(), USER_SCHEMA.attributes.len());
        assert_eq!(names[0], "userName");
        insta::assert_json_snapshot!("group_schema", schemas("https://acme.app.zygo.tech")["Resources"][1]);
    }
}
