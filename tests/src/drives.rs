//! False Google Drive, OneDrive and Dropbox. They check what they are sent (client, secret, redirect URI, PKCE verifier,
//! bearer), hand out tokens, list a few files, and remember what was taken back.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    providers::{SECRET_MARK, form},
    random,
    stub::{Request, Response, Stub},
    tab::parameter,
};

/// The providers' names.
pub const DRIVES: [&str; 3] = ["google_drive", "onedrive", "dropbox"];

/// Every token holds this; nothing of it may show in a log or in the database.
pub const TOKEN_MARK: &str = "Drive-Token-Mark";

#[derive(Debug, Default)]
struct State {
    codes: HashMap<String, Url>,
    /// Refresh tokens that work, by whom they are: the code that they began with.
    refresh: HashMap<String, String>,
    /// Access tokens that work.
    access: HashMap<String, String>,
    renewals: HashMap<String, u32>,
    revoked: BTreeSet<String>,
    /// Statuses to answer to revocations instead of 200.
    failures: Vec<u16>,
}

/// The false drives.
#[derive(Debug, Clone)]
pub struct Drives(Stub<State>);

impl Drives {
    /// Starts them.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(answer).await?))
    }

    /// Our clients there, and where they are, by their names.
    #[must_use]
    pub fn configuration(&self) -> Vec<(&'static str, Value, String)> {
        let client = |name| json!({ "client_id": format!("{name}-client"), "client_secret": format!("{SECRET_MARK}-{name}") });
        DRIVES.map(|name| (name, client(name), format!("{}/{name}", self.0.url()))).into()
    }

    /// A code for somebody whose browser came with this URL, who is known by it from then on.
    ///
    /// # Errors
    /// When the URL lacks what an authorization request for offline access has.
    pub fn allow(&self, drive: &str, authorization: &Url) -> Result<String> {
        ensure!(authorization.as_str().starts_with(&format!("{}/{drive}/authorize?", self.0.url())), "{authorization}");
        for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
            ensure!(parameter(authorization, name)? == value, "{name} in {authorization}");
        }
        let offline = match drive {
            "google_drive" => parameter(authorization, "access_type")? == "offline" && parameter(authorization, "prompt")? == "consent",
            "onedrive" => parameter(authorization, "scope")?.contains("offline_access"),
            _ => parameter(authorization, "token_access_type")? == "offline",
        };
        ensure!(offline, "no offline access in {authorization}");
        let code = format!("code-{}", random::word()?);
        self.0.state().codes.insert(code.clone(), authorization.clone());
        Ok(code)
    }

    /// How often the tokens that began with a code were renewed.
    #[must_use]
    pub fn renewals(&self, code: &str) -> u32 {
        self.0.state().renewals.get(code).copied().unwrap_or_default()
    }

    /// Whether what began with a code was taken back.
    #[must_use]
    pub fn is_revoked(&self, code: &str) -> bool {
        self.0.state().revoked.contains(code)
    }

    /// Takes no access token any more that began with a code.
    pub fn expire(&self, code: &str) {
        self.0.state().access.retain(|_, owner| owner != code);
    }

    /// Takes nothing any more that began with a code, as if its owner had thought better of it there.
    pub fn withdraw(&self, code: &str) {
        self.expire(code);
        self.0.state().refresh.retain(|_, owner| owner != code);
    }

    /// Answers these statuses to the next revocations.
    pub fn fail_revocations(&self, statuses: &[u16]) {
        self.0.state().failures.extend(statuses);
    }
}

fn answer(state: &mut State, request: &Request) -> Response {
    let path = request.path().to_owned();
    let Some((drive, rest)) = path.trim_start_matches('/').split_once('/') else { return Response::text(404, "") };
    match rest {
        "token" => token(state, drive, &form(&request.body)),
        "revoke" | "api/2/auth/token/revoke" => revoke(state, request),
        _ if rest.starts_with("api/") => list(state, drive, request, rest),
        _ => Response::text(404, ""),
    }
}

fn token(state: &mut State, drive: &str, form: &HashMap<String, String>) -> Response {
    let refuse = |status, error: &str| Response::json(status, &json!({ "error": error }));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if field("client_id") != format!("{drive}-client") || field("client_secret") != format!("{SECRET_MARK}-{drive}") {
        return refuse(401, "invalid_client");
    }
    let owner = match field("grant_type") {
        "authorization_code" => {
            let Some(authorization) = state.codes.remove(field("code")) else { return refuse(400, "invalid_grant") };
            let asked = |name: &str| parameter(&authorization, name).unwrap_or_default();
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
            if field("redirect_uri") != asked("redirect_uri") || challenge != asked("code_challenge") {
                return refuse(400, "invalid_grant");
            }
            field("code").to_owned()
        }
        "refresh_token" => {
            let Some(owner) = state.refresh.get(field("refresh_token")).cloned() else { return refuse(400, "invalid_grant") };
            *state.renewals.entry(owner.clone()).or_default() += 1;
            owner
        }
        _ => return refuse(400, "unsupported_grant_type"),
    };
    let fresh = |kind: &str| format!("{TOKEN_MARK}-{kind}-{}", random::word().unwrap_or_default());
    let access = fresh("access");
    state.access.insert(access.clone(), owner.clone());
    let mut body = json!({ "access_token": access, "token_type": "bearer", "expires_in": 3600 });
    // OneDrive gives another refresh token each time, the others theirs once.
    if drive == "onedrive" || field("grant_type") == "authorization_code" {
        let refresh = fresh("refresh");
        state.refresh.insert(refresh.clone(), owner);
        body["refresh_token"] = json!(refresh);
    }
    Response::json(200, &body)
}

fn bearer(request: &Request) -> &str {
    request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn revoke(state: &mut State, request: &Request) -> Response {
    if !state.failures.is_empty() {
        return Response::text(state.failures.remove(0), "");
    }
    let form = form(&request.body);
    let owner = form.get("token").and_then(|token| state.refresh.get(token)).or_else(|| state.access.get(bearer(request))).cloned();
    let Some(owner) = owner else { return Response::json(400, &json!({ "error": "invalid_token" })) };
    state.refresh.retain(|_, known| *known != owner);
    state.access.retain(|_, known| *known != owner);
    state.revoked.insert(owner);
    Response::json(200, &json!({}))
}

/// Two pages: the first says where the second begins.
fn list(state: &mut State, drive: &str, request: &Request, path: &str) -> Response {
    if request.target.contains("nowhere") || String::from_utf8_lossy(&request.body).contains("nowhere") {
        return Response::json(if drive == "dropbox" { 409 } else { 404 }, &json!({ "error": "not found" }));
    }
    if !state.access.contains_key(bearer(request)) {
        return Response::json(401, &json!({ "error": "invalid_token" }));
    }
    let url = Url::parse(&format!("http://x{}", request.target)).ok();
    let query = |name: &str| url.as_ref().and_then(|url| parameter(url, name).ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let second = [query("pageToken"), query("$skiptoken"), body["cursor"].as_str().unwrap_or_default().to_owned()].contains(&"second".to_owned());
    let name = if second { "last" } else { "first" };
    match (drive, path) {
        ("google_drive", "api/drive/v3/files") => {
            let next = (!second).then_some("second");
            let folder = query("q").split('\'').nth(1).unwrap_or_default().to_owned();
            Response::json(
                200,
                &json!({ "files": [{ "id": name, "name": format!("{name} in {folder}"), "mimeType": "text/plain", "size": "7" }], "nextPageToken": next }),
            )
        }
        ("onedrive", _) if path.starts_with("api/v1.0/me/drive/") => {
            let mut page = json!({ "value": [{ "id": name, "name": format!("{name} in {path}"), "size": 7, "file": { "mimeType": "text/plain" } }] });
            if !second {
                page["@odata.nextLink"] = json!("https://evil.example/?$skiptoken=second");
            }
            Response::json(200, &page)
        }
        ("dropbox", "api/2/files/list_folder" | "api/2/files/list_folder/continue") => {
            let entry = json!({ ".tag": "file", "id": name, "name": format!("{name} in {}", body["path"].as_str().unwrap_or_default()), "size": 7 });
            Response::json(200, &json!({ "entries": [entry], "cursor": "second", "has_more": !second }))
        }
        _ => Response::json(404, &json!({})),
    }
}
