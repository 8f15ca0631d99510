//! Valid rows for any table, made from the catalogue.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::new_id;

type Hint = (&'static str, &'static str, fn() -> String);

/// Values that the catalogue does not give away: a constraint that is not a list of words.
const HINTS: &[Hint] = &[
    ("tenants", "slug", || format!("'t{}'", new_id::<Uuid>().simple().to_string().split_off(8))),
    ("tenant_domains", "domain", || format!("'{}.example'", new_id::<Uuid>())),
    ("users", "email", || format!("'{}@example.com'", new_id::<Uuid>())),
    ("invitations", "email", || format!("'{}@example.com'", new_id::<Uuid>())),
    ("roles", "key", || format!("'r{}'", new_id::<Uuid>())),
    ("events", "type", || "'test.happened'".to_owned()),
    ("webhooks", "url", || "'https://example.com/hook'".to_owned()),
    // Else each event made a delivery of its own.
    ("webhooks", "enabled", || "false".to_owned()),
    ("feature_flags", "key", || format!("'f{}'", new_id::<Uuid>().simple())),
    ("sms_codes", "phone", || "'+4915112345678'".to_owned()),
    ("passkeys", "algorithm", || "-7".to_owned()),
    ("role_permissions", "permission", || format!("{}", new_id::<Uuid>().as_u128() % 114)),
];

/// A column.
pub struct Column {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub words: Option<String>,
}

/// A foreign key.
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub parent: String,
    pub parent_columns: Vec<String>,
}

/// A table.
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub keys: Vec<ForeignKey>,
}

impl Table {
    /// Whether it has a column of that name.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c.name == column)
    }

    /// The column that says whose a row is, and whether that is a tenant.
    pub fn owner(&self) -> Option<(&'static str, bool)> {
        match self.name.as_str() {
            "tenants" => Some(("id", true)),
            "users" => Some(("id", false)),
            "admin_users" => None,
            _ if self.has("tenant_id") => Some(("tenant_id", true)),
            _ if self.has("user_id") => Some(("user_id", false)),
            _ => None,
        }
    }
}

/// The project's tables, by name.
pub async fn tables(client: &Client) -> BTreeMap<String, Table> {
    let mut found = BTreeMap::new();
    let columns =
        "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
          (SELECT (regexp_match(pg_get_constraintdef(k.oid), 'ARRAY\\[(''[^'']*'')::text'))[1] FROM pg_constraint k
            WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum] LIMIT 1)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_sqlx_migrations'
        ORDER BY 1, a.attnum";
    for row in client.query(columns, &[]).await.unwrap() {
        let name: String = row.get(0);
        let table = found.entry(name.clone()).or_insert_with(|| Table { name, columns: Vec::new(), keys: Vec::new() });
        table.columns.push(Column { name: row.get(1), kind: row.get(2), required: row.get(3), words: row.get(4) });
    }
    let keys = "SELECT f.conrelid::regclass::text, f.confrelid::regclass::text,
          ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k (n, o) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.n ORDER BY o),
          ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k (n, o) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.n ORDER BY o)
        FROM pg_constraint f WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace";
    for row in client.query(keys, &[]).await.unwrap() {
        if let Some(table) = found.get_mut(&row.get::<_, String>(0)) {
            table.keys.push(ForeignKey { parent: row.get(1), columns: row.get(2), parent_columns: row.get(3) });
        }
    }
    found
}

/// Whose rows are made: a tenant, and a person.
#[derive(Clone, Copy)]
pub struct Party {
    pub tenant: Uuid,
    pub user: Uuid,
}

/// The columns and values of a row that would be valid; its parents are made.
pub async fn values(client: &Client, all: &BTreeMap<String, Table>, table: &Table, party: Party) -> BTreeMap<String, String> {
    let mut row = BTreeMap::new();
    for column in table.columns.iter().filter(|column| column.required || column.name == "user_id" || hint(table, column).is_some()) {
        row.insert(column.name.clone(), literal(table, column));
    }
    for key in &table.keys {
        if !key.columns.iter().all(|column| row.contains_key(column)) {
            continue;
        }
        match key.parent.as_str() {
            "tenants" => drop(row.insert("tenant_id".to_owned(), format!("'{}'", party.tenant))),
            "users" => drop(row.insert(key.columns[0].clone(), format!("'{}'", party.user))),
            "permissions" => {}
            // A person is a member once.
            "user_roles" => Box::pin(member(client, all, party)).await,
            parent => {
                let made = Box::pin(values(client, all, &all[parent], party)).await;
                insert(client, &all[parent].name, &made).await.unwrap_or_else(|error| panic!("a row of {parent}: {error:?}"));
                for (column, parent_column) in key.columns.iter().zip(&key.parent_columns) {
                    row.insert(column.clone(), made[parent_column].clone());
                }
            }
        }
    }
    // A session in an organisation is a member's.
    if table.name == "sessions" && !party.tenant.is_nil() {
        Box::pin(member(client, all, party)).await;
    }
    // The record outlives people and things and has no foreign keys to them.
    if let Some((owner, is_tenant)) = table.owner() {
        row.insert(owner.to_owned(), format!("'{}'", if is_tenant { party.tenant } else { party.user }));
    }
    if table.has("user_id") {
        row.insert("user_id".to_owned(), format!("'{}'", party.user));
    }
    row
}

/// Makes the party's person a member, if they are none.
async fn member(client: &Client, all: &BTreeMap<String, Table>, party: Party) {
    let there = "SELECT count(*) FROM user_roles WHERE tenant_id = $1 AND user_id = $2";
    if client.query_one(there, &[&party.tenant, &party.user]).await.unwrap().get::<_, i64>(0) == 0 {
        let membership = values(client, all, &all["user_roles"], party).await;
        insert(client, "user_roles", &membership).await.unwrap();
    }
}

fn hint(table: &Table, column: &Column) -> Option<fn() -> String> {
    HINTS.iter().find(|(t, c, _)| *t == table.name && *c == column.name).map(|(.., value)| *value)
}

fn literal(table: &Table, column: &Column) -> String {
    if let Some(value) = hint(table, column) {
        return value();
    }
    match (column.kind.as_str(), &column.words) {
        ("text", Some(word)) => word.clone(),
        ("text", None) => format!("'x{}'", new_id::<Uuid>().simple()),
        ("uuid", _) => format!("'{}'", new_id::<Uuid>()),
        ("timestamp with time zone", _) => "now()".to_owned(),
        ("integer" | "smallint" | "bigint", _) => "1".to_owned(),
        ("boolean", _) => "false".to_owned(),
        ("jsonb" | "text[]", _) => "'{}'".to_owned(),
        ("bytea", _) => format!("sha256('{}')", new_id::<Uuid>()),
        (kind, _) => panic!("no value for {}.{} of type {kind}", table.name, column.name),
    }
}

/// Adds a row, as whoever the connection is.
pub async fn insert(client: &Client, table: &str, row: &BTreeMap<String, String>) -> Result<u64, tokio_postgres::Error> {
    let columns: Vec<&str> = row.keys().map(String::as_str).collect();
    let values: Vec<&str> = row.values().map(String::as_str).collect();
    client.execute(&format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", ")), &[]).await
}

/// Makes a party: a tenant and a person who is no member of it.
pub async fn party(client: &Client, all: &BTreeMap<String, Table>) -> Party {
    let party = Party { tenant: new_id(), user: new_id() };
    for table in ["tenants", "users"] {
        let row = values(client, all, &all[table], party).await;
        insert(client, table, &row).await.unwrap();
    }
    party
}
