//! A false Cloudflare for SaaS: custom hostnames of one zone.

use std::collections::HashMap;

use anyhow::Result;
use reqwest::Url;
use serde_json::{Value, json};

use crate::stub::{Request, Response, Stub};

/// The zone.
pub const ZONE: &str = "0123456789abcdef0123456789abcdef";
/// The token that may edit it.
pub const TOKEN: &str = "custom-hostnames-secret-of-the-tests";

/// What it keeps.
#[derive(Debug, Default)]
struct Kept {
    /// Hosts by their identifiers, and whether each is served.
    hosts: HashMap<String, (String, bool)>,
    /// How often it still fails, by identifiers.
    failing: HashMap<String, u32>,
    serial: u32,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Saas(Stub<Kept>);

fn view(id: &str, host: &str, served: bool) -> Value {
    let status = if served { "active" } else { "pending" };
    json!({ "id": id, "hostname": host, "status": status, "ssl": { "status": if served { "active" } else { "pending_validation" } } })
}

fn answer(kept: &mut Kept, request: &Request) -> Response {
    let error = |status: u16| Response::json(status, &json!({ "success": false, "errors": [{ "code": 1000 }], "result": null }));
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return error(403);
    }
    let base = format!("/zones/{ZONE}/custom_hostnames");
    let Some(rest) = request.path().strip_prefix(&base) else { return error(404) };
    let id = rest.trim_start_matches('/').to_owned();
    if let Some(left) = kept.failing.get_mut(&id).filter(|left| **left > 0) {
        *left = left.saturating_sub(1);
        return error(500);
    }
    let ok = |result: Value| Response::json(200, &json!({ "success": true, "errors": [], "result": result }));
    match (request.method.as_str(), id.as_str()) {
        ("POST", "") => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let host = body["hostname"].as_str().unwrap_or_default().to_owned();
            if host.is_empty() || body["ssl"]["method"] != "http" || kept.hosts.values().any(|(known, _)| *known == host) {
                return error(409);
            }
            kept.serial += 1;
            let id = format!("hostname-{}", kept.serial);
            kept.hosts.insert(id.clone(), (host.clone(), false));
            ok(view(&id, &host, false))
        }
        ("GET", "") => {
            let url = Url::parse(&format!("http://x{}", request.target)).ok();
            let wanted = url.and_then(|url| url.query_pairs().find(|(key, _)| key == "hostname").map(|(_, host)| host.into_owned()));
            let found = kept.hosts.iter().filter(|(_, (host, _))| Some(host) == wanted.as_ref());
            ok(found.map(|(id, (host, served))| view(id, host, *served)).collect())
        }
        ("GET", id) => kept.hosts.get(id).map_or_else(|| error(404), |(host, served)| ok(view(id, host, *served))),
        ("DELETE", id) => kept.hosts.remove(id).map_or_else(|| error(404), |_| ok(json!({ "id": id }))),
        _ => error(405),
    }
}

impl Saas {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(answer).await?))
    }

    /// The variables that name it.
    #[must_use]
    pub fn variables(&self) -> [(String, String); 3] {
        [
            ("CUSTOM_HOSTNAMES_URL".into(), self.0.url()),
            ("CUSTOM_HOSTNAMES_ZONE".into(), ZONE.into()),
            ("CUSTOM_HOSTNAMES_TOKEN".into(), TOKEN.into()),
        ]
    }

    /// How many custom hostnames a host has.
    #[must_use]
    pub fn count(&self, host: &str) -> usize {
        self.0.state().hosts.values().filter(|(known, _)| known == host).count()
    }

    /// Fails so often where it is asked about this custom hostname.
    pub fn fail(&self, id: &str, times: u32) {
        self.0.state().failing.insert(id.to_owned(), times);
    }

    /// Issues a host's certificate, or lets it run out.
    pub fn serve(&self, host: &str, is_served: bool) {
        self.0.state().hosts.values_mut().filter(|(known, _)| known == host).for_each(|(_, served)| *served = is_served);
    }
}
