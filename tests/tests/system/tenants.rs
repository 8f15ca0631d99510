//! `/tenants`

pub mod deletion;
pub mod domains;
pub mod features;
pub mod logo;
pub mod rename;
pub mod settings;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Session, random, shape, tests, world};

tests![
    creates_an_organisation,
    refuses_bad_slugs_and_names,
    a_slug_is_taken_once,
    plans_must_be_bought,
    reads_the_active_one_only,
    pages_are_stable,
    cursors_cannot_be_tampered_with,
    limits_are_one_to_a_hundred,
];

async fn create(session: &Session, slug: &str) -> Result<Answer> {
    session.api.post("/tenants", &json!({ "name": "Pages", "slug": slug })).await
}

async fn creates_an_organisation() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let slug = format!("new-{}", random::word()?);
    let answer = session.api.post("/tenants", &json!({ "name": " Ünïted & Sons ", "slug": slug })).await?.expect(201)?;
    let tenant = answer.json()?;
    for member in ["id", "slug", "name", "plan", "host", "status", "created_at", "updated_at"] {
        ensure!(tenant[member].is_string(), "no {member} in {tenant}");
    }
    ensure!(tenant["slug"] == slug.as_str() && tenant["name"] == "Ünïted & Sons", "{tenant}");
    ensure!(tenant["plan"] == "free" && tenant["status"] == "active", "{tenant}");
    let id: uuid::Uuid = tenant["id"].as_str().context("id")?.parse()?;
    ensure!(id.get_version_num() == 7, "{id} is not of version 7");
    ensure!(answer.header("location") == Some(&format!("/tenants/{id}")), "{:?}", answer.headers);
    shape::instant(&tenant["created_at"])?;

    let roles = "SELECT key || ' ' || level FROM roles WHERE tenant_id = $1 AND is_default ORDER BY level DESC";
    let roles = system.database.column(roles, &[&id]).await?;
    ensure!(roles == ["owner 100", "admin 80", "manager 60", "developer 40", "member 20", "viewer 10"], "{roles:?}");
    let owners = "SELECT count(*) FROM user_roles m JOIN roles r ON r.id = m.role_id WHERE m.tenant_id = $1 AND r.key = 'owner' AND m.user_id = $2";
    let user: uuid::Uuid = session.user_id.parse()?;
    ensure!(system.database.count(owners, &[&id, &user]).await? == 1, "the creator is not the owner");
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1", &[&id]).await?;
    ensure!(events.contains(&"tenant.created".to_owned()), "{events:?}");
    let audited = "SELECT count(*) FROM audit_logs WHERE tenant_id = $1 AND resource_type = 'tenants' AND user_id = $2 AND request_id = $3";
    let request = answer.header("x-request-id").context("request id")?;
    ensure!(system.database.count(audited, &[&id, &user, &request]).await? == 1, "the creation was not audited");
    Ok(())
}

async fn refuses_bad_slugs_and_names() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let long = "x".repeat(41);
    let slugs = [
        "",
        "ab",
        &long,
        "Acme",
        "-acme",
        "acme-",
        "ac--me",
        "xn--80ak6aa92e",
        "ac_me",
        "ac.me",
        "acme ",
        " acme",
        "аcme",
        "acmé",
        "ac/me",
        "api",
        "admin",
        "www",
        "app",
        "mail",
        "status",
        "platform",
    ];
    for slug in slugs {
        let fields = create(&session, slug).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "slug"), "{slug:?}: {fields:?}");
    }
    for name in [json!(""), json!(" "), json!("x".repeat(101)), json!("a\nb"), json!(null), json!(1)] {
        let fields = session.api.post("/tenants", &json!({ "name": name, "slug": "fine-slug" })).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "name"), "{name}: {fields:?}");
    }
    ensure!(session.api.get("/tenants").await?.json_of(200)?["data"] == json!([]), "a refused organisation was made");
    Ok(())
}

async fn a_slug_is_taken_once() -> Result<()> {
    let system = world::shared().await?;
    let ((_, first), (_, second)) = tokio::try_join!(system.session(), system.session())?;
    let slug = format!("race-{}", random::word()?);
    let racers: Vec<_> = (0..50)
        .map(|turn| {
            let (session, slug) = (if turn % 2 == 0 { first.clone() } else { second.clone() }, slug.clone());
            tokio::spawn(async move { create(&session, &slug).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 201 {
            made += 1;
        } else {
            answer.expect(409)?.problem("SLUG_TAKEN")?;
        }
    }
    ensure!(made == 1, "{made} organisations with one slug");
    let members = system.database.count("SELECT count(*) FROM user_roles m JOIN tenants t ON t.id = m.tenant_id WHERE t.slug = $1", &[&slug]).await?;
    ensure!(members == 1, "{members} memberships");
    Ok(())
}

async fn plans_must_be_bought() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let slug = format!("plan-{}", random::word()?);
    for plan in ["pro", "business", "enterprise"] {
        let answer = session.api.post("/tenants", &json!({ "name": "Plan", "slug": slug, "plan": plan })).await?.expect(403)?;
        ensure!(answer.problem("PLAN_LIMIT")?["details"]["feature"].is_string(), "{answer}");
    }
    let answer = session.api.post("/tenants", &json!({ "name": "Plan", "slug": slug, "plan": "gold" })).await?.expect(422)?;
    ensure!(answer.fields()?.iter().any(|(path, _)| path == "plan"), "{answer}");
    session.api.post("/tenants", &json!({ "name": "Plan", "slug": slug, "plan": "free" })).await?.expect(201)?;
    Ok(())
}

async fn reads_the_active_one_only() -> Result<()> {
    let system = world::shared().await?;
    let (person, platform) = system.session().await?;
    let first = system.member_of_new(person.clone(), &platform).await?;
    let second = system.member_of_new(person, &platform).await?;
    let tenant = first.session.api.get(&format!("/tenants/{}", first.tenant_id)).await?.json_of(200)?;
    ensure!(tenant["id"] == first.tenant_id.as_str() && tenant["slug"] == first.slug.as_str(), "{tenant}");
    // One's own, but not the one that the token speaks for.
    first.session.api.get(&format!("/tenants/{}", second.tenant_id)).await?.expect(404)?.problem("NOT_FOUND")?;
    for odd in ["x", "%00", "00000000-0000-0000-0000-000000000000", "019a0000-0000-7000-8000-000000000001"] {
        first.session.api.get(&format!("/tenants/{odd}")).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    let outside = platform.api.get(&format!("/tenants/{}", first.tenant_id)).await?.expect(403)?;
    outside.problem("PERMISSION_DENIED")?;
    Ok(())
}

fn page(list: &Value) -> Result<(Vec<String>, Option<String>)> {
    ensure!(shape::members(list)? == ["data", "next_cursor"], "{list}");
    let slug = |tenant: &Value| tenant["slug"].as_str().map(str::to_owned).context("no slug");
    let slugs = list["data"].as_array().context("no data")?.iter().map(slug).collect::<Result<_>>()?;
    Ok((slugs, list["next_cursor"].as_str().map(str::to_owned)))
}

async fn pages_are_stable() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let word = random::word()?;
    let slugs: Vec<String> = (0..22).map(|n| format!("{word}-{n:02}")).collect();
    for slug in slugs.iter().take(21) {
        create(&session, slug).await?.expect(201)?;
    }
    let (first, next) = page(&session.api.get("/tenants").await?.json_of(200)?)?;
    ensure!(first.len() == 20 && next.is_some(), "{} on a page by default", first.len());
    let (all, end) = page(&session.api.get("/tenants?limit=100").await?.json_of(200)?)?;
    ensure!(all.len() == 21 && end.is_none(), "{} of 21, then {end:?}", all.len());

    // One by one, while another is made in the middle of the walk.
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let path = cursor.as_ref().map_or_else(|| "/tenants?limit=1".to_owned(), |cursor| format!("/tenants?limit=1&cursor={cursor}"));
        let (slugs_here, next) = page(&session.api.get(&path).await?.json_of(200)?)?;
        ensure!(slugs_here.len() == 1, "{} on a page of one", slugs_here.len());
        seen.extend(slugs_here);
        if seen.len() == 10 {
            create(&session, &slugs[21]).await?.expect(201)?;
        }
        ensure!(seen.len() < 30, "the walk does not end");
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    ensure!(distinct.len() == seen.len(), "one came twice: {seen:?}");
    ensure!(slugs.iter().take(21).all(|slug| distinct.contains(slug)), "one is missing: {seen:?}");
    Ok(())
}

async fn cursors_cannot_be_tampered_with() -> Result<()> {
    let system = world::shared().await?;
    let ((_, mine), (_, theirs)) = tokio::try_join!(system.session(), system.session())?;
    for session in [&mine, &theirs] {
        for _ in 0..2 {
            create(session, &format!("cur-{}", random::word()?)).await?.expect(201)?;
        }
    }
    let (_, cursor) = page(&mine.api.get("/tenants?limit=1").await?.json_of(200)?)?;
    let cursor = cursor.context("no cursor")?;
    ensure!(!cursor.contains(&mine.user_id) && !cursor.contains("cur-"), "the cursor is not opaque");
    let mut tampered: Vec<String> = (0..cursor.len()).step_by(7).map(|at| flipped(&cursor, at)).collect();
    tampered.extend(["".into(), "x".into(), "%00".into(), "A".repeat(3000), format!("{cursor}A"), cursor.chars().skip(4).collect()]);
    for cursor in tampered {
        let fields = mine.api.get(&format!("/tenants?limit=1&cursor={cursor}")).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "cursor"), "{fields:?}");
    }
    // A cursor of one person is none of another's.
    theirs.api.get(&format!("/tenants?limit=1&cursor={cursor}")).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    mine.api.get(&format!("/tenants?limit=1&cursor={cursor}")).await?.expect(200)?;
    Ok(())
}

fn flipped(text: &str, at: usize) -> String {
    text.chars().enumerate().map(|(place, c)| if place == at { if c == 'A' { 'B' } else { 'A' } } else { c }).collect()
}

async fn limits_are_one_to_a_hundred() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for limit in ["0", "101", "-1", "1.5", "abc", "", "1e1", "99999999999999999999", "+5", "%31%30%30%30"] {
        let fields = session.api.get(&format!("/tenants?limit={limit}")).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "limit"), "{limit}: {fields:?}");
    }
    for limit in ["1", "100", "20"] {
        session.api.get(&format!("/tenants?limit={limit}")).await?.expect(200)?;
    }
    Ok(())
}
