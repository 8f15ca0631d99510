//! Who administers the platform.

use anyhow::{Result, ensure};

use crate::{people::Session, system::System};

/// Where they do.
pub const HOST: &str = "admin.localhost";

impl System {
    /// Somebody who administers the platform in a role, signed in to no organisation, with a second factor given just now; their client is at
    /// the administration's host.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn administrator(&self, role: &str) -> Result<Session> {
        let (_, session) = self.session().await?;
        let user: uuid::Uuid = session.user_id.parse()?;
        let add = "INSERT INTO admin_users (id, user_id, role) VALUES (make_uuid_v7(now()), $1, $2)";
        ensure!(self.database.execute(add, &[&user, &role]).await? == 1);
        let session = self.stepped_up(&session)?;
        Ok(Session { api: session.api.at(HOST), ..session })
    }
}
