//! The team: roles, members, invitations, and who may change what of them.
//!
//! Every change begins with the tenant's lock ([`Batch::alone`](crate::batch::Batch::alone)) and is judged by the rows as they
//! are then, by the rules of [`zygo_core::access::hierarchy`].

pub(crate) mod accept;
pub(crate) mod change;
pub(crate) mod invitation;
pub(crate) mod member;
pub(crate) mod role;

/// The context's person's own role, if they are an active member.
macro_rules! actor {
    () => {
        "actor AS (SELECT r.id, r.key, r.level, r.is_default FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id \
         WHERE m.tenant_id = app_tenant_id() AND m.user_id = app_user_id() AND m.status = 'active')"
    };
}

/// What a tenant's plan allows of a feature, NULL where that is without limit: its own override, or the plan's (two arrays).
macro_rules! limit {
    ($feature:literal, $plans:literal, $limits:literal) => {
        concat!(
            "SELECT CASE jsonb_typeof(f.value) WHEN 'number' THEN trunc((f.value)::numeric)::bigint WHEN 'null' THEN NULL ELSE p.most END AS most \
             FROM tenants t JOIN unnest(",
            $plans,
            ", ",
            $limits,
            ") p (plan, most) ON p.plan = t.plan LEFT JOIN tenant_features f ON f.tenant_id = t.id AND f.feature = '",
            $feature,
            "' AND (f.expires_at IS NULL OR f.expires_at > now()) WHERE t.id = app_tenant_id()"
        )
    };
}
pub(crate) use {actor, limit};

pub use accept::{Acceptance, Joined, Newcomer, Preview, accept_invitation, look_at_invitation, sign_up_by_invitation};
pub use change::{Departure, Verdict, remove_member, set_role, set_status, transfer_ownership};
pub use invitation::{
    InvitationRow, Invited, NewInvitation, NotInvited, Reached, begin_invitation, invite, list_invitations, resend_invitation, revoke_invitation,
};
pub use member::{MemberRow, MembersQuery, list_members, member};
pub use role::{Composed, Holders, NewRole, RoleEdit, TeamRole, create_role, delete_role, edit_role, list_roles, role};

use zygo_core::{
    access::{DefaultRole, PermissionSet},
    tenancy::plan::{Feature, Plan},
};

/// What each plan allows of a feature, in the form that Postgres takes.
pub(crate) struct PlanLimits {
    pub(crate) plans: Vec<&'static str>,
    pub(crate) limits: Vec<Option<i64>>,
}

impl PlanLimits {
    pub(crate) fn of(feature: Feature) -> Self {
        let limit = |plan: Plan| feature.in_plan(plan).limit().map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        Self { plans: Plan::ALL.iter().map(|plan| plan.key()).collect(), limits: Plan::ALL.iter().map(|plan| limit(*plan)).collect() }
    }
}

/// Which default roles hold which of some permissions: pairs, in the form that Postgres takes.
pub(crate) fn default_holders(permissions: PermissionSet) -> (Vec<&'static str>, Vec<i16>) {
    let held =
        |role: DefaultRole| permissions.iter().filter(move |p| role.permissions().contains(*p)).map(move |p| (role.key(), i16::from(p.index())));
    DefaultRole::ALL.into_iter().flat_map(held).unzip()
}

/// A set of permissions as catalogue indices.
pub(crate) fn indices(permissions: PermissionSet) -> Vec<i16> {
    permissions.iter().map(|permission| i16::from(permission.index())).collect()
}
