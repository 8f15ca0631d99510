//! Every statement in the source is listed, and fits the schema.

use std::{collections::BTreeSet, path::Path};

use zygo_store::statements;

use crate::harness::with_db;

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_statement_in_the_source_is_listed() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut written = BTreeSet::new();
    for file in &files {
        for after in file.split("Statement::new(").skip(1) {
            let name = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()).expect("a statement begins with its name");
            assert!(written.insert(name.to_owned()), "{name} twice");
        }
        for way_around in ["query_typed(", "batch_execute(", ".prepare(", ".query(", ".execute(", "query_one("] {
            assert!(!file.contains(way_around) || file.contains("pub struct Batch"), "{way_around} outside of the batch");
        }
    }
    let listed: BTreeSet<String> = statements().iter().map(|statement| statement.name.to_owned()).collect();
    assert_eq!(written, listed);
}

#[test]
fn every_statement_names_its_function() {
    for statement in statements() {
        let comment = format!("/* {} */ ", statement.name);
        assert!(statement.sql.starts_with(&comment), "{} begins with {comment}", statement.name);
    }
}

#[test]
fn every_statement_fits_the_schema() {
    with_db(async |db| {
        let client = db.superuser().await;
        for statement in statements() {
            let prepared =
                client.prepare_typed(statement.sql, statement.params).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
            assert_eq!(prepared.params(), statement.params, "parameters of {}", statement.name);
            let columns: Vec<_> = prepared.columns().iter().map(|column| column.type_().clone()).collect();
            assert_eq!(columns, statement.columns, "columns of {}", statement.name);
        }
    });
}
