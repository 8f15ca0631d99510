//! A tenant's directory: its token is the key, filters mean in Postgres what they mean in the domain, and an index finds one of many.

use serde_json::{Map, Value, json};
use uuid::Uuid;
use zygo_core::{
    id::{ScimConnectionId, TenantId, UserId},
    identity::scim::{
        group::GroupChange,
        query::{Condition, Page},
        schema::{GROUP_TYPE, USER_TYPE},
        token::ScimToken,
    },
    tenancy::plan::Feature,
};
use zygo_store::{
    Actor, Db, SCIM_TOKEN, SSO_NOT_COVERED, StoreError, TENANT_SUSPENDED, TenantScope,
    identity::scim::{self, ConnectionEdit, GroupWrite, Issued, Made, NewScimConnection, NewToken, Outcome, Saved, Selection, UserWrite},
};

use crate::{
    fixture::{person, tenant},
    harness::{TestDb, new_id, now, one_trip, with_db},
};

struct World {
    app: Db,
    owner: UserId,
    tenant: TenantId,
    connection: ScimConnectionId,
    token: ScimToken,
    scope: TenantScope,
}

fn edit() -> ConnectionEdit {
    ConnectionEdit { by_plan: Feature::Sso.by_plan(), name: Some("Directory".into()), ..ConnectionEdit::default() }
}

async fn world(db: &TestDb) -> World {
    let app = db.app().await;
    let (owner, tenant) = tenant(&app, "acme").await;
    let client = db.superuser().await;
    client.execute("UPDATE tenants SET plan = 'business' WHERE id = $1", &[&tenant.uuid()]).await.unwrap();
    let claim = "WITH made AS (INSERT INTO sso_connections (id, tenant_id, kind, name) VALUES (gen_random_uuid(), $1, 'saml', 'x') RETURNING id)
        INSERT INTO sso_domains (id, tenant_id, connection_id, domain, token, verified_at) SELECT gen_random_uuid(), $1, id, 'acme.example', repeat('x', 20), now() FROM made";
    client.execute(claim, &[&tenant.uuid()]).await.unwrap();
    let admin = TenantScope::new(tenant, Some(owner), "req-test", Actor::User(owner));
    let connection = new_id();
    let made = scim::create(&app, &admin, &NewScimConnection { id: connection, rest: edit() }, 5, now()).await.unwrap();
    assert!(matches!(made, Saved::Done(..)), "{made:?}");
    let token = ScimToken::from_random(tenant, connection, [7; 32]);
    let new = NewToken { id: new_id(), connection, hash: token.hash(), expires_at: None, by_plan: Feature::Sso.by_plan(), now: now() };
    assert_eq!(scim::issue(&app, &admin, &new, 10).await.unwrap(), Issued::Done);
    let scope = TenantScope::directory(&token, "req-test", now());
    World { app, owner, tenant, connection, token, scope }
}

impl World {
    fn write(&self, name: &str, attributes: Value) -> UserWrite {
        UserWrite {
            connection: self.connection,
            user_name: name.to_owned(),
            external_id: Some(format!("X-{name}")),
            given_name: Some("Ada".into()),
            family_name: None,
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            active: None,
            record_id: new_id(),
            now: now(),
        }
    }

    async fn create(&self, name: &str, address: &str) -> Outcome {
        let (members, new) = (Feature::Members.by_plan(), (new_id::<Uuid>(), new_id::<Uuid>()));
        one_trip(&self.app, scim::create_user(&self.app, &self.scope, &self.write(name, json!({ "title": "Dr" })), address, &members, new))
            .await
            .unwrap()
    }

    async fn user(&self, name: &str) -> (UserId, Made) {
        let made = self.create(name, &format!("{name}@acme.example")).await;
        let Outcome::Made(made) = made else { panic!("{made:?}") };
        (made.user_id.unwrap(), *made)
    }

    async fn names(&self, condition: Condition) -> Vec<String> {
        let found = scim::users(&self.app, &self.scope, &Selection { condition, page: Page::new(None, None) }).await.unwrap();
        assert_eq!(usize::try_from(found.total).unwrap(), found.resources.len());
        found.resources.iter().map(|user| user.attributes["userName"].as_str().unwrap().to_owned()).collect()
    }

    async fn fit(&self, filter: &str) -> Vec<String> {
        self.names(Condition::read(&USER_TYPE, filter).unwrap()).await
    }
}

fn refused(error: &StoreError, rule: &str) -> bool {
    matches!(error, StoreError::Refused { constraint } if constraint == rule)
}

#[test]
fn nothing_is_done_without_a_good_token() {
    with_db(async |db| {
        let world = world(db).await;
        let client = db.superuser().await;
        one_trip(&world.app, scim::check(&world.app, &world.scope)).await.unwrap();
        let forged = [
            ScimToken::from_random(world.tenant, world.connection, [8; 32]),
            ScimToken::from_random(world.tenant, new_id(), [7; 32]),
            ScimToken::from_random(new_id(), world.connection, [7; 32]),
            ScimToken::from_random(TenantId::PLATFORM, world.connection, [7; 32]),
        ];
        for token in forged {
            let scope = TenantScope::directory(&token, "req-test", now());
            let error = scim::delete_user(&world.app, &scope, world.connection, world.owner, None, new_id(), now()).await.unwrap_err();
            assert!(refused(&error, SCIM_TOKEN), "{error:?}");
        }
        for (sql, rule) in [
            ("UPDATE scim_connections SET enabled = false", SCIM_TOKEN),
            ("UPDATE scim_connections SET enabled = true; UPDATE scim_tokens SET expires_at = now() - interval '1 hour'", SCIM_TOKEN),
            ("UPDATE scim_tokens SET expires_at = NULL; UPDATE tenants SET plan = 'free' WHERE slug = 'acme'", SSO_NOT_COVERED),
            ("UPDATE tenants SET plan = 'business', status = 'suspended' WHERE slug = 'acme'", TENANT_SUSPENDED),
        ] {
            client.batch_execute(sql).await.unwrap();
            let error = scim::check(&world.app, &world.scope).await.unwrap_err();
            assert!(refused(&error, rule), "{sql}: {error:?}");
        }
        client.batch_execute("UPDATE tenants SET status = 'active' WHERE slug = 'acme'").await.unwrap();
        scim::check(&world.app, &world.scope).await.unwrap();
        // Neither the token nor its hash is in the trail.
        let trail: String = client.query_one("SELECT string_agg(coalesce(after::text, ''), ' ') FROM audit_logs", &[]).await.unwrap().get(0);
        let hash: String = world.token.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!trail.is_empty() && !trail.contains(&world.token.encode()) && !trail.contains(&hash));
    });
}

#[test]
fn a_directory_makes_members_of_its_own_domains_people_alone() {
    with_db(async |db| {
        let world = world(db).await;
        let (ada, made) = world.user("ada").await;
        let resource = made.resource.unwrap();
        assert_eq!(
            (&resource.attributes["active"], &resource.attributes["title"], &resource.attributes["externalId"]),
            (&json!(true), &json!("Dr"), &json!("X-ada"))
        );
        assert_eq!(world.create("ADA", "other@acme.example").await, Outcome::Taken);
        assert_eq!(world.create("other", "ada@acme.example").await, Outcome::Taken);
        assert_eq!(world.create("bob", "bob@elsewhere.example").await, Outcome::Foreign);
        assert_eq!(world.create("owner@acme.example", "new@acme.example").await, Outcome::Taken, "a member without a record has a name too");
        // An account that never proved its address loses what somebody else chose for it.
        let squatter = person(&world.app, "eve@acme.example").await;
        let (eve, _) = world.user("eve").await;
        assert_eq!(eve, squatter);
        let client = db.superuser().await;
        let row = client.query_one("SELECT password_hash, email_verified_at IS NOT NULL FROM users WHERE id = $1", &[&eve.uuid()]).await.unwrap();
        assert_eq!((row.get::<_, Option<String>>(0), row.get::<_, bool>(1)), (None, true));
        let actor: String = client.query_one("SELECT DISTINCT actor FROM audit_logs WHERE resource_type = 'scim_users'", &[]).await.unwrap().get(0);
        assert_eq!(actor, format!("scim:{}", world.connection));
        assert_ne!(ada, eve);
    });
}

#[test]
fn what_is_deleted_is_suspended_unseen_and_may_come_again() {
    with_db(async |db| {
        let world = world(db).await;
        let (ada, _) = world.user("ada").await;
        let client = db.superuser().await;
        let gone = one_trip(&world.app, scim::delete_user(&world.app, &world.scope, world.connection, ada, None, new_id(), now())).await.unwrap();
        let Outcome::Made(gone) = gone else { panic!("{gone:?}") };
        assert_eq!(gone.revocations.len(), 1);
        assert_eq!(scim::user(&world.app, &world.scope, ada).await.unwrap(), None);
        assert_eq!(world.fit("active eq false").await, Vec::<String>::new());
        let again = scim::delete_user(&world.app, &world.scope, world.connection, ada, None, new_id(), now()).await.unwrap();
        assert_eq!(again, Outcome::Missing);
        let standing = "SELECT status FROM user_roles WHERE user_id = $1";
        assert_eq!(client.query_one(standing, &[&ada.uuid()]).await.unwrap().get::<_, String>(0), "suspended");
        let (back, _) = world.user("ada").await;
        assert_eq!(back, ada);
        assert_eq!(client.query_one(standing, &[&ada.uuid()]).await.unwrap().get::<_, String>(0), "active");
        // Whoever an administrator lets in again is there again.
        scim::delete_user(&world.app, &world.scope, world.connection, ada, None, new_id(), now()).await.unwrap();
        client.execute("UPDATE user_roles SET status = 'active' WHERE user_id = $1", &[&ada.uuid()]).await.unwrap();
        assert!(scim::user(&world.app, &world.scope, ada).await.unwrap().is_some());
        // The last owner stays.
        let error = scim::delete_user(&world.app, &world.scope, world.connection, world.owner, None, new_id(), now()).await.unwrap_err();
        assert!(refused(&error, zygo_store::LAST_OWNER), "{error:?}");
    });
}

#[test]
fn groups_give_roles_and_take_them_back() {
    with_db(async |db| {
        let world = world(db).await;
        let client = db.superuser().await;
        let (ada, _) = world.user("ada").await;
        let role = async |key: &str| -> Uuid {
            client.query_one("SELECT id FROM roles WHERE tenant_id = $1 AND key = $2", &[&world.tenant.uuid(), &key]).await.unwrap().get(0)
        };
        let has = async || -> String {
            let sql = "SELECT r.key FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE m.user_id = $1";
            client.query_one(sql, &[&ada.uuid()]).await.unwrap().get(0)
        };
        let (developer, admin, owner) = (role("developer").await, role("admin").await, role("owner").await);
        let person = TenantScope::new(world.tenant, Some(world.owner), "req-test", Actor::User(world.owner));
        let mapped = |pairs: &[(&str, Uuid)]| ConnectionEdit {
            role_mappings: Some(pairs.iter().map(|(value, id)| json!({ "value": value, "role_id": id })).collect()),
            mapped_roles: pairs.iter().map(|(_, id)| (*id).into()).collect(),
            ..edit()
        };
        let too_high = scim::update(&world.app, &person, world.connection, &mapped(&[("X", owner)]), now()).await.unwrap();
        assert!(matches!(too_high, Saved::TooHigh), "{too_high:?}");
        let group = |name: &str, add: Vec<Uuid>| GroupWrite {
            connection: world.connection,
            id: new_id(),
            change: GroupChange { display_name: Some(name.into()), external_id: Some(None), replace: true, add, remove: Vec::new() },
            with_members: true,
            now: now(),
        };
        let makers = group("Makers", vec![ada.uuid()]);
        assert!(matches!(one_trip(&world.app, scim::create_group(&world.app, &world.scope, &makers)).await.unwrap(), Outcome::Made(_)));
        assert_eq!(scim::create_group(&world.app, &world.scope, &group("MAKERS", vec![])).await.unwrap(), Outcome::Taken);
        assert_eq!(scim::create_group(&world.app, &world.scope, &group("Others", vec![new_id()])).await.unwrap(), Outcome::Stranger);
        assert_eq!(has().await, "member", "without mappings roles are left alone");
        // A mapping holds at once for whoever is in its group.
        let saved =
            scim::update(&world.app, &person, world.connection, &mapped(&[("makers", developer), ("Heads", admin)]), now().plus_seconds(1)).await;
        let Saved::Done(_, told) = saved.unwrap() else { panic!("not saved") };
        assert_eq!((told.len(), has().await.as_str()), (1, "developer"));
        let heads = group("Heads", vec![ada.uuid(), world.owner.uuid()]);
        scim::create_group(&world.app, &world.scope, &heads).await.unwrap();
        assert_eq!(has().await, "admin", "the highest counts");
        let owners = "SELECT count(*) FROM user_roles m JOIN roles r ON r.id = m.role_id AND r.key = 'owner'";
        assert_eq!(client.query_one(owners, &[]).await.unwrap().get::<_, i64>(0), 1, "an owner stays one");
        let renamed = GroupWrite { change: GroupChange { display_name: Some("Tails".into()), ..GroupChange::default() }, ..heads.clone() };
        scim::change_group(&world.app, &world.scope, &renamed, None).await.unwrap();
        assert_eq!(has().await, "developer");
        assert_eq!(scim::change_group(&world.app, &world.scope, &renamed, Some(&[1])).await.unwrap(), Outcome::Lost);
        scim::delete_group(&world.app, &world.scope, makers.id, None, now()).await.unwrap();
        assert_eq!(has().await, "member");
        let page = Selection { condition: Condition::read(&GROUP_TYPE, &format!("members eq \"{ada}\"")).unwrap(), page: Page::new(None, None) };
        let found = one_trip(&world.app, scim::groups(&world.app, &world.scope, &page, false)).await.unwrap();
        assert_eq!((found.total, found.resources[0].attributes.contains_key("members")), (1, false));
    });
}

#[test]
fn filters_mean_what_they_say() {
    with_db(async |db| {
        let world = world(db).await;
        for (name, attributes) in [
            (
                "ada",
                json!({ "title": "Dr. \"R&D\" (50%)", "emails": [{ "value": "ada@acme.example", "type": "work" }, { "value": "A@Home.example", "type": "home" }] }),
            ),
            ("bob", json!({ "nickName": "Ünsal", "name": { "familyName": "O'Malley" } })),
        ] {
            let write = world.write(name, attributes);
            let new = (new_id(), new_id());
            scim::create_user(&world.app, &world.scope, &write, &format!("{name}@acme.example"), &Feature::Members.by_plan(), new).await.unwrap();
        }
        for (filter, expected) in [
            (r#"userName eq "ADA""#, vec!["ada"]),
            (r#"userName eq "owner@acme.example""#, vec!["owner@acme.example"]),
            (r#"externalId eq "X-ada""#, vec!["ada"]),
            (r#"externalId eq "x-ada""#, vec![]),
            (r#"id eq "nobody""#, vec![]),
            (r#"title co "\"r&d\" (50%)""#, vec!["ada"]),
            (r#"title ew "%)""#, vec!["ada"]),
            (r#"title sw "DR.""#, vec!["ada"]),
            (r#"title ew ".)""#, vec![]),
            (r#"emails[type eq "home" and value co "home"]"#, vec!["ada"]),
            (r#"emails[type eq "work" and value co "home"]"#, vec![]),
            (r#"emails.type eq "home""#, vec!["ada"]),
            (r#"name.familyName eq "o'malley""#, vec!["bob"]),
            (r#"nickName eq "ünsal""#, vec!["bob"]),
            ("not (title pr) and nickName pr", vec!["bob"]),
            (r#"title ne "x" and active eq true and userName ne "ada""#, vec!["owner@acme.example", "bob"]),
            ("title eq null", vec!["owner@acme.example", "bob"]),
            (r#"meta.created gt "2020-01-01T00:00:00Z" and userName gt "b""#, vec!["owner@acme.example", "bob"]),
            (r#"meta.lastModified lt "2020-01-01T00:00:00Z""#, vec![]),
        ] {
            assert_eq!(world.fit(filter).await, expected, "{filter}");
        }
        // Whatever can be asked is something that Postgres can answer.
        let client = db.superuser().await;
        let odd =
            ["", "\"", "\\", "'", "$", "%_", ".*", "a\nb", "é", "\u{1}", "\u{7f}", "😀", "*/", ")(", "[", "^$", "{1,", "\\d", "x\t", "\u{feff}"];
        for op in ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] {
            for value in odd {
                let literal = Value::from(value);
                let filter = format!("title {op} {literal} or emails[not (value {op} {literal})]");
                let path = Condition::read(&USER_TYPE, &filter).unwrap().path;
                let sql = "SELECT scim_matches(jsonb_build_object('title', $2::text), $1)";
                let fits: bool = client.query_one(sql, &[&path, &value]).await.unwrap_or_else(|error| panic!("{filter}: {error:?}")).get(0);
                assert_eq!(fits, !matches!(op, "ne" | "gt" | "lt"), "{filter}");
            }
        }
        let page = |start, count| Selection { condition: Condition::default(), page: Page::new(Some(start), Some(count)) };
        let second = one_trip(&world.app, scim::users(&world.app, &world.scope, &page(2, 1))).await.unwrap();
        assert_eq!((second.total, second.resources.len(), &second.resources[0].attributes["userName"]), (3, 1, &json!("ada")));
        let none = scim::users(&world.app, &world.scope, &page(9, 5)).await.unwrap();
        assert_eq!((none.total, none.resources.len()), (3, 0));
    });
}

#[test]
fn accounts_are_named_by_the_directory_of_their_domain_alone() {
    with_db(async |db| {
        let world = world(db).await;
        let (ada, _) = world.user("ada").await;
        let client = db.superuser().await;
        let named = async |who: UserId| -> Option<String> {
            client.query_one("SELECT first_name FROM users WHERE id = $1", &[&who.uuid()]).await.unwrap().get(0)
        };
        let guest = person(&world.app, "guest@elsewhere.example").await;
        let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), $1, $2, id FROM roles WHERE tenant_id = $1 AND key = 'viewer'";
        client.execute(join, &[&world.tenant.uuid(), &guest.uuid()]).await.unwrap();
        for (who, expected) in [(ada, "Augusta"), (guest, "Ada")] {
            let mut write = world.write(&format!("name-{who}"), Value::Object(Map::new()));
            write.given_name = Some("Augusta".into());
            let outcome = one_trip(&world.app, scim::replace_user(&world.app, &world.scope, who, &write, None)).await.unwrap();
            assert!(matches!(outcome, Outcome::Made(_)), "{outcome:?}");
            assert_eq!(named(who).await.as_deref(), Some(expected));
        }
    });
}
