//! Creating, reading and finding organisations.

use zygo_core::{
    access::DefaultRole,
    events::{
        event,
        job::{Job, Queue},
    },
    tenancy::slug::Slug,
};
use zygo_store::{
    Actor, TenantScope,
    tenancy::{self, Create},
};

use crate::{
    fixture::{founding, person, tenant},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

#[test]
fn creating_makes_everything_in_one_round_trip() {
    with_db(async |db| {
        let app = db.app().await;
        let owner = person(&app, "ada@example.com").await;
        let new = founding(owner, "acme");
        let Create::Created { tenant, queued } = one_trip(&app, tenancy::create_tenant(&app, &lookup(), &new)).await.unwrap() else {
            panic!("it is new")
        };
        assert_eq!(
            (tenant.id, tenant.slug.as_str(), tenant.plan.as_str(), tenant.status.as_str(), tenant.version),
            (new.tenant_id, "acme", "free", "active", 1)
        );
        assert_eq!(tenant.created_at, now());
        assert_eq!(tenant.directory_entry().unwrap().version, tenant.directory_version);
        let queued = queued.unwrap();
        assert_eq!((queued.id, queued.tenant_id, queued.queue), (new.outbox_id, new.tenant_id, Queue::Jobs));
        let client = db.superuser().await;
        let roles = client.query("SELECT key, name, level, id FROM roles ORDER BY level DESC", &[]).await.unwrap();
        let kept: Vec<(&str, &str, i16, uuid::Uuid)> = roles.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        let expected: Vec<_> =
            DefaultRole::ALL.iter().zip(new.role_ids).map(|(role, id)| (role.key(), role.name(), role.level(), id.uuid())).collect();
        assert_eq!(kept, expected);
        let row = client.query_one("SELECT kind, payload FROM outbox WHERE queue = 'jobs'", &[]).await.unwrap();
        assert_eq!(Job::decode(row.get(0), &row.get(1)), Some(Job::DirectorySync { tenant_id: new.tenant_id }));
        let row = client.query_one("SELECT data FROM events WHERE type = 'tenant.created'", &[]).await.unwrap();
        assert!(event::fits("tenant.created", &row.get(0)));
        let scope = TenantScope::new(new.tenant_id, Some(owner), "r", Actor::User(owner));
        assert_eq!(one_trip(&app, tenancy::tenant(&app, &scope)).await.unwrap(), Some(tenant));
    });
}

#[test]
fn a_slug_is_taken_while_used_and_while_it_redirects() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let owner = person(&app, "ada@example.com").await;
        let create = async |slug: &str| one_trip(&app, tenancy::create_tenant(&app, &lookup(), &founding(owner, slug))).await.unwrap();
        assert!(matches!(create("acme").await, Create::SlugTaken));
        assert!(matches!(create("platform").await, Create::SlugTaken));
        let former = "INSERT INTO tenant_domains (id, tenant_id, domain, kind, redirect_until) VALUES (gen_random_uuid(), $1, $2, 'former_slug', now() + $3::text::interval)";
        let client = db.superuser().await;
        client.execute(former, &[&acme.uuid(), &"ajax", &"1 day"]).await.unwrap();
        client.execute(former, &[&acme.uuid(), &"axis", &"-1 day"]).await.unwrap();
        assert!(matches!(create("ajax").await, Create::SlugTaken));
        assert!(matches!(create("axis").await, Create::Created { .. }));
        let counts = client.query_one("SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM roles)", &[]).await.unwrap();
        assert_eq!((counts.get::<_, i64>(0), counts.get::<_, i64>(1)), (3, 12), "a refused one leaves nothing");
    });
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    with_db(async |db| {
        let app = db.app().await;
        let owner = person(&app, "ada@example.com").await;
        tenant(&app, "globex").await;
        let mut expected = Vec::new();
        for n in 0..7_i64 {
            let mut new = founding(owner, &format!("acme-{n}"));
            new.now = now().plus_seconds(n / 3);
            expected.push((new.now, new.tenant_id));
            tenancy::create_tenant(&app, &lookup(), &new).await.unwrap();
        }
        expected.sort();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let rows = one_trip(&app, tenancy::list_tenants(&app, &lookup(), owner, after, 3)).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some((last.created_at, last.id));
            seen.extend(rows.iter().map(|row| (row.created_at, row.id)));
        }
        assert_eq!(seen, expected);
        assert!(tenancy::list_tenants(&app, &lookup(), new_id(), None, 3).await.unwrap().is_empty());
    });
}

#[test]
fn a_host_leads_to_its_tenant_by_slug_former_slug_or_verified_domain() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let client = db.superuser().await;
        for (domain, kind, verified) in [("ajax", "former_slug", "NULL"), ("shop.example", "custom", "now()"), ("claimed.example", "custom", "NULL")]
        {
            let sql = format!(
                "INSERT INTO tenant_domains (id, tenant_id, domain, kind, verified_at, status, redirect_until) VALUES (gen_random_uuid(), '{acme}', \
                 '{domain}', '{kind}', {verified}, CASE WHEN {verified} IS NULL THEN 'pending' ELSE 'active' END, now() + interval '1 day')"
            );
            client.batch_execute(&sql).await.unwrap();
        }
        let find = async |key: &str| one_trip(&app, tenancy::tenant_by_host(&app, &lookup(), key)).await.unwrap();
        let host = |slug: &Slug| format!("{}.app.test", slug.as_str());
        let entry = find("acme").await.unwrap().into_entry(host).unwrap();
        assert_eq!((entry.tenant_id, entry.redirect_to), (acme, None));
        assert_eq!(entry.settings["mfa_policy"], "optional");
        assert_eq!(find("shop.example").await.unwrap().into_entry(host).unwrap().redirect_to, None);
        assert_eq!(find("ajax").await.unwrap().into_entry(host).unwrap().redirect_to.as_deref(), Some("acme.app.test"));
        for unknown in ["claimed.example", "globex", "platform", ""] {
            assert_eq!(find(unknown).await, None, "{unknown}");
        }
        let jobs = db.platform().await;
        let rows = one_trip(&jobs, tenancy::directory_rows(&jobs, &platform(), acme)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["acme", "ajax", "shop.example"]);
    });
}

#[test]
fn the_directorys_version_moves_with_everything_it_mirrors_and_the_etags_does_not() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let client = db.superuser().await;
        let versions = async || {
            let row = client.query_one("SELECT directory_version, version FROM tenants WHERE id = $1", &[&acme.uuid()]).await.unwrap();
            (row.get::<_, i64>(0), row.get::<_, i32>(1))
        };
        let (directory, etag) = versions().await;
        client.execute("UPDATE tenant_settings SET mfa_policy = 'required' WHERE tenant_id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(versions().await, (directory + 1, etag));
        client.execute("UPDATE tenants SET name = 'Acme' WHERE id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(versions().await, (directory + 1, etag + 1));
        client.execute("UPDATE tenants SET status = 'suspended' WHERE id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(versions().await, (directory + 2, etag + 2));
        client.execute("UPDATE tenants SET status = 'suspended' WHERE id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(versions().await, (directory + 2, etag + 2), "the same again is no change");
    });
}
