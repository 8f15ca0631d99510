//! The schemas of what the service says of itself (RFC 7643, 5 to 7): described, and nobody's to write.

use super::{Attribute, Mutability, Schema, Type};

const RO: Mutability = Mutability::ReadOnly;
const EXTERNAL: Type = Type::Reference(&["external"]);
const URI: Type = Type::Reference(&["uri"]);

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute::text(name, description).writable(RO)
}

const fn flag(name: &'static str, description: &'static str) -> Attribute {
    text(name, description).of(Type::Boolean).required()
}

const fn number(name: &'static str, description: &'static str) -> Attribute {
    text(name, description).of(Type::Integer).required()
}

const fn complex(name: &'static str, description: &'static str, parts: &'static [Attribute]) -> Attribute {
    Attribute::complex(name, description, parts).writable(RO).required()
}

const fn list(name: &'static str, description: &'static str, parts: &'static [Attribute]) -> Attribute {
    Attribute::list(name, description, parts).writable(RO)
}

const SUPPORTED: &[Attribute] = &[flag("supported", "Whether it is.")];

/// The schema of the configuration.
pub const CONFIG: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    name: "ServiceProviderConfig",
    description: "What of SCIM is served",
    attributes: &[
        text("documentationUri", "Where it is documented.").of(EXTERNAL),
        complex("patch", "Whether PATCH is served.", SUPPORTED),
        complex(
            "bulk",
            "Whether several changes at once are served.",
            &[flag("supported", "Whether they are."), number("maxOperations", "Changes at most."), number("maxPayloadSize", "Bytes at most.")],
        ),
        complex("filter", "Whether filters are served.", &[flag("supported", "Whether they are."), number("maxResults", "Resources at most.")]),
        complex("changePassword", "Whether passwords are changed.", SUPPORTED),
        complex("sort", "Whether lists are sorted as is asked for.", SUPPORTED),
        complex("etag", "Whether resources have entity tags.", SUPPORTED),
        list(
            "authenticationSchemes",
            "How clients prove who they are.",
            &[
                text("type", "Which kind.").required().usual(&["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"]),
                text("name", "Its name.").required(),
                text("description", "What it is.").required(),
                text("specUri", "Where it is specified.").of(EXTERNAL),
                text("documentationUri", "Where its use is documented.").of(EXTERNAL),
                text("primary", "Whether it is the preferred one.").of(Type::Boolean),
            ],
        )
        .required(),
    ],
};

/// The schema of types of resources.
pub const RESOURCE_TYPE: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    name: "ResourceType",
    description: "A type of resources",
    attributes: &[
        text("name", "Its name.").required(),
        text("description", "What it is."),
        text("endpoint", "Where its resources are, below the base.").of(URI).required(),
        text("schema", "Its schema.").of(URI).exact().required(),
        list(
            "schemaExtensions",
            "What extends it.",
            &[text("schema", "The schema.").of(URI).exact().required(), flag("required", "Whether each resource has it.")],
        ),
    ],
};

const ATTRIBUTE: [Attribute; 11] = [
    text("name", "Its name.").exact().required(),
    text("type", "What a value is.").required().usual(&["string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary"]),
    flag("multiValued", "Whether there may be several."),
    text("description", "What it says."),
    flag("required", "Whether there must be one."),
    several("canonicalValues", "Values that are usual."),
    text("caseExact", "Whether case counts.").of(Type::Boolean),
    text("mutability", "Who may write it.").exact().usual(&["readOnly", "readWrite", "immutable", "writeOnly"]),
    text("returned", "When it is in an answer.").exact().usual(&["always", "never", "default", "request"]),
    text("uniqueness", "Whether each value is there once.").exact().usual(&["none", "server", "global"]),
    several("referenceTypes", "What may be referred to."),
];

const fn several(name: &'static str, description: &'static str) -> Attribute {
    Attribute { many: true, case_exact: true, ..text(name, description) }
}

const ATTRIBUTE_WITH_PARTS: [Attribute; 12] = {
    let [a, b, c, d, e, f, g, h, i, j, k] = ATTRIBUTE;
    [a, b, c, d, e, f, g, h, i, j, k, list("subAttributes", "The attributes of a complex value.", &ATTRIBUTE)]
};

/// The schema of schemas.
pub const SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
    name: "Schema",
    description: "The attributes of a kind of resources",
    attributes: &[
        text("name", "Its name."),
        text("description", "What it describes."),
        list("attributes", "Its attributes.", &ATTRIBUTE_WITH_PARTS).required(),
    ],
};
