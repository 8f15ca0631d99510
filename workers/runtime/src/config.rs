//! Configuration: variables and secrets of the environment, read once per isolate.

use std::collections::HashMap;

use worker::Env;
use zygo_core::{
    events::webhook::verify::Verifier,
    identity::{passkey::party::RpIds, social::Clients, token::KeyRing},
    seal::SealRing,
    tenancy::host::HostConfig,
};

use crate::custom_hostnames::CustomHostnames;

/// Who is asked unless another is named.
const DNS_URL: &str = "https://cloudflare-dns.com/dns-query";

/// Cloudflare's API.
const CLOUDFLARE_URL: &str = "https://api.cloudflare.com/client/v4";

/// Which environment this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// A laptop or a test: mails are kept, limits per address are wider.
    Development,
    /// A rehearsal of production.
    Staging,
    /// The real thing.
    Production,
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// Kept in the development mailbox only.
    Mailbox,
    /// Cloudflare's `send_email` binding.
    Cloudflare,
    /// Resend's HTTP API.
    Resend {
        /// Base URL of the API.
        url: String,
        /// Key of the API.
        key: String,
    },
}

/// How short messages leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmsTransport {
    /// Kept in the development mailbox only.
    Mailbox,
    /// Twilio's HTTP API.
    Twilio(Twilio),
}

/// An account at Twilio.
#[derive(Clone, PartialEq, Eq)]
pub struct Twilio {
    /// Base URL of the API.
    pub url: String,
    /// Identifier of the account.
    pub account: String,
    /// Token of the account.
    pub token: String,
    /// The number that messages come from, or the identifier of a messaging service.
    pub from: String,
}

impl std::fmt::Debug for Twilio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twilio").field("url", &self.url).finish_non_exhaustive()
    }
}

impl SmsTransport {
    fn read(env: &Env, environment: Environment) -> Result<Option<Self>, String> {
        match var(env, "SMS_TRANSPORT").unwrap_or_default().as_str() {
            "" | "none" => Ok(None),
            "mailbox" if environment == Environment::Development => Ok(Some(Self::Mailbox)),
            "twilio" => Ok(Some(Self::Twilio(Twilio {
                url: var(env, "TWILIO_URL")?,
                account: var(env, "TWILIO_ACCOUNT_SID")?,
                token: var(env, "TWILIO_AUTH_TOKEN")?,
                from: var(env, "TWILIO_FROM")?,
            }))),
            _ => Err("SMS_TRANSPORT is none of mailbox (development only), twilio, none".into()),
        }
    }
}

/// Everything that is set from outside.
pub struct Config {
    /// The environment.
    pub environment: Environment,
    /// Which hosts are which site.
    pub hosts: HostConfig,
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Base URL of the public pages, for links in mails.
    pub public_url: String,
    /// Sender of mails.
    pub mail_from: String,
    /// How mail leaves.
    pub mail: MailTransport,
    /// By what Resend's reports on mails are known; `None` where nobody sends them.
    pub mail_reports: Option<Verifier>,
    /// Where to ask whether a breach has shown a password, by the range protocol of Have I Been Pwned; nowhere unless it is set.
    pub breach_range_url: Option<String>,
    /// How short messages leave; `None` where there are none, and no factor by SMS.
    pub sms: Option<SmsTransport>,
    /// Factor on the limits per address alone.
    pub address_limit_factor: u32,
    /// Origins of other sites that may call the API from a browser.
    pub cors_origins: Vec<String>,
    /// The domains under which passkeys stand; a host below none of them has no passkeys.
    pub passkey_rp_ids: RpIds,
    /// A resolver that answers in JSON over HTTPS, for the proof of domains.
    pub dns_url: String,
    /// Whoever ends the connections to tenants' own domains; `None` where they come here in another way, with certificates.
    pub custom_hostnames: Option<CustomHostnames>,
    /// Whether addresses of this machine may be called, as tests and laptops want it: in development alone, and only if it says so.
    pub allows_loopback: bool,
    /// Keys of access tokens.
    pub token_keys: KeyRing,
    /// Keys that seal secrets and authenticate cursors.
    pub seal_keys: SealRing,
    /// Token of the operators' endpoints.
    pub ops_token: String,
    /// Our clients at other people's servers; none where the secret is not set.
    pub oauth_clients: Clients,
    /// Where providers are instead of where they are, by their name: development and tests alone.
    oauth_endpoints: HashMap<String, String>,
}

fn var(env: &Env, name: &'static str) -> Result<String, String> {
    // A secret and a variable are both plain strings on `env`.
    env.var(name).map(|value| value.to_string()).map_err(|_| format!("{name} is not set"))
}

fn custom_hostnames(env: &Env) -> Result<Option<CustomHostnames>, String> {
    let Some(zone) = var(env, "CUSTOM_HOSTNAMES_ZONE").ok().filter(|zone| !zone.is_empty()) else { return Ok(None) };
    let url = var(env, "CUSTOM_HOSTNAMES_URL").unwrap_or_else(|_| CLOUDFLARE_URL.to_owned());
    Ok(Some(CustomHostnames { url, zone, token: var(env, "CUSTOM_HOSTNAMES_TOKEN")? }))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// A sentence for the log that names what is missing or malformed, without its value.
    pub fn read(env: &Env) -> Result<Self, String> {
        let environment = match var(env, "ENVIRONMENT")?.as_str() {
            "development" => Environment::Development,
            "staging" => Environment::Staging,
            "production" => Environment::Production,
            _ => return Err("ENVIRONMENT is none of development, staging, production".into()),
        };
        let mail = match var(env, "MAIL_TRANSPORT")?.as_str() {
            "mailbox" if environment == Environment::Development => MailTransport::Mailbox,
            "cloudflare" => MailTransport::Cloudflare,
            "resend" => MailTransport::Resend { url: var(env, "RESEND_URL")?, key: var(env, "RESEND_API_KEY")? },
            _ => return Err("MAIL_TRANSPORT is none of mailbox (development only), cloudflare, resend".into()),
        };
        Ok(Self {
            environment,
            hosts: HostConfig::new(&var(env, "API_HOSTS")?, &var(env, "APP_DOMAIN")?, &var(env, "ADMIN_HOST")?, &var(env, "PUBLIC_HOST")?),
            issuer: var(env, "ISSUER")?,
            audience: var(env, "AUDIENCE")?,
            public_url: var(env, "PUBLIC_URL")?,
            mail_from: var(env, "MAIL_FROM")?,
            mail,
            mail_reports: match var(env, "RESEND_WEBHOOK_SECRET").ok().filter(|secret| !secret.is_empty()) {
                Some(secret) => Some(Verifier::parse(&secret).map_err(|_| "RESEND_WEBHOOK_SECRET is no secret of a webhook".to_owned())?),
                None => None,
            },
            breach_range_url: var(env, "BREACH_RANGE_URL").ok().filter(|url| !url.is_empty()),
            sms: SmsTransport::read(env, environment)?,
            address_limit_factor: var(env, "ADDRESS_LIMIT_FACTOR")?.parse().map_err(|_| "ADDRESS_LIMIT_FACTOR is not a number".to_owned())?,
            cors_origins: list(&var(env, "CORS_ORIGINS").unwrap_or_default()),
            passkey_rp_ids: RpIds::parse(&var(env, "PASSKEY_RP_IDS").unwrap_or_default()),
            dns_url: var(env, "DNS_URL").unwrap_or_else(|_| DNS_URL.to_owned()),
            custom_hostnames: custom_hostnames(env)?,
            allows_loopback: environment == Environment::Development && var(env, "OUTBOUND_LOOPBACK").is_ok_and(|value| value == "true"),
            token_keys: KeyRing::parse(&var(env, "TOKEN_KEYS")?)?,
            seal_keys: SealRing::parse(&var(env, "SEAL_KEYS")?)?,
            ops_token: var(env, "OPS_TOKEN")?,
            oauth_clients: var(env, "OAUTH_CLIENTS").map_or_else(|_| Ok(Clients::default()), |text| Clients::parse(&text))?,
            oauth_endpoints: match var(env, "OAUTH_ENDPOINTS") {
                Ok(text) if environment == Environment::Development => {
                    serde_json::from_str(&text).map_err(|_| "OAUTH_ENDPOINTS is not an object of URLs".to_owned())?
                }
                _ => HashMap::new(),
            },
        })
    }

    /// Where a provider is instead of where it is, if anywhere.
    #[must_use]
    pub fn oauth_endpoint(&self, provider: &str) -> Option<&str> {
        self.oauth_endpoints.get(provider).map(String::as_str)
    }

    /// Whether this is development.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }
}
