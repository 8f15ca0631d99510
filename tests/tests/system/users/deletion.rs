//! `DELETE /users/me` and `POST /auth/cancel-deletion`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, System, eventually, one_time::Redeeming, people::PASSWORD_MARK, shape, tests, world};

tests![
    closes_the_account_at_once,
    the_mailed_link_keeps_it,
    the_sole_owner_stays,
    only_the_version_that_was_seen,
    keeping_is_for_one_of_twenty_and_the_token_itself,
    when_it_is_due_nothing_is_left,
];

fn keeping(person: &Person) -> Redeeming {
    Redeeming { api: person.api.clone(), path: "/auth/cancel-deletion", beside: json!({}), status: 204 }
}

async fn leaving(system: &System) -> Result<(Person, Session, String)> {
    let (person, session) = system.session().await?;
    session.api.delete("/users/me").await?.expect(202)?;
    let token = person.token_for("/cancel-deletion").await?;
    Ok((person, session, token))
}

async fn closes_the_account_at_once() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let other = person.sign_in().await?;
    let answer = session.api.delete("/users/me").await?.json_of(202)?;
    let due = shape::instant(&answer["delete_after"])?;
    let days = system.database.count("SELECT round(extract(epoch FROM r.due_at - r.created_at) / 86400)::bigint FROM deletion_requests r JOIN users u ON u.id = r.user_id WHERE u.email = $1", &[&person.email]).await?;
    ensure!(days == 30, "{days} days, {due}");
    for ended in [&session, &other] {
        ended.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        eventually(async || ended.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    }
    person.try_sign_in().await?.expect(403)?.problem("USER_SUSPENDED")?;
    // Nor is there a way around by mail.
    for path in ["/auth/forgot-password", "/auth/magic-link"] {
        person.api.post(path, &json!({ "email": person.email })).await?.expect(202)?;
    }
    let owed = "SELECT count(*) FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text \
                WHERE u.email = $1 AND o.kind IN ('mail.reset_password', 'mail.magic_link')";
    ensure!(system.database.count(owed, &[&person.email]).await? == 0, "a mail that opens it");
    Ok(())
}

async fn the_mailed_link_keeps_it() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, token) = leaving(&system).await?;
    keeping(&person).redeem(&token).await?.expect(204)?;
    keeping(&person).is_consumed(&token).await?;
    let again = person.sign_in().await?;
    ensure!(again.user_id == session.user_id, "another account");
    // It can be closed again, and kept again.
    again.api.delete("/users/me").await?.expect(202)?;
    let next = eventually(async || {
        let next = person.token_for("/cancel-deletion").await?;
        ensure!(next != token, "the same token");
        Ok(next)
    })
    .await?;
    keeping(&person).redeem(&next).await?.expect(204)?;
    Ok(())
}

async fn the_sole_owner_stays() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    member.session.api.delete("/users/me").await?.expect(409)?.problem("LAST_OWNER")?;
    let heir = system.person().await?;
    let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), r.tenant_id, u.id, r.id FROM roles r, users u \
                WHERE r.tenant_id = $1::text::uuid AND r.key = 'owner' AND u.email = $2";
    ensure!(system.database.execute(join, &[&member.tenant_id, &heir.email]).await? == 1, "an heir");
    member.session.api.delete("/users/me").await?.expect(202)?;
    heir.sign_in().await?.api.delete("/users/me").await?.expect(409)?.problem("LAST_OWNER")?;
    Ok(())
}

async fn only_the_version_that_was_seen() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let tag = session.api.get("/users/me").await?.header("etag").context("no ETag")?.to_owned();
    session.api.patch("/users/me", &json!({ "first_name": "Ada" })).await?.expect(200)?;
    let delete = session.api.call("DELETE", "/users/me")?;
    delete.clone().header("if-match", &tag).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let tag = session.api.get("/users/me").await?.header("etag").context("no ETag")?.to_owned();
    delete.header("if-match", &tag).send().await?.expect(202)?;
    Ok(())
}

async fn keeping_is_for_one_of_twenty_and_the_token_itself() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, token) = leaving(&system).await?;
    keeping(&person).refuses_all_but(&token).await?;
    keeping(&person).race(&token).await?;
    let (person, _, token) = leaving(&system).await?;
    let age = "UPDATE one_time_tokens SET expires_at = now() WHERE email = $1 AND purpose = 'cancel_deletion'";
    system.database.execute(age, &[&person.email]).await?;
    keeping(&person).redeem(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    Ok(())
}

async fn when_it_is_due_nothing_is_left() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (person, _, token) = leaving(&system).await?;
    system.scheduled("0 0 * * *").await?;
    ensure!(system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&person.email]).await? == 1, "too early");
    let due = "UPDATE deletion_requests r SET due_at = now() FROM users u WHERE u.id = r.user_id AND u.email = $1";
    ensure!(system.database.execute(due, &[&person.email]).await? == 1, "one request");
    system.scheduled("0 0 * * *").await?;
    ensure!(system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&person.email]).await? == 0, "still there");
    keeping(&person).redeem(&token).await?.expect(401)?.problem("TOKEN_INVALID")?;
    person.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    // The address is free again.
    let newcomer = person.with_password(&format!("{PASSWORD_MARK} newcomer {}", person.email)).from_elsewhere();
    newcomer.sign_up().await?.expect(201)?;
    Ok(())
}
