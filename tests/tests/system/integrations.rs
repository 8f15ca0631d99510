//! `/integrations`

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::{Value, json};
use zygo_tests::{
    Answer, Member, System, Tab,
    drives::{DRIVES, TOKEN_MARK},
    tab::{location, parameter, target},
    tests, world,
};

tests![
    each_drive_is_connected_and_listed,
    tokens_are_sealed_and_each_members_own,
    tokens_are_renewed_ahead_of_their_end,
    a_token_that_is_refused_is_renewed_on_the_way,
    a_connection_that_was_withdrawn_there_is_broken,
    disconnecting_takes_the_tokens_back,
    whoever_left_is_disconnected,
    states_are_ones_own_and_once,
    flows_end_at_the_host_that_they_began_at,
    odd_requests_are_refused,
    drives_that_refuse,
    drives_that_are_not_configured,
];

/// Begins to connect: where the provider wants the browser, which has the cookie then.
async fn begin(member: &Member, tab: &Tab, drive: &str, query: &str) -> Result<Url> {
    let answer = member.session.api.get(&format!("/integrations/{drive}/connect?{query}")).await?;
    tab.keep(&answer);
    Ok(Url::parse(answer.json_of(200)?["authorization_url"].as_str().context("no URL")?)?)
}

fn callback(drive: &str, authorization: &Url, code: &str) -> Result<String> {
    Ok(format!("/integrations/{drive}/callback?state={}&code={code}", parameter(authorization, "state")?))
}

/// Connects a drive; answers the code that the connection began with.
async fn connect(system: &System, member: &Member, drive: &str) -> Result<String> {
    let tab = Tab::new(member.person.api.clone());
    let authorization = begin(member, &tab, drive, "").await?;
    let code = system.federation()?.drives.allow(drive, &authorization)?;
    let body = tab.get(&callback(drive, &authorization, &code)?).await?.json_of(200)?;
    ensure!(body == json!({ "provider": drive }), "{body}");
    Ok(code)
}

async fn files(member: &Member, drive: &str, query: &str) -> Result<Answer> {
    member.session.api.get(&format!("/integrations/{drive}/files?{query}")).await
}

async fn status(member: &Member, drive: &str) -> Result<Value> {
    let list = member.session.api.get("/integrations").await?.json_of(200)?;
    let row = list["data"].as_array().and_then(|rows| rows.iter().find(|row| row["provider"] == drive)).cloned();
    Ok(row.context("the provider is not listed")?["status"].clone())
}

/// The row's time, in seconds from now: negative when it has passed.
async fn renews_in(system: &System, member: &Member) -> Result<f64> {
    let user: uuid::Uuid = member.session.user_id.parse()?;
    let sql = "SELECT extract(epoch FROM renew_at - now())::text FROM integrations WHERE user_id = $1";
    Ok(system.database.column(sql, &[&user]).await?.first().context("no connection")?.parse()?)
}

async fn make_due(system: &System, member: &Member) -> Result<()> {
    let user: uuid::Uuid = member.session.user_id.parse()?;
    system.database.execute("UPDATE integrations SET renew_at = now() - interval '1 minute' WHERE user_id = $1", &[&user]).await?;
    Ok(())
}

async fn each_drive_is_connected_and_listed() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    for drive in DRIVES {
        ensure!(status(&member, drive).await?.is_null());
        files(&member, drive, "").await?.expect(404)?.problem("NOT_FOUND")?;
        connect(&system, &member, drive).await?;
        ensure!(status(&member, drive).await? == "active");
        let first = files(&member, drive, "limit=1&folder=abc").await?;
        ensure!(first.timing()?.round_trips <= 1.0, "{:?}", first.timing()?);
        let first = first.json_of(200)?;
        ensure!(first["data"][0]["id"] == "first" && first["data"][0]["size"] == 7 && first["data"][0]["folder"] == false, "{first}");
        ensure!(first["data"][0]["name"].as_str().is_some_and(|name| name.contains("abc")), "{first}");
        let cursor = first["next_cursor"].as_str().context("no cursor")?;
        let last = files(&member, drive, &format!("limit=1&folder=abc&cursor={cursor}")).await?.json_of(200)?;
        ensure!(last["data"][0]["id"] == "last" && last["next_cursor"].is_null(), "{last}");
        // The cursor belongs to its folder.
        let fields = files(&member, drive, &format!("folder=other&cursor={cursor}")).await?.expect(422)?.fields()?;
        ensure!(fields[0].0 == "cursor", "{fields:?}");
    }
    // Connecting again takes the earlier connection's place.
    connect(&system, &member, "dropbox").await?;
    ensure!(files(&member, "dropbox", "").await?.status == 200);
    Ok(())
}

async fn tokens_are_sealed_and_each_members_own() -> Result<()> {
    let system = world::federated().await?;
    let (member, other) = (system.member().await?, system.member().await?);
    connect(&system, &member, "dropbox").await?;
    // Somebody else, and the same person in another organisation, have none.
    files(&other, "dropbox", "").await?.expect(404)?.problem("NOT_FOUND")?;
    let elsewhere = system.member_of_new(member.person.clone(), &member.person.sign_in().await?).await?;
    files(&elsewhere, "dropbox", "").await?.expect(404)?.problem("NOT_FOUND")?;
    other.session.api.delete("/integrations/dropbox").await?.expect(404)?.problem("NOT_FOUND")?;
    let user: uuid::Uuid = member.session.user_id.parse()?;
    let rows = system.database.column("SELECT to_jsonb(i)::text FROM integrations i WHERE user_id = $1", &[&user]).await?;
    ensure!(rows.len() == 1 && rows[0].contains("zs1.") && !rows[0].contains(TOKEN_MARK), "{rows:?}");
    let audit = system.database.column("SELECT a::text FROM audit_logs a WHERE resource_type = 'integrations' AND user_id = $1", &[&user]).await?;
    ensure!(audit.len() == 1 && !audit[0].contains("zs1."), "{audit:?}");
    Ok(())
}

async fn tokens_are_renewed_ahead_of_their_end() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    let member = system.member().await?;
    for drive in ["google_drive", "onedrive"] {
        let code = connect(&system, &member, drive).await?;
        for renewals in 1..=2 {
            make_due(&system, &member).await?;
            system.scheduled("* * * * *").await?;
            system.settle().await?;
            ensure!(drives.renewals(&code) == renewals, "{drive}: {} renewals", drives.renewals(&code));
            ensure!(renews_in(&system, &member).await? > 2400.0, "the next renewal is not ahead");
        }
        files(&member, drive, "").await?.expect(200)?;
        member.session.api.delete(&format!("/integrations/{drive}")).await?.expect(204)?;
        system.settle().await?;
    }
    Ok(())
}

async fn a_token_that_is_refused_is_renewed_on_the_way() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    let member = system.member().await?;
    let code = connect(&system, &member, "onedrive").await?;
    drives.expire(&code);
    files(&member, "onedrive", "").await?.expect(200)?;
    ensure!(drives.renewals(&code) == 1);
    files(&member, "onedrive", "").await?.expect(200)?;
    ensure!(drives.renewals(&code) == 1);
    // So is one that ends within the minute.
    let user: uuid::Uuid = member.session.user_id.parse()?;
    system.database.execute("UPDATE integrations SET expires_at = now() + interval '30 seconds' WHERE user_id = $1", &[&user]).await?;
    files(&member, "onedrive", "").await?.expect(200)?;
    ensure!(drives.renewals(&code) == 2);
    Ok(())
}

async fn a_connection_that_was_withdrawn_there_is_broken() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    for by_job in [true, false] {
        let member = system.member().await?;
        let code = connect(&system, &member, "google_drive").await?;
        drives.withdraw(&code);
        if by_job {
            make_due(&system, &member).await?;
            system.scheduled("* * * * *").await?;
            system.settle().await?;
        } else {
            files(&member, "google_drive", "").await?.expect(409)?.problem("CONFLICT")?;
        }
        ensure!(status(&member, "google_drive").await? == "broken");
        files(&member, "google_drive", "").await?.expect(409)?.problem("CONFLICT")?;
        connect(&system, &member, "google_drive").await?;
        ensure!(status(&member, "google_drive").await? == "active");
        files(&member, "google_drive", "").await?.expect(200)?;
    }
    Ok(())
}

async fn disconnecting_takes_the_tokens_back() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    let member = system.member().await?;
    let user: uuid::Uuid = member.session.user_id.parse()?;
    for (drive, has_a_way) in [("google_drive", true), ("dropbox", true), ("onedrive", false)] {
        let code = connect(&system, &member, drive).await?;
        if has_a_way {
            drives.fail_revocations(&[503]);
        }
        member.session.api.delete(&format!("/integrations/{drive}")).await?.expect(204)?;
        // At once here, whatever the provider does.
        files(&member, drive, "").await?.expect(404)?.problem("NOT_FOUND")?;
        member.session.api.delete(&format!("/integrations/{drive}")).await?.expect(404)?.problem("NOT_FOUND")?;
        let again = connect(&system, &member, drive).await?;
        system.settle().await?;
        ensure!(drives.is_revoked(&code) == has_a_way && !drives.is_revoked(&again), "{drive}");
        let left = system.database.count("SELECT count(*) FROM integrations WHERE user_id = $1 AND status = 'ending'", &[&user]).await?;
        ensure!(left == 0, "{left} connections are left");
        files(&member, drive, "").await?.expect(200)?;
    }
    Ok(())
}

async fn whoever_left_is_disconnected() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    let member = system.member().await?;
    let code = connect(&system, &member, "dropbox").await?;
    let user: uuid::Uuid = member.session.user_id.parse()?;
    system.database.bend("DELETE FROM user_roles WHERE user_id = $1", &[&user]).await?;
    make_due(&system, &member).await?;
    system.scheduled("* * * * *").await?;
    system.settle().await?;
    ensure!(drives.is_revoked(&code));
    ensure!(system.database.count("SELECT count(*) FROM integrations WHERE user_id = $1", &[&user]).await? == 0);
    Ok(())
}

async fn states_are_ones_own_and_once() -> Result<()> {
    let system = world::federated().await?;
    let drives = &system.federation()?.drives;
    let member = system.member().await?;
    let tab = Tab::new(member.person.api.clone());
    let authorization = begin(&member, &tab, "dropbox", "").await?;
    let code = drives.allow("dropbox", &authorization)?;
    let path = callback("dropbox", &authorization, &code)?;
    let cookies = tab.cookies();

    tab.get("/integrations/dropbox/callback").await?.expect(401)?.problem("TOKEN_INVALID")?;
    tab.get(&format!("/integrations/dropbox/callback?state=made-up&code={code}")).await?.expect(401)?.problem("TOKEN_INVALID")?;
    tab.get(&callback("onedrive", &authorization, &code)?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    Tab::new(system.api()?).get(&path).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // A sign-in's state opens no drive, and a drive's state signs nobody in.
    let sign_in = tab.start("apple", "").await?;
    tab.get(&callback("dropbox", &sign_in, &code)?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    tab.get(&path.replace("/integrations/dropbox", "/auth/oauth/apple")).await?.expect(401)?.problem("TOKEN_INVALID")?;

    tab.get(&path).await?.expect(200)?;
    let replay = member.person.api.call("GET", &path)?.header("cookie", &cookies);
    replay.send().await?.expect(410)?.problem("TOKEN_CONSUMED")?;

    // The person says no; the session ends before the browser comes back.
    let authorization = begin(&member, &tab, "onedrive", "redirect_to=/drives").await?;
    let no = format!("/integrations/onedrive/callback?state={}&error=access_denied", parameter(&authorization, "state")?);
    let told = tab.get(&no).await?.expect(303)?;
    ensure!(told.header("location") == Some("/drives?error=INVALID_CREDENTIALS"), "{told}");
    let authorization = begin(&member, &tab, "onedrive", "").await?;
    let code = drives.allow("onedrive", &authorization)?;
    member.session.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    tab.get(&callback("onedrive", &authorization, &code)?).await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}

async fn flows_end_at_the_host_that_they_began_at() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let there = member.session.api.at(&member.host);
    let tab = Tab::new(member.person.api.at(&member.host));
    let answer = there.get("/integrations/dropbox/connect?redirect_to=/drives").await?;
    tab.keep(&answer);
    let authorization = Url::parse(answer.json_of(200)?["authorization_url"].as_str().context("no URL")?)?;
    ensure!(parameter(&authorization, "redirect_uri")? == "http://localhost:8787/integrations/dropbox/callback", "{authorization}");
    let code = system.federation()?.drives.allow("dropbox", &authorization)?;
    let handed_on = Tab::new(member.person.api.clone()).get(&callback("dropbox", &authorization, &code)?).await?.expect(303)?;
    let handed_on = location(&handed_on)?;
    ensure!(handed_on.host_str() == Some(member.host.as_str()), "{handed_on}");
    let done = tab.get(&target(&handed_on)).await?.expect(303)?;
    ensure!(done.header("location") == Some("/drives"), "{done}");
    ensure!(status(&member, "dropbox").await? == "active");
    Ok(())
}

async fn odd_requests_are_refused() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    connect(&system, &member, "google_drive").await?;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=made-up", "cursor"),
        ("folder=a'%20or%20name", "folder"),
        ("folder=../x", "folder"),
        ("folder=", "folder"),
    ] {
        let fields = files(&member, "google_drive", query).await?.expect(422).with_context(|| query)?.fields()?;
        ensure!(fields[0].0 == field, "{query}: {fields:?}");
    }
    for destination in ["https://evil.example/", "//evil.example"] {
        let answer = member.session.api.get(&format!("/integrations/dropbox/connect?redirect_to={destination}")).await?.expect(422)?;
        ensure!(answer.fields()?[0].0 == "redirect_to");
    }
    member.session.api.get("/integrations/box/files").await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn drives_that_refuse() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    for drive in DRIVES {
        connect(&system, &member, drive).await?;
        files(&member, drive, "folder=nowhere").await?.expect(404)?.problem("NOT_FOUND")?;
        files(&member, drive, "").await?.expect(200)?;
    }
    // A code that the provider does not take leaves everything as it was.
    let other = system.member().await?;
    let tab = Tab::new(other.person.api.clone());
    let authorization = begin(&other, &tab, "dropbox", "").await?;
    tab.get(&callback("dropbox", &authorization, "made-up")?).await?.expect(401)?.problem("TOKEN_INVALID")?;
    ensure!(status(&other, "dropbox").await?.is_null());
    Ok(())
}

async fn drives_that_are_not_configured() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let list = member.session.api.get("/integrations").await?.json_of(200)?;
    ensure!(list == json!({ "data": [], "next_cursor": null }), "{list}");
    for drive in DRIVES {
        for path in ["connect", "files", "callback"] {
            member.session.api.get(&format!("/integrations/{drive}/{path}")).await?.expect(404)?.problem("NOT_FOUND")?;
        }
        member.session.api.delete(&format!("/integrations/{drive}")).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}
