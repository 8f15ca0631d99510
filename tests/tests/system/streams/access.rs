//! Who sees what, and until when.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Member, Session, System, forge,
    stream::{By, Listener, WAYS},
    tests, world,
};

tests![
    each_role_sees_what_it_may,
    whom_it_concerns_sees_it,
    another_organisation_sees_nothing,
    an_ended_session_ends_its_stream,
    a_suspended_member_hears_no_more,
    a_removed_member_hears_no_more,
    another_role_wants_another_token,
    a_suspended_organisation_is_silent,
    networks_hold_for_open_streams,
    a_stream_dies_with_its_token,
];

/// Something of each kind: the events that it makes, seen by the owner.
async fn things_happen(system: &System, owner: &Member) -> Result<()> {
    let api = &owner.session.api;
    owner.renames("Changed").await?;
    let role = api.post("/roles", &json!({ "name": "Readers", "level": 10, "permissions": ["users.view"] })).await?.json_of(201)?;
    api.delete(&format!("/roles/{}", role["id"].as_str().context("id")?)).await?;
    owner.endpoint(&json!({ "url": "https://example.com/hook", "enabled": false })).await?;
    let invited = json!({ "email": format!("{}@people.zygo-tests.example", zygo_tests::random::word()?), "role": "viewer" });
    api.post(&owner.below("invitations"), &invited).await?;
    // What begins a session of the owner's own is told to them and to auditors.
    zygo_tests::team::into(owner, &owner.person, &owner.person.sign_in().await?).await?;
    // The last of all.
    let _ = system;
    owner.renames("Last").await
}

async fn each_role_sees_what_it_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (mut all, _) = Listener::connect(&system, &owner.session.api, By::Socket, None).await?;
    let mut staff = Vec::new();
    for role in ["admin", "manager", "developer", "member", "viewer"] {
        let member = system.joins(&owner, role).await?;
        let by = if staff.len() % 2 == 0 { By::ServerSent } else { By::Socket };
        let (listener, start) = Listener::connect(&system, &member.session.api, by, None).await?;
        staff.push((role, member, listener, start));
    }
    things_happen(&system, &owner).await?;
    let mut renamed = 0;
    let last = |event: &Value| {
        renamed += usize::from(event["type"] == "tenant.updated");
        renamed == 2
    };
    let frames = collect(&mut all, last).await?;
    ensure!(frames.iter().any(|frame| frame["event"]["type"] == "session.created"), "{frames:?}");
    for (role, member, mut listener, start) in staff {
        let held = permissions(&member.session)?;
        let place = start.rsplit('.').next().context("place")?.parse::<u64>()?;
        let since = frames.iter().filter(|frame| frame["seq"].as_u64() > Some(place));
        let wanted: Vec<&Value> = since.filter(|frame| may(&held, &member, &frame["event"])).collect();
        let mut got = Vec::new();
        while got.len() < wanted.len() {
            got.push(listener.next().await?);
        }
        ensure!(got.iter().eq(wanted.iter().copied()), "{role} saw {got:?}\nnot {wanted:?}");
        listener.is_silent(Duration::from_millis(200)).await?;
        println!("streams: {role} sees {} of {}", got.len(), frames.len());
    }
    Ok(())
}

async fn collect(listener: &mut Listener, mut last: impl FnMut(&Value) -> bool) -> Result<Vec<Value>> {
    let mut frames = Vec::new();
    loop {
        let frame = listener.next().await?;
        let done = last(&frame["event"]);
        frames.push(frame);
        if done {
            return Ok(frames);
        }
    }
}

fn permissions(session: &Session) -> Result<zygo_core::access::PermissionSet> {
    let claims = forge::claims(&session.access)?;
    zygo_core::access::PermissionSet::from_hex(claims["perms"].as_str().context("perms")?).context("a set")
}

/// What the catalogue says.
fn may(held: &zygo_core::access::PermissionSet, member: &Member, event: &Value) -> bool {
    let Some(readers) = event["type"].as_str().and_then(zygo_core::events::event::readers) else { return false };
    readers.permission.is_some_and(|permission| held.contains(permission))
        || readers.person && event["data"]["user_id"] == member.session.user_id.as_str()
}

async fn whom_it_concerns_sees_it() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (one, other) = (system.joins(&owner, "viewer").await?, system.joins(&owner, "viewer").await?);
    let (mut own, _) = Listener::connect(&system, &one.session.api, By::Socket, None).await?;
    let (mut others, _) = Listener::connect(&system, &other.session.api, By::Socket, None).await?;
    zygo_tests::team::into(&owner, &one.person, &one.person.sign_in().await?).await?;
    let frame = own.next().await?;
    ensure!(frame["event"]["type"] == "session.created" && frame["event"]["data"]["user_id"] == one.session.user_id.as_str(), "{frame}");
    others.is_silent(Duration::from_millis(500)).await
}

async fn another_organisation_sees_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (one, other) = tokio::try_join!(system.member(), system.member())?;
    let (mut theirs, cursor) = Listener::connect(&system, &other.session.api, By::Socket, None).await?;
    let (mut ours, ours_at) = Listener::connect(&system, &one.session.api, By::Socket, None).await?;
    one.renames("Ours").await?;
    ours.next().await?;
    theirs.is_silent(Duration::from_millis(500)).await?;
    ensure!(cursor != ours_at, "two organisations share a log");
    // A cursor of another organisation's is worth nothing here.
    let (mut again, _) = Listener::connect(&system, &other.session.api, By::ServerSent, Some(&ours_at)).await?;
    ensure!(again.next().await?["type"] == "behind", "it was taken");
    for by in WAYS {
        let refused = Listener::try_connect(&system, &one.session.api.at(&other.host), by, "", &[]).await?;
        let (status, problem) = refused.err().context("another organisation's host let them in")?;
        ensure!(status == 403 && problem["code"] == "TENANT_MISMATCH", "{status} {problem}");
    }
    Ok(())
}

/// Both ways, until something ends them.
async fn both(system: &System, session: &Session) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for by in WAYS {
        listeners.push(Listener::connect(system, &session.api, by, None).await?.0);
    }
    Ok(listeners)
}

async fn all_end(listeners: Vec<Listener>, code: &str, closed: u16) -> Result<()> {
    for listener in listeners {
        let (said, number) = listener.ends().await?;
        ensure!(said == code && number.is_none_or(|number| number == closed), "{said} {number:?}, not {code}");
    }
    Ok(())
}

async fn an_ended_session_ends_its_stream() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "viewer").await?;
    let (ended, mut stays) = (both(&system, &member.session).await?, both(&system, &owner.session).await?);
    member.session.api.post("/auth/logout", &json!({})).await?;
    all_end(ended, "SESSION_REVOKED", 4401).await?;
    for listener in &mut stays {
        let frame = listener.until(|event| event["type"] == "session.revoked").await?;
        ensure!(frame.len() == 1, "{frame:?}");
    }
    Ok(())
}

async fn a_suspended_member_hears_no_more() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "viewer").await?;
    let listeners = both(&system, &member.session).await?;
    owner.session.api.post(&format!("/users/{}/suspend", member.session.user_id), &json!({})).await?.expect(200)?;
    all_end(listeners, "USER_SUSPENDED", 4403).await
}

async fn a_removed_member_hears_no_more() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "viewer").await?;
    let listeners = both(&system, &member.session).await?;
    owner.session.api.delete(&owner.below(&format!("users/{}", member.session.user_id))).await?.expect(204)?;
    all_end(listeners, "USER_SUSPENDED", 4403).await
}

async fn another_role_wants_another_token() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "developer").await?;
    let listeners = both(&system, &member.session).await?;
    let path = owner.below(&format!("users/{}/role", member.session.user_id));
    owner.session.api.patch(&path, &json!({ "role": "viewer" })).await?.expect(200)?;
    all_end(listeners, "TOKEN_EXPIRED", 4401).await?;
    let fresh = Session::read(member.session.refresh().await?, &member.person.api)?;
    Listener::connect(&system, &fresh.api, By::Socket, None).await.map(drop)
}

async fn a_suspended_organisation_is_silent() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let listeners = both(&system, &owner.session).await?;
    system.set_standing(&owner, "suspended").await?;
    all_end(listeners, "TENANT_SUSPENDED", 4403).await
}

async fn networks_hold_for_open_streams() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let listeners = both(&system, &owner.session).await?;
    let elsewhere = Session { api: owner.session.api.from("198.51.100.7"), ..owner.session.clone() };
    let stays = Listener::connect(&system, &elsewhere.api, By::Socket, None).await?.0;
    let allowed = json!({ "ip_allow_list": ["198.51.100.0/24"] });
    elsewhere.api.patch(&owner.below("settings"), &allowed).await?.expect(200)?;
    system.settle().await?;
    all_end(listeners, "IP_NOT_ALLOWED", 4403).await?;
    let mut stays = stays;
    stays.until(|event| event["type"] == "tenant.settings_updated").await.map(drop)
}

async fn a_stream_dies_with_its_token() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let mut claims = forge::claims(&owner.session.access)?;
    claims["exp"] = (claims["iat"].as_i64().context("iat")? + 6).into();
    let short = system.secrets.sign(&claims);
    let session = Session { api: owner.session.api.with(&short), ..owner.session.clone() };
    all_end(both(&system, &session).await?, "TOKEN_EXPIRED", 4401).await
}
