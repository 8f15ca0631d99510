//! `PATCH /tenants/{id}`

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{eventually_within, organisations::ROLES, random, tests, world};

tests![
    changes_name_and_colours,
    refuses_bad_changes,
    owners_and_admins_may,
    only_the_active_one,
    the_old_host_leads_to_the_new_one,
    a_slug_that_was_given_up_is_nobody_elses,
    of_fifty_who_want_a_slug_one_gets_it,
    nobody_hoards_slugs,
];

/// Isolate memory keeps a host for 30 s, and KV may be as far behind.
const DIRECTORY: Duration = Duration::from_secs(100);

async fn changes_name_and_colours() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (api, path) = (&member.session.api, member.path(""));
    let read = api.get(&path).await?.expect(200)?;
    let tag = read.header("etag").context("no ETag")?.to_owned();
    ensure!(read.json()?["colors"] == json!({}), "{read}");
    let change = json!({ "name": " Ünïted ", "colors": { "primary": "#1A2b3C", "text": "#000000" } });
    let changed = api.call("PATCH", &path)?.header("if-match", &tag).json(&change).send().await?.expect(200)?;
    ensure!(changed.round_trips()? == 1, "{changed}");
    let tenant = changed.json()?;
    ensure!(tenant["name"] == "Ünïted" && tenant["colors"] == json!({ "primary": "#1a2b3c", "text": "#000000" }), "{tenant}");
    ensure!(tenant["slug"] == member.slug.as_str() && tenant["host"] == member.host.as_str(), "{tenant}");
    ensure!(api.get(&path).await?.json_of(200)? == tenant, "what was answered is not what is kept");
    api.call("PATCH", &path)?.header("if-match", &tag).json(&change).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    // The same again changes nothing, and takes no new version.
    let again = api.patch(&path, &change).await?.expect(200)?;
    ensure!(again.json()?["updated_at"] == tenant["updated_at"], "{again}");
    let id: uuid::Uuid = member.tenant_id.parse()?;
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1", &[&id]).await?;
    ensure!(events.iter().filter(|event| *event == "tenant.updated").count() == 1, "{events:?}");
    let cleared = api.patch(&path, &json!({ "colors": {} })).await?.json_of(200)?;
    ensure!(cleared["colors"] == json!({}), "{cleared}");
    Ok(())
}

async fn refuses_bad_changes() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let before = member.session.api.get(&member.path("")).await?.json_of(200)?;
    let cases = [
        ("name", vec![json!(""), json!(" "), json!("x".repeat(101)), json!("a\nb"), json!(1)]),
        ("slug", vec![json!("ab"), json!("Acme"), json!("a--b"), json!("-acme"), json!("api"), json!("a.b"), json!("x".repeat(41)), json!(7)]),
        ("colors", vec![json!("red"), json!({ "primary": "red" }), json!({ "primary": "#12345" }), json!({ "other": "#123456" }), json!([])]),
        ("plan", vec![json!("enterprise")]),
        ("status", vec![json!("active")]),
        ("logo_url", vec![json!("https://evil.example/x.png")]),
    ];
    for (field, values) in cases {
        for value in values {
            let answer = member.session.api.patch(&member.path(""), &json!({ field: value })).await?;
            let fields = answer.expect(422).with_context(|| format!("{field}: {value}"))?.fields()?;
            ensure!(fields.iter().any(|(path, _)| path.starts_with(field)), "{field}: {value}: {fields:?}");
        }
    }
    ensure!(member.session.api.get(&member.path("")).await?.json_of(200)? == before, "something was changed");
    Ok(())
}

async fn owners_and_admins_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for role in ROLES {
        let colleague = system.colleague(&owner, role).await?;
        let change = colleague.session.api.patch(&owner.path(""), &json!({ "name": role })).await?;
        if ["owner", "admin"].contains(&role) {
            change.expect(200).context(role)?;
        } else {
            let problem = change.expect(403).context(role)?.problem("PERMISSION_DENIED")?;
            ensure!(problem["details"]["permission"] == "org.update", "{problem}");
        }
    }
    Ok(())
}

async fn only_the_active_one() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    mine.session.api.patch(&theirs.path(""), &json!({ "name": "Mine" })).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(theirs.session.api.get(&theirs.path("")).await?.json_of(200)?["name"] == "Tests", "another tenant was renamed");
    Ok(())
}

async fn the_old_host_leads_to_the_new_one() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let slug = format!("moved-{}", random::word()?);
    let (old, new) = (member.host.clone(), format!("{slug}.app.localhost"));
    member.session.api.at(&old).get("/users/me").await?.expect(200)?;
    // Whoever asked for the new host in vain is not kept waiting.
    member.session.api.at(&new).get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;
    let moved = member.session.api.patch(&member.path(""), &json!({ "slug": slug })).await?.json_of(200)?;
    ensure!(moved["slug"] == slug.as_str() && moved["host"] == new.as_str(), "{moved}");
    member.session.api.at(&new).get("/users/me").await?.expect(200)?;
    eventually_within(DIRECTORY, async || member.session.api.at(&old).get("/.well-known/jwks.json").await?.expect(308).map(drop)).await?;
    let leads = |location: Option<&str>, path: &str| {
        let host = location.and_then(|url| url.split_once("://")).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        host.starts_with(&new) && host.ends_with(path)
    };
    let answer = member.session.api.at(&old).get("/tenants?limit=7&cursor=x%20y").await?.expect(308)?;
    ensure!(leads(answer.header("location"), "/tenants?limit=7&cursor=x%20y"), "{:?}", answer.headers);
    let answer = member.person.at(&old).try_sign_in().await?.expect(308)?;
    ensure!(leads(answer.header("location"), "/auth/login"), "{:?}", answer.headers);
    // And back: the old host is the organisation's again.
    member.session.api.patch(&member.path(""), &json!({ "slug": member.slug })).await?.expect(200)?;
    eventually_within(DIRECTORY, async || member.person.at(&old).try_sign_in().await?.expect(200).map(drop)).await?;
    Ok(())
}

async fn a_slug_that_was_given_up_is_nobody_elses() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    mine.session.api.patch(&mine.path(""), &json!({ "slug": theirs.slug })).await?.expect(409)?.problem("SLUG_TAKEN")?;
    mine.session.api.patch(&mine.path(""), &json!({ "slug": format!("new-{}", random::word()?) })).await?.expect(200)?;
    theirs.session.api.patch(&theirs.path(""), &json!({ "slug": mine.slug })).await?.expect(409)?.problem("SLUG_TAKEN")?;
    let create = theirs.session.api.post("/tenants", &json!({ "name": "Grab", "slug": mine.slug })).await?;
    create.expect(409)?.problem("SLUG_TAKEN")?;
    Ok(())
}

async fn of_fifty_who_want_a_slug_one_gets_it() -> Result<()> {
    let system = world::shared().await?;
    let slug = format!("race-{}", random::word()?);
    let mut members = Vec::new();
    for _ in 0..10 {
        members.push(system.member().await?);
    }
    let racers: Vec<_> = (0..50_usize)
        .map(|turn| {
            let (member, slug) = (members[turn % 10].clone(), slug.clone());
            tokio::spawn(async move {
                if turn % 2 == 0 {
                    let change = member.session.api.patch(&member.path(""), &json!({ "slug": slug })).await?;
                    anyhow::Ok((change, Some(member.tenant_id)))
                } else {
                    Ok((member.session.api.post("/tenants", &json!({ "name": "Race", "slug": slug })).await?, None))
                }
            })
        })
        .collect();
    let mut holders = std::collections::BTreeSet::new();
    for racer in racers {
        let (answer, renamed) = racer.await??;
        if [200, 201].contains(&answer.status) {
            let tenant = answer.json()?;
            ensure!(tenant["slug"] == slug.as_str(), "{tenant}");
            ensure!(renamed.is_none_or(|id| tenant["id"] == id.as_str()), "{tenant}");
            // Who has it already may ask for it again.
            holders.insert(tenant["id"].to_string());
        } else {
            answer.expect(409)?.problem("SLUG_TAKEN")?;
        }
    }
    ensure!(holders.len() == 1, "{} organisations got one slug", holders.len());
    ensure!(system.database.count("SELECT count(*) FROM tenants WHERE slug = $1", &[&slug]).await? == 1, "not one tenant has it");
    Ok(())
}

async fn nobody_hoards_slugs() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let word = random::word()?;
    let rename = async |n: u32| member.session.api.patch(&member.path(""), &json!({ "slug": format!("h{n}-{word}") })).await;
    for n in 0..5 {
        rename(n).await?.expect(200)?;
    }
    rename(5).await?.expect(409)?.problem("CONFLICT")?;
    rename(3).await?.expect(200)?;
    Ok(())
}
