//! What administrators say of an identity provider.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zygo_core::{
    error::{FieldError, Problem},
    http::target,
    id::{ConnectionId, RoleId, TenantId},
    identity::{
        saml::{Binding, Certificate, Description, MOST_CERTIFICATES, Operation, Refusal},
        sign_on::{Attributes, MOST_MAPPINGS, OpenId, RoleMapping},
    },
    tenancy::plan::Feature,
    text::Name,
};
use zygo_runtime::{random, saml};
use zygo_store::identity::Change;

use crate::ctx::Ctx;

/// A SAML identity provider: its metadata, or what would stand there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlInput {
    /// The metadata document, of one identity provider.
    #[serde(default)]
    metadata: Option<String>,
    /// Entity id, without metadata.
    #[serde(default)]
    entity_id: Option<String>,
    /// Where requests go, without metadata.
    #[serde(default)]
    sso_url: Option<String>,
    /// How they go there, without metadata; by redirect unless said otherwise.
    #[serde(default)]
    binding: Option<Binding>,
    /// Certificates, PEM, up to four: while one is rolled over, the old and the new. With metadata, in addition to its own.
    #[serde(default)]
    certificates: Vec<String>,
}

/// An OpenID provider.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcInput {
    /// The issuer.
    issuer: String,
    /// Our client there.
    client_id: Name,
    /// Its secret; never shown again. Where it is left out, a change keeps it.
    #[serde(default)]
    client_secret: Option<String>,
    /// Scopes; `openid email profile` unless said otherwise.
    #[serde(default)]
    scope: Option<Name>,
    /// Whether only addresses count that the provider says it verified; they must, unless said otherwise.
    #[serde(default)]
    require_verified_email: Option<bool>,
}

/// What is said of a connection beside its provider.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// Whether people whom the provider recognises become members; no, unless said otherwise.
    #[serde(default)]
    pub provision: Option<bool>,
    /// The role of a new member whom no mapping fits; `member` unless said otherwise.
    #[serde(default, deserialize_with = "crate::route::present")]
    pub default_role_id: Option<Option<RoleId>>,
    /// What the provider calls mail address, names and roles.
    #[serde(default)]
    pub attributes: Option<Attributes>,
    /// Values of the attribute `roles`, each with the role that it gives a new member; the highest counts.
    #[serde(default)]
    pub roles: Option<Vec<RoleMapping>>,
    /// Whether it is switched on; no, unless said otherwise.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// What a client's secret is sealed for.
#[must_use]
pub fn secret_context(tenant: TenantId, connection: ConnectionId) -> String {
    format!("sso_connections.secret {tenant} {connection}")
}

impl Rest {
    /// As a change of the store.
    ///
    /// # Errors
    /// `VALIDATION_FAILED`.
    pub fn into_change(self) -> Result<Change, Problem> {
        let roles = self.roles.as_deref().unwrap_or_default();
        if roles.len() > MOST_MAPPINGS {
            return Err(Problem::field("roles", "too_many", "at most 100"));
        }
        Ok(Change {
            by_plan: Feature::Sso.by_plan(),
            mapped_roles: roles.iter().map(|mapping| mapping.role_id).collect(),
            role_mappings: self.roles.as_ref().map(json).transpose()?,
            attributes: self.attributes.as_ref().map(json).transpose()?,
            provision: self.provision,
            default_role_id: self.default_role_id,
            enabled: self.enabled,
            ..Change::default()
        })
    }
}

/// Exactly one kind of provider, as the store keeps it.
///
/// # Errors
/// `VALIDATION_FAILED`, `NOT_FOUND` where SAML is switched off, `DEPENDENCY_UNAVAILABLE`.
pub async fn provider(
    ctx: &Ctx,
    (saml, oidc): (Option<SamlInput>, Option<OidcInput>),
    (tenant, connection): (TenantId, ConnectionId),
    change: &mut Change,
) -> Result<(), Problem> {
    match (saml, oidc) {
        (Some(saml), None) => {
            (change.kind, change.config) = (Some("saml"), Some(json(&description(ctx, saml).await?)?));
            Ok(())
        }
        (None, Some(oidc)) => {
            if let Some(secret) = &oidc.client_secret {
                let context = secret_context(tenant, connection);
                change.secret_sealed = Some(ctx.app.config.seal_keys.seal(secret.as_bytes(), &context, random::bytes())?.into_bytes());
            }
            (change.kind, change.config) = (Some("oidc"), Some(json(&open_id(ctx, oidc)?)?));
            Ok(())
        }
        (None, None) => Err(Problem::field("saml", "required", "describe the provider as saml or oidc")),
        (Some(_), Some(_)) => Err(Problem::field("oidc", "exclusive", "a connection is saml or oidc, not both")),
    }
}

fn open_id(ctx: &Ctx, input: OidcInput) -> Result<OpenId, Problem> {
    callable(ctx, "oidc.issuer", &input.issuer)?;
    if input.client_secret.as_ref().is_some_and(|secret| !(1..=1024).contains(&secret.len())) {
        return Err(Problem::field("oidc.client_secret", "length", "1 to 1024 bytes"));
    }
    let scope = input.scope.map_or_else(|| "openid email profile".to_owned(), Name::into_string);
    if !scope.split(' ').any(|word| word == "openid") {
        return Err(Problem::field("oidc.scope", "openid", "must contain openid"));
    }
    Ok(OpenId {
        issuer: input.issuer,
        client_id: input.client_id.into_string(),
        scope,
        require_verified_email: input.require_verified_email.unwrap_or(true),
    })
}

async fn description(ctx: &Ctx, input: SamlInput) -> Result<Description, Problem> {
    let mut description = match input.metadata {
        Some(xml) => saml::perform(&ctx.env, &Operation::ReadMetadata { xml }).await?.map_err(|refusal| unreadable("saml.metadata", refusal))?,
        None => by_hand(input.entity_id, input.sso_url, input.binding)?,
    };
    callable(ctx, "saml.sso_url", &description.sso_url)?;
    if !input.certificates.is_empty() {
        let operation = Operation::ReadCertificates { certificates: input.certificates };
        let more: Vec<Certificate> = saml::perform(&ctx.env, &operation).await?.map_err(|refusal| unreadable("saml.certificates", refusal))?;
        for certificate in more {
            if !description.certificates.contains(&certificate) {
                description.certificates.push(certificate);
            }
        }
    }
    if (1..=MOST_CERTIFICATES).contains(&description.certificates.len()) {
        Ok(description)
    } else {
        Err(Problem::field("saml.certificates", "count", "one to four certificates"))
    }
}

fn by_hand(entity_id: Option<String>, sso_url: Option<String>, binding: Option<Binding>) -> Result<Description, Problem> {
    let missing = |path: &str| FieldError::new(path, "required", "wanted where there is no metadata");
    match (entity_id.filter(|id| (1..=1024).contains(&id.len())), sso_url) {
        (Some(entity_id), Some(sso_url)) => {
            Ok(Description { entity_id, sso_url, binding: binding.unwrap_or(Binding::Redirect), certificates: Vec::new() })
        }
        (None, Some(_)) => Err(Problem::fields(&[missing("saml.entity_id")])),
        (Some(_), None) => Err(Problem::fields(&[missing("saml.sso_url")])),
        (None, None) => Err(Problem::fields(&[missing("saml.entity_id"), missing("saml.sso_url")])),
    }
}

fn callable(ctx: &Ctx, path: &str, url: &str) -> Result<(), Problem> {
    target::permit(url, ctx.app.config.allows_loopback).map(drop).map_err(|why| Problem::field(path, "url", &why.to_string()))
}

fn unreadable(path: &str, refusal: Refusal) -> Problem {
    Problem::field(path, refusal.key(), "could not be read")
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::internal(error.to_string()))
}
