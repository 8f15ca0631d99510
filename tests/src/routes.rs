//! The routes that the stages so far owe, as `spec/endpoints.md` lists them.

use crate::people::MAIL_DOMAIN;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// Anybody; whoever brings a token is held to it.
    Anybody,
    /// Any signed-in person.
    Session,
    /// Signed in, with an active organisation.
    Member,
    /// Whoever has the operators' token.
    Ops,
    /// An organisation's directory, by its own token.
    Directory,
    /// Who administers the platform, at its own host.
    Admin,
    /// A third party, by its signature.
    Provider,
}

/// A route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Method.
    pub method: &'static str,
    /// Path, parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whether it reads a JSON body that must not be empty.
    pub body: bool,
}

const fn route(method: &'static str, path: &'static str, who: Who, body: bool) -> Route {
    Route { method, path, who, body }
}

/// Every route of the stage.
pub const ROUTES: &[Route] = &[
    route("POST", "/auth/signup", Who::Public, true),
    route("POST", "/auth/verify-email", Who::Public, true),
    route("POST", "/auth/verify-email/resend", Who::Public, true),
    route("POST", "/auth/forgot-password", Who::Public, true),
    route("POST", "/auth/reset-password", Who::Public, true),
    route("POST", "/auth/magic-link", Who::Public, true),
    route("POST", "/auth/magic-link/redeem", Who::Public, true),
    route("POST", "/auth/confirm-email", Who::Public, true),
    route("POST", "/auth/revert-email", Who::Public, true),
    route("POST", "/auth/cancel-deletion", Who::Public, true),
    route("POST", "/auth/login", Who::Public, true),
    route("POST", "/auth/refresh", Who::Public, true),
    route("POST", "/auth/logout", Who::Session, false),
    route("GET", "/auth/sessions", Who::Session, false),
    route("POST", "/auth/sessions/end-all", Who::Public, true),
    route("DELETE", "/auth/sessions/{id}", Who::Session, false),
    route("GET", "/.well-known/jwks.json", Who::Public, false),
    route("GET", "/users/me", Who::Session, false),
    route("PATCH", "/users/me", Who::Session, true),
    route("DELETE", "/users/me", Who::Session, false),
    route("POST", "/users/me/change-password", Who::Session, true),
    route("POST", "/users/me/change-email", Who::Session, true),
    route("POST", "/users/me/avatar", Who::Session, false),
    route("GET", "/avatars/{id}/{file}", Who::Public, false),
    route("GET", "/users/me/preferences", Who::Session, false),
    route("GET", "/users/me/mail", Who::Session, false),
    route("POST", "/webhooks/resend", Who::Provider, false),
    route("PATCH", "/users/me/preferences", Who::Session, true),
    route("POST", "/auth/passkeys/register/start", Who::Session, false),
    route("POST", "/auth/passkeys/register/finish", Who::Session, true),
    route("POST", "/auth/passkeys/login/start", Who::Public, false),
    route("POST", "/auth/passkeys/login/finish", Who::Public, true),
    route("POST", "/auth/passkeys/step-up/start", Who::Session, false),
    route("POST", "/auth/passkeys/step-up/finish", Who::Session, true),
    route("GET", "/auth/passkeys", Who::Session, false),
    route("DELETE", "/auth/passkeys/{id}", Who::Session, false),
    route("GET", "/auth/oauth/{provider}", Who::Public, false),
    route("GET", "/auth/oauth/{provider}/callback", Who::Public, false),
    route("POST", "/auth/oauth/{provider}/callback", Who::Public, false),
    route("POST", "/auth/oauth/link", Who::Session, true),
    route("GET", "/auth/oauth/accounts", Who::Session, false),
    route("DELETE", "/auth/oauth/{provider}", Who::Session, false),
    route("GET", "/auth/sso/discover", Who::Public, false),
    route("GET", "/auth/sso/oidc/{connection}", Who::Public, false),
    route("GET", "/auth/sso/oidc/{connection}/callback", Who::Public, false),
    route("GET", "/auth/sso/saml/{connection}", Who::Public, false),
    route("POST", "/auth/sso/saml/{connection}/acs", Who::Public, false),
    route("GET", "/auth/sso/saml/{connection}/metadata", Who::Public, false),
    route("GET", "/sso/connections", Who::Member, false),
    route("POST", "/sso/connections", Who::Member, true),
    route("GET", "/sso/connections/{id}", Who::Member, false),
    route("PATCH", "/sso/connections/{id}", Who::Member, false),
    route("DELETE", "/sso/connections/{id}", Who::Member, false),
    route("GET", "/sso/connections/{id}/domains", Who::Member, false),
    route("POST", "/sso/connections/{id}/domains", Who::Member, true),
    route("PATCH", "/sso/connections/{id}/domains/{domain_id}", Who::Member, true),
    route("DELETE", "/sso/connections/{id}/domains/{domain_id}", Who::Member, false),
    route("POST", "/sso/connections/{id}/domains/{domain_id}/verify", Who::Member, false),
    route("GET", "/scim/connections", Who::Member, false),
    route("POST", "/scim/connections", Who::Member, true),
    route("GET", "/scim/connections/{id}", Who::Member, false),
    route("PATCH", "/scim/connections/{id}", Who::Member, false),
    route("DELETE", "/scim/connections/{id}", Who::Member, false),
    route("GET", "/scim/connections/{id}/tokens", Who::Member, false),
    route("POST", "/scim/connections/{id}/tokens", Who::Member, false),
    route("DELETE", "/scim/connections/{id}/tokens/{token_id}", Who::Member, false),
    route("GET", "/scim/v2/ServiceProviderConfig", Who::Public, false),
    route("GET", "/scim/v2/ResourceTypes", Who::Public, false),
    route("GET", "/scim/v2/ResourceTypes/{name}", Who::Public, false),
    route("GET", "/scim/v2/Schemas", Who::Public, false),
    route("GET", "/scim/v2/Schemas/{urn}", Who::Public, false),
    // Their bodies are SCIM's, and have tests of their own.
    route("POST", "/scim/v2/.search", Who::Directory, false),
    route("GET", "/scim/v2/Users", Who::Directory, false),
    route("POST", "/scim/v2/Users", Who::Directory, false),
    route("POST", "/scim/v2/Users/.search", Who::Directory, false),
    route("GET", "/scim/v2/Users/{id}", Who::Directory, false),
    route("PUT", "/scim/v2/Users/{id}", Who::Directory, false),
    route("PATCH", "/scim/v2/Users/{id}", Who::Directory, false),
    route("DELETE", "/scim/v2/Users/{id}", Who::Directory, false),
    route("GET", "/scim/v2/Groups", Who::Directory, false),
    route("POST", "/scim/v2/Groups", Who::Directory, false),
    route("POST", "/scim/v2/Groups/.search", Who::Directory, false),
    route("GET", "/scim/v2/Groups/{id}", Who::Directory, false),
    route("PUT", "/scim/v2/Groups/{id}", Who::Directory, false),
    route("PATCH", "/scim/v2/Groups/{id}", Who::Directory, false),
    route("DELETE", "/scim/v2/Groups/{id}", Who::Directory, false),
    route("POST", "/auth/switch-tenant", Who::Session, true),
    route("POST", "/auth/mfa/challenge", Who::Public, true),
    route("POST", "/auth/mfa/step-up", Who::Session, true),
    route("POST", "/auth/mfa/totp/setup", Who::Session, false),
    route("POST", "/auth/mfa/totp/verify", Who::Session, true),
    route("DELETE", "/auth/mfa/totp", Who::Session, false),
    route("POST", "/auth/mfa/backup-codes", Who::Session, false),
    route("POST", "/auth/mfa/sms/setup", Who::Session, true),
    route("POST", "/auth/mfa/sms/verify", Who::Session, true),
    route("DELETE", "/auth/mfa/sms", Who::Session, false),
    route("POST", "/auth/phone/verify", Who::Session, true),
    route("GET", "/auth/devices", Who::Session, false),
    route("DELETE", "/auth/devices/{id}", Who::Session, false),
    route("POST", "/tenants", Who::Session, true),
    route("GET", "/tenants", Who::Session, false),
    route("GET", "/tenants/{id}", Who::Member, false),
    route("PATCH", "/tenants/{id}", Who::Member, false),
    route("DELETE", "/tenants/{id}", Who::Member, false),
    route("POST", "/tenants/{id}/restore", Who::Member, false),
    route("POST", "/tenants/{id}/logo", Who::Member, false),
    route("GET", "/tenants/{id}/domains", Who::Member, false),
    route("POST", "/tenants/{id}/domains", Who::Member, true),
    route("DELETE", "/tenants/{id}/domains/{domain_id}", Who::Member, false),
    route("POST", "/tenants/{id}/domains/{domain_id}/verify", Who::Member, false),
    route("GET", "/logos/{id}/{file}", Who::Public, false),
    route("GET", "/tenants/{id}/settings", Who::Member, false),
    route("PATCH", "/tenants/{id}/settings", Who::Member, false),
    route("GET", "/tenants/{id}/features", Who::Member, false),
    route("GET", "/rate-limits", Who::Member, false),
    route("GET", "/integrations", Who::Member, false),
    route("GET", "/integrations/{provider}/connect", Who::Member, false),
    route("GET", "/integrations/{provider}/callback", Who::Public, false),
    route("GET", "/integrations/{provider}/files", Who::Member, false),
    route("DELETE", "/integrations/{provider}", Who::Member, false),
    route("GET", "/permissions", Who::Member, false),
    route("POST", "/permissions/check", Who::Member, true),
    route("GET", "/audit-logs", Who::Member, false),
    route("GET", "/security-events", Who::Member, false),
    route("GET", "/users/{id}/activity", Who::Session, false),
    route("GET", "/event-types", Who::Member, false),
    route("GET", "/events", Who::Member, false),
    route("GET", "/events/stream", Who::Anybody, false),
    route("POST", "/events/stream/tickets", Who::Member, false),
    route("GET", "/webhooks", Who::Member, false),
    route("POST", "/webhooks", Who::Member, true),
    route("GET", "/webhooks/{id}", Who::Member, false),
    route("PATCH", "/webhooks/{id}", Who::Member, false),
    route("DELETE", "/webhooks/{id}", Who::Member, false),
    route("GET", "/webhooks/{id}/secret", Who::Member, false),
    route("POST", "/webhooks/{id}/rotate-secret", Who::Member, false),
    route("POST", "/webhooks/{id}/test", Who::Member, false),
    route("GET", "/webhooks/{id}/deliveries", Who::Member, false),
    route("GET", "/webhooks/{id}/deliveries/{delivery_id}", Who::Member, false),
    route("POST", "/webhooks/{id}/deliveries/{delivery_id}/retry", Who::Member, false),
    route("POST", "/webhooks/{id}/replay", Who::Member, true),
    route("GET", "/roles", Who::Member, false),
    route("POST", "/roles", Who::Member, true),
    route("GET", "/roles/{id}", Who::Member, false),
    route("PATCH", "/roles/{id}", Who::Member, false),
    route("DELETE", "/roles/{id}", Who::Member, false),
    route("POST", "/roles/{id}/permissions", Who::Member, true),
    route("DELETE", "/roles/{id}/permissions/{key}", Who::Member, false),
    route("GET", "/tenants/{id}/users", Who::Member, false),
    route("GET", "/tenants/{id}/users/{user_id}", Who::Member, false),
    route("DELETE", "/tenants/{id}/users/{user_id}", Who::Member, false),
    route("PATCH", "/tenants/{id}/users/{user_id}/role", Who::Member, true),
    // Its body is read once a second factor was given.
    route("POST", "/tenants/{id}/transfer-ownership", Who::Member, false),
    route("GET", "/tenants/{id}/invitations", Who::Member, false),
    route("POST", "/tenants/{id}/invitations", Who::Member, true),
    route("GET", "/invitations/{invitation}", Who::Public, false),
    route("POST", "/invitations/{invitation}/accept", Who::Anybody, false),
    route("DELETE", "/invitations/{invitation}", Who::Member, false),
    route("POST", "/invitations/{invitation}/resend", Who::Member, false),
    route("POST", "/users/{id}/suspend", Who::Member, false),
    route("POST", "/users/{id}/activate", Who::Member, false),
    route("GET", "/health", Who::Public, false),
    route("GET", "/health/ready", Who::Public, false),
    route("GET", "/metrics", Who::Ops, false),
    route("GET", "/admin/jobs", Who::Admin, false),
    route("POST", "/admin/jobs/{id}/retry", Who::Admin, false),
    route("GET", "/admin/jobs/dead", Who::Admin, false),
    route("POST", "/admin/jobs/dead/{id}/requeue", Who::Admin, false),
    route("GET", "/admin/mail/suppressions", Who::Admin, false),
    route("DELETE", "/admin/mail/suppressions", Who::Admin, false),
    route("GET", "/openapi.json", Who::Public, false),
    route("GET", "/docs", Who::Public, false),
];

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Path.
    pub path: &'static str,
    /// Who may look at it.
    pub who: Who,
    /// Whether it has a form that is sent to the same path.
    pub form: bool,
    /// Whether organisations' hosts have it too.
    pub everywhere: bool,
}

const fn page(path: &'static str, who: Who, form: bool, everywhere: bool) -> Page {
    Page { path, who, form, everywhere }
}

/// Every page that answers by itself.
pub const PAGES: &[Page] = &[
    page("/sign-up", Who::Public, true, false),
    page("/verify-email", Who::Public, true, true),
    page("/verify-email/resend", Who::Public, true, true),
    page("/verify-email/sent", Who::Public, false, true),
    page("/sign-in", Who::Public, true, true),
    page("/sign-in/organisation", Who::Public, true, true),
    page("/forgot-password", Who::Public, true, true),
    page("/forgot-password/sent", Who::Public, false, true),
    page("/reset", Who::Public, true, true),
    page("/sign-in/link", Who::Public, true, true),
    page("/sign-in/link/sent", Who::Public, false, true),
    page("/magic", Who::Public, true, true),
    page("/invitation", Who::Public, true, false),
    page("/confirm-email", Who::Public, true, true),
    page("/revert-email", Who::Public, true, true),
    page("/cancel-deletion", Who::Public, true, true),
    page("/end-sessions", Who::Public, true, true),
    page("/sign-in/second-factor", Who::Public, true, true),
    page("/sign-out", Who::Session, true, true),
    page("/account", Who::Session, false, true),
    page("/account/sessions", Who::Session, true, true),
    page("/account/security", Who::Session, false, true),
    page("/account/security/password", Who::Session, true, true),
    page("/account/security/email", Who::Session, true, true),
    page("/account/security/passkeys/new", Who::Session, true, true),
    page("/account/confirm", Who::Session, true, true),
    page("/organisations/new", Who::Session, true, false),
];

/// A path with its parameters filled in by an identifier that nothing has, and with the address that it cannot do without.
#[must_use]
pub fn filled(path: &str) -> String {
    let nobody = ["{id}", "{domain_id}", "{connection}", "{user_id}", "{invitation}", "{token_id}", "{name}", "{urn}"]
        .iter()
        .fold(path.to_owned(), |path, name| path.replace(name, "019a0000-0000-7000-8000-00000000dead"));
    let filled = nobody.replace("{file}", "docs.js").replace("{provider}", "google").replace("{key}", "users.view");
    if path == "/admin/mail/suppressions" { format!("{filled}?email=nobody%40{MAIL_DOMAIN}") } else { filled }
}

/// What a public route answers to a call without anything: it wants a body or a parameter, of what is named in its path there is
/// none, or the browser comes back from nowhere.
#[must_use]
pub fn plain_status(route: &Route) -> u16 {
    match route {
        Route { body: true, .. } | Route { path: "/auth/sso/discover", .. } => 422,
        Route { path, .. } if path.starts_with("/auth/sso") && path.ends_with("/metadata") => 200,
        Route { path, .. } if path.starts_with("/auth/sso") && !path.ends_with("{connection}") => 401,
        Route { path, .. } if path.starts_with("/invitations/") => 401,
        Route { path, .. } if path.contains('{') => 404,
        _ => 200,
    }
}

/// A host that serves a path.
#[must_use]
pub fn host(path: &str) -> &'static str {
    if ROUTES.iter().any(|route| route.path == path && route.who == Who::Admin) { "admin.localhost" } else { "localhost" }
}

/// The methods of a path.
#[must_use]
pub fn methods(path: &str) -> Vec<&'static str> {
    ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect()
}
