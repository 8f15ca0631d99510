//! False GitHub, Apple and Microsoft. They check what they are sent (client, secret, redirect URI, PKCE verifier), and
//! answer each code as a test told them to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    random,
    stub::{self, Request, Response},
    tab::parameter,
};

/// The directory of Microsoft's personal accounts, whose addresses count as verified.
pub const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Every secret holds this; nothing of it may show in a log.
pub const SECRET_MARK: &str = "Client-Secret-Mark";

/// A key of these tests alone, as Apple would hand it out.
const APPLE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwpKWtTKzIfkfNyPS
ORgHFCoMaSR2jcXorLMmo+sR1quhRANCAATo8vAZ78G+daQmYHlwBZ9Leaqo9jhz
ZnZP+4IitJnE7TePh663XNCKImyqvUCgRPGojD7d706Ro1UIyUTps3Gm
-----END PRIVATE KEY-----
";
/// Its public half.
const APPLE_PUBLIC: (&str, &str) = ("6PLwGe_BvnWkJmB5cAWfS3mqqPY4c2Z2T_uCIrSZxO0", "N4-Hrrdc0IoibKq9QKBE8aiMPt3vTpGjVQjJROmzcaY");

/// How the token endpoint answers a code, once everything about the request is right.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With tokens: the ID token has these claims over the usual ones (`null` takes one away), signed thus.
    Tokens(Value, Signature),
    /// With an access token that leads to this user and these addresses (GitHub).
    User(Value, Value),
    /// Like this, whatever it is.
    Raw(Response),
    /// Not for a while.
    Slow(Duration),
}

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// By the published key.
    Good,
    /// By another key under the same name.
    Forged,
    /// By a key that was never published.
    UnknownKey,
    /// By a key that was published only now.
    NewKey,
    /// Not at all.
    None,
}

#[derive(Debug)]
struct Grant {
    authorization: Url,
    reply: Reply,
}

#[derive(Debug, Default)]
struct State {
    grants: HashMap<String, Grant>,
    users: HashMap<String, (Value, Value)>,
    /// Seeds of the published keys, the first for ordinary tokens.
    seeds: Vec<[u8; 32]>,
    key_requests: u32,
}

/// The false providers.
#[derive(Debug, Clone)]
pub struct Providers {
    /// Their base URL; each has a path of its own below it.
    pub base: String,
    state: Arc<Mutex<State>>,
}

impl Providers {
    /// Starts them.
    ///
    /// # Errors
    /// When there is no port or no randomness.
    pub async fn start() -> Result<Self> {
        let state = Arc::new(Mutex::new(State { seeds: vec![random::bytes()?], ..State::default() }));
        let served = Arc::clone(&state);
        let address = stub::serve(move |request| {
            let state = Arc::clone(&served);
            async move { answer(&state, &request).await }
        });
        Ok(Self { base: format!("http://{}", address.await?), state })
    }

    /// Our clients there, as `OAUTH_CLIENTS` has them.
    #[must_use]
    pub fn clients() -> Value {
        let plain = |name: &str| json!({ "client_id": format!("{name}-client"), "client_secret": format!("{SECRET_MARK}-{name}") });
        json!({
            "github": plain("github"), "microsoft": plain("microsoft"),
            "apple": { "client_id": "apple-client", "team_id": "TEAM", "key_id": "KEY", "private_key": APPLE_KEY },
        })
    }

    /// Where they are, as `OAUTH_ENDPOINTS` has it.
    #[must_use]
    pub fn endpoints(&self) -> Value {
        json!({ "github": format!("{}/github", self.base), "microsoft": format!("{}/microsoft", self.base), "apple": format!("{}/apple", self.base) })
    }

    /// A code for somebody whose browser came with this URL.
    ///
    /// # Errors
    /// When the URL lacks what every authorization request has.
    pub fn issue(&self, authorization: &Url, reply: Reply) -> Result<String> {
        for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
            ensure!(parameter(authorization, name)? == value, "{name} in {authorization}");
        }
        ensure!(parameter(authorization, "code_challenge")?.len() == 43, "challenge in {authorization}");
        parameter(authorization, "state")?;
        let code = format!("code-{}", random::word()?);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.grants.insert(code.clone(), Grant { authorization: authorization.clone(), reply });
        Ok(code)
    }

    /// How often the keys were asked for.
    #[must_use]
    pub fn key_requests(&self) -> u32 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).key_requests
    }
}

async fn answer(state: &Mutex<State>, request: &Request) -> Response {
    let path = request.path().to_owned();
    let Some((provider, rest)) = path.trim_start_matches('/').split_once('/') else { return Response::text(404, "") };
    match rest {
        _ if rest.ends_with(".well-known/openid-configuration") => Response::json(200, &metadata(request, provider)),
        "keys" => Response::json(200, &keys(state)),
        "token" | "login/oauth/access_token" => token(state, request, provider).await,
        "api/user" => user(state, request, |(user, _)| user),
        "api/user/emails" => user(state, request, |(_, emails)| emails),
        _ => Response::text(404, ""),
    }
}

fn base(request: &Request, provider: &str) -> String {
    format!("http://{}/{provider}", request.header("host").unwrap_or_default())
}

fn issuer(request: &Request, provider: &str) -> String {
    let base = base(request, provider);
    if provider == "microsoft" { format!("{base}/{{tenantid}}/v2.0") } else { base }
}

fn metadata(request: &Request, provider: &str) -> Value {
    let base = base(request, provider);
    json!({
        "issuer": issuer(request, provider), "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"), "token_endpoint_auth_methods_supported": ["client_secret_post"],
    })
}

fn keys(state: &Mutex<State>) -> Value {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.key_requests += 1;
    let keys: Vec<Value> =
        state.seeds.iter().map(|seed| json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid(seed), "x": public(seed) })).collect();
    json!({ "keys": keys })
}

fn public(seed: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(seed).verifying_key().as_bytes())
}

fn kid(seed: &[u8; 32]) -> String {
    public(seed).chars().take(8).collect()
}

async fn token(state: &Mutex<State>, request: &Request, provider: &str) -> Response {
    let refuse = |status, error: &str| Response::json(status, &json!({ "error": error }));
    let form = form(&request.body);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let genuine = match provider {
        "apple" => apple_secret_is_good(field("client_secret"), &base(request, provider)),
        _ => field("client_secret") == format!("{SECRET_MARK}-{provider}"),
    };
    if !genuine || field("client_id") != format!("{provider}-client") {
        return refuse(401, "invalid_client");
    }
    // A code works once.
    let grant = state.lock().unwrap_or_else(PoisonError::into_inner).grants.remove(field("code"));
    let Some(Grant { authorization, reply }) = grant else { return refuse(400, "invalid_grant") };
    let asked = |name: &str| parameter(&authorization, name).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    let fits = field("grant_type") == "authorization_code" && field("redirect_uri") == asked("redirect_uri") && challenge == asked("code_challenge");
    if !fits || asked("client_id") != field("client_id") {
        return refuse(400, "invalid_grant");
    }
    match reply {
        Reply::Raw(response) => response,
        Reply::Slow(time) => {
            tokio::time::sleep(time).await;
            Response::text(200, "{}")
        }
        Reply::User(user, emails) => {
            let token = format!("gho-{}", field("code"));
            state.lock().unwrap_or_else(PoisonError::into_inner).users.insert(token.clone(), (user, emails));
            Response::json(200, &json!({ "access_token": token, "token_type": "bearer", "scope": "user:email" }))
        }
        Reply::Tokens(changes, signature) => {
            let mut claims = json!({
                "iss": issuer(request, provider).replace("{tenantid}", CONSUMERS), "aud": field("client_id"), "nonce": asked("nonce"),
                "iat": now(), "exp": now() + 300,
            });
            if let (Some(claims), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
                claims.extend(changes.clone());
                claims.retain(|_, value| !value.is_null());
            }
            let token = sign(state, &claims, signature);
            Response::json(200, &json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 3600, "id_token": token }))
        }
    }
}

/// The fields of a form.
pub(crate) fn form(body: &[u8]) -> HashMap<String, String> {
    let url = Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(body)));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the provider has a clock of its own")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn sign(state: &Mutex<State>, claims: &Value, signature: Signature) -> String {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let published = state.seeds[0];
    let fresh = random::bytes().unwrap_or_default();
    let (name, seed) = match signature {
        Signature::Good | Signature::None => (published, published),
        Signature::Forged => (published, fresh),
        Signature::UnknownKey => (fresh, fresh),
        Signature::NewKey => {
            state.seeds.push(fresh);
            (fresh, fresh)
        }
    };
    let alg = if signature == Signature::None { "none" } else { "EdDSA" };
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": alg, "kid": kid(&name) })), part(claims));
    if signature == Signature::None {
        return format!("{message}.");
    }
    let signature = SigningKey::from_bytes(&seed).sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// What Apple's documentation says of a client secret.
fn apple_secret_is_good(secret: &str, audience: &str) -> bool {
    let Ok(key) = DecodingKey::from_ec_components(APPLE_PUBLIC.0, APPLE_PUBLIC.1) else { return false };
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[audience]);
    rules.set_issuer(&["TEAM"]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let decoded = jsonwebtoken::decode::<Value>(secret, &key, &rules);
    decoded.is_ok_and(|token| {
        let lives = token.claims["exp"].as_u64().zip(token.claims["iat"].as_u64()).is_some_and(|(exp, iat)| exp > iat && exp - iat <= 15_777_000);
        token.header.kid.as_deref() == Some("KEY") && token.claims["sub"] == "apple-client" && lives
    })
}

fn user(state: &Mutex<State>, request: &Request, part: impl FnOnce((Value, Value)) -> Value) -> Response {
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let named = request.header("user-agent").is_some_and(|agent| !agent.is_empty());
    let user = state.lock().unwrap_or_else(PoisonError::into_inner).users.get(token).cloned();
    match user {
        Some(user) if named => Response::json(200, &part(user)),
        _ => Response::json(401, &json!({ "message": "Bad credentials" })),
    }
}
