//! What organisations lay down, what their plans cover, and what they are called.

use serde_json::{Value, json};
use zygo_core::{
    events::event,
    id::{TenantId, UserId},
    tenancy::{
        plan::{Feature, Features, Plan},
        settings::REDIRECT_SECONDS,
        slug::Slug,
    },
};
use zygo_store::{
    Actor, Db, StoreError, TenantScope,
    identity::{self, SignUp, mfa::Arrival},
    tenancy::{self, Change, Create, SettingsPatch, SettingsUpdate, TenantPatch},
};

use crate::{
    fixture::{founding, newcomer, person, tenant},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

fn scope(tenant: TenantId, user: UserId) -> TenantScope {
    TenantScope::new(tenant, Some(user), "r", Actor::User(user))
}

fn to(slug: &str) -> TenantPatch {
    TenantPatch { slug: Some(Slug::parse(slug).unwrap()), ..TenantPatch::default() }
}

async fn rename(db: &Db, scope: &TenantScope, slug: &str) -> Change {
    one_trip(db, tenancy::change_tenant(db, scope, &to(slug), None, new_id(), now())).await.unwrap()
}

#[test]
fn a_slug_that_was_given_up_leads_to_the_new_one_and_is_nobody_elses() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let (other, globex) = tenant(&app, "globex").await;
        let (mine, theirs) = (scope(acme, owner), scope(globex, other));
        let Change::Done { tenant, moved: Some(_) } = rename(&app, &mine, "ajax").await else { panic!("it is free") };
        assert_eq!((tenant.slug.as_str(), tenant.version), ("ajax", 2));
        assert!(matches!(rename(&app, &theirs, "ajax").await, Change::SlugTaken));
        assert!(matches!(rename(&app, &theirs, "acme").await, Change::SlugTaken));
        let create = async |slug: &str| tenancy::create_tenant(&app, &lookup(), &founding(owner, slug)).await.unwrap();
        assert!(matches!(create("acme").await, Create::SlugTaken));
        let found = tenancy::tenant_by_host(&app, &lookup(), "acme").await.unwrap().unwrap();
        assert_eq!((found.tenant_id, found.redirect_to.as_deref()), (acme, Some("ajax")));
        // A second change: both lead to where it is now. Going back takes the old one back.
        assert!(matches!(rename(&app, &mine, "axis").await, Change::Done { .. }));
        for former in ["acme", "ajax"] {
            assert_eq!(tenancy::tenant_by_host(&app, &lookup(), former).await.unwrap().unwrap().redirect_to.as_deref(), Some("axis"));
        }
        assert!(matches!(rename(&app, &mine, "acme").await, Change::Done { .. }));
        assert_eq!(tenancy::tenant_by_host(&app, &lookup(), "acme").await.unwrap().unwrap().redirect_to, None);
        let Change::Done { moved: None, tenant } = rename(&app, &mine, "acme").await else { panic!("the same again is no move") };
        assert_eq!(tenant.version, 4);
        let events = db.superuser().await.query("SELECT data FROM events WHERE type = 'tenant.updated'", &[]).await.unwrap();
        assert!(events.len() == 3 && events.iter().all(|row| event::fits("tenant.updated", &row.get(0))));
        // Thirty days later they are anybody's, and the directory is owed that it forgets them.
        let later = now().plus_seconds(REDIRECT_SECONDS);
        let jobs = db.platform().await;
        assert_eq!(one_trip(&jobs, tenancy::expire_redirects(&jobs, &platform(), later)).await.unwrap(), 2);
        assert!(matches!(rename(&app, &theirs, "ajax").await, Change::Done { .. }));
    });
}

#[test]
fn nobody_hoards_slugs() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let mine = scope(acme, owner);
        for n in 0..5 {
            assert!(matches!(rename(&app, &mine, &format!("acme-{n}")).await, Change::Done { .. }));
        }
        assert!(matches!(rename(&app, &mine, "acme-5").await, Change::Hoarding));
        assert!(matches!(rename(&app, &mine, "acme-2").await, Change::Done { .. }), "one of its own is no sixth");
    });
}

#[test]
fn a_change_goes_by_the_version() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let mine = scope(acme, owner);
        let patch = TenantPatch { name: Some("Ajax".into()), colors: Some(json!({ "primary": "#112233" })), ..TenantPatch::default() };
        let change =
            async |version: i64| one_trip(&app, tenancy::change_tenant(&app, &mine, &patch, Some(&[version]), new_id(), now())).await.unwrap();
        assert!(matches!(change(2).await, Change::VersionLost));
        let Change::Done { tenant, moved: None } = change(1).await else { panic!("it is the version") };
        assert_eq!((tenant.name.as_str(), tenant.version), ("Ajax", 2));
        assert_eq!(serde_json::to_value(&tenant.facts.colors).unwrap(), json!({ "primary": "#112233" }));
        assert!(matches!(change(1).await, Change::VersionLost));
    });
}

#[test]
fn settings_are_read_and_changed_in_one_round_trip_each() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        tenant(&app, "globex").await;
        let mine = scope(acme, owner);
        let before = one_trip(&app, tenancy::settings(&app, &mine)).await.unwrap().unwrap();
        assert_eq!((before.session_idle_days, before.password_min_length, before.mfa_policy.as_str(), before.version), (30, 12, "optional", 1));
        let patch = SettingsPatch { ip_allow_list: Some(vec!["203.0.113.0/24".into()]), session_idle_days: Some(7), ..SettingsPatch::default() };
        let update = async |patch: &SettingsPatch, version: Option<&[i64]>| {
            one_trip(&app, tenancy::update_settings(&app, &mine, patch, version, new_id(), now())).await.unwrap()
        };
        assert!(matches!(update(&patch, Some(&[2])).await, SettingsUpdate::VersionLost));
        let SettingsUpdate::Done { settings, queued: Some(_), mfa_changed: false, networks_changed: true } = update(&patch, Some(&[1])).await else {
            panic!("it is the version")
        };
        assert_eq!((settings.session_idle_days, settings.session_absolute_days, settings.version), (7, 90, 2));
        assert!(settings.directory_version > before.directory_version, "the directory mirrors it");
        let SettingsUpdate::Done { queued: None, networks_changed: false, .. } = update(&patch, None).await else { panic!("the same again") };
        let client = db.superuser().await;
        let events = client.query("SELECT data FROM events WHERE type = 'tenant.settings_updated'", &[]).await.unwrap();
        assert!(events.len() == 1 && event::fits("tenant.settings_updated", &events[0].get(0)));
        let others: i64 = client.query_one("SELECT count(*) FROM tenant_settings WHERE version > 1", &[]).await.unwrap().get(0);
        assert_eq!(others, 1, "nobody else's");
    });
}

#[test]
fn a_limit_in_the_database_is_what_the_resolver_says() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let client = db.superuser().await;
        let odd = [json!(-1), json!(1.5), json!("9"), json!([]), json!({}), json!(1e30)];
        let values: Vec<Option<Value>> = [None, Some(json!(0)), Some(json!(7)), Some(json!(true)), Some(json!(false)), Some(Value::Null)]
            .into_iter()
            .chain(odd.map(Some))
            .collect();
        let mut compared = 0;
        for plan in Plan::ALL {
            client.execute("UPDATE tenants SET plan = $2 WHERE id = $1", &[&acme.uuid(), &plan.key()]).await.unwrap();
            for feature in Feature::ALL {
                for value in &values {
                    client.execute("DELETE FROM tenant_features", &[]).await.unwrap();
                    if let Some(value) = value {
                        let insert = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, $2, $3)";
                        client.execute(insert, &[&acme.uuid(), &feature.key(), value]).await.unwrap();
                    }
                    let row = client.query_one("SELECT plan_limit($1, $2, $3)", &[&acme.uuid(), &feature.key(), &feature.by_plan()]).await.unwrap();
                    let resolved = Features::resolve(plan, value.iter().map(|value| (feature.key(), value))).allowance(*feature).limit();
                    let limit: Option<i64> = row.get(0);
                    assert_eq!(limit.map(|limit| u64::try_from(limit).unwrap()), resolved, "{plan} {} {value:?}", feature.key());
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 4 * Feature::ALL.len() * values.len());
        let gone = "UPDATE tenant_features SET expires_at = now() - interval '1 second'";
        client.execute("DELETE FROM tenant_features", &[]).await.unwrap();
        let insert = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'members', '1')";
        client.execute(insert, &[&acme.uuid()]).await.unwrap();
        client.execute(gone, &[]).await.unwrap();
        let row = client.query_one("SELECT plan_limit($1, 'members', $2)", &[&acme.uuid(), &Feature::Members.by_plan()]).await.unwrap();
        assert_eq!(row.get::<_, Option<i64>>(0), None, "one that has expired does not count");
    });
}

#[test]
fn other_mail_domains_neither_sign_up_there_nor_become_members_nor_are_invited() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let patch = SettingsPatch { allowed_mail_domains: Some(vec!["acme.example".into()]), ..SettingsPatch::default() };
        tenancy::update_settings(&app, &scope(acme, owner), &patch, None, new_id(), now()).await.unwrap();
        let sign_up = async |email: &str, home: TenantId| {
            let mut new = newcomer(email);
            new.arrival = Arrival { home, ..new.arrival };
            one_trip(&app, identity::sign_up(&app, &lookup(), &new)).await
        };
        let refused = |error| matches!(error, StoreError::Refused { constraint } if constraint == zygo_store::MAIL_DOMAIN_REFUSED);
        assert!(refused(sign_up("eve@evil.example", acme).await.unwrap_err()));
        assert!(refused(sign_up("eve@sub.acme.example", acme).await.unwrap_err()));
        assert!(matches!(sign_up("ada@acme.example", acme).await.unwrap(), SignUp::Created { .. }));
        assert!(matches!(sign_up("eve@evil.example", TenantId::PLATFORM).await.unwrap(), SignUp::Created { .. }));
        let client = db.superuser().await;
        let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), $1, u.id, r.id FROM users u, roles r \
                    WHERE u.email = $2 AND r.tenant_id = $1 AND r.key = 'member'";
        let invite = "INSERT INTO invitations (id, tenant_id, email, role_id, token_hash, invited_by, expires_at) \
                      SELECT gen_random_uuid(), $1, $2, r.id, decode(repeat('00', 32), 'hex'), $3, now() FROM roles r \
                      WHERE r.tenant_id = $1 AND r.key = 'member'";
        for (email, fine) in [("eve@evil.example", false), ("ada@acme.example", true)] {
            assert_eq!(client.execute(join, &[&acme.uuid(), &email]).await.is_ok(), fine, "{email}");
            assert_eq!(client.execute(invite, &[&acme.uuid(), &email, &owner.uuid()]).await.is_ok(), fine, "{email}");
        }
    });
}

#[test]
fn a_password_is_as_long_as_the_strictest_organisation_asks() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let globex = founding(owner, "globex");
        tenancy::create_tenant(&app, &lookup(), &globex).await.unwrap();
        let alone = person(&app, "alone@example.com").await;
        for (tenant, length) in [(acme, 20), (globex.tenant_id, 16)] {
            let patch = SettingsPatch { password_min_length: Some(length), ..SettingsPatch::default() };
            tenancy::update_settings(&app, &scope(tenant, owner), &patch, None, new_id(), now()).await.unwrap();
        }
        let least = async |user| one_trip(&app, identity::own_secret(&app, &lookup(), user)).await.unwrap().unwrap().min_length;
        assert_eq!((least(owner).await, least(alone).await), (20, 12));
    });
}
