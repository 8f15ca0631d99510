//! Plans: one table of what each covers, and what a tenant's own overrides make of it.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;

use crate::error::{Code, Problem};

/// What an organisation pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Without charge.
    #[default]
    Free,
    /// For small teams.
    Pro,
    /// For companies.
    Business,
    /// By contract; no limit but fair use.
    Enterprise,
}

impl Plan {
    /// The plans, smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Pro, Self::Business, Self::Enterprise];

    /// The key, as the API and the database write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        }
    }

    /// The plan with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.key() == key)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What a plan says of one feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// At most so many; 0 is none.
    Limit(u64),
    /// As many as fair use allows.
    Unlimited,
    /// On or off.
    Flag(bool),
}

impl Allowance {
    /// Whether one more is covered when `used` are in use already. A flag covers any number or none.
    #[must_use]
    pub const fn covers_one_more(self, used: u64) -> bool {
        match self {
            Self::Limit(limit) => used < limit,
            Self::Unlimited => true,
            Self::Flag(on) => on,
        }
    }

    /// The limit as a number, `None` where there is none. A flag counts as no limit or as 0.
    #[must_use]
    pub const fn limit(self) -> Option<u64> {
        match self {
            Self::Limit(limit) => Some(limit),
            Self::Unlimited | Self::Flag(true) => None,
            Self::Flag(false) => Some(0),
        }
    }

    /// An override of this allowance: `true` or `false` for a flag, a whole number or `null` (unlimited) for a limit.
    fn overridden_by(self, value: &Value) -> Option<Self> {
        match (self, value) {
            (Self::Flag(_), Value::Bool(on)) => Some(Self::Flag(*on)),
            (Self::Limit(_) | Self::Unlimited, Value::Null) => Some(Self::Unlimited),
            (Self::Limit(_) | Self::Unlimited, Value::Number(n)) => n.as_u64().map(Self::Limit),
            _ => None,
        }
    }
}

impl Serialize for Allowance {
    /// A number, `null` for unlimited, or a boolean.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Limit(limit) => serializer.serialize_u64(*limit),
            Self::Unlimited => serializer.serialize_unit(),
            Self::Flag(on) => serializer.serialize_bool(*on),
        }
    }
}

const GIB: u64 = 1 << 30;
const ON: Allowance = Allowance::Flag(true);
const OFF: Allowance = Allowance::Flag(false);
const NO_LIMIT: Allowance = Allowance::Unlimited;

const fn up_to(limit: u64) -> Allowance {
    Allowance::Limit(limit)
}

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $key:literal: $free:expr, $pro:expr, $business:expr, $enterprise:expr;)+) => {
        /// Something that a plan limits or switches.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $name,)+
        }

        impl Feature {
            /// Every feature, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The key, `details.feature` of `PLAN_LIMIT`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// What a plan says of it.
            #[must_use]
            pub const fn in_plan(self, plan: Plan) -> Allowance {
                match (self, plan) {
                    $(
                        (Self::$name, Plan::Free) => $free,
                        (Self::$name, Plan::Pro) => $pro,
                        (Self::$name, Plan::Business) => $business,
                        (Self::$name, Plan::Enterprise) => $enterprise,
                    )+
                }
            }
        }
    };
}

features! {
    // key: free, pro, business, enterprise
    /// Members of the organisation.
    Members = "members": up_to(5), up_to(25), up_to(250), NO_LIMIT;
    /// Custom roles.
    CustomRoles = "custom_roles": up_to(0), up_to(5), up_to(50), NO_LIMIT;
    /// Verified custom domains.
    CustomDomains = "custom_domains": up_to(0), up_to(0), up_to(10), NO_LIMIT;
    /// Enterprise sign-in by SAML or OpenID Connect.
    Sso = "sso": OFF, OFF, ON, ON;
    /// Webhooks.
    Webhooks = "webhooks": up_to(3), up_to(20), up_to(100), NO_LIMIT;
    /// Days that the audit log is kept.
    AuditRetentionDays = "audit_retention_days": up_to(30), up_to(180), up_to(365), up_to(2_555);
    /// API calls per minute, with a burst of twice as many.
    ApiRate = "api_rate": up_to(60), up_to(600), up_to(3_000), up_to(12_000);
    /// Invitations per day.
    InvitationsPerDay = "invitations_per_day": up_to(100), up_to(500), up_to(2_500), up_to(10_000);
    /// Workflow executions per month.
    WorkflowExecutions = "workflow_executions": up_to(1_000), up_to(20_000), up_to(250_000), NO_LIMIT;
    /// Bytes of files.
    StorageBytes = "storage_bytes": up_to(GIB), up_to(50 * GIB), up_to(500 * GIB), NO_LIMIT;
}

impl Feature {
    /// The feature with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|feature| feature.key() == key)
    }

    /// The table's line as JSON, a value per plan: what `plan_limit` of the schema reads.
    #[must_use]
    pub fn by_plan(self) -> Value {
        Plan::ALL.iter().map(|plan| (plan.key().to_owned(), serde_json::json!(self.in_plan(*plan)))).collect::<serde_json::Map<_, _>>().into()
    }

    /// The refusal where the plan does not cover it, or no more of it.
    #[must_use]
    pub fn not_covered(self) -> Problem {
        Problem::new(Code::PlanLimit).details(serde_json::json!({ "feature": self.key() }))
    }
}

/// What a tenant may do: its plan with its overrides. Serializes as an object of keys in the table's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    plan: Plan,
    overrides: Vec<(Feature, Allowance)>,
}

impl Features {
    /// The plan alone.
    #[must_use]
    pub const fn of(plan: Plan) -> Self {
        Self { plan, overrides: Vec::new() }
    }

    /// The plan with rows of `tenant_features`, key and value. A key that no feature has and a value of the wrong kind change
    /// nothing: a slip in a row must not shut an organisation out. Of two rows for one feature the later counts.
    #[must_use]
    pub fn resolve<'a>(plan: Plan, rows: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let read = |(key, value): (&str, &Value)| {
            let feature = Feature::from_key(key)?;
            Some((feature, feature.in_plan(plan).overridden_by(value)?))
        };
        Self { plan, overrides: rows.into_iter().filter_map(read).collect() }
    }

    /// What holds for a feature.
    #[must_use]
    pub fn allowance(&self, feature: Feature) -> Allowance {
        let own = self.overrides.iter().rev().find(|(f, _)| *f == feature);
        own.map_or_else(|| feature.in_plan(self.plan), |(_, allowance)| *allowance)
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// Keys of the features where the tenant departs from its plan, in the table's order.
    #[must_use]
    pub fn overridden(&self) -> Vec<&'static str> {
        Feature::ALL.iter().filter(|feature| self.overrides.iter().any(|(own, _)| own == *feature)).map(|feature| feature.key()).collect()
    }

    /// Lets one more pass of what is `used` already; a switch that is on passes whatever is used.
    ///
    /// # Errors
    /// `PLAN_LIMIT` with the feature.
    pub fn admit(&self, feature: Feature, used: u64) -> Result<(), Problem> {
        if self.allowance(feature).covers_one_more(used) { Ok(()) } else { Err(feature.not_covered()) }
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Feature::ALL.len()))?;
        for feature in Feature::ALL {
            map.serialize_entry(feature.key(), &self.allowance(*feature))?;
        }
        map.end()
    }
}

impl JsonSchema for Features {
    fn schema_name() -> Cow<'static, str> {
        "Features".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kind = |feature: &Feature| match feature.in_plan(Plan::Free) {
            Allowance::Flag(_) => serde_json::json!({ "type": "boolean" }),
            _ => serde_json::json!({ "type": ["integer", "null"], "minimum": 0 }),
        };
        let properties: serde_json::Map<String, Value> = Feature::ALL.iter().map(|f| (f.key().to_owned(), kind(f))).collect();
        let required: Vec<&str> = Feature::ALL.iter().map(|f| f.key()).collect();
        json_schema!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table() {
        let table: serde_json::Map<String, Value> =
            Plan::ALL.iter().map(|plan| (plan.key().to_owned(), serde_json::to_value(Features::of(*plan)).unwrap())).collect();
        insta::assert_json_snapshot!(table);
    }

    #[test]
    fn overrides() {
        let rows = [("members", json!(7)), ("members", json!(8)), ("sso", json!(true)), ("webhooks", Value::Null), ("nonsense", json!(1))];
        let features = Features::resolve(Plan::Free, rows.iter().map(|(k, v)| (*k, v)));
        assert_eq!(features.allowance(Feature::Members), Allowance::Limit(8));
        assert_eq!(features.allowance(Feature::Sso), Allowance::Flag(true));
        assert_eq!(features.allowance(Feature::Webhooks), Allowance::Unlimited);
        assert_eq!(features.allowance(Feature::ApiRate), Allowance::Limit(60));
    }

    #[test]
    fn a_value_of_the_wrong_kind_changes_nothing() {
        for value in [json!(-1), json!(1.5), json!("9"), json!(true), json!([]), json!({})] {
            let features = Features::resolve(Plan::Pro, [("members", &value)]);
            assert_eq!(features.allowance(Feature::Members), Allowance::Limit(25), "{value}");
        }
        assert_eq!(Features::resolve(Plan::Pro, [("sso", &Value::Null)]).allowance(Feature::Sso), Allowance::Flag(false));
    }

    #[test]
    fn what_is_admitted() {
        let features = Features::resolve(Plan::Free, [("sso", &json!(true))]);
        assert!(features.admit(Feature::Members, 4).is_ok() && features.admit(Feature::Sso, 0).is_ok());
        let refused = features.admit(Feature::Members, 5).unwrap_err();
        assert_eq!((refused.code(), refused.member("feature")), (Code::PlanLimit, Some(&json!("members"))));
        assert!(Features::of(Plan::Pro).admit(Feature::CustomDomains, 0).is_err());
        assert_eq!(features.overridden(), ["sso"]);
        assert_eq!(Feature::CustomDomains.by_plan(), json!({ "free": 0, "pro": 0, "business": 10, "enterprise": null }));
    }

    #[test]
    fn covering() {
        assert!(Allowance::Limit(5).covers_one_more(4) && !Allowance::Limit(5).covers_one_more(5));
        assert!(Allowance::Unlimited.covers_one_more(u64::MAX));
        assert!(!Allowance::Flag(false).covers_one_more(0));
        assert_eq!((Allowance::Flag(false).limit(), Allowance::Unlimited.limit()), (Some(0), None));
        for plan in Plan::ALL {
            assert_eq!(Plan::from_key(plan.key()), Some(plan));
        }
    }
}
