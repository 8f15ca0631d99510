//! What Resend reports of mails, and what comes of it for their recipients. The published library of the standard signs.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use zygo_tests::{Answer, Person, System, eventually, random, tests, world};

tests![
    a_bounce_stops_mail_until_the_address_is_proved_again,
    a_complaint_leaves_what_security_wants,
    soft_bounces_count_when_nothing_arrives,
    a_delivery_ends_a_bounce_and_not_a_complaint,
    a_report_is_heard_once,
    nobody_else_reports,
    odd_reports,
    where_no_reports_are_expected,
    an_address_without_an_account,
];

#[expect(clippy::disallowed_methods, reason = "a carrier goes by the clock")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A report with its signature, as it would come.
async fn told(system: &System, id: &str, at: i64, body: &str) -> Result<Answer> {
    let signature = Webhook::new(&system.secrets.resend_webhook)?.sign(id, at, body.as_bytes())?;
    sent(system, &[("svix-id", id), ("svix-timestamp", &at.to_string()), ("svix-signature", &signature)], body).await
}

async fn sent(system: &System, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let call = system.api()?.call("POST", "/webhooks/resend")?.header("content-type", "application/json").body(body);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
}

fn event(kind: &str, bounce: Option<&str>, email: &str) -> String {
    let bounce = bounce.map(|kind| json!({ "message": "…", "subType": "General", "type": kind }));
    json!({ "type": kind, "created_at": "2026-02-22T23:41:12.126Z", "data": { "email_id": "e", "from": "x", "to": [email], "bounce": bounce } })
        .to_string()
}

async fn reported(system: &System, kind: &str, bounce: Option<&str>, email: &str) -> Result<()> {
    told(system, &format!("msg_{}", random::word()?), now(), &event(kind, bounce, email)).await?.expect(204).map(drop)
}

async fn state(person: &Person) -> Result<Value> {
    let answer = person.sign_in().await?.api.get("/users/me/mail").await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let body = answer.json_of(200)?;
    ensure!((body["state"] == "good") == (body["since"].is_null() && body["hint"].is_null()), "{body}");
    Ok(body["state"].clone())
}

/// How somebody's last mail of a kind ended.
async fn ended(system: &System, person: &Person, kind: &str) -> Result<String> {
    let sql = "SELECT concat_ws(' ', o.outcome, o.last_error) FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text \
               WHERE u.email = $1 AND o.kind = $2 AND o.settled_at IS NOT NULL ORDER BY o.id DESC LIMIT 1";
    eventually(async || system.database.column(sql, &[&person.email, &kind]).await?.pop().context("not settled")).await
}

async fn asks(person: &Person, path: &str) -> Result<()> {
    person.api.post(path, &json!({ "email": person.email })).await?.expect(202).map(drop)
}

const BOUNCED: &str = "done not sent: mail to this address bounced";
const COMPLAINED: &str = "done not sent: the address complained of mail";

async fn a_bounce_stops_mail_until_the_address_is_proved_again() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    ensure!(state(&person).await? == "good");
    reported(&system, "email.bounced", Some("Permanent"), &person.email.to_uppercase()).await?;
    ensure!(state(&person).await? == "bounced");
    asks(&person, "/auth/magic-link").await?;
    ensure!(ended(&system, &person, "mail.magic_link").await? == BOUNCED);
    ensure!(person.mails().await?.len() == 1, "a mail went to an address that bounced");
    // What proves the address goes there all the same, and ends it.
    asks(&person, "/auth/verify-email/resend").await?;
    let mails = person.await_mails(2).await?;
    person.verify(mails[0]["tokens"]["verify"].as_str().context("no token")?).await?.expect(200)?;
    ensure!(state(&person).await? == "good");
    asks(&person, "/auth/magic-link").await?;
    person.await_mails(3).await?;
    // A good address is not verified again.
    asks(&person, "/auth/verify-email/resend").await?;
    ensure!(person.mails().await?.len() == 3);
    let kept = "SELECT count(*) FROM users WHERE email = $1 AND (mail_state IS NOT NULL OR mail_state_since IS NOT NULL)";
    ensure!(system.database.count(kept, &[&person.email]).await? == 0);
    Ok(())
}

async fn a_complaint_leaves_what_security_wants() -> Result<()> {
    let system = world::shared().await?;
    let (owner, person) = (system.company().await?, system.person().await?);
    reported(&system, "email.complained", None, &person.email).await?;
    ensure!(state(&person).await? == "complained");
    asks(&person, "/auth/magic-link").await?;
    person.await_mails(2).await?;
    asks(&person, "/auth/forgot-password").await?;
    person.await_mails(3).await?;
    let invited = owner.session.api.post(&owner.below("invitations"), &json!({ "email": person.email, "role": "viewer" })).await?.json_of(201)?;
    let sql = "SELECT concat_ws(' ', outcome, last_error) FROM outbox WHERE payload ->> 'invitation_id' = $1 AND settled_at IS NOT NULL";
    let id = invited["id"].as_str().context("no id")?;
    let how = eventually(async || system.database.column(sql, &[&id]).await?.pop().context("not settled")).await?;
    ensure!(how == COMPLAINED, "{how}");
    ensure!(person.mails().await?.len() == 3);
    // A bounce counts for more.
    reported(&system, "email.bounced", None, &person.email).await?;
    ensure!(state(&person).await? == "bounced");
    reported(&system, "email.complained", None, &person.email).await?;
    ensure!(state(&person).await? == "bounced");
    Ok(())
}

async fn soft_bounces_count_when_nothing_arrives() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    for _ in 0..9 {
        reported(&system, "email.bounced", Some("Transient"), &person.email).await?;
    }
    ensure!(state(&person).await? == "good");
    reported(&system, "email.delivered", None, &person.email).await?;
    for _ in 0..9 {
        reported(&system, "email.delivery_delayed", None, &person.email).await?;
    }
    ensure!(state(&person).await? == "good");
    reported(&system, "email.bounced", Some("Undetermined"), &person.email).await?;
    ensure!(state(&person).await? == "bounced");
    Ok(())
}

async fn a_delivery_ends_a_bounce_and_not_a_complaint() -> Result<()> {
    let system = world::shared().await?;
    for (kind, after) in [("email.bounced", "good"), ("email.complained", "complained")] {
        let person = system.person().await?;
        reported(&system, kind, None, &person.email).await?;
        reported(&system, "email.delivered", None, &person.email).await?;
        ensure!(state(&person).await? == after, "{kind}");
    }
    Ok(())
}

async fn a_report_is_heard_once() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let (id, at, body) = (format!("msg_{}", random::word()?), now(), event("email.bounced", Some("Transient"), &person.email));
    let all = futures::future::try_join_all((0..20).map(|_| told(&system, &id, at, &body))).await?;
    for answer in all {
        answer.expect(204)?;
    }
    let reports = "SELECT count(*) FROM mail_reports WHERE id LIKE 'resend ' || $1 || ' %'";
    ensure!(system.database.count(reports, &[&id]).await? == 1);
    // One of twenty counted: nine more make ten.
    for _ in 0..8 {
        reported(&system, "email.bounced", Some("Transient"), &person.email).await?;
    }
    ensure!(state(&person).await? == "good");
    // What is played back after the address was proved changes nothing.
    let (id, body) = (format!("msg_{}", random::word()?), event("email.bounced", None, &person.email));
    told(&system, &id, at, &body).await?.expect(204)?;
    ensure!(state(&person).await? == "bounced");
    reported(&system, "email.delivered", None, &person.email).await?;
    told(&system, &id, now(), &body).await?.expect(204)?;
    ensure!(state(&person).await? == "good");
    Ok(())
}

async fn nobody_else_reports() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let (at, body) = (now(), event("email.bounced", None, &person.email));
    let own = Webhook::new(&system.secrets.resend_webhook)?;
    let other = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    let good = own.sign("msg_1", at, body.as_bytes())?;
    let (late, early) = ((at - 301).to_string(), (at + 302).to_string());
    let (at, of_late, of_early) = (at.to_string(), own.sign("msg_1", at - 301, body.as_bytes())?, own.sign("msg_1", at + 302, body.as_bytes())?);
    let foreign = other.sign("msg_1", at.parse()?, body.as_bytes())?;
    let table: [(&str, &str, &str, &str); 10] = [
        ("msg_2", &at, &good, &body),
        ("msg_1", &late, &good, &body),
        ("msg_1", &late, &of_late, &body),
        ("msg_1", &early, &of_early, &body),
        ("msg_1", &at, &foreign, &body),
        ("msg_1", &at, "v1,", &body),
        ("msg_1", "", &good, &body),
        ("", &at, &good, &body),
        ("msg_1", &at, &good, "{}"),
        ("msg_1", &at, good.trim_start_matches("v1,"), &body),
    ];
    for (id, timestamp, signature, body) in table {
        let answer = sent(&system, &[("svix-id", id), ("svix-timestamp", timestamp), ("svix-signature", signature)], body).await?;
        answer.expect(401)?.problem("UNAUTHENTICATED")?;
    }
    sent(&system, &[], &body).await?.expect(401)?.problem("UNAUTHENTICATED")?;
    // The standard's own names of the headers are not Resend's.
    let named = [("webhook-id", "msg_1"), ("webhook-timestamp", &at), ("webhook-signature", &good)];
    sent(&system, &named, &body).await?.expect(401)?.problem("UNAUTHENTICATED")?;
    ensure!(state(&person).await? == "good");
    Ok(())
}

async fn odd_reports() -> Result<()> {
    let system = world::shared().await?;
    for body in ["", "{", "[]", "null", "{}", "{\"type\":1}", "{\"type\":\"email.bounced\",\"data\":{\"to\":1}}"] {
        told(&system, "msg_odd", now(), body).await?.expect(400)?.problem("BAD_REQUEST")?;
    }
    // What is about something else, or about nobody, is taken and changes nothing.
    for body in [event("email.opened", None, "a@example.com"), event("domain.created", None, ""), event("email.bounced", None, "nobody")] {
        told(&system, "msg_other", now(), &body).await?.expect(204)?;
    }
    ensure!(system.database.count("SELECT count(*) FROM mail_reports WHERE id LIKE '%msg_o%'", &[]).await? == 0);
    Ok(())
}

async fn where_no_reports_are_expected() -> Result<()> {
    let system = world::strict().await?;
    let body = event("email.bounced", None, "a@example.com");
    told(&system, "msg_1", now(), &body).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn an_address_without_an_account() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    reported(&system, "email.bounced", None, &person.email).await?;
    let clear =
        "SELECT count(*) FROM mail_suppressions s WHERE s::text LIKE '%' || $1 || '%' OR s::text LIKE '%' || encode($1::text::bytea, 'hex') || '%'";
    ensure!(system.database.count(clear, &[&person.email]).await? == 0, "an address in clear");
    // Whoever signs up with it then proves it, and gets mail like anybody.
    person.sign_up().await?.expect(201)?;
    let token = person.verification_token().await?;
    person.verify(&token).await?.expect(200)?;
    ensure!(state(&person).await? == "good");
    asks(&person, "/auth/magic-link").await?;
    person.await_mails(2).await?;
    Ok(())
}
