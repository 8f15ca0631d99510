//! How somebody likes it: the look, and which mails they want beside those that they must get.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme as it is stored.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of that name; what the device has for any other.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.key() == key).unwrap_or_default()
    }
}

macro_rules! switches {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal,)+) => {
        /// Which mails somebody wants. Mails about security, and those that somebody asked for, have no switch.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
        pub struct Notifications {
            $($(#[doc = $doc])+ pub $name: bool,)+
        }

        /// Switches to be turned; what is absent stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct NotificationsPatch {
            $($(#[doc = $doc])+ #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<bool>,)+
        }

        impl Notifications {
            /// What was stored, over what holds without; a switch that is gone by now is ignored.
            #[must_use]
            pub fn of(stored: &Value) -> Self {
                Self { $($name: stored.get(stringify!($name)).and_then(Value::as_bool).unwrap_or($default),)+ }
            }
        }

        impl NotificationsPatch {
            /// The switches to be stored over those that are.
            #[must_use]
            pub fn stored(&self) -> Value {
                let mut turned = Map::new();
                $(if let Some(on) = self.$name {
                    turned.insert(stringify!($name).to_owned(), on.into());
                })+
                Value::Object(turned)
            }
        }
    };
}

switches! {
    /// People join or leave one's organisations, or their roles change.
    team_activity = true,
    /// Something that one set up fails: a webhook's deliveries, a workflow.
    failures = true,
    /// What is new in the product.
    product_news = false,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_stored_is_the_default() {
        let untouched = Notifications { team_activity: true, failures: true, product_news: false };
        for stored in [json!({}), Value::Null, json!({ "gone": true, "failures": "no" })] {
            assert_eq!(Notifications::of(&stored), untouched);
        }
        let stored = json!({ "product_news": true, "failures": false });
        assert_eq!(Notifications::of(&stored), Notifications { team_activity: true, failures: false, product_news: true });
    }

    #[test]
    fn a_patch_stores_what_it_turns_and_nothing_else() {
        let patch: NotificationsPatch = serde_json::from_value(json!({ "failures": false })).unwrap();
        assert_eq!(patch.stored(), json!({ "failures": false }));
        assert_eq!(NotificationsPatch::default().stored(), json!({}));
        assert!(serde_json::from_value::<NotificationsPatch>(json!({ "security": false })).is_err());
    }

    #[test]
    fn themes_are_stored_by_name() {
        for theme in [Theme::System, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_key(theme.key()), theme);
            assert_eq!(serde_json::to_value(theme).unwrap(), theme.key());
        }
        assert_eq!(Theme::from_key("sepia"), Theme::System);
    }
}
