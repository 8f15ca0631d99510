//! The six default roles, the same in every organisation and read-only, and the hierarchy of levels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    catalogue::{Category, Permission},
    set::PermissionSet,
};

/// A role that every organisation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultRole {
    /// Everything.
    Owner,
    /// Everything but ending the organisation.
    Admin,
    /// Sees everything, leads people and workflows.
    Manager,
    /// Builds and runs things.
    Developer,
    /// Works with what others have built.
    Member,
    /// Looks.
    Viewer,
}

impl DefaultRole {
    /// The roles, highest first.
    pub const ALL: [Self; 6] = [Self::Owner, Self::Admin, Self::Manager, Self::Developer, Self::Member, Self::Viewer];

    /// The key, as in `role.key`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Developer => "developer",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// The name that people read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Manager => "Manager",
            Self::Developer => "Developer",
            Self::Member => "Member",
            Self::Viewer => "Viewer",
        }
    }

    /// The place in the hierarchy.
    #[must_use]
    pub const fn level(self) -> i16 {
        match self {
            Self::Owner => OWNER_LEVEL,
            Self::Admin => 80,
            Self::Manager => 60,
            Self::Developer => 40,
            Self::Member => 20,
            Self::Viewer => 10,
        }
    }

    /// The role with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }

    /// What the role permits.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        let holds: fn(Permission) -> bool = match self {
            Self::Owner => |_| true,
            Self::Admin => admin,
            Self::Manager => manager,
            Self::Developer => developer,
            Self::Member => member,
            Self::Viewer => viewer,
        };
        Permission::ALL.iter().copied().filter(|p| holds(*p)).collect()
    }
}

/// Level of owners, the highest.
pub const OWNER_LEVEL: i16 = 100;

/// Whether somebody may assign, edit, suspend or remove a role or person: only below their own level, but owners also owners.
///
/// That the last owner stays is not decided here, for it takes a count.
#[must_use]
pub const fn outranks(actor_level: i16, target_level: i16) -> bool {
    actor_level > target_level || (actor_level == OWNER_LEVEL && target_level == OWNER_LEVEL)
}

/// Whether somebody may create or keep a custom role of a level: from 1, and below their own.
#[must_use]
pub const fn may_create_level(creator_level: i16, level: i16) -> bool {
    level >= 1 && level < creator_level
}

// How the wildcards of the mapping are read:
// - `*.view` is every key whose last part is `view`, at any depth (`servers.metrics.view` too) and critical ones included;
// - `x.*` is every key that begins with `x.`;
// - a bare group in a list (billing, audit, servers, snapshots, …) is the category of that name; "snapshots" stands for
//   "snapshots and backups", "audit and security events" for the category audit, which holds both;
// - a key written out is that key alone: a member's `monitoring.view` is not `monitoring.logs.view`.

fn is_view(p: Permission) -> bool {
    p.key().ends_with(".view")
}

fn begins(p: Permission, prefix: &str) -> bool {
    p.key().starts_with(prefix)
}

fn admin(p: Permission) -> bool {
    use Permission as P;
    !matches!(p, P::BillingSubscriptionCancel | P::OrgDelete | P::ComplianceDelete | P::ComplianceDpaManage)
}

fn manager(p: Permission) -> bool {
    use Permission as P;
    let named = matches!(
        p,
        P::UsersInvite | P::UsersUpdate | P::RolesAssign | P::BillingUsageView | P::BillingInvoicesDownload | P::WebhooksCreate | P::WebhooksUpdate
    );
    is_view(p) || named || (begins(p, "workflows.") && p != P::WorkflowsDelete) || begins(p, "monitoring.")
}

fn developer(p: Permission) -> bool {
    use Category as C;
    use Permission as P;
    let infrastructure = matches!(
        p.category(),
        C::Servers | C::Volumes | C::Networks | C::Firewalls | C::LoadBalancers | C::Dns | C::SnapshotsAndBackups | C::FloatingIps
    );
    (is_view(p) && !matches!(p.category(), C::Billing | C::Audit))
        || p == P::SecretsManage
        || begins(p, "env_vars.")
        || begins(p, "webhooks.")
        || (infrastructure && !p.is_critical())
        || (begins(p, "ai.") && p != P::AiMemoryPurge)
        || begins(p, "workflows.")
        || (begins(p, "monitoring.") && p != P::MonitoringAlertsManage)
}

fn member(p: Permission) -> bool {
    use Permission as P;
    let named = matches!(
        p,
        P::UsersView
            | P::OrgView
            | P::RolesView
            | P::WebhooksView
            | P::WorkflowsView
            | P::WorkflowsCreate
            | P::WorkflowsUpdate
            | P::WorkflowsExecute
            | P::AiLlmUse
            | P::AiPlannerUse
            | P::MonitoringView
            | P::ServersView
            | P::VolumesView
            | P::NetworksView
            | P::DnsView
    );
    named || (begins(p, "ai.") && is_view(p))
}

fn viewer(p: Permission) -> bool {
    use Permission as P;
    is_view(p) && !begins(p, "billing.") && !matches!(p, P::AuditView | P::SecurityEventsView | P::SecretsView | P::ComplianceView)
}
