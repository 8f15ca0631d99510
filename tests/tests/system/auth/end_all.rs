//! `POST /auth/sessions/end-all`: the link that stands in every security notice.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, System, eventually, one_time::Redeeming, tests, world};

tests![
    ends_every_session_in_every_tenant,
    of_twenty_at_once_one_wins,
    what_is_no_token_is_refused,
    an_old_token_is_refused,
    an_ended_session_begets_no_other,
    the_job_ends_what_the_request_could_not,
];

fn redeeming(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/sessions/end-all", beside: json!({}), status: 204 }
}

/// Brings about a notice: a refresh token that was spent comes back from elsewhere.
async fn noticed(system: &System) -> Result<(Person, String)> {
    let (person, session) = system.session().await?;
    session.refresh().await?.expect(200)?;
    let elsewhere = Session { api: session.api.from_elsewhere(), ..session };
    elsewhere.refresh().await?.expect(401)?.problem("REFRESH_TOKEN_REUSED")?;
    let token = person.token_for("/end-sessions").await?;
    Ok((person, token))
}

async fn ends_every_session_in_every_tenant() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = noticed(&system).await?;
    let mail = &person.mails().await?[0];
    ensure!(mail["subject"] == "A session of your account was ended", "{mail}");
    let platform = person.sign_in().await?;
    let member = system.member_of_new(person.clone(), &platform).await?;
    redeeming(&person).redeem(&token).await?.expect(204)?;
    for session in [&platform, &member.session] {
        session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        eventually(async || session.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    }
    redeeming(&person).is_consumed(&token).await?;
    // The password is still the person's.
    person.sign_in().await?.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = noticed(&system).await?;
    redeeming(&person).race(&token).await?;
    Ok(())
}

async fn what_is_no_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = noticed(&system).await?;
    redeeming(&person).refuses_all_but(&token).await?;
    redeeming(&person).redeem(&token).await?.expect(204)?;
    Ok(())
}

async fn an_old_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = noticed(&system).await?;
    let age = "UPDATE one_time_tokens t SET expires_at = now() FROM users u WHERE u.id = t.user_id AND u.email = $1";
    ensure!(system.database.execute(age, &[&person.email]).await? == 1, "one token");
    let session = person.sign_in().await?;
    redeeming(&person).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    session.refresh().await?.expect(200)?;
    Ok(())
}

/// An access token may outlive its session by some seconds elsewhere; it must not be good for a fresh session.
async fn an_ended_session_begets_no_other() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let ended = "UPDATE sessions SET ended_at = now(), end_reason = 'test' WHERE id = $1::text::uuid";
    ensure!(system.database.execute(ended, &[&member.session.id]).await? == 1, "on record");
    let switch = json!({ "tenant_id": member.tenant_id });
    member.session.api.post("/auth/switch-tenant", &switch).await?.expect(401)?.problem("SESSION_REVOKED")?;
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}

/// The record says that the sessions have ended; were the request cut short there, the job would tell their objects.
async fn the_job_ends_what_the_request_could_not() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let user = &member.session.user_id;
    let end = "WITH ended AS (UPDATE sessions SET ended_at = date_trunc('milliseconds', now()), end_reason = 'test' \
                 WHERE user_id = $1::text::uuid AND ended_at IS NULL RETURNING user_id, ended_at) \
               INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
               SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'sessions.end', 'jobs', \
                 jsonb_build_object('kind', 'sessions.end', 'user_id', user_id, 'ended_at', ended_at), now(), now() FROM ended LIMIT 1";
    ensure!(system.database.execute(end, &[user]).await? == 1, "the job");
    system.settle().await?;
    // The object refuses by itself: the record is made to say otherwise again.
    system.database.execute("UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE user_id = $1::text::uuid", &[user]).await?;
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}
