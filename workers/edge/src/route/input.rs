//! What routes read.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use zygo_core::error::Problem;

/// What a route reads: a JSON body, or nothing.
pub trait Input: Sized + 'static {
    /// Schema of the body; `None` where the route reads none.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;

    /// Decodes and validates a body.
    ///
    /// # Errors
    /// `MALFORMED_JSON` or `VALIDATION_FAILED`.
    fn decode(body: &[u8]) -> Result<Self, Problem>;

    /// The account that this request is about, for limits per account: a normalised mail address.
    fn account(&self) -> Option<&str> {
        None
    }
}

/// The input of routes without a body.
pub struct NoBody;

impl Input for NoBody {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// The input of routes that take a file: it stays in the context.
pub struct Upload;

impl Input for Upload {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        // A body that JSON Schema says nothing of (OpenAPI 3.1, 4.8.14.3).
        Some(Schema::default())
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// The input of routes whose body is signed: it stays in the context, unread until the signature is found good.
pub struct Signed;

impl Input for Signed {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(Schema::default())
    }

    fn decode(_: &[u8]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A JSON body; implemented for input types by [`json_input!`].
pub trait JsonInput: DeserializeOwned + JsonSchema + 'static {}

/// Decodes a field that `null` empties: tells `null` from absent, with `#[serde(default)]`.
///
/// # Errors
/// Those of the field's type.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Decodes a JSON body; the types of its fields hold no invalid value, so decoding validates.
///
/// # Errors
/// `MALFORMED_JSON` for what is no JSON, `VALIDATION_FAILED` with every invalid field.
pub fn decode_json<T: JsonInput>(body: &[u8]) -> Result<T, Problem> {
    zygo_core::http::json::decode(body).map_err(Problem::from)
}

/// Makes a type the JSON input of a route; `account = field` names the mail address that limits count by.
#[macro_export]
macro_rules! json_input {
    ($type:ty $(, account = $field:ident)?) => {
        impl $crate::route::JsonInput for $type {}
        impl $crate::route::Input for $type {
            fn schema(generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
                Some(generator.subschema_for::<Self>())
            }
            fn decode(body: &[u8]) -> Result<Self, zygo_core::error::Problem> {
                $crate::route::decode_json(body)
            }
            $(fn account(&self) -> Option<&str> { Some(self.$field.as_str()) })?
        }
    };
}
