//! `/tenants/{id}/domains`: from the claim to the day when a domain leads nowhere any more.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Member, System, dns::Record, eventually, eventually_within, organisations::ROLES, random, tests, world};

tests![
    from_the_claim_to_its_end,
    what_is_no_domain_is_refused,
    the_plan_says_how_many,
    of_twenty_claims_the_plan_lets_one_in,
    whoever_proves_a_domain_has_it,
    owners_and_admins_may,
    only_the_active_ones,
    a_resolver_that_fails_fails_nobody,
];

/// Isolate memory keeps a host for 30 s, and KV may be as far behind.
const DIRECTORY: Duration = Duration::from_secs(100);

async fn claim(member: &Member, domain: &str) -> Result<Answer> {
    member.session.api.post(&member.path("/domains"), &json!({ "domain": domain })).await
}

fn of(claim: &Value, rest: &str) -> Result<String> {
    Ok(format!("/domains/{}{rest}", claim["id"].as_str().context("id")?))
}

async fn verify(member: &Member, claim: &Value) -> Result<Answer> {
    member.session.api.post(&member.path(&of(claim, "/verify")?), &json!({})).await
}

/// Puts the record that a claim wants into the DNS.
fn show(system: &System, claim: &Value) -> Result<()> {
    let record = |member: &str| claim["record"][member].as_str().context("record");
    system.federation()?.dns.set(record("name")?, Record::Text(record("value")?.to_owned()));
    Ok(())
}

/// What a claim is by now, as the database has it: to look often spends nothing of the organisation's limit.
async fn status(system: &System, claim: &Value) -> Result<String> {
    let id: uuid::Uuid = claim["id"].as_str().context("id")?.parse()?;
    let found = system.database.column("SELECT status FROM tenant_domains WHERE id = $1", &[&id]).await?;
    found.into_iter().next().context("the claim is gone")
}

/// Has the domain looked at now, until it is something, and lets everybody know.
async fn becomes(system: &System, claim: &Value, wanted: &str) -> Result<()> {
    let id: uuid::Uuid = claim["id"].as_str().context("id")?.parse()?;
    eventually_within(DIRECTORY, async || {
        // A look that was under way says when the next one is.
        system.database.execute("UPDATE tenant_domains SET check_at = now() WHERE id = $1 AND check_at IS NOT NULL", &[&id]).await?;
        system.scheduled("* * * * *").await?;
        let status = status(system, claim).await?;
        ensure!(status == wanted, "{claim} is {status}, not {wanted}");
        Ok(())
    })
    .await?;
    system.sweep().await
}

async fn from_the_claim_to_its_end() -> Result<()> {
    let system = world::federated().await?;
    let (member, stranger) = tokio::try_join!(system.business(), system.business())?;
    let federation = system.federation()?;
    let domain = format!("app.{}.example", random::word()?);
    let answer = claim(&member, &domain.to_uppercase()).await?.expect(201)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let claimed = answer.json()?;
    ensure!(answer.header("location") == Some(&member.path(&of(&claimed, "")?)), "{:?}", answer.headers);
    ensure!(claimed["status"] == "pending" && claimed["domain"] == domain.as_str() && claimed["verified_at"].is_null(), "{claimed}");
    ensure!(claimed["record"]["type"] == "TXT" && claimed["record"]["name"] == format!("_zygo-domain.{domain}"), "{claimed}");
    claim(&member, &domain).await?.expect(409)?.problem("CONFLICT")?;
    let there = member.session.api.at(&domain);
    there.get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;

    // The proof: no record, another's record, the record.
    verify(&member, &claimed).await?.expect(409)?.problem("CONFLICT")?;
    federation.dns.set(&format!("_zygo-domain.{domain}"), Record::Text("zygo-domain=another".into()));
    verify(&member, &claimed).await?.expect(409)?.problem("CONFLICT")?;
    ensure!(federation.saas.count(&domain) == 0, "a claim that is not proved was made known");
    show(&system, &claimed)?;
    let verified = verify(&member, &claimed).await?.json_of(200)?;
    ensure!(verified["status"] == "issuing" && verified["verified_at"].is_string(), "{verified}");
    eventually(async || {
        ensure!(federation.saas.count(&domain) == 1, "no custom hostname");
        Ok(())
    })
    .await?;
    // A certificate alone does not serve a name that leads nowhere; nor does an address without a certificate.
    federation.saas.serve(&domain, true);
    becomes(&system, &claimed, "issuing").await?;
    federation.saas.serve(&domain, false);
    federation.dns.set(&domain, Record::Address);
    becomes(&system, &claimed, "issuing").await?;
    there.get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;

    federation.saas.serve(&domain, true);
    becomes(&system, &claimed, "active").await?;
    eventually_within(DIRECTORY, async || there.get("/.well-known/jwks.json").await?.expect(200).map(drop)).await?;
    there.get("/users/me").await?.expect(200)?;
    stranger.session.api.at(&domain).get("/users/me").await?.expect(403)?.problem("TENANT_MISMATCH")?;
    member.person.at(&domain).sign_in().await?;
    ensure!(federation.saas.count(&domain) == 1, "{} custom hostnames", federation.saas.count(&domain));

    // It stops resolving, which is noticed and told; and comes back.
    federation.dns.forget(&domain);
    becomes(&system, &claimed, "failing").await?;
    system.sweep().await?;
    let told = |mails: &[Value]| mails.iter().any(|mail| mail["subject"] == "A domain leads nowhere");
    eventually(async || {
        ensure!(told(&member.person.mails().await?), "nobody was told");
        Ok(())
    })
    .await?;
    let list = member.session.api.get(&member.path("/domains")).await?.json_of(200)?;
    ensure!(list["data"][0]["status"] == "failing" && list["next_cursor"].is_null(), "{list}");
    federation.dns.set(&domain, Record::Address);
    becomes(&system, &claimed, "active").await?;
    federation.saas.serve(&domain, false);
    becomes(&system, &claimed, "failing").await?;

    let gone = member.session.api.delete(&member.path(&of(&claimed, "")?)).await?.expect(204)?;
    ensure!(gone.round_trips()? == 1, "{gone}");
    member.session.api.delete(&member.path(&of(&claimed, "")?)).await?.expect(404)?.problem("NOT_FOUND")?;
    system.sweep().await?;
    eventually(async || {
        ensure!(federation.saas.count(&domain) == 0, "its custom hostname is still there");
        Ok(())
    })
    .await?;
    eventually_within(DIRECTORY, async || there.get("/.well-known/jwks.json").await?.expect(404)?.problem("TENANT_NOT_FOUND").map(drop)).await?;
    let id: uuid::Uuid = member.tenant_id.parse()?;
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1 AND type LIKE 'domain.%' ORDER BY id", &[&id]).await?;
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    ensure!((count("domain.verified"), count("domain.status_changed"), count("domain.removed")) == (1, 4, 1), "{events:?}");
    Ok(())
}

async fn what_is_no_domain_is_refused() -> Result<()> {
    let system = world::federated().await?;
    let member = system.business().await?;
    let long = format!("{}.example", "a".repeat(240));
    let odd = [
        "",
        "acme",
        "acme.example.",
        "*.acme.example",
        "10.0.0.1",
        "[::1]",
        "a_b.example",
        "ä.example",
        "https://acme.example",
        "acme.example:443",
        "acme.example/x",
        "x.app.localhost",
        "app.localhost",
        "admin.localhost",
        "www.getzygo.localhost",
        "api.localhost",
        &long,
    ];
    for domain in odd {
        let fields = claim(&member, domain).await?.expect(422).with_context(|| domain.to_owned())?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "domain"), "{domain}: {fields:?}");
    }
    for body in [json!({}), json!({ "domain": 1 }), json!({ "domain": "a.example", "status": "active" })] {
        member.session.api.post(&member.path("/domains"), &body).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    ensure!(member.session.api.get(&member.path("/domains")).await?.json_of(200)?["data"] == json!([]), "something was claimed");
    Ok(())
}

async fn the_plan_says_how_many() -> Result<()> {
    let system = world::federated().await?;
    let (free, business) = (system.member().await?, system.business().await?);
    let problem = claim(&free, "app.acme.example").await?.expect(403)?.problem("PLAN_LIMIT")?;
    ensure!(problem["details"]["feature"] == "custom_domains", "{problem}");
    for n in 0..10 {
        claim(&business, &format!("a{n}.acme.example")).await?.expect(201)?;
    }
    claim(&business, "a10.acme.example").await?.expect(403)?.problem("PLAN_LIMIT")?;
    Ok(())
}

async fn of_twenty_claims_the_plan_lets_one_in() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let add = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (make_uuid_v7(now()), $1, 'custom_domains', '1')";
    system.database.execute(add, &[&tenant]).await?;
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let member = member.clone();
            tokio::spawn(async move { claim(&member, &format!("r{n}.acme.example")).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 201 {
            made += 1;
        } else {
            answer.expect(403)?.problem("PLAN_LIMIT")?;
        }
    }
    ensure!(made == 1, "{made} domains where one is allowed");
    Ok(())
}

async fn whoever_proves_a_domain_has_it() -> Result<()> {
    let system = world::federated().await?;
    let (first, second) = tokio::try_join!(system.business(), system.business())?;
    let domain = format!("shared.{}.example", random::word()?);
    let (one, two) = (claim(&first, &domain).await?.json_of(201)?, claim(&second, &domain).await?.json_of(201)?);
    ensure!(one["record"]["value"] != two["record"]["value"], "two claims with one proof");
    show(&system, &two)?;
    verify(&first, &one).await?.expect(409)?.problem("CONFLICT")?;
    verify(&second, &two).await?.expect(200)?;
    show(&system, &one)?;
    verify(&first, &one).await?.expect(409)?.problem("CONFLICT")?;
    ensure!(status(&system, &two).await? == "issuing" && status(&system, &one).await? == "pending");
    // Once it is given up it is to be had.
    second.session.api.delete(&second.path(&of(&two, "")?)).await?.expect(204)?;
    verify(&first, &one).await?.expect(200)?;
    Ok(())
}

async fn owners_and_admins_may() -> Result<()> {
    let system = world::federated().await?;
    let owner = system.business().await?;
    let claimed = claim(&owner, &format!("{}.example", random::word()?)).await?.json_of(201)?;
    for role in ROLES {
        let colleague = system.colleague(&owner, role).await?;
        let may = ["owner", "admin"].contains(&role);
        let calls = [
            ("GET", owner.path("/domains"), Value::Null, 200),
            ("POST", owner.path("/domains"), json!({ "domain": format!("{role}.{}.example", random::word()?) }), 201),
            ("POST", owner.path(&of(&claimed, "/verify")?), json!({}), 409),
            ("DELETE", owner.path("/domains/019a0000-0000-7000-8000-00000000dead"), Value::Null, 404),
        ];
        for (method, path, body, status) in calls {
            let call = colleague.session.api.call(method, &path)?;
            let answer = if body.is_null() { call.send().await? } else { call.json(&body).send().await? };
            if may {
                answer.expect(status).with_context(|| format!("{role} {method} {path}"))?;
            } else {
                let problem = answer.expect(403).with_context(|| format!("{role} {method} {path}"))?.problem("PERMISSION_DENIED")?;
                ensure!(problem["details"]["permission"] == "org.update", "{problem}");
            }
        }
    }
    Ok(())
}

async fn only_the_active_ones() -> Result<()> {
    let system = world::federated().await?;
    let (mine, theirs) = tokio::try_join!(system.business(), system.business())?;
    let claimed = claim(&theirs, &format!("{}.example", random::word()?)).await?.json_of(201)?;
    let api = &mine.session.api;
    for path in [theirs.path("/domains"), mine.path(&of(&claimed, "")?), theirs.path(&of(&claimed, "")?)] {
        let method = if path.ends_with("/domains") { "GET" } else { "DELETE" };
        api.call(method, &path)?.send().await?.expect(404).with_context(|| path.clone())?.problem("NOT_FOUND")?;
    }
    claim(&Member { tenant_id: theirs.tenant_id.clone(), ..mine.clone() }, "x.acme.example").await?.expect(404)?.problem("NOT_FOUND")?;
    api.post(&mine.path(&of(&claimed, "/verify")?), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(theirs.session.api.get(&theirs.path("/domains")).await?.json_of(200)?["data"].as_array().context("data")?.len() == 1);
    Ok(())
}

async fn a_resolver_that_fails_fails_nobody() -> Result<()> {
    let system = world::federated().await?;
    let member = system.business().await?;
    let federation = system.federation()?;
    let domain = format!("odd.{}.example", random::word()?);
    let claimed = claim(&member, &domain).await?.json_of(201)?;
    for record in [Record::Failure, Record::Garbage] {
        federation.dns.set(&format!("_zygo-domain.{domain}"), record);
        verify(&member, &claimed).await?.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
    }
    show(&system, &claimed)?;
    federation.dns.set(&domain, Record::Address);
    verify(&member, &claimed).await?.expect(200)?;
    eventually(async || {
        ensure!(federation.saas.count(&domain) == 1, "no custom hostname");
        Ok(())
    })
    .await?;
    federation.saas.serve(&domain, true);
    becomes(&system, &claimed, "active").await?;
    // Not to know is not to have seen it fail.
    federation.dns.set(&domain, Record::Failure);
    system.database.execute("UPDATE tenant_domains SET check_at = now() WHERE domain = $1", &[&domain]).await?;
    system.scheduled("* * * * *").await?;
    ensure!(status(&system, &claimed).await? == "active", "it fails with its resolver");
    federation.dns.set(&domain, Record::Address);
    system.settle().await?;
    ensure!(status(&system, &claimed).await? == "active");
    Ok(())
}
