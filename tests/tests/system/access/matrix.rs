//! Every route × every role × (own organisation, another's, none, a suspended one, a suspended person): the routes from the description
//! that is generated from the route table, the answers from the catalogue of permissions.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_core::access::{DefaultRole, Permission};
use zygo_tests::{Answer, Api, Member, Session, System, eventually_within, forge, organisations::ROLES, routes, settings::Settings, tests, world};

tests![
    own_organisation,
    another_organisation,
    what_another_has,
    what_another_has_without_the_codes_checks,
    no_organisation,
    a_suspended_organisation,
    a_suspended_person
];

/// What the description says of a route that wants a session.
#[derive(Debug)]
struct Guarded {
    method: String,
    path: String,
    body: bool,
    permission: Option<Permission>,
    owner: bool,
    organisation: bool,
    step_up: bool,
    while_suspended: bool,
}

/// Those that want a session, the ones that end the caller's own last.
fn guarded() -> Result<Vec<Guarded>> {
    let file = Settings::read()?.root.join("public/openapi.json");
    let description: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut found = Vec::new();
    for (path, operations) in description["paths"].as_object().context("no paths")? {
        for (method, operation) in operations.as_object().context("no operations")? {
            let wants_session = operation["security"].as_array().is_some_and(|ways| ways.iter().all(|way| way.get("session").is_some()));
            if !wants_session {
                continue;
            }
            let says = |name: &str| operation[name] == true;
            let permission = operation["x-permission"].as_str();
            found.push(Guarded {
                method: method.to_uppercase(),
                path: path.clone(),
                body: operation["requestBody"]["content"].get("application/json").is_some(),
                permission: permission.map(|key| Permission::from_key(key).context("not in the catalogue")).transpose()?,
                owner: says("x-owner"),
                organisation: says("x-organisation"),
                step_up: says("x-step-up"),
                while_suspended: says("x-while-suspended"),
            });
        }
    }
    ensure!(found.len() > 80, "only {} routes", found.len());
    found.sort_by_key(Guarded::ends_the_caller);
    Ok(found)
}

impl Guarded {
    fn ends_the_caller(&self) -> bool {
        [("DELETE", "/users/me"), ("POST", "/auth/logout")].contains(&(self.method.as_str(), self.path.as_str()))
    }

    /// Calls it; parameters are what `fill` makes of them, then identifiers that nothing has.
    async fn call(&self, api: &Api, fill: impl Fn(&str) -> String) -> Result<Answer> {
        let call = api.call(&self.method, &routes::filled(&fill(&self.path)))?;
        if self.body { call.json(&json!({})).send().await } else { call.send().await }
    }

    /// What the catalogue says that a role is answered before the handler begins; `None` where it begins.
    fn refusal(&self, role: DefaultRole) -> Option<(u16, &'static str, Option<&'static str>)> {
        let denied = match self.permission {
            Some(permission) => (!role.permissions().contains(permission)).then(|| Some(permission.key())),
            None => (self.owner && role != DefaultRole::Owner).then_some(None),
        };
        match denied {
            Some(permission) => Some((403, "PERMISSION_DENIED", permission)),
            None if self.step_up => Some((403, "MFA_STEP_UP_REQUIRED", None)),
            None => None,
        }
    }

    fn check(&self, role: DefaultRole, answer: &Answer) -> Result<()> {
        let Some((status, code, permission)) = self.refusal(role) else {
            // Two routes end the caller's own session, so that the other finds none.
            let begun = !matches!(answer.status, 405 | 429 | 500..) && (answer.status != 401 || self.ends_the_caller()) && !self.denied(answer);
            ensure!(begun, "{} may, but got {answer}", role.key());
            return Ok(());
        };
        ensure!(answer.status == status, "{} wanted {status} {code}, got {answer}", role.key());
        let problem = answer.problem(code)?;
        ensure!(code != "PERMISSION_DENIED" || problem["details"]["permission"] == json!(permission), "{answer}");
        Ok(())
    }

    /// Whether a handler's own judgement, that only rows can tell, may be mistaken for the table's.
    fn denied(&self, answer: &Answer) -> bool {
        let by_rows = self.permission.is_none() && !self.owner;
        !by_rows && answer.problem("PERMISSION_DENIED").is_ok()
    }
}

/// Somebody of each role in an organisation of the largest plan.
async fn staff(system: &System, owner: &Member) -> Result<Vec<(DefaultRole, Session)>> {
    let mut staff = Vec::new();
    for key in ROLES {
        let role = DefaultRole::from_key(key).context("no such role")?;
        staff.push((role, system.joins(owner, key).await?.session));
    }
    Ok(staff)
}

/// Asks every route as every role, and holds the answer to `check`. Says how many answers that were.
async fn walk(
    what: &str,
    staff: &[(DefaultRole, Session)],
    host: &str,
    fill: impl Fn(&str) -> String,
    check: impl Fn(&Guarded, DefaultRole, &Answer) -> Result<()>,
) -> Result<()> {
    let (routes, mut answers) = (guarded()?, 0_usize);
    for (role, session) in staff {
        let api = session.api.at(host);
        for route in &routes {
            let answer = route.call(&api, &fill).await?;
            check(route, *role, &answer).with_context(|| format!("{} {}", route.method, route.path))?;
            answers += 1;
        }
    }
    println!("authorization, {what}: {answers} answers ({} routes, {} roles)", routes.len(), staff.len());
    ensure!(answers == routes.len() * ROLES.len());
    Ok(())
}

async fn own_organisation() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let staff = staff(&system, &owner).await?;
    let own = |path: &str| path.replacen("/tenants/{id}", &owner.path(""), 1);
    walk("own organisation", &staff, "localhost", own, |route, role, answer| route.check(role, answer)).await
}

async fn another_organisation() -> Result<()> {
    let system = world::shared().await?;
    let (owner, another) = (system.company().await?, system.member().await?);
    let staff = staff(&system, &owner).await?;
    let refused = |_: &Guarded, _: DefaultRole, answer: &Answer| {
        ensure!(answer.status == 403, "{answer}");
        answer.problem("TENANT_MISMATCH").map(drop)
    };
    walk("at another's host", &staff, &another.host, str::to_owned, refused).await
}

/// An organisation, and what there is of it to be reached for.
struct Another {
    owner: Member,
    member: Session,
    role: String,
    invitation: String,
}

impl Another {
    async fn found(system: &System) -> Result<Self> {
        let owner = system.company().await?;
        let member = system.joins(&owner, "member").await?.session;
        let role = owner.session.api.post("/roles", &json!({ "name": "Theirs", "level": 5, "permissions": ["users.view"] })).await?.json_of(201)?;
        let invited = json!({ "invitations": [{ "email": "somebody@theirs.example", "role_id": role["id"] }] });
        let invited = owner.session.api.post(&owner.below("invitations"), &invited).await?.json_of(201)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{value}"));
        Ok(Self { role: text(&role["id"])?, invitation: text(&invited["data"][0]["invitation"]["id"])?, owner, member })
    }

    /// A path with what is theirs filled in.
    fn fill(&self, path: &str) -> String {
        let path = path.replace("/tenants/{id}", &self.owner.path("")).replace("/roles/{id}", &format!("/roles/{}", self.role));
        path.replace("/users/{id}", &format!("/users/{}", self.member.user_id))
            .replace("{user_id}", &self.member.user_id)
            .replace("{invitation}", &self.invitation)
    }

    /// How much was ever written of it.
    async fn traces(&self, system: &System) -> Result<i64> {
        let tenant: uuid::Uuid = self.owner.tenant_id.parse()?;
        system.database.count("SELECT count(*) FROM audit_logs WHERE tenant_id = $1", &[&tenant]).await
    }

    /// What an answer to a stranger must not have in it.
    fn secrets(&self) -> [&str; 6] {
        [&self.owner.tenant_id, &self.owner.session.user_id, &self.owner.person.email, &self.member.user_id, "somebody@theirs.example", "Theirs"]
    }
}

/// What is another organisation's is as if it were not there: whoever may nothing of the kind is refused as ever, all others find nothing.
async fn what_another_has() -> Result<()> {
    let system = world::shared().await?;
    let (owner, another) = (system.company().await?, Another::found(&system).await?);
    let (staff, before) = (staff(&system, &owner).await?, another.traces(&system).await?);
    walk(
        "another's resources",
        &staff,
        "localhost",
        |path| another.fill(path),
        |route, role, answer| match route.refusal(role) {
            None if is_somebodys(&route.path) => {
                // A body is read before what the path names is looked for.
                ensure!(answer.status == 404 || route.body && answer.status == 422, "{} got {answer}", role.key());
                Ok(())
            }
            _ => route.check(role, answer),
        },
    )
    .await?;
    ensure!(another.traces(&system).await? == before, "something of the other organisation was changed");
    another.member.api.get("/users/me").await?.expect(200).map(drop)
}

/// With the code's own checks of hosts, permissions and paths switched off, Postgres alone still lets nothing across.
async fn what_another_has_without_the_codes_checks() -> Result<()> {
    let system = world::unguarded().await?;
    let (owner, another) = (system.company().await?, Another::found(&system).await?);
    let before = another.traces(&system).await?;
    for host in ["localhost", &another.owner.host] {
        // Somebody without rights is not even refused.
        let staff = staff(&system, &owner).await?;
        let viewer = &staff.last().context("no viewer")?.1;
        viewer.api.at(host).get("/audit-logs").await?.expect(200)?;
        walk(
            &format!("Postgres alone, at {host}"),
            &staff,
            host,
            |path| another.fill(path),
            |_, role, answer| {
                let body = String::from_utf8_lossy(&answer.body);
                let leaked = another.secrets().into_iter().find(|secret| body.contains(secret));
                ensure!(leaked.is_none(), "{} was told {leaked:?}: {answer}", role.key());
                Ok(())
            },
        )
        .await?;
    }
    ensure!(another.traces(&system).await? == before, "something of the other organisation was changed");
    another.member.api.get("/users/me").await?.expect(200).map(drop)
}

/// Whether a path names something of an organisation, or somebody in it.
fn is_somebodys(path: &str) -> bool {
    ["/tenants/{id}", "/roles/{id}", "/users/{id}", "/invitations/{"].iter().any(|start| path.starts_with(start))
}

async fn no_organisation() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let routes = guarded()?;
    for route in &routes {
        let answer = route.call(&session.api, str::to_owned).await?;
        if route.permission.is_some() || route.owner || route.organisation {
            ensure!(answer.status == 403, "{} {}: {answer}", route.method, route.path);
            answer.problem("PERMISSION_DENIED")?;
        } else {
            ensure!(answer.status != 401 || route.ends_the_caller(), "{} {}: {answer}", route.method, route.path);
        }
    }
    println!("authorization, no organisation: {} answers", routes.len());
    Ok(())
}

async fn a_suspended_organisation() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let staff = staff(&system, &owner).await?;
    system.set_standing(&owner, "suspended").await?;
    let api = owner.session.api.at(&owner.host).without_token();
    // Each Worker remembers hosts for itself.
    for path in ["/.well-known/jwks.json", "/invitations/x"] {
        eventually_within(System::DIRECTORY, async || api.get(path).await?.expect(403)?.problem("TENANT_SUSPENDED")).await?;
    }
    walk("suspended organisation", &staff, &owner.host, str::to_owned, |route, role, answer| {
        if route.while_suspended {
            return route.check(role, answer);
        }
        ensure!(answer.status == 403, "{} got {answer}", role.key());
        answer.problem("TENANT_SUSPENDED").map(drop)
    })
    .await
}

async fn a_suspended_person() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let staff = staff(&system, &owner).await?;
    let owner = system.stepped_up(&owner.session)?;
    for (_, session) in &staff {
        owner.api.post(&format!("/users/{}/suspend", session.user_id), &json!({})).await?.expect(200)?;
    }
    walk("suspended person", &staff, "localhost", str::to_owned, |_, role, answer| {
        ensure!(answer.status == 403, "{} got {answer}", role.key());
        answer.problem("USER_SUSPENDED").map(drop)
    })
    .await?;
    // The tokens are otherwise good: it is the suspension that refuses.
    ensure!(staff.iter().all(|(_, session)| forge::claims(&session.access).is_ok()));
    Ok(())
}
