//! Which event each route that changes something writes, or why it writes none. A route that is in neither list fails the test.

use std::collections::BTreeSet;

use zygo_core::events::event;

use crate::pipeline::head::Method;

/// Method, path, and the events that it writes.
const EVENTS: &[(&str, &str, &[&str])] = &[
    ("POST", "/auth/signup", &["user.signed_up"]),
    ("POST", "/auth/verify-email", &["user.email_verified"]),
    ("POST", "/auth/reset-password", &["user.password_changed", "session.revoked"]),
    ("POST", "/auth/magic-link/redeem", &["session.created", "user.email_verified"]),
    ("POST", "/auth/confirm-email", &["user.email_changed"]),
    ("POST", "/auth/revert-email", &["user.email_changed"]),
    ("POST", "/auth/cancel-deletion", &["user.deletion_cancelled"]),
    ("POST", "/auth/login", &["session.created"]),
    ("POST", "/auth/logout", &["session.revoked"]),
    ("POST", "/auth/sessions/end-all", &["session.revoked"]),
    ("DELETE", "/auth/sessions/{id}", &["session.revoked"]),
    ("PATCH", "/users/me", &["user.updated"]),
    ("DELETE", "/users/me", &["user.deletion_requested"]),
    ("POST", "/users/me/change-password", &["user.password_changed", "session.revoked"]),
    ("POST", "/users/me/avatar", &["user.updated"]),
    ("PATCH", "/users/me/preferences", &["user.preferences_updated"]),
    ("POST", "/auth/passkeys/register/finish", &["passkey.added"]),
    ("POST", "/auth/passkeys/login/finish", &["session.created"]),
    ("DELETE", "/auth/passkeys/{id}", &["passkey.removed"]),
    ("POST", "/auth/oauth/{provider}/callback", &["session.created", "identity.linked", "user.signed_up"]),
    ("DELETE", "/auth/oauth/{provider}", &["identity.unlinked"]),
    ("POST", "/auth/sso/saml/{connection}/acs", &["session.created", "member.provisioned"]),
    ("POST", "/sso/connections", &["sso_connection.created"]),
    ("PATCH", "/sso/connections/{id}", &["sso_connection.updated"]),
    ("DELETE", "/sso/connections/{id}", &["sso_connection.deleted"]),
    ("POST", "/sso/connections/{id}/domains/{domain_id}/verify", &["sso_domain.verified"]),
    ("POST", "/auth/switch-tenant", &["session.created"]),
    ("POST", "/auth/mfa/challenge", &["session.created"]),
    ("POST", "/auth/mfa/totp/verify", &["user.factor_added"]),
    ("DELETE", "/auth/mfa/totp", &["user.factor_removed"]),
    ("POST", "/auth/mfa/sms/verify", &["user.factor_added"]),
    ("DELETE", "/auth/mfa/sms", &["user.factor_removed"]),
    ("POST", "/auth/phone/verify", &["user.phone_verified"]),
    ("POST", "/tenants", &["tenant.created"]),
    ("PATCH", "/tenants/{id}", &["tenant.updated"]),
    ("DELETE", "/tenants/{id}", &["tenant.deletion_scheduled"]),
    ("POST", "/tenants/{id}/restore", &["tenant.deletion_cancelled"]),
    ("POST", "/tenants/{id}/logo", &["tenant.updated"]),
    ("DELETE", "/tenants/{id}/domains/{domain_id}", &["domain.removed"]),
    ("POST", "/tenants/{id}/domains/{domain_id}/verify", &["domain.verified"]),
    ("PATCH", "/tenants/{id}/settings", &["tenant.settings_updated"]),
    ("DELETE", "/integrations/{provider}", &["integration.disconnected"]),
    ("POST", "/webhooks", &["webhook.created"]),
    ("PATCH", "/webhooks/{id}", &["webhook.updated"]),
    ("DELETE", "/webhooks/{id}", &["webhook.deleted"]),
    ("POST", "/webhooks/{id}/rotate-secret", &["webhook.secret_rotated"]),
    ("POST", "/webhooks/{id}/test", &["webhook.tested"]),
    ("POST", "/roles", &["role.created"]),
    ("PATCH", "/roles/{id}", &["role.updated"]),
    ("DELETE", "/roles/{id}", &["role.deleted"]),
    ("POST", "/roles/{id}/permissions", &["role.updated"]),
    ("DELETE", "/roles/{id}/permissions/{key}", &["role.updated"]),
    ("DELETE", "/tenants/{id}/users/{user_id}", &["member.removed"]),
    ("PATCH", "/tenants/{id}/users/{user_id}/role", &["member.role_changed"]),
    ("POST", "/tenants/{id}/transfer-ownership", &["tenant.ownership_transferred"]),
    ("POST", "/tenants/{id}/invitations", &["user.invited"]),
    ("POST", "/invitations/{invitation}/accept", &["member.joined"]),
    ("DELETE", "/invitations/{invitation}", &["invitation.revoked"]),
    ("POST", "/users/{id}/suspend", &["member.suspended"]),
    ("POST", "/users/{id}/activate", &["member.activated"]),
    ("POST", "/scim/connections", &["scim_connection.created"]),
    ("PATCH", "/scim/connections/{id}", &["scim_connection.updated"]),
    ("DELETE", "/scim/connections/{id}", &["scim_connection.deleted"]),
    ("POST", "/scim/connections/{id}/tokens", &["scim_token.issued"]),
    ("DELETE", "/scim/connections/{id}/tokens/{token_id}", &["scim_token.revoked"]),
    ("POST", "/scim/v2/Users", &["member.provisioned"]),
    ("PUT", "/scim/v2/Users/{id}", &["scim_user.updated"]),
    ("PATCH", "/scim/v2/Users/{id}", &["scim_user.updated"]),
    ("DELETE", "/scim/v2/Users/{id}", &["member.suspended"]),
    ("POST", "/scim/v2/Groups", &["scim_group.created"]),
    ("PUT", "/scim/v2/Groups/{id}", &["scim_group.updated"]),
    ("PATCH", "/scim/v2/Groups/{id}", &["scim_group.updated"]),
    ("DELETE", "/scim/v2/Groups/{id}", &["scim_group.deleted"]),
];

/// Method, path, and why it writes none.
const SILENT: &[(&str, &str, &str)] = &[
    ("POST", "/webhooks/resend", "what became of mails of ours; of no organisation"),
    ("POST", "/auth/verify-email/resend", "a mail; whether there is such an account shows nowhere"),
    ("POST", "/auth/forgot-password", "a mail; whether there is such an account shows nowhere"),
    ("POST", "/auth/magic-link", "a mail; whether there is such an account shows nowhere"),
    ("POST", "/auth/refresh", "a session goes on"),
    ("POST", "/users/me/change-email", "a wish; it is an event once the new address is proved"),
    ("POST", "/auth/passkeys/register/start", "a question, nothing is kept"),
    ("POST", "/auth/passkeys/login/start", "a question, nothing is kept"),
    ("POST", "/auth/passkeys/step-up/start", "a question, nothing is kept"),
    ("POST", "/auth/passkeys/step-up/finish", "a session goes on"),
    ("POST", "/auth/oauth/link", "the beginning of a flow; its end is an event"),
    ("POST", "/sso/connections/{id}/domains", "a mere claim; its proof is an event"),
    ("PATCH", "/sso/connections/{id}/domains/{domain_id}", "a rule of the connection, in the audit trail"),
    ("DELETE", "/sso/connections/{id}/domains/{domain_id}", "a claim given up, in the audit trail"),
    ("POST", "/auth/mfa/step-up", "a session goes on"),
    ("POST", "/auth/mfa/totp/setup", "begun; confirmed, it is an event"),
    ("POST", "/auth/mfa/backup-codes", "a set in place of another, in the audit trail; its owner is told"),
    ("POST", "/auth/mfa/sms/setup", "begun; confirmed, it is an event"),
    ("DELETE", "/auth/devices/{id}", "the person's own convenience, in the audit trail"),
    ("POST", "/tenants/{id}/domains", "a mere claim; its proof is an event"),
    ("POST", "/permissions/check", "a question"),
    ("POST", "/scim/v2/.search", "a question"),
    ("POST", "/scim/v2/Users/.search", "a question"),
    ("POST", "/scim/v2/Groups/.search", "a question"),
    ("POST", "/events/stream/tickets", "a way to read; nothing is kept"),
    ("POST", "/webhooks/{id}/deliveries/{delivery_id}/retry", "the same event again"),
    ("POST", "/webhooks/{id}/replay", "the same events again"),
    ("POST", "/invitations/{invitation}/resend", "the same invitation again"),
    ("POST", "/admin/jobs/{id}/retry", "the same job again, among the platform's own actions"),
    ("POST", "/admin/jobs/dead/{id}/requeue", "the same job again, among the platform's own actions"),
    ("DELETE", "/admin/mail/suppressions", "of no organisation, among the platform's own actions"),
];

#[test]
fn every_route_that_changes_something_writes_an_event_or_says_why_not() {
    let changing = super::routes().into_iter().filter(|route| !matches!(route.method, Method::Get | Method::Head | Method::Options));
    // A page's form calls the core of the endpoint that does the same; what development alone has is nobody's contract.
    let found: BTreeSet<(&str, &str)> =
        changing.filter(|route| !route.page && route.tag != "dev").map(|route| (route.method.as_str(), route.path)).collect();
    let listed = EVENTS.iter().map(|(method, path, _)| (*method, *path)).chain(SILENT.iter().map(|(method, path, _)| (*method, *path)));
    let mut said = BTreeSet::new();
    for route in listed {
        assert!(said.insert(route), "{route:?} twice");
    }
    assert_eq!(found, said);
    assert!(SILENT.iter().all(|(.., why)| !why.is_empty()));
}

#[test]
fn what_they_write_is_in_the_catalogue_and_in_the_store() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut written = String::new();
    for place in ["shared/store/src", "postgres-migrations"] {
        read(&folder.join(place), &mut written);
    }
    for name in EVENTS.iter().flat_map(|(.., names)| *names) {
        assert!(event::NAMES.contains(name), "{name} is in no catalogue");
        assert!(written.contains(&format!("'{name}'")), "nobody writes {name}");
    }
    for name in event::NAMES {
        assert!(written.contains(&format!("'{name}'")), "nobody writes {name}");
    }
}

fn read(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
