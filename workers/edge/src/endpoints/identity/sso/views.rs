//! How connections and domains look from outside. No secret is ever shown.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::Problem,
    id::{ConnectionId, DomainId, RoleId},
    identity::{
        saml::{Binding, Description},
        sign_on::{Attributes, MailDomain, OpenId, RoleMapping, dns},
    },
    time::Timestamp,
};
use zygo_store::identity::{ConnectionRow, DomainRow};

use super::{connection::typed, oidc, saml};
use crate::ctx::Ctx;

/// A connection.
#[derive(Serialize, JsonSchema)]
pub struct ConnectionView {
    /// Identifier.
    id: ConnectionId,
    /// `oidc` or `saml`.
    kind: String,
    /// Name for people.
    name: String,
    /// Whether it is switched on.
    enabled: bool,
    /// Whether people whom the provider recognises become members.
    provision: bool,
    /// The role of a new member whom no mapping fits; `null` for `member`.
    default_role_id: Option<RoleId>,
    /// What the provider calls mail address, names and roles.
    attributes: Attributes,
    /// Which of its roles are which of ours.
    roles: Vec<RoleMapping>,
    /// The SAML identity provider; `null` for the other kind.
    saml: Option<SamlView>,
    /// The OpenID provider; `null` for the other kind.
    oidc: Option<OidcView>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A SAML identity provider, and what it must be told of us.
#[derive(Serialize, JsonSchema)]
pub struct SamlView {
    /// Its entity id.
    entity_id: String,
    /// Where requests go.
    sso_url: String,
    /// How they go there.
    binding: Binding,
    /// Its certificates.
    certificates: Vec<CertificateView>,
    /// Our entity id, where our metadata lies.
    service_entity_id: String,
    /// Where it posts its responses.
    acs_url: String,
}

/// A certificate.
#[derive(Serialize, JsonSchema)]
pub struct CertificateView {
    /// SHA-256 of it, hexadecimal.
    fingerprint: String,
    /// When it ends; it counts until it is removed.
    not_after: Timestamp,
}

/// An OpenID provider, and what it must be told of us.
#[derive(Serialize, JsonSchema)]
pub struct OidcView {
    /// The issuer.
    issuer: String,
    /// Our client there.
    client_id: String,
    /// Whether we keep its secret.
    has_secret: bool,
    /// Scopes.
    scope: String,
    /// Whether only addresses count that the provider says it verified.
    require_verified_email: bool,
    /// Where it sends browsers back to.
    redirect_uri: String,
}

impl ConnectionView {
    /// The view of a row.
    ///
    /// # Errors
    /// `INTERNAL` if the row does not fit its kind.
    pub fn new(ctx: &Ctx, row: ConnectionRow) -> Result<Self, Problem> {
        let (saml, oidc) = if row.kind == "saml" {
            (Some(SamlView::new(ctx, row.id, typed(row.config)?)), None)
        } else {
            (None, Some(OidcView::new(ctx, row.id, row.has_secret, typed(row.config)?)))
        };
        Ok(Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            enabled: row.enabled,
            provision: row.provision,
            default_role_id: row.default_role_id,
            attributes: typed(row.attributes)?,
            roles: typed(row.role_mappings)?,
            saml,
            oidc,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl SamlView {
    fn new(ctx: &Ctx, id: ConnectionId, description: Description) -> Self {
        let service = saml::service(ctx, id);
        let certificate = |one: zygo_core::identity::saml::Certificate| CertificateView { fingerprint: one.fingerprint, not_after: one.not_after };
        Self {
            entity_id: description.entity_id,
            sso_url: description.sso_url,
            binding: description.binding,
            certificates: description.certificates.into_iter().map(certificate).collect(),
            service_entity_id: service.entity_id,
            acs_url: service.acs_url,
        }
    }
}

impl OidcView {
    fn new(ctx: &Ctx, id: ConnectionId, has_secret: bool, provider: OpenId) -> Self {
        Self {
            issuer: provider.issuer,
            client_id: provider.client_id,
            has_secret,
            scope: provider.scope,
            require_verified_email: provider.require_verified_email,
            redirect_uri: oidc::redirect_uri(ctx, id),
        }
    }
}

/// A mail domain that a connection claims.
#[derive(Serialize, JsonSchema)]
pub struct DomainView {
    /// Identifier.
    id: DomainId,
    /// The domain.
    domain: String,
    /// When it was proved; `null` while it is a mere claim.
    verified_at: Option<Timestamp>,
    /// Whether its people sign in no other way.
    sign_on_required: bool,
    /// The record that proves it.
    record: RecordView,
    /// When it was claimed.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A record of the DNS.
#[derive(Serialize, JsonSchema)]
pub struct RecordView {
    /// Its name.
    name: String,
    /// Its type, `TXT`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What it says.
    value: String,
}

impl From<DomainRow> for DomainView {
    fn from(row: DomainRow) -> Self {
        let name = MailDomain::parse(&row.domain).map(|domain| dns::record_name(&domain)).unwrap_or_default();
        Self {
            id: row.id,
            record: RecordView { name, kind: "TXT", value: dns::record_value(&row.token) },
            domain: row.domain,
            verified_at: row.verified_at,
            sign_on_required: row.sign_on_required,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
