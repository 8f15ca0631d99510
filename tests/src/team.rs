//! Organisations with people in them.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use uuid::Uuid;

use crate::{
    forge,
    people::{Member, Person, Session},
    system::System,
    wait::eventually,
};

impl System {
    /// An organisation on the largest plan, with its owner.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn company(&self) -> Result<Member> {
        let mut owner = self.member().await?;
        let tenant: Uuid = owner.tenant_id.parse()?;
        self.database.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&tenant]).await?;
        // The token tells the gate what the plan allows.
        owner.session = Session::read(owner.session.refresh().await?, &owner.person.api)?;
        Ok(owner)
    }

    /// Somebody new in an organisation, signed in to it with a role.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn joins(&self, owner: &Member, role: &str) -> Result<Member> {
        let (person, session) = self.session().await?;
        self.join(owner, &session, role).await?;
        let session = into(owner, &person, &session).await?;
        Ok(Member { person, session, ..owner.clone() })
    }

    /// Makes somebody a member, past the invitations.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn join(&self, owner: &Member, session: &Session, role: &str) -> Result<()> {
        let (tenant, user): (Uuid, Uuid) = (owner.tenant_id.parse()?, session.user_id.parse()?);
        let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), tenant_id, $2, id FROM roles \
            WHERE tenant_id = $1 AND key = $3";
        self.database.execute(join, &[&tenant, &user, &role]).await?;
        Ok(())
    }

    /// The same session, as if a second factor had just been given in it.
    ///
    /// # Errors
    /// When the token is none.
    pub fn stepped_up(&self, session: &Session) -> Result<Session> {
        let mut claims = forge::claims(&session.access)?;
        claims["mfa_at"] = claims["iat"].clone();
        let access = self.secrets.sign(&claims);
        Ok(Session { api: session.api.with(&access), access, ..session.clone() })
    }

    /// Does what an organisation is owed by jobs that only the sweep takes up, and waits for it.
    ///
    /// # Errors
    /// When that is not done in time.
    pub async fn pay(&self, of: &Member) -> Result<()> {
        let tenant: Uuid = of.tenant_id.parse()?;
        let due = "UPDATE outbox SET available_at = now() - interval '1 second' WHERE tenant_id = $1 AND settled_at IS NULL";
        self.database.execute(due, &[&tenant]).await?;
        self.scheduled("* * * * *").await?;
        eventually(async || {
            let left = "SELECT count(*) FROM outbox WHERE tenant_id = $1 AND settled_at IS NULL";
            ensure!(self.database.count(left, &[&tenant]).await? == 0, "work was left behind");
            Ok(())
        })
        .await
    }

    /// How long a change of an organisation's standing takes to arrive everywhere: isolate memory keeps a host for 30 s, and KV may be as
    /// far behind.
    pub const DIRECTORY: Duration = Duration::from_secs(100);

    /// Suspends or deletes an organisation as the platform's administration does: in the row, and the outbox repairs the edge directory.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn set_standing(&self, of: &Member, status: &str) -> Result<()> {
        let tenant: Uuid = of.tenant_id.parse()?;
        self.database.execute("UPDATE tenants SET status = $2 WHERE id = $1", &[&tenant, &status]).await?;
        let owe = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
                   SELECT make_uuid_v7(now()), $1, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', $1::uuid), now(), now()";
        self.database.execute(owe, &[&tenant]).await?;
        self.scheduled("* * * * *").await
    }

    /// How many owners an organisation has who can act.
    ///
    /// # Errors
    /// When PostgreSQL is away.
    pub async fn owners(&self, of: &Member) -> Result<i64> {
        let tenant: Uuid = of.tenant_id.parse()?;
        let owners = "SELECT count(*) FROM user_roles m JOIN roles r ON r.id = m.role_id \
            WHERE m.tenant_id = $1 AND r.key = 'owner' AND m.status = 'active'";
        self.database.count(owners, &[&tenant]).await
    }
}

/// A session of somebody's in an organisation that they belong to.
///
/// # Errors
/// When they cannot switch to it.
pub async fn into(organisation: &Member, person: &Person, session: &Session) -> Result<Session> {
    Session::read(session.api.post("/auth/switch-tenant", &json!({ "tenant_id": organisation.tenant_id })).await?, &person.api)
}

impl Member {
    /// A path below the organisation.
    #[must_use]
    pub fn below(&self, rest: &str) -> String {
        format!("/tenants/{}/{rest}", self.tenant_id)
    }
}
