//! `/tenants/{id}/settings`: what can be laid down, by whom, and that it holds.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Member, Person, Session, eventually_every, organisations::ROLES, random, tests, world};

/// Between looks at what an isolate's copy of the directory says, which lives for a minute.
const PAUSE: Duration = Duration::from_secs(2);

tests![
    reads_and_changes,
    refuses_bad_settings,
    roles_read_and_owners_and_admins_change,
    only_the_active_ones,
    of_twenty_changes_to_one_version_one_wins,
    an_allow_list_lets_its_author_in,
    an_allow_list_holds_everywhere,
    sessions_last_as_long_as_laid_down,
    passwords_are_as_long_as_laid_down,
    other_mail_domains_do_not_sign_up_here,
    second_factors_are_asked_for_at_once,
];

async fn reads_and_changes() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (api, path) = (&member.session.api, member.path("/settings"));
    let answer = api.get(&path).await?.expect(200)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let before = answer.json()?;
    let defaults = json!({ "session_idle_days": 30, "session_absolute_days": 90, "password_min_length": 12, "mfa_policy": "optional",
        "mfa_grace_days": 14, "allowed_mail_domains": [], "ip_allow_list": [], "cors_origins": [], "updated_at": before["updated_at"] });
    ensure!(before == defaults, "{before}");
    let tag = answer.header("etag").context("no ETag")?.to_owned();
    let change = json!({ "session_idle_days": 7, "session_absolute_days": 60, "password_min_length": 16, "mfa_grace_days": 0,
        "allowed_mail_domains": ["Acme.Example", "acme.example"], "ip_allow_list": [] });
    let changed = api.call("PATCH", &path)?.header("if-match", &tag).json(&change).send().await?.expect(200)?;
    ensure!(changed.round_trips()? == 1, "{changed}");
    let after = changed.json()?;
    ensure!(after["allowed_mail_domains"] == json!(["acme.example"]), "{after}");
    ensure!(after["session_idle_days"] == 7 && after["password_min_length"] == 16 && after["mfa_policy"] == "optional", "{after}");
    ensure!(api.get(&path).await?.json_of(200)? == after, "what was answered is not what is kept");
    api.call("PATCH", &path)?.header("if-match", &tag).json(&change).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let audited = "SELECT count(*) FROM audit_logs WHERE tenant_id = $1 AND action = 'tenant_settings.update' AND request_id = $2";
    let request = changed.header("x-request-id").context("request id")?;
    ensure!(system.database.count(audited, &[&tenant, &request]).await? == 1, "the change was not audited");
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1", &[&tenant]).await?;
    ensure!(events.iter().filter(|event| *event == "tenant.settings_updated").count() == 1, "{events:?}");
    Ok(())
}

async fn refuses_bad_settings() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (api, path) = (&member.session.api, member.path("/settings"));
    let before = api.get(&path).await?.json_of(200)?;
    let many = |text: &str| json!((0..101).map(|n| text.replace('#', &n.to_string())).collect::<Vec<_>>());
    let cases = [
        ("session_idle_days", vec![json!(0), json!(91), json!(-1), json!("7"), json!(1.5), json!(9_999_999_999_i64)]),
        ("session_absolute_days", vec![json!(0), json!(91), json!(true)]),
        ("password_min_length", vec![json!(11), json!(129), json!([])]),
        ("mfa_policy", vec![json!("never"), json!(""), json!(1)]),
        ("mfa_grace_days", vec![json!(-1), json!(91)]),
        ("allowed_mail_domains", vec![json!(["acme"]), json!(["a@acme.example"]), json!([""]), json!("acme.example"), many("a#.example")]),
        ("ip_allow_list", vec![json!(["here"]), json!(["203.0.113.0/33"]), json!(["203.0.113"]), json!([7]), many("203.0.113.#")]),
        ("surprise", vec![json!(1)]),
    ];
    for (field, values) in cases {
        for value in values {
            let fields = api.patch(&path, &json!({ field: value })).await?.expect(422).with_context(|| format!("{field}: {value}"))?.fields()?;
            ensure!(fields.iter().any(|(path, _)| path.starts_with(field)), "{field}: {value}: {fields:?}");
        }
    }
    ensure!(api.get(&path).await?.json_of(200)? == before, "something was changed");
    Ok(())
}

async fn roles_read_and_owners_and_admins_change() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for role in ROLES {
        let colleague = system.colleague(&owner, role).await?;
        let api = &colleague.session.api;
        api.get(&owner.path("/settings")).await?.expect(200).context(role)?;
        let change = api.patch(&owner.path("/settings"), &json!({ "session_idle_days": 20 })).await?;
        if ["owner", "admin"].contains(&role) {
            change.expect(200).context(role)?;
        } else {
            let problem = change.expect(403).context(role)?.problem("PERMISSION_DENIED")?;
            ensure!(problem["details"]["permission"] == "org.update", "{problem}");
        }
    }
    Ok(())
}

async fn only_the_active_ones() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    let before = theirs.session.api.get(&theirs.path("/settings")).await?.json_of(200)?;
    mine.session.api.get(&theirs.path("/settings")).await?.expect(404)?.problem("NOT_FOUND")?;
    mine.session.api.patch(&theirs.path("/settings"), &json!({ "session_idle_days": 1 })).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(theirs.session.api.get(&theirs.path("/settings")).await?.json_of(200)? == before, "another tenant's settings were changed");
    Ok(())
}

async fn of_twenty_changes_to_one_version_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tag = member.session.api.get(&member.path("/settings")).await?.header("etag").context("no ETag")?.to_owned();
    let racers: Vec<_> = (1..=20)
        .map(|days| {
            let (api, path, tag) = (member.session.api.clone(), member.path("/settings"), tag.clone());
            tokio::spawn(async move { api.call("PATCH", &path)?.header("if-match", &tag).json(&json!({ "session_idle_days": days })).send().await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 200 {
            won += 1;
        } else {
            answer.expect(412)?.problem("PRECONDITION_FAILED")?;
        }
    }
    ensure!(won == 1, "{won} changes to one version");
    Ok(())
}

async fn allow(member: &Member, list: &Value) -> Result<Value> {
    member.session.api.patch(&member.path("/settings"), &json!({ "ip_allow_list": list })).await?.json_of(200)
}

async fn an_allow_list_lets_its_author_in() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let outside = if member.session.api.address().starts_with("203.0.113.") { "198.51.100.0/24" } else { "203.0.113.0/24" };
    for list in [json!([outside]), json!(["::1"]), json!([outside, "2001:db8:ffff::/48"])] {
        let fields = member.session.api.patch(&member.path("/settings"), &json!({ "ip_allow_list": list })).await?.expect(422)?.fields()?;
        ensure!(fields == [("ip_allow_list".to_owned(), "locks_out".to_owned())], "{list}: {fields:?}");
    }
    let kept = allow(&member, &json!([outside, member.session.api.address()])).await?;
    ensure!(kept["ip_allow_list"][0] == outside, "{kept}");
    member.session.api.get(&member.path("")).await?.expect(200)?;
    Ok(())
}

async fn an_allow_list_holds_everywhere() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let elsewhere = member.session.api.from_elsewhere();
    elsewhere.get(&member.path("")).await?.expect(200)?;
    allow(&member, &json!([member.session.api.address()])).await?;
    // What was signed in, what refreshes, what signs in, what comes over from the platform: at once, and from elsewhere alone.
    let there = member.person.at(&member.host);
    let away = there.from_elsewhere();
    elsewhere.get(&member.path("")).await?.expect(403)?.problem("IP_NOT_ALLOWED")?;
    elsewhere.get("/permissions").await?.expect(403)?.problem("IP_NOT_ALLOWED")?;
    // Somebody from elsewhere is told the same whatever they try. While the host's copy of the list is old, that is: nothing fits.
    let nobody = Person { email: format!("nobody-{}", member.person.email), ..away.clone() };
    let tried = async |person: &Person| -> Result<Value> {
        let answer = person.from_elsewhere().try_sign_in().await?;
        ensure!(matches!(answer.status, 401 | 403), "{answer}");
        answer.alike()
    };
    let refused = async || away.from_elsewhere().try_sign_in().await?.expect(403)?.problem("IP_NOT_ALLOWED").map(drop);
    eventually_every(PAUSE, Duration::from_secs(100), refused).await?;
    let right = tried(&away).await?;
    ensure!(right["code"] == "IP_NOT_ALLOWED", "{right}");
    ensure!(tried(&away.with_password("Heron-Lantern-Quartz wrong")).await? == right && tried(&nobody).await? == right, "told apart");
    let second = there.sign_in().await?;
    let refreshed = second.api.from_elsewhere().without_token().post("/auth/refresh", &json!({ "refresh_token": second.refresh })).await?;
    refreshed.expect(403)?.problem("IP_NOT_ALLOWED")?;
    let platform = member.person.from_elsewhere().sign_in().await?;
    platform.api.get("/users/me").await?.expect(200)?;
    let switch = platform.api.post("/auth/switch-tenant", &json!({ "tenant_id": member.tenant_id })).await?;
    switch.expect(403)?.problem("IP_NOT_ALLOWED")?;
    member.session.api.get(&member.path("")).await?.expect(200)?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    system.settle().await?;
    let kinds = system.database.column("SELECT kind FROM security_events WHERE tenant_id = $1", &[&tenant]).await?;
    ensure!(kinds.iter().any(|kind| kind == "sign_in.network_refused"), "{kinds:?}");
    allow(&member, &json!([])).await?;
    elsewhere.get(&member.path("")).await?.expect(200)?;
    // The host's copy again.
    eventually_every(PAUSE, Duration::from_secs(100), async || away.from_elsewhere().sign_in().await).await?;
    Ok(())
}

async fn sessions_last_as_long_as_laid_down() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let change = json!({ "session_idle_days": 2, "session_absolute_days": 3 });
    member.session.api.patch(&member.path("/settings"), &change).await?.expect(200)?;
    let days = |session: &Value| -> Result<i64> {
        let at = |name: &str| Ok::<_, anyhow::Error>(session[name].as_str().context("time")?.parse::<jiff::Timestamp>()?);
        Ok((at("expires_at")?.as_second() - at("created_at")?.as_second() + 43_200) / 86_400)
    };
    let session = member.person.at(&member.host).sign_in().await?;
    ensure!(days(&session.body["session"])? == 2, "{}", session.body);
    // One that began before goes by it as well.
    let old = Session::read(member.session.refresh().await?, &member.person.api)?;
    ensure!(days(&old.body["session"])? == 2, "{}", old.body);
    for (session, column, back) in [(&session, "last_seen_at", "49 hours"), (&old, "created_at", "73 hours")] {
        let id: uuid::Uuid = session.id.parse()?;
        let sql = format!("UPDATE sessions SET {column} = now() - interval '{back}' WHERE id = $1");
        system.database.execute(&sql, &[&id]).await?;
        session.refresh().await?.expect(401).context(column)?.problem("TOKEN_EXPIRED")?;
    }
    member.person.sign_in().await?.refresh().await?.expect(200)?;
    Ok(())
}

async fn passwords_are_as_long_as_laid_down() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    member.session.api.patch(&member.path("/settings"), &json!({ "password_min_length": 40 })).await?.expect(200)?;
    let change = async |new: &str| {
        let body = json!({ "current_password": member.person.password, "new_password": new });
        member.session.api.post("/users/me/change-password", &body).await
    };
    let long = format!("Velvet-Harbour-Kestrel-Ninety-{}-Turnips", random::word()?);
    let short: String = long.chars().take(39).collect();
    let refused = change(&short).await?.expect(422)?.problem("PASSWORD_TOO_WEAK")?;
    ensure!(refused["details"]["fields"][0]["code"] == "too_short", "{refused}");
    member.person.api.post("/auth/forgot-password", &json!({ "email": member.person.email })).await?.expect(202)?;
    let token = member.person.token_for("/reset").await?;
    let reset = async |password: &str| member.person.api.post("/auth/reset-password", &json!({ "token": token, "password": password })).await;
    reset(&short).await?.expect(422)?.problem("PASSWORD_TOO_WEAK")?;
    reset(&long).await?.expect(204)?;
    member.person.with_password(&long).sign_in().await?;
    Ok(())
}

async fn other_mail_domains_do_not_sign_up_here() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let domain = format!("{}.example", random::word()?);
    member.session.api.patch(&member.path("/settings"), &json!({ "allowed_mail_domains": [domain] })).await?.expect(200)?;
    let stranger = zygo_tests::Person::stranger(&system.api()?)?;
    let fields = stranger.at(&member.host).sign_up().await?.expect(422)?.fields()?;
    ensure!(fields == [("email".to_owned(), "mail_domain".to_owned())], "{fields:?}");
    stranger.sign_up().await?.expect(201)?;
    let theirs = zygo_tests::Person { email: format!("{}@{domain}", random::word()?), ..stranger };
    theirs.at(&member.host).sign_up().await?.expect(201)?;
    // Who is a member stays one.
    member.person.at(&member.host).sign_in().await?;
    Ok(())
}

async fn second_factors_are_asked_for_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let colleague = system.colleague(&owner, "viewer").await?;
    let change = json!({ "mfa_policy": "required", "mfa_grace_days": 0 });
    owner.session.api.patch(&owner.path("/settings"), &change).await?.expect(403)?.problem("MFA_REQUIRED")?;
    let (app, _) = owner.session.set_up_totp().await?;
    let stepped = owner.session.api.post("/auth/mfa/step-up", &json!({ "factor": "totp", "code": app.code(0)? })).await?.json_of(200)?;
    let api = owner.session.api.with(stepped["access_token"].as_str().context("access token")?);
    api.patch(&owner.path("/settings"), &change).await?.expect(200)?;
    // The token of somebody who has none must be asked for anew, and is refused.
    colleague.session.api.get(&owner.path("")).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    colleague.session.refresh().await?.expect(403)?.problem("MFA_REQUIRED")?;
    Ok(())
}
