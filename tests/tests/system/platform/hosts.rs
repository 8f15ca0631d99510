//! Which site a host is.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Person, eventually, proxy::Count, random, tests, world};

tests![
    the_api_has_three_names,
    a_tenants_host_may_be_spelled_anyhow,
    unknown_hosts_have_no_tenant,
    what_is_no_host_is_refused,
    a_custom_domain_is_the_same_tenant,
    the_directory_knows_before_anybody_asks,
    a_host_that_was_asked_for_before_it_existed,
    made_up_hosts_do_not_reach_postgres,
];

async fn the_api_has_three_names() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for host in ["localhost", "localhost:8787", "LOCALHOST", "127.0.0.1:8787", "api.localhost", "API.Localhost:80", "localhost."] {
        session.api.at(host).get("/users/me").await?.expect(200).with_context(|| host.to_owned())?;
    }
    Ok(())
}

async fn a_tenants_host_may_be_spelled_anyhow() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let host = &member.host;
    for spelled in [host.clone(), host.to_uppercase(), format!("{host}:8787"), format!("{host}."), format!("{host}.:443")] {
        let me = member.session.api.at(&spelled).get("/users/me").await?.json_of(200).with_context(|| spelled.clone())?;
        ensure!(me["active_tenant"]["id"] == member.tenant_id.as_str(), "{spelled}: {me}");
    }
    Ok(())
}

async fn unknown_hosts_have_no_tenant() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let made_up = format!("{}.app.localhost", random::word()?);
    let hosts = [
        made_up.as_str(),
        "api.app.localhost",
        "www.app.localhost",
        "platform.app.localhost",
        "app.localhost",
        "ab.app.localhost",
        "a--b.app.localhost",
        "xn--80ak6aa92e.app.localhost",
        "a_b.app.localhost",
        "a.b.app.localhost",
        "10.0.0.1",
        "[::1]:8787",
        "intranet",
        "crm.unknown.example",
        "acme.app.localhost.evil.example",
        "evilapp.localhost",
        &format!("{}.app.localhost", "x".repeat(41)),
    ];
    for host in hosts {
        for _ in 0..2 {
            api.at(host).get("/users/me").await?.expect(404).with_context(|| host.to_owned())?.problem("TENANT_NOT_FOUND")?;
            let login = Person::stranger(&api.at(host))?.try_sign_in().await?;
            login.expect(404)?.problem("TENANT_NOT_FOUND")?;
        }
    }
    Ok(())
}

async fn what_is_no_host_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let label = format!("{}.app.localhost", "x".repeat(64));
    for host in ["a..b", "-a.app.localhost", "a-.example", "*.app.localhost", "acme.app.localhost:99999", "acme.app.localhost:x", &label] {
        let answer = api.at(host).call("GET", "/users/me")?.send_unchecked().await?;
        // The local runtime refuses some of them itself, in its own words, before the Worker is asked.
        if answer.header("x-request-id").is_some() {
            answer.checked(false)?.expect(400).with_context(|| host.to_owned())?.problem("BAD_REQUEST")?;
        }
    }
    Ok(())
}

async fn a_custom_domain_is_the_same_tenant() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let (verified, claimed) = (format!("crm.{}.example", member.slug), format!("shop.{}.example", member.slug));
    let add = "INSERT INTO tenant_domains (id, tenant_id, domain, verified_at, status) \
               VALUES (make_uuid_v7(now()), $1, $2, CASE WHEN $3 THEN now() END, CASE WHEN $3 THEN 'active' ELSE 'pending' END)";
    system.database.execute(add, &[&tenant, &verified, &true]).await?;
    system.database.execute(add, &[&tenant, &claimed, &false]).await?;
    for spelled in [verified.clone(), verified.to_uppercase(), format!("{verified}:8443")] {
        member.session.api.at(&spelled).get("/users/me").await?.expect(200).with_context(|| spelled.clone())?;
    }
    let stranger = system.member().await?;
    stranger.session.api.at(&verified).get("/users/me").await?.expect(403)?.problem("TENANT_MISMATCH")?;
    // To claim a domain is not to have it.
    member.session.api.at(&claimed).get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;
    Ok(())
}

async fn the_directory_knows_before_anybody_asks() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    system.settle().await?;
    let api = member.session.api.at(&member.host);
    api.get("/permissions").await?.expect(200)?;
    let before = system.proxy.count();
    for _ in 0..5 {
        api.get("/permissions").await?.expect(200)?;
    }
    ensure!(system.proxy.count() - before == Count::default(), "a known host and a known token cost Postgres");
    Ok(())
}

async fn a_host_that_was_asked_for_before_it_existed() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let slug = format!("late-{}", random::word()?);
    let host = format!("{slug}.app.localhost");
    session.api.at(&host).get("/health/../users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;
    session.api.post("/tenants", &serde_json::json!({ "name": "Late", "slug": slug })).await?.expect(201)?;
    // The isolate that made it knows at once that the negative answer is over.
    eventually(async || person.at(&host).try_sign_in().await?.expect(200).map(drop)).await
}

async fn made_up_hosts_do_not_reach_postgres() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    system.settle().await?;
    let api = system.api()?;
    let hosts = (0..200).map(|_| Ok(format!("{}.app.localhost", random::word()?))).collect::<Result<Vec<_>>>()?;
    let before = system.proxy.count();
    let flood: Vec<_> = hosts
        .iter()
        .map(|host| {
            let api = api.at(host);
            tokio::spawn(async move { api.get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND") })
        })
        .collect();
    for answer in flood {
        answer.await??;
    }
    let spent = system.proxy.count() - before;
    // A budget of look-ups for names nobody has, not one for each name.
    ensure!(spent.connections <= 40 && spent.turns <= 40, "200 made-up hosts cost {spent:?}");
    let before = system.proxy.count();
    for host in hosts.iter().take(10) {
        api.at(host).get("/users/me").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;
    }
    // The second time it is remembered, or still too much.
    ensure!((system.proxy.count() - before).connections <= 5, "asked again: {:?}", system.proxy.count() - before);
    member.session.api.at(&member.host).get("/users/me").await?.expect(200)?;
    Ok(())
}
