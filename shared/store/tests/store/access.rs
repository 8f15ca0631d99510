//! What holds of memberships whoever changes them: guards, the last owner, sessions, and the list of members.

use futures::future::join_all;
use tokio_postgres::Client;
use uuid::Uuid;
use zygo_core::{
    access::{DefaultRole, Permission},
    id::{SessionId, TenantId, UserId},
};
use zygo_store::{Actor, Db, Guard, StoreError, TenantScope, identity, tenancy};

use crate::{
    fixture::{person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, with_db},
};

/// An organisation with somebody in it who is signed in.
pub struct Team {
    pub app: Db,
    pub superuser: Client,
    pub owner: UserId,
    pub tenant: TenantId,
}

impl Team {
    pub async fn new(db: &TestDb) -> Self {
        let (app, superuser) = (db.app().await, db.superuser().await);
        let (owner, tenant) = tenant(&app, "acme").await;
        Self { app, superuser, owner, tenant }
    }

    /// Somebody with a default role.
    pub async fn member(&self, name: &str, role: &str) -> UserId {
        let user = person(&self.app, &format!("{name}@acme.example")).await;
        let sql =
            "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT $1, tenant_id, $2, id FROM roles WHERE tenant_id = $3 AND key = $4";
        self.superuser.execute(sql, &[&new_id::<Uuid>(), &user.uuid(), &self.tenant.uuid(), &role]).await.unwrap();
        user
    }

    pub async fn give(&self, user: UserId, role: &str) {
        let sql = "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE r.tenant_id = m.tenant_id AND r.key = $2 AND m.user_id = $1";
        self.superuser.execute(sql, &[&user.uuid(), &role]).await.unwrap();
    }

    pub async fn signed_in(&self, user: UserId) -> SessionId {
        let record = session(self.tenant, user);
        identity::record_session(&self.app, &lookup(), &record).await.unwrap();
        record.id
    }

    pub fn scope(&self, user: UserId) -> TenantScope {
        TenantScope::new(self.tenant, Some(user), "req-test", Actor::User(user))
    }

    async fn guarded(&self, user: UserId, session: SessionId, permission: Permission) -> Result<(), StoreError> {
        let scope = self.scope(user).guarded(Guard::permission(permission, session));
        one_trip(&self.app, tenancy::tenant(&self.app, &scope)).await.map(drop)
    }

    async fn uses(&self) -> i64 {
        self.superuser.query_one("SELECT count(*) FROM audit_logs WHERE action = 'permissions.use'", &[]).await.unwrap().get(0)
    }
}

/// Every default role and every critical permission: Postgres says what the catalogue says, and each use is on record.
#[test]
fn a_guard_says_what_the_catalogue_says() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let user = team.member("ada", "viewer").await;
        let session = team.signed_in(user).await;
        let mut used = 0;
        for role in DefaultRole::ALL {
            team.give(user, role.key()).await;
            for permission in Permission::ALL.iter().filter(|permission| permission.is_critical()) {
                let answer = team.guarded(user, session, *permission).await;
                if role.permissions().contains(*permission) {
                    answer.unwrap();
                    used += 1;
                } else {
                    assert!(matches!(&answer, Err(StoreError::Denied { permission: Some(key) }) if key == permission.key()), "{answer:?}");
                }
            }
        }
        assert_eq!(team.uses().await, used);
    });
}

#[test]
fn a_guard_reads_a_custom_role_as_it_is_now() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let user = team.member("ada", "viewer").await;
        let (session, role) = (team.signed_in(user).await, new_id::<Uuid>());
        let make = "INSERT INTO roles (id, tenant_id, key, name, level) VALUES ($1, $2, 'remover', 'Remover', 30)";
        team.superuser.execute(make, &[&role, &team.tenant.uuid()]).await.unwrap();
        team.give(user, "remover").await;
        assert!(matches!(team.guarded(user, session, Permission::UsersRemove).await, Err(StoreError::Denied { .. })));
        let index = i16::from(Permission::UsersRemove.index());
        let hold = "INSERT INTO role_permissions (id, tenant_id, role_id, permission) VALUES ($1, $2, $3, $4)";
        team.superuser.execute(hold, &[&new_id::<Uuid>(), &team.tenant.uuid(), &role, &index]).await.unwrap();
        team.guarded(user, session, Permission::UsersRemove).await.unwrap();
        assert!(matches!(team.guarded(user, session, Permission::ServersDelete).await, Err(StoreError::Denied { .. })));
    });
}

#[test]
fn a_guard_refuses_ended_sessions_and_whoever_is_no_active_member() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let admin = team.member("ada", "admin").await;
        let session = team.signed_in(admin).await;
        let ask = async |user, session| team.guarded(user, session, Permission::UsersRemove).await;
        let refused = |answer: Result<(), StoreError>, rule: &str| {
            assert!(matches!(&answer, Err(StoreError::Refused { constraint }) if constraint == rule), "{answer:?}");
        };
        refused(ask(team.owner, session).await, "session_ended");
        refused(ask(admin, new_id()).await, "session_ended");
        team.superuser.execute("UPDATE user_roles SET status = 'suspended' WHERE user_id = $1", &[&admin.uuid()]).await.unwrap();
        refused(ask(admin, session).await, "member_suspended");
        team.superuser.execute("UPDATE user_roles SET status = 'active' WHERE user_id = $1", &[&admin.uuid()]).await.unwrap();
        ask(admin, session).await.unwrap();
        identity::end_sessions(&team.app, &lookup(), admin, identity::Which::All, "test", now()).await.unwrap();
        refused(ask(admin, session).await, "session_ended");
        assert_eq!(team.uses().await, 1, "what is refused leaves nothing");
    });
}

#[test]
fn an_owners_guard_is_an_owners() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let admin = team.member("ada", "admin").await;
        for (user, may) in [(team.owner, true), (admin, false)] {
            let scope = team.scope(user).guarded(Guard::owner(team.signed_in(user).await));
            let answer = tenancy::tenant(&team.app, &scope).await;
            assert_eq!(answer.is_ok(), may);
            assert!(may || matches!(answer, Err(StoreError::Denied { permission: None })));
        }
    });
}

#[test]
fn no_session_begins_for_whoever_is_no_active_member() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let (member, stranger) = (team.member("ada", "member").await, person(&team.app, "eve@example.com").await);
        let begin = async |user| identity::record_session(&team.app, &lookup(), &session(team.tenant, user)).await;
        begin(member).await.unwrap();
        team.superuser.execute("UPDATE user_roles SET status = 'suspended' WHERE user_id = $1", &[&member.uuid()]).await.unwrap();
        for user in [member, stranger] {
            let refused = begin(user).await;
            assert!(matches!(&refused, Err(StoreError::Refused { constraint }) if constraint == "member_suspended"), "{refused:?}");
            identity::record_session(&team.app, &lookup(), &session(TenantId::PLATFORM, user)).await.unwrap();
        }
    });
}

/// Fifty at once, by each way of taking an owner away, without any lock of the caller's: one owner stays.
#[test]
fn the_last_owner_stays_whatever_happens_at_once() {
    with_db(async |db| {
        let team = Team::new(db).await;
        let second = team.member("ada", "owner").await;
        let ways = [
            "DELETE FROM user_roles WHERE user_id = $1",
            "UPDATE user_roles SET status = 'suspended' WHERE user_id = $1",
            "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE r.tenant_id = m.tenant_id AND r.key = 'viewer' AND m.user_id = $1",
        ];
        let attempts = (0..50).map(|i| (ways[i % ways.len()], [team.owner, second][i % 2]));
        let attempts = attempts.map(|(way, user)| async move {
            let client = db.superuser().await;
            client.execute(way, &[&user.uuid()]).await.map_err(|error| error.as_db_error().map(|error| error.code().code().to_owned()))
        });
        for outcome in join_all(attempts).await {
            // One of two that lock each other's rows is told to try again.
            assert!(outcome.is_ok() || matches!(&outcome, Err(Some(code)) if code == "23514" || code == "40P01"), "{outcome:?}");
        }
        let owners = "SELECT count(*) FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE r.key = 'owner' AND m.status = 'active'";
        assert_eq!(team.superuser.query_one(owners, &[]).await.unwrap().get::<_, i64>(0), 1);
    });
}

/// With a hundred thousand members no filter, and no search, reads a whole table.
#[test]
fn a_page_of_members_reads_no_large_table_as_a_whole() {
    with_db(async |db| {
        let team = Team::new(db).await;
        crowd(&team, 100_000).await;
        team.superuser.batch_execute("SET ROLE zygo_lookup").await.unwrap();
        let sql = "SELECT s, r, t, o, members_query(s, r, t, o) FROM unnest(ARRAY[true, false]) s, unnest(ARRAY[true, false]) r, \
            unnest(ARRAY[NULL, 'active', 'suspended']) t, unnest(ARRAY[true, false]) o";
        let queries = team.superuser.query(sql, &[]).await.unwrap();
        assert_eq!(queries.len(), 24);
        for pattern in ["%person77777%", "%example%", "%nobody-at-all%", "%7%"] {
            for row in &queries {
                let plan = explain(&team, row.get(4), pattern).await;
                // People and memberships, that is: a handful of roles is read as a whole once PostgreSQL knows how few they are.
                assert!(!plan.contains("Seq Scan on user"), "{pattern} {:?}: {plan}", (row.get::<_, bool>(0), row.get::<_, Option<&str>>(2)));
            }
        }
    });
}

async fn explain(team: &Team, query: &str, pattern: &str) -> String {
    let values = [
        ("$1", format!("'{}'::uuid", team.tenant)),
        ("$2", format!("'{pattern}'")),
        ("$3", format!("(SELECT id FROM roles WHERE tenant_id = '{}' AND key = 'viewer')", team.tenant)),
        ("$5", "now()".to_owned()),
        ("$6", format!("'{}'::uuid", Uuid::nil())),
        ("$7", "21".to_owned()),
    ];
    let query = values.iter().fold(query.to_owned(), |query, (place, value)| query.replace(place, value));
    let rows = team.superuser.query(&format!("EXPLAIN {query}"), &[]).await.unwrap();
    rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect()
}

/// Fills the organisation; every hundredth member is suspended, every tenth a viewer.
pub async fn crowd(team: &Team, count: i32) {
    let users = "INSERT INTO users (id, email, first_name, last_name) SELECT gen_random_uuid(), 'person' || n || '@crowd.example', 'Person', 'No ' || n \
        FROM generate_series(1, $1) n";
    let members = "INSERT INTO user_roles (id, tenant_id, user_id, role_id, status, created_at, search) \
        SELECT gen_random_uuid(), $1, u.id, r.id, CASE WHEN n % 100 = 0 THEN 'suspended' ELSE 'active' END, now() - n * interval '1 minute', searchable(u) \
        FROM users u CROSS JOIN LATERAL (SELECT substring(u.email FROM 'person(\\d+)')::int AS n) x \
        JOIN roles r ON r.tenant_id = $1 AND r.key = CASE WHEN n % 10 = 0 THEN 'viewer' ELSE 'member' END \
        WHERE u.email LIKE '%@crowd.example'";
    team.superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    team.superuser.execute(users, &[&count]).await.unwrap();
    team.superuser.execute(members, &[&team.tenant.uuid()]).await.unwrap();
    for statement in ["SET session_replication_role = origin", "VACUUM ANALYZE users", "VACUUM ANALYZE user_roles"] {
        team.superuser.batch_execute(statement).await.unwrap();
    }
}
