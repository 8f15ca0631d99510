//! Demo data of a development database: two organisations, and in the first one person per default role.

use anyhow::{Context, Result, anyhow};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use zygo_core::{id, identity::password, time::Timestamp};

use crate::{files, roles};

/// Everybody's password; strong enough for the rules, and not a secret: it opens a database on this machine only.
const PASSWORD: &str = "green-harbour-lantern-42";
/// The default roles, from owner down, in the order in which `create_tenant` takes their ids.
const ROLES: [&str; 6] = ["owner", "admin", "manager", "developer", "member", "viewer"];
/// Who administers the platform; scripts/dev makes them one.
const ADMINISTRATOR: &str = "admin@zygo.test";
/// Slug and name of the organisations, and who works there.
const ORGANISATIONS: [(&str, &str, &[&str]); 2] = [("acme", "Acme", &ROLES), ("globex", "Globex", &["owner"])];

/// Creates what is missing, and prints who may sign in.
pub async fn seed(url: &str) -> Result<()> {
    let mut connection = roles::connect(&url.parse().context("the database URL is malformed")?).await?;
    let mut transaction = connection.begin().await?;
    // The role behind the sign-up functions: the only one that may write a password hash.
    sqlx::raw_sql("SET LOCAL ROLE zygo_lookup").execute(&mut *transaction).await.context("seeding takes zygo_owner or a superuser")?;
    for (slug, name, people) in ORGANISATIONS {
        let mut users = Vec::with_capacity(people.len());
        for role in people {
            users.push((*role, person(&mut transaction, &format!("{role}@{slug}.test"), role, name).await?));
        }
        organisation(&mut transaction, slug, name, &users).await?;
    }
    person(&mut transaction, ADMINISTRATOR, "administrator", "Zygo").await?;
    transaction.commit().await?;
    introduce();
    Ok(())
}

/// The user with this address, made if missing, verified.
async fn person(connection: &mut PgConnection, email: &str, role: &str, organisation: &str) -> Result<Uuid> {
    if let Some(found) = sqlx::query_scalar("SELECT id FROM users WHERE email = $1").bind(email).fetch_optional(&mut *connection).await? {
        return Ok(found);
    }
    let hash = password::hash(PASSWORD, files::random()?).map_err(|_| anyhow!("the password could not be hashed"))?;
    let user = new_id()?;
    sqlx::query(
        "INSERT INTO users (id, email, email_verified_at, password_hash, first_name, last_name)
         VALUES ($1, $2, now_ms(), $3, initcap($4), $5)",
    )
    .bind(user)
    .bind(email)
    .bind(hash)
    .bind(role)
    .bind(organisation)
    .execute(connection)
    .await
    .with_context(|| format!("creating {email}"))?;
    Ok(user)
}

/// The organisation with its members; the first of them is its owner.
async fn organisation(connection: &mut PgConnection, slug: &str, name: &str, users: &[(&str, Uuid)]) -> Result<()> {
    if sqlx::query_scalar::<_, Uuid>("SELECT id FROM tenants WHERE slug = $1").bind(slug).fetch_optional(&mut *connection).await?.is_some() {
        return Ok(());
    }
    let (_, owner) = users.first().context("an organisation needs an owner")?;
    let tenant = new_id()?;
    sqlx::query("SELECT set_config('app.user_id', $1, true), set_config('app.tenant_id', $2, true), set_config('app.actor', 'seed', true)")
        .bind(owner.to_string())
        .bind(tenant.to_string())
        .execute(&mut *connection)
        .await?;
    let role_ids = ROLES.iter().map(|_| new_id()).collect::<Result<Vec<_>>>()?;
    sqlx::query(
        "SELECT create_tenant(new_id => $1, new_slug => $2, new_name => $3, new_plan => 'business', role_ids => $4,
           membership_id => $5, event_id => $6, outbox_id => $7, at => now_ms())",
    )
    .bind(tenant)
    .bind(slug)
    .bind(name)
    .bind(&role_ids)
    .bind(new_id()?)
    .bind(new_id()?)
    .bind(new_id()?)
    .execute(&mut *connection)
    .await
    .with_context(|| format!("creating the organisation {slug}"))?;
    for (role, user) in users.iter().skip(1) {
        sqlx::query("INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT $1, r.tenant_id, $2, r.id FROM roles r WHERE r.tenant_id = $3 AND r.key = $4")
            .bind(new_id()?)
            .bind(user)
            .bind(tenant)
            .bind(role)
            .execute(&mut *connection)
            .await
            .with_context(|| format!("making somebody {role} of {slug}"))?;
    }
    Ok(())
}

fn introduce() {
    println!("  Demo sign-in");
    for (slug, name, people) in ORGANISATIONS {
        let addresses: Vec<String> = people.iter().map(|role| format!("{role}@{slug}.test")).collect();
        println!("    {name:<9} {}", addresses.join(", "));
    }
    println!("    {:<9} {ADMINISTRATOR}", "platform");
    println!("    password  {PASSWORD}");
}

#[expect(clippy::disallowed_methods, reason = "a command line tool has no caller that could hand it a clock")]
fn new_id() -> Result<Uuid> {
    Ok(id::v7(Timestamp::from(jiff::Timestamp::now()), files::random()?))
}
