//! OpenAPI 3.1, written from the route table and the error table.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use zygo_core::error::Code;

use crate::{
    endpoints,
    route::{Route, Who},
};

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&'static str, Map<String, Value>> = BTreeMap::new();
    for route in endpoints::routes().iter().filter(|route| route.is_described()) {
        let operation = operation(route, &mut generator);
        paths.entry(route.path).or_default().insert(route.method.as_str().to_lowercase(), operation);
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".into(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Zygo", "version": env!("CARGO_PKG_VERSION"),
            "description": "A multi-tenant backend at the edge. The same paths are served at the API's host and at each organisation's own.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [
            { "url": "https://api.zygo.tech" },
            { "url": "https://{tenant}.app.zygo.tech", "variables": { "tenant": { "default": "acme" } } },
        ],
        "security": [],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "ops": { "type": "http", "scheme": "bearer" },
                "directory": { "type": "http", "scheme": "bearer" },
                "administrator": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "provider": { "type": "apiKey", "in": "header", "name": "svix-signature" },
            },
        },
    })
}

fn tags() -> Value {
    json!([
        { "name": "identity", "description": "Accounts, sign-in, sessions" },
        { "name": "tenancy", "description": "Organisations" },
        { "name": "access", "description": "Roles and permissions" },
        { "name": "admin", "description": "The platform's own administration, at its host alone" },
        { "name": "system", "description": "Health, metrics, this document" },
    ])
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(operation_id(route)));
    operation.insert("summary".into(), json!(route.summary));
    operation.insert("tags".into(), json!([route.tag]));
    let parameters = parameters(route, generator);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), Value::Array(parameters));
    }
    if let Some(schema) = (route.schemas.input)(generator) {
        let content: Map<String, Value> = route.reads.split(", ").map(|kind| (kind.to_owned(), json!({ "schema": schema }))).collect();
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
    match route.who {
        Who::Public => {}
        Who::Anybody => drop(operation.insert("security".into(), json!([{}, { "session": [] }]))),
        Who::Ops => drop(operation.insert("security".into(), json!([{ "ops": [] }]))),
        Who::Provider => drop(operation.insert("security".into(), json!([{ "provider": [] }]))),
        Who::Directory => drop(operation.insert("security".into(), json!([{ "directory": [] }]))),
        Who::Admin => drop(operation.insert("security".into(), json!([{ "administrator": [] }]))),
        Who::Session | Who::Member | Who::Owner | Who::Permission(_) => drop(operation.insert("security".into(), json!([{ "session": [] }]))),
    }
    match route.who {
        Who::Permission(permission) => drop(operation.insert("x-permission".into(), json!(permission.key()))),
        Who::Owner => drop(operation.insert("x-owner".into(), json!(true))),
        Who::Member => drop(operation.insert("x-organisation".into(), json!(true))),
        Who::Admin => {
            operation.insert("x-admin".into(), json!(true));
            operation.insert("servers".into(), json!([{ "url": "https://admin.zygo.tech" }]));
        }
        _ => {}
    }
    for (name, holds) in [("x-step-up", route.needs_fresh_factor()), ("x-while-suspended", route.while_suspended)] {
        if holds {
            operation.insert(name.into(), json!(true));
        }
    }
    let mut ok = json!({ "description": route.summary });
    if route.status != 204
        && let Some(object) = ok.as_object_mut()
    {
        let schema = (route.schemas.output)(generator);
        object.insert("content".into(), json!({ route.produces: { "schema": schema } }));
    }
    let content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    operation.insert("responses".into(), json!({ route.status.to_string(): ok, "default": { "description": "A problem", "content": content } }));
    Value::Object(operation)
}

/// `postAuthLogin`, from method and path.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(route.method.as_str().to_lowercase(), |mut id, word| {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.extend(letters);
        id
    })
}

fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect();
    if let Some(query) = route.schemas.query {
        let schema = query(generator).to_value();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        parameters.extend(properties.into_iter().map(|(name, schema)| json!({ "name": name, "in": "query", "required": false, "schema": schema })));
    }
    if route.idempotent {
        parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "required": false, "schema": { "type": "string", "maxLength": 255 } }));
    }
    parameters
}

fn problem() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let meanings: Map<String, Value> =
        Code::ALL.iter().map(|code| (code.as_str().to_owned(), json!(format!("{}: {}", code.status(), code.meaning())))).collect();
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail", "code", "error", "details", "hint", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "enum": codes, "x-meanings": meanings },
            "error": { "type": "string", "description": "The same as `detail`" },
            "details": { "type": ["object", "null"] },
            "hint": { "type": ["string", "null"] },
            "request_id": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_ids_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for route in endpoints::routes() {
            assert!(seen.insert(operation_id(&route)), "{} {}", route.method.as_str(), route.path);
        }
    }

    #[test]
    fn every_route_stands_in_it() {
        let document = document();
        for route in endpoints::routes().iter().filter(|route| route.is_described()) {
            assert!(document["paths"][route.path][route.method.as_str().to_lowercase()].is_object(), "{}", route.path);
        }
    }
}
