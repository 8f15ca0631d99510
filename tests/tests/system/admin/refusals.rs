//! Who may not administer the platform, and where nobody can.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Api,
    administrators::HOST,
    routes::{ROUTES, Route, Who, filled},
    settings::Settings,
    tests, world,
};

tests![
    nobody_else_may,
    elsewhere_there_is_nothing,
    whoever_supports_only_looks,
    what_changes_wants_a_second_factor,
    it_ends_at_once,
    the_description_says_the_same
];

fn owed() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.who == Who::Admin)
}

async fn refused(api: &Api, route: &Route, status: u16, code: &str) -> Result<()> {
    let answer = api.call(route.method, &filled(route.path))?.send().await?.expect(status).with_context(|| format!("{route:?}"))?;
    answer.problem(code).map(drop)
}

async fn nobody_else_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (_, session) = system.session().await?;
    let (member, person) = (system.stepped_up(&owner.session)?, system.stepped_up(&session)?);
    for route in owed() {
        refused(&system.api()?.at(HOST), route, 401, "UNAUTHENTICATED").await?;
        refused(&system.api()?.at(HOST).with("x.y.z"), route, 401, "TOKEN_INVALID").await?;
        refused(&system.api()?.at(HOST).with(&system.secrets.ops_token), route, 401, "TOKEN_INVALID").await?;
        refused(&member.api.at(HOST), route, 403, "TENANT_MISMATCH").await?;
        refused(&person.api.at(HOST), route, 403, "PERMISSION_DENIED").await?;
    }
    // Nor does it help to administer the platform and be signed in to an organisation.
    let user: uuid::Uuid = owner.session.user_id.parse()?;
    system.database.execute("INSERT INTO admin_users (id, user_id, role) VALUES (make_uuid_v7(now()), $1, 'owner')", &[&user]).await?;
    for route in owed() {
        refused(&member.api.at(HOST), route, 403, "TENANT_MISMATCH").await?;
    }
    Ok(())
}

async fn elsewhere_there_is_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (administrator, member) = (system.administrator("owner").await?, system.member().await?);
    for host in ["localhost", "api.localhost", "getzygo.localhost", &member.host] {
        for route in owed() {
            refused(&administrator.api.at(host), route, 404, "NOT_FOUND").await.with_context(|| host.to_owned())?;
        }
    }
    administrator.api.get("/admin/jobs").await?.expect(200).map(drop)
}

async fn whoever_supports_only_looks() -> Result<()> {
    let system = world::shared().await?;
    for (role, acts) in [("support", false), ("operator", true), ("owner", true)] {
        let api = system.administrator(role).await?.api;
        for route in owed() {
            let answer = api.call(route.method, &filled(route.path))?.send().await?;
            let wanted = match (route.method, acts) {
                ("GET", _) => 200,
                (_, true) => 404,
                (_, false) => 403,
            };
            ensure!(answer.status == wanted, "{role} {route:?}: {answer}");
            ensure!(wanted != 403 || answer.problem("PERMISSION_DENIED").is_ok(), "{answer}");
        }
    }
    Ok(())
}

async fn what_changes_wants_a_second_factor() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("INSERT INTO admin_users (id, user_id, role) VALUES (make_uuid_v7(now()), $1, 'owner')", &[&user]).await?;
    let api = session.api.at(HOST);
    for route in owed() {
        if route.method == "GET" {
            api.get(&filled(route.path)).await?.expect(200)?;
        } else {
            refused(&api, route, 403, "MFA_STEP_UP_REQUIRED").await?;
        }
    }
    Ok(())
}

async fn it_ends_at_once() -> Result<()> {
    let system = world::shared().await?;
    let administrator = system.administrator("owner").await?;
    let user: uuid::Uuid = administrator.user_id.parse()?;
    administrator.api.get("/admin/jobs").await?.expect(200)?;
    system.database.execute("UPDATE admin_users SET disabled_at = now() WHERE user_id = $1", &[&user]).await?;
    for route in owed() {
        refused(&administrator.api, route, 403, "PERMISSION_DENIED").await?;
    }
    system.database.execute("UPDATE admin_users SET disabled_at = NULL WHERE user_id = $1", &[&user]).await?;
    administrator.api.get("/admin/jobs").await?.expect(200)?;
    // A session that Postgres knows to be over is nobody's, whatever its token says.
    let session: uuid::Uuid = administrator.id.parse()?;
    system.database.bend("UPDATE sessions SET ended_at = now() WHERE id = $1", &[&session]).await?;
    for route in owed() {
        refused(&administrator.api, route, 401, "SESSION_REVOKED").await?;
    }
    Ok(())
}

async fn the_description_says_the_same() -> Result<()> {
    let file = Settings::read()?.root.join("public/openapi.json");
    let description: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut described = 0;
    for (path, operations) in description["paths"].as_object().context("no paths")? {
        for (method, operation) in operations.as_object().context("no operations")? {
            let ours = owed().any(|route| route.path == path && route.method == method.to_uppercase());
            ensure!((operation["x-admin"] == true) == ours, "{method} {path}");
            if ours {
                described += 1;
                ensure!(
                    operation["security"] == json!([{ "administrator": [] }]) && (operation["x-step-up"] == true) == (method != "get"),
                    "{operation}"
                );
            }
        }
    }
    ensure!(described == owed().count());
    Ok(())
}
