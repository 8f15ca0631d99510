//! Organisations with more people than their owner.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::{
    people::{Member, Session},
    system::System,
};

/// The default roles, highest first.
pub const ROLES: [&str; 6] = ["owner", "admin", "manager", "developer", "member", "viewer"];

impl System {
    /// Somebody who belongs to a member's organisation by a default role, signed in to it.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn colleague(&self, of: &Member, role: &str) -> Result<Member> {
        let (person, session) = self.session().await?;
        let (tenant, user): (uuid::Uuid, uuid::Uuid) = (of.tenant_id.parse()?, session.user_id.parse()?);
        let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) \
                    SELECT make_uuid_v7(now()), $1, $2, r.id FROM roles r WHERE r.tenant_id = $1 AND r.is_default AND r.key = $3";
        self.database.execute(join, &[&tenant, &user, &role]).await?;
        let switched = session.api.post("/auth/switch-tenant", &json!({ "tenant_id": of.tenant_id })).await?;
        let session = Session::read(switched, &person.api).with_context(|| role.to_owned())?;
        Ok(Member { person, session, ..of.clone() })
    }
}

impl Member {
    /// A path below the organisation.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/tenants/{}{rest}", self.tenant_id)
    }
}
