//! For each table found in the catalogue: select, insert, update and delete across tenants give nothing or are refused, and
//! no context gives nothing. Rows are made from the catalogue too, so that a new table is covered without being named here.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    harness::{TestDb, new_id, with_db},
    rows::{Party, Table, insert, party, tables, values},
};

/// What a connection acts as.
#[derive(Clone, Copy)]
enum As {
    Nobody,
    Party(Party),
}

async fn act_as(client: &Client, who: As) {
    let (tenant, user) = match who {
        As::Nobody => (String::new(), String::new()),
        As::Party(party) => (party.tenant.to_string(), party.user.to_string()),
    };
    client.execute("SELECT set_config('app.tenant_id', $1, false), set_config('app.user_id', $2, false)", &[&tenant, &user]).await.unwrap();
}

struct World {
    superuser: Client,
    app: Client,
    all: BTreeMap<String, Table>,
    mine: Party,
    theirs: Party,
}

async fn world(db: &TestDb) -> World {
    let superuser = db.superuser().await;
    let all = tables(&superuser).await;
    let (mine, theirs) = (party(&superuser, &all).await, party(&superuser, &all).await);
    World { app: db.role("zygo_app").await, superuser, all, mine, theirs }
}

impl World {
    /// Tables whose rows are somebody's, each with the column that says whose, and their owner's value.
    fn owned(&self) -> impl Iterator<Item = (&Table, &'static str, Uuid)> {
        self.all.values().filter_map(|table| {
            let (column, is_tenant) = table.owner()?;
            Some((table, column, if is_tenant { self.mine.tenant } else { self.mine.user }))
        })
    }

    async fn may(&self, table: &str, privilege: &str) -> bool {
        self.superuser.query_one("SELECT has_any_column_privilege('zygo_app', $1, $2)", &[&table, &privilege]).await.unwrap().get(0)
    }

    async fn may_delete(&self, table: &str) -> bool {
        self.superuser.query_one("SELECT has_table_privilege('zygo_app', $1, 'DELETE')", &[&table]).await.unwrap().get(0)
    }

    async fn count(&self, table: &str, column: &str, owner: Uuid) -> i64 {
        self.superuser.query_one(&format!("SELECT count(*) FROM {table} WHERE {column} = $1"), &[&owner]).await.unwrap().get(0)
    }

    /// A column that the Worker may change.
    async fn editable(&self, table: &Table) -> Option<String> {
        for column in &table.columns {
            let sql = "SELECT has_column_privilege('zygo_app', $1, $2, 'UPDATE')";
            if self.superuser.query_one(sql, &[&table.name, &column.name]).await.unwrap().get(0) {
                return Some(column.name.clone());
            }
        }
        None
    }

    async fn refused(&self, sql: &str) {
        let error = self.app.batch_execute(sql).await.err().unwrap_or_else(|| panic!("went through: {sql}"));
        assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{sql}: {error:?}");
    }
}

#[test]
fn every_table_is_a_tenants_a_persons_or_known_to_be_the_platforms() {
    with_db(async |db| {
        let all = tables(&db.superuser().await).await;
        let others: Vec<&str> = all.values().filter(|table| table.owner().is_none()).map(|table| table.name.as_str()).collect();
        assert_eq!(others, ["admin_users", "audit_marks", "feature_flags", "mail_reports", "mail_suppressions", "passkey_ceremonies", "permissions"]);
    });
}

#[test]
fn no_command_reaches_another_tenants_or_persons_rows() {
    with_db(async |db| {
        let world = world(db).await;
        for (table, column, owner) in world.owned() {
            let name = table.name.as_str();
            let row = values(&world.superuser, &world.all, table, world.mine).await;
            // The parties' own rows, and the membership that a session came with, are there already.
            if !matches!(name, "tenants" | "users" | "user_roles") {
                insert(&world.superuser, name, &row).await.unwrap_or_else(|error| panic!("a row of {name}: {error:?}"));
            }
            let there = world.count(name, column, owner).await;
            assert!(there > 0, "{name}");
            let select = format!("SELECT count(*) FROM {name} WHERE {column} = '{owner}'");
            let readable = world.may(name, "SELECT").await;
            if readable {
                act_as(&world.app, As::Party(world.mine)).await;
                let seen: i64 = world.app.query_one(&select, &[]).await.unwrap().get(0);
                assert_eq!(seen, there, "{name}: its owner sees it");
            }
            for who in [As::Nobody, As::Party(world.theirs)] {
                act_as(&world.app, who).await;
                if readable {
                    let seen: i64 = world.app.query_one(&select, &[]).await.unwrap().get(0);
                    assert_eq!(seen, 0, "{name}: select");
                } else {
                    world.refused(&select).await;
                }
                cross_write(&world, table, column, owner).await;
            }
            assert_eq!(world.count(name, column, owner).await, there, "{name}: nothing added or removed");
        }
    });
}

/// Update, delete and insert, as whoever the connection acts as, aimed at rows of somebody else.
async fn cross_write(world: &World, table: &Table, column: &str, owner: Uuid) {
    let name = table.name.as_str();
    match world.editable(table).await {
        Some(edit) => {
            let changed = world.app.execute(&format!("UPDATE {name} SET {edit} = {edit} WHERE {column} = '{owner}'"), &[]).await.unwrap();
            assert_eq!(changed, 0, "{name}: update");
        }
        None => world.refused(&format!("UPDATE {name} SET {column} = {column}")).await,
    }
    let delete = format!("DELETE FROM {name} WHERE {column} = '{owner}'");
    if world.may_delete(name).await {
        assert_eq!(world.app.execute(&delete, &[]).await.unwrap(), 0, "{name}: delete");
    } else {
        world.refused(&delete).await;
    }
    let row = values(&world.superuser, &world.all, table, world.mine).await;
    let error = insert(&world.app, name, &row).await.err().unwrap_or_else(|| panic!("{name}: a row for somebody else went in"));
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{name}: insert: {error:?}");
}

#[test]
fn no_row_can_be_given_away() {
    with_db(async |db| {
        let world = world(db).await;
        for (table, column, owner) in world.owned() {
            let sql = "SELECT has_column_privilege('zygo_app', $1, $2, 'UPDATE')";
            let may: bool = world.superuser.query_one(sql, &[&table.name, &column]).await.unwrap().get(0);
            let row = values(&world.superuser, &world.all, table, world.mine).await;
            if !may || matches!(table.name.as_str(), "tenants" | "users") {
                continue;
            }
            if table.name != "user_roles" {
                insert(&world.superuser, &table.name, &row).await.unwrap();
            }
            act_as(&world.app, As::Party(world.mine)).await;
            let target = if column == "tenant_id" { world.theirs.tenant } else { world.theirs.user };
            let error =
                world.app.batch_execute(&format!("UPDATE {} SET {column} = '{target}' WHERE {column} = '{owner}'", table.name)).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{}: {error:?}", table.name);
        }
    });
}

#[test]
fn the_platform_sees_nothing_without_a_reason() {
    with_db(async |db| {
        let world = world(db).await;
        let platform = db.role("zygo_platform").await;
        for (table, ..) in world.owned() {
            let may: bool =
                world.superuser.query_one("SELECT has_any_column_privilege('zygo_platform', $1, 'SELECT')", &[&table.name]).await.unwrap().get(0);
            if may {
                let seen: i64 = platform.query_one(&format!("SELECT count(*) FROM {}", table.name), &[]).await.unwrap().get(0);
                assert_eq!(seen, 0, "{}", table.name);
            }
        }
        platform.batch_execute("SELECT set_config('app.platform_reason', 'test', false)").await.unwrap();
        let seen: i64 = platform.query_one("SELECT count(*) FROM tenants", &[]).await.unwrap().get(0);
        assert_eq!(seen, 3);
    });
}

/// In tenant zero everybody is a stranger to everybody.
#[test]
fn in_tenant_zero_each_person_sees_only_their_own() {
    with_db(async |db| {
        let world = world(db).await;
        let zero = |user| Party { tenant: Uuid::nil(), user };
        for name in ["sessions", "events", "user_activity", "security_events", "rls_violations", "audit_logs"] {
            let row = values(&world.superuser, &world.all, &world.all[name], zero(world.mine.user)).await;
            insert(&world.superuser, name, &row).await.unwrap_or_else(|error| panic!("a row of {name}: {error:?}"));
            let select = format!("SELECT count(*) FROM {name} WHERE user_id = '{}'", world.mine.user);
            for (user, expected) in [(world.mine.user, 1_i64), (world.theirs.user, 0)] {
                act_as(&world.app, As::Party(zero(user))).await;
                let seen: i64 = world.app.query_one(&select, &[]).await.unwrap().get(0);
                assert_eq!(seen, expected, "{name}");
            }
        }
    });
}

#[test]
fn default_roles_are_read_only() {
    with_db(async |db| {
        let world = world(db).await;
        let insert_role = |is_default: bool| {
            format!(
                "INSERT INTO roles (id, tenant_id, key, name, level, is_default) VALUES ('{}', '{}', 'r{is_default}', 'r', 10, {is_default})",
                new_id::<Uuid>(),
                world.mine.tenant
            )
        };
        world.superuser.batch_execute(&insert_role(true)).await.unwrap();
        act_as(&world.app, As::Party(world.mine)).await;
        world.app.batch_execute(&insert_role(false)).await.unwrap();
        world.refused(&insert_role(true).replace("rtrue", "other")).await;
        assert_eq!(world.app.execute("UPDATE roles SET name = 'mine'", &[]).await.unwrap(), 1, "the custom one alone");
        world.refused("UPDATE roles SET is_default = true").await;
        assert_eq!(world.app.execute("DELETE FROM roles", &[]).await.unwrap(), 1, "the custom one alone");
    });
}

#[test]
fn fellow_members_see_each_other_and_change_only_themselves() {
    with_db(async |db| {
        let world = world(db).await;
        let membership =
            values(&world.superuser, &world.all, &world.all["user_roles"], Party { tenant: world.mine.tenant, user: world.theirs.user }).await;
        insert(&world.superuser, "user_roles", &membership).await.unwrap();
        act_as(&world.app, As::Party(world.mine)).await;
        let seen: i64 = world.app.query_one("SELECT count(*) FROM users", &[]).await.unwrap().get(0);
        assert_eq!(seen, 2);
        assert_eq!(world.app.execute("UPDATE users SET first_name = 'x'", &[]).await.unwrap(), 1);
        world.refused("SELECT password_hash FROM users").await;
        world.refused("UPDATE users SET email = 'x@example.com'").await;
    });
}

#[test]
fn a_probe_works_for_every_table_that_is_read_by_id() {
    with_db(async |db| {
        let world = world(db).await;
        act_as(&world.app, As::Party(world.theirs)).await;
        for (table, column, _) in world.owned().filter(|(table, column, _)| *column != "user_id" && table.has("id") && table.name != "users") {
            if !world.may(&table.name, "SELECT").await {
                continue;
            }
            let row = values(&world.superuser, &world.all, table, world.mine).await;
            if column == "tenant_id" && table.name != "user_roles" {
                insert(&world.superuser, &table.name, &row).await.unwrap();
            }
            let mut id: Uuid = row["id"].trim_matches('\'').parse().unwrap();
            if table.name == "user_roles" {
                id = world.superuser.query_one("SELECT id FROM user_roles WHERE tenant_id = $1", &[&world.mine.tenant]).await.unwrap().get(0);
            }
            let probe =
                async |id: Uuid| -> bool { world.app.query_one("SELECT exists_elsewhere($1, $2)", &[&table.name, &id]).await.unwrap().get(0) };
            assert!(probe(id).await, "{}", table.name);
            assert!(!probe(new_id()).await, "{}", table.name);
        }
    });
}
