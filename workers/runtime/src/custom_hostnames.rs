//! Cloudflare for SaaS: whoever ends the connections to tenants' own domains, and has their certificates.

use zygo_core::{
    error::Problem,
    tenancy::custom_hostname::{self, CustomHostname},
};

use crate::{Config, outbound::Outbound};

/// The zone that custom hostnames lead to.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomHostnames {
    /// Base URL of the API.
    pub url: String,
    /// Identifier of the zone.
    pub zone: String,
    /// Token that may edit its custom hostnames.
    pub token: String,
}

impl std::fmt::Debug for CustomHostnames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomHostnames").field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl CustomHostnames {
    fn path(&self, rest: &str) -> String {
        format!("{}/zones/{}/custom_hostnames{rest}", self.url, self.zone)
    }

    /// The custom hostname of a host, made if there is none. Twice makes one.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` while Cloudflare does not answer, or answers something else.
    pub async fn ensure(&self, config: &Config, id: Option<&str>, host: &str) -> Result<CustomHostname, Problem> {
        if let Some(id) = id {
            let answer = Outbound::get(&self.path(&format!("/{id}"))).bearer(&self.token).send(config).await?;
            match answer.status {
                // Somebody removed it there.
                404 => {}
                200 => return custom_hostname::one(&answer.body, host).ok_or_else(|| odd(200)),
                status => return Err(odd(status)),
            }
        }
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("hostname", host).finish();
        let answer = Outbound::get(&self.path(&format!("?{query}"))).bearer(&self.token).send(config).await?;
        match custom_hostname::in_list(&answer.body, host) {
            Some(Some(known)) => return Ok(known),
            Some(None) => {}
            None => return Err(odd(answer.status)),
        }
        let url = self.path("");
        let answer = Outbound::post(&url).bearer(&self.token).json(&custom_hostname::creation(host))?.send(config).await?;
        custom_hostname::one(&answer.body, host).ok_or_else(|| odd(answer.status))
    }

    /// Removes a custom hostname; one that is gone is fine.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` while Cloudflare does not answer.
    pub async fn remove(&self, config: &Config, id: &str) -> Result<(), Problem> {
        let answer = Outbound::delete(&self.path(&format!("/{id}"))).bearer(&self.token).send(config).await?;
        if answer.is_success() || answer.status == 404 { Ok(()) } else { Err(odd(answer.status)) }
    }
}

fn odd(status: u16) -> Problem {
    Problem::unavailable(format!("custom hostnames: status {status}"))
}
