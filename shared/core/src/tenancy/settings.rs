//! What an organisation lays down for its people, and what a membership must know of its organisation.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{
    network::Network,
    plan::{Features, Plan},
};
use crate::{text::Invalid, time::Timestamp};

/// Networks of an allow-list at most.
pub const MOST_NETWORKS: usize = 100;
/// Origins whose pages call at most.
pub const MOST_ORIGINS: usize = 50;
/// Mail domains at most.
pub const MOST_MAIL_DOMAINS: usize = 100;
/// How long the host of a slug that was given up leads to the new one, in seconds: 30 days.
pub const REDIRECT_SECONDS: i64 = 30 * 24 * 3600;
/// How long an organisation may still be kept after its owner had it deleted, in seconds: 30 days.
pub const GRACE_SECONDS: i64 = 30 * 24 * 3600;

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Within<const LEAST: i32, const MOST: i32>(i32);

impl<const LEAST: i32, const MOST: i32> Within<LEAST, MOST> {
    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl<'de, const LEAST: i32, const MOST: i32> Deserialize<'de> for Within<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let number = i32::try_from(number).ok().filter(|number| (LEAST..=MOST).contains(number));
        number.map(Self).ok_or_else(|| Invalid::new("range", "outside of what may be chosen").into_serde())
    }
}

impl<const LEAST: i32, const MOST: i32> JsonSchema for Within<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("From{LEAST}To{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

/// A list of at most `MOST` values, each once, in the order they were named first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UpTo<const MOST: usize, T>(Vec<T>);

impl<const MOST: usize, T> UpTo<MOST, T> {
    /// The values.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<'de, const MOST: usize, T: Deserialize<'de> + PartialEq> Deserialize<'de> for UpTo<MOST, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Vec::<T>::deserialize(deserializer)?;
        if all.len() > MOST {
            return Err(Invalid::new("too_many", "too many values").into_serde());
        }
        let mut each = Vec::with_capacity(all.len());
        for value in all {
            if !each.contains(&value) {
                each.push(value);
            }
        }
        Ok(Self(each))
    }
}

impl<const MOST: usize, T: JsonSchema> JsonSchema for UpTo<MOST, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("UpTo{MOST}Of{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "maxItems": MOST, "items": generator.subschema_for::<T>() })
    }
}

/// Of whom a second factor is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaPolicy {
    /// Of nobody.
    Optional,
    /// Of owners and administrators.
    Admins,
    /// Of everybody.
    Required,
}

impl MfaPolicy {
    /// The key, as the API and the database write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Admins => "admins",
            Self::Required => "required",
        }
    }
}

/// A colour as the web writes it: `#` and six hexadecimal digits, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Color(String);

impl Color {
    /// The colour as the web writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its red, green and blue.
    #[must_use]
    pub fn channels(&self) -> [u8; 3] {
        let digits = self.0.trim_start_matches('#');
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes();
        [red, green, blue]
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits {
            Some(_) => Ok(Self(text.to_ascii_lowercase())),
            None => Err(Invalid::new("color", "not a colour such as #1a2b3c").into_serde()),
        }
    }
}

impl JsonSchema for Color {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Color".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^#[0-9a-fA-F]{6}$", "examples": ["#1a2b3c"] })
    }
}

/// The colours that an organisation is shown in; what is absent is the product's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Colors {
    /// Of what one presses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Color>,
    /// Of what stands out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<Color>,
    /// Behind everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Color>,
    /// Of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Color>,
}

/// What whoever signs in to an organisation must know of it beside its name and plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TenantFacts {
    /// Where its logo is.
    pub logo_url: Option<String>,
    /// Its colours.
    pub colors: Colors,
    /// When it will be deleted, if it is to be.
    pub delete_after: Option<Timestamp>,
    /// Days without a refresh after which a session ends.
    pub session_idle_days: i64,
    /// Days after which a session ends in any case.
    pub session_absolute_days: i64,
    /// Where its people may come from; from anywhere, where it is empty.
    pub ip_allow_list: Vec<Network>,
    /// Where it departs from its plan, by the feature's key.
    pub features: Map<String, Value>,
}

impl TenantFacts {
    /// What holds for its features.
    #[must_use]
    pub fn features(&self, plan: Plan) -> Features {
        Features::resolve(plan, self.features.iter().map(|(key, value)| (key.as_str(), value)))
    }

    /// Seconds without a refresh after which a session ends.
    #[must_use]
    pub const fn idle_seconds(&self) -> i64 {
        self.session_idle_days.saturating_mul(DAY)
    }

    /// Seconds after which a session ends in any case.
    #[must_use]
    pub const fn absolute_seconds(&self) -> i64 {
        self.session_absolute_days.saturating_mul(DAY)
    }
}

/// Seconds of a day.
const DAY: i64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stay_within() {
        type Days = Within<1, 90>;
        for fine in [1, 30, 90] {
            assert_eq!(serde_json::from_value::<Days>(json!(fine)).unwrap().get(), fine);
        }
        for odd in [json!(0), json!(91), json!(-1), json!(1.5), json!("30"), json!(null), json!(i64::MAX), json!(u64::MAX)] {
            assert!(serde_json::from_value::<Days>(odd.clone()).is_err(), "{odd}");
        }
    }

    #[test]
    fn lists_hold_each_value_once_and_not_too_many() {
        type Few = UpTo<3, u32>;
        assert_eq!(serde_json::from_value::<Few>(json!([3, 1, 3])).unwrap().into_vec(), [3, 1]);
        assert!(serde_json::from_value::<Few>(json!([1, 2, 3, 3])).is_err());
        assert!(serde_json::from_value::<Few>(json!("x")).is_err());
    }

    #[test]
    fn colours() {
        let colors: Colors = serde_json::from_value(json!({ "primary": "#1A2B3C" })).unwrap();
        assert_eq!(serde_json::to_value(&colors).unwrap(), json!({ "primary": "#1a2b3c" }));
        assert_eq!(colors.primary.unwrap().channels(), [0x1a, 0x2b, 0x3c]);
        for odd in ["", "#", "#12345", "#1234567", "#12345g", "123456", "red", "#１２３４５６", "#fff;}"] {
            assert!(serde_json::from_value::<Color>(json!(odd)).is_err(), "{odd}");
        }
        assert!(serde_json::from_value::<Colors>(json!({ "secondary": "#000000" })).is_err());
    }

    #[test]
    fn facts_as_the_database_writes_them() {
        let facts: TenantFacts = serde_json::from_value(json!({
            "logo_url": null, "colors": {}, "delete_after": "2026-11-21T15:26:00.123+00:00", "session_idle_days": 7,
            "session_absolute_days": 30, "ip_allow_list": ["203.0.113.0/24"], "features": { "members": 9 } }))
        .unwrap();
        assert_eq!((facts.idle_seconds(), facts.absolute_seconds()), (604_800, 2_592_000));
        assert_eq!(facts.features(Plan::Free).allowance(super::super::plan::Feature::Members).limit(), Some(9));
    }
}
