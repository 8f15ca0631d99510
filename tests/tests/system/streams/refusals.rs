//! Who is not let in, and what they are told.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    Api, System,
    stream::{By, Listener, WAYS},
    tests, world,
};

tests![nobody_unknown, bad_cursors, pages_of_other_origins, a_ticket_is_good_once, tickets_of_twenty_one_wins, bad_tickets, too_many_of_one_person];

async fn refused(system: &System, api: &Api, by: By, query: &str, headers: &[(&str, &str)]) -> Result<(u16, String)> {
    let (status, problem) = Listener::try_connect(system, api, by, query, headers).await?.err().with_context(|| format!("it was let in, {by:?}"))?;
    Ok((status, problem["code"].as_str().with_context(|| problem.to_string())?.to_owned()))
}

async fn nobody_unknown() -> Result<()> {
    let system = world::shared().await?;
    let (_, outside) = system.session().await?;
    let api = system.api()?;
    for by in WAYS {
        for (api, status, code) in
            [(&api, 401, "UNAUTHENTICATED"), (&api.with("x.y.z"), 401, "TOKEN_INVALID"), (&outside.api, 403, "PERMISSION_DENIED")]
        {
            ensure!(refused(&system, api, by, "", &[]).await? == (status, code.to_owned()), "{by:?} {code}");
        }
    }
    api.post("/events/stream/tickets", &json!({})).await?.expect(401)?.problem("UNAUTHENTICATED")?;
    Ok(())
}

async fn bad_cursors() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for by in WAYS {
        for cursor in ["x", "1.1", "0000000000000000.-1", "0000000000000000.01", "0000000000000000.18446744073709551616", "%00"] {
            let said = refused(&system, &member.session.api, by, &format!("?after={cursor}"), &[]).await?;
            ensure!(said == (422, "VALIDATION_FAILED".to_owned()), "{by:?} {cursor}: {said:?}");
        }
    }
    Ok(())
}

async fn pages_of_other_origins() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let api = member.session.api.at(&member.host);
    for by in WAYS {
        for origin in ["https://evil.example", "null", "http://evil.app.localhost:8787", "https://"] {
            let said = refused(&system, &api, by, "", &[("origin", origin)]).await?;
            ensure!(said == (403, "PERMISSION_DENIED".to_owned()), "{by:?} {origin}: {said:?}");
        }
        let own = format!("http://{}", member.host);
        let connected = Listener::try_connect(&system, &api, by, "", &[("origin", &own)]).await?;
        ensure!(connected.is_ok(), "{by:?}: the organisation's own page was refused");
    }
    Ok(())
}

async fn ticket(api: &Api) -> Result<String> {
    let given = api.post("/events/stream/tickets", &json!({})).await?.expect(200)?;
    ensure!(given.round_trips()? == 0 && given.header("cache-control") == Some("no-store"), "{given}");
    Ok(given.json()?["ticket"].as_str().context("ticket")?.to_owned())
}

async fn a_ticket_is_good_once() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let page = member.session.api.without_token();
    for by in WAYS {
        let query = format!("?ticket={}", ticket(&member.session.api).await?);
        let connected = Listener::try_connect(&system, &page.at(&member.host), by, &query, &[]).await?;
        let mut listener = connected.map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
        ensure!(listener.next().await?["type"] == "ready", "not ready");
        member.renames(&format!("With a ticket, {by:?}")).await?;
        ensure!(listener.next().await?["event"]["type"] == "tenant.updated", "nothing came");
        for again in WAYS {
            let said = refused(&system, &page, again, &query, &[]).await.with_context(|| format!("used {by:?}"))?;
            ensure!(said == (410, "TOKEN_CONSUMED".to_owned()), "{said:?}");
        }
    }
    let stranger = system.member().await?;
    let query = format!("?ticket={}", ticket(&member.session.api).await?);
    let said = refused(&system, &page.at(&stranger.host), By::Socket, &query, &[]).await?;
    ensure!(said == (403, "TENANT_MISMATCH".to_owned()), "{said:?}");
    // A session that ended meanwhile does not connect by what it left behind.
    member.session.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    let said = refused(&system, &page, By::Socket, &query, &[]).await.context("signed out")?;
    ensure!(said == (401, "SESSION_REVOKED".to_owned()), "{said:?}");
    Ok(())
}

async fn tickets_of_twenty_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let query = format!("?ticket={}", ticket(&member.session.api).await?);
    let page = member.session.api.without_token();
    let tries = (0..20).map(|_| Listener::try_connect(&system, &page, By::Socket, &query, &[]));
    let outcomes = futures::future::try_join_all(tries).await?;
    let codes: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()?.1["code"].as_str()).collect();
    ensure!(codes == ["TOKEN_CONSUMED"; 19], "{codes:?}");
    Ok(())
}

async fn bad_tickets() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let page = member.session.api.without_token();
    let good = ticket(&member.session.api).await?;
    let (start, end) = good.split_at(good.len() - 4);
    let tampered = format!("{start}{}", if end == "AAAA" { "BBBB" } else { "AAAA" });
    for bad in ["x", "zs1.x.y", &tampered, &member.session.access] {
        for by in WAYS {
            let said = refused(&system, &page, by, &format!("?ticket={bad}"), &[]).await?;
            ensure!(said == (401, "TOKEN_INVALID".to_owned()), "{said:?}");
        }
    }
    Ok(())
}

async fn too_many_of_one_person() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let another = system.joins(&owner, "viewer").await?;
    let mut open = Vec::new();
    for n in 0..zygo_core::stream::PER_PERSON {
        let by = if n % 2 == 0 { By::Socket } else { By::ServerSent };
        open.push(Listener::connect(&system, &owner.session.api, by, None).await?.0);
    }
    for by in WAYS {
        let (status, problem) = Listener::try_connect(&system, &owner.session.api, by, "", &[]).await?.err().context("one too many")?;
        ensure!(status == 429 && problem["code"] == "RATE_LIMITED" && problem["details"]["of"] == "person", "{problem}");
    }
    Listener::connect(&system, &another.session.api, By::Socket, None).await?;
    // Who closes one may open another.
    drop(open.remove(0));
    zygo_tests::eventually(async || Listener::connect(&system, &owner.session.api, By::Socket, None).await.map(drop)).await
}
