//! Migrations go up, down, and up again.

use sqlx::migrate::Migrator;
use tokio_postgres::Client;

use crate::harness::{migrations, with_empty};

/// Everything in the schema: relations, columns, functions, policies, triggers, grants.
async fn fingerprint(client: &Client) -> Vec<String> {
    let sql = "SELECT line FROM (
        SELECT format('relation %s %s %s', relname, relkind, relacl) AS line FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%'
        UNION ALL SELECT format('column %s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attacl)
          FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
          WHERE c.relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%' AND attnum > 0
        UNION ALL SELECT format('function %s %s %s', oid::regprocedure, prosecdef, proacl) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT format('policy %s %s %s %s', tablename, policyname, roles, qual) FROM pg_policies
        UNION ALL SELECT format('trigger %s %s', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT format('default %s %s', defaclrole::regrole, defaclacl) FROM pg_default_acl
        UNION ALL SELECT format('schema %s', nspacl) FROM pg_namespace WHERE nspname = 'public'
    ) x ORDER BY line COLLATE \"C\"";
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn up_down_and_up_again_give_the_same_schema() {
    with_empty(async |db| {
        let client = db.superuser().await;
        let mut owner = db.owner().await;
        let migrator = Migrator::new(migrations()).await.unwrap();
        let before = fingerprint(&client).await;
        migrator.run(&mut owner).await.unwrap();
        let first = fingerprint(&client).await;
        migrator.undo(&mut owner, 0).await.unwrap();
        let empty: Vec<String> = fingerprint(&client).await.into_iter().filter(|line| !before.contains(line)).collect();
        // A schema's access list is spelled out once it has been touched.
        assert_eq!(empty.iter().filter(|line| !line.starts_with("schema ")).count(), 0, "left behind: {empty:#?}");
        migrator.run(&mut owner).await.unwrap();
        assert_eq!(fingerprint(&client).await, first);
    });
}

#[test]
fn each_migration_can_be_undone_by_itself() {
    with_empty(async |db| {
        let mut owner = db.owner().await;
        let migrator = Migrator::new(migrations()).await.unwrap();
        let versions: Vec<i64> = migrator.iter().filter(|m| m.migration_type.is_up_migration()).map(|m| m.version).collect();
        migrator.run(&mut owner).await.unwrap();
        for version in versions.iter().rev() {
            migrator.undo(&mut owner, version - 1).await.unwrap();
            migrator.run(&mut owner).await.unwrap();
            migrator.undo(&mut owner, version - 1).await.unwrap();
        }
    });
}

#[test]
fn every_migration_has_its_way_back() {
    let names: Vec<String> = std::fs::read_dir(migrations())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    assert!(!names.is_empty());
    for name in &names {
        let twin = match name.strip_suffix(".up.sql") {
            Some(stem) => format!("{stem}.down.sql"),
            None => format!("{}.up.sql", name.strip_suffix(".down.sql").expect("named .up.sql or .down.sql")),
        };
        assert!(names.contains(&twin), "{name} has no {twin}");
    }
}
