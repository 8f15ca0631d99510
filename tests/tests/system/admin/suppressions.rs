//! `GET` and `DELETE /admin/mail/suppressions`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, System, outbox::Owed, shape, tests, world};

tests![an_address_is_looked_up_and_let_go, who_has_no_account_is_found_too, of_twenty_who_lift_it_one_does, what_is_no_address_is_refused];

fn path(email: &str) -> String {
    format!("/admin/mail/suppressions?email={}", email.replace('@', "%40"))
}

/// Lets the carrier say that it does not send there.
async fn bounced(system: &System, person: &Person) -> Result<()> {
    system.email.as_ref().context("a false binding")?.refuse(&person.email, &["E_RECIPIENT_SUPPRESSED"]);
    let job = courtesy(system, person).await?;
    system.becomes(&job, "1 1 done done done not sent: mail to this address bounced").await
}

/// A mail that somebody may do without.
async fn courtesy(system: &System, person: &Person) -> Result<Owed> {
    let id = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    let job = system.owes("mail.account_exists", "mail", &json!({ "user_id": id })).await?;
    system.message("MAIL", &job.message()).await?;
    Ok(job)
}

/// How often somebody lifted something, as it is on record.
async fn noted(system: &System, by: &Session) -> Result<Vec<String>> {
    let actions = "SELECT concat_ws(' ', reason, details ->> 'state', length(details ->> 'address_hash'), tenant_id, request_id IS NOT NULL) \
                   FROM admin_actions WHERE admin_user_id = $1::text::uuid";
    system.database.column(actions, &[&by.user_id]).await
}

async fn an_address_is_looked_up_and_let_go() -> Result<()> {
    let system = world::outward().await?;
    let (support, operator) = (system.administrator("support").await?, system.administrator("operator").await?);
    let person = system.person().await?;
    let path = path(&person.email);
    ensure!(support.api.get(&path).await?.json_of(200)? == json!({ "suppression": null }), "nothing was reported");
    operator.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;

    bounced(&system, &person).await?;
    let found = support.api.get(&path).await?.json_of(200)?;
    let found = &found["suppression"];
    ensure!(
        shape::members(found)? == ["reported_at", "reports", "since", "state"] && found["state"] == "bounced" && found["reports"] == 1,
        "{found}"
    );
    shape::instant(&found["since"])?;
    shape::instant(&found["reported_at"])?;
    // Whoever only supports looks and no more.
    support.api.delete(&path).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    let mine = person.sign_in().await?.api;
    ensure!(mine.get("/users/me/mail").await?.json_of(200)?["state"] == "bounced");

    operator.api.delete(&path).await?.expect(204)?;
    operator.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(support.api.get(&path).await?.json_of(200)? == json!({ "suppression": null }));
    ensure!(mine.get("/users/me/mail").await?.json_of(200)?["state"] == "good");
    ensure!(noted(&system, &operator).await? == [format!("mail suppression lifted bounced 64 {} t", zygo_tests::outbox::PLATFORM)]);
    ensure!(noted(&system, &support).await?.is_empty());
    // It gets its mail again, as far as the carrier goes along.
    let so_far = person.mails().await?.len();
    let job = courtesy(&system, &person).await?;
    system.becomes(&job, "1 1 done done done").await?;
    person.await_mails(so_far + 1).await.map(drop)
}

async fn who_has_no_account_is_found_too() -> Result<()> {
    let system = world::outward().await?;
    let (operator, owner) = (system.administrator("operator").await?, system.company().await?);
    let invitee = Person::stranger(&system.api()?)?;
    system.email.as_ref().context("a false binding")?.refuse(&invitee.email, &["E_RECIPIENT_SUPPRESSED"]);
    owner.session.api.post(&owner.below("invitations"), &json!({ "email": invitee.email, "role": "member" })).await?.expect(201)?;
    let path = path(&invitee.email);
    zygo_tests::eventually(async || {
        let found = operator.api.get(&path).await?.json_of(200)?;
        ensure!(found["suppression"]["state"] == "bounced", "{found}");
        Ok(())
    })
    .await?;
    operator.api.delete(&path).await?.expect(204)?;
    ensure!(operator.api.get(&path).await?.json_of(200)? == json!({ "suppression": null }));
    Ok(())
}

async fn of_twenty_who_lift_it_one_does() -> Result<()> {
    let system = world::outward().await?;
    let operator = system.administrator("owner").await?;
    let person = system.person().await?;
    bounced(&system, &person).await?;
    let path = path(&person.email);
    let answers = futures::future::try_join_all((0..20).map(|_| operator.api.delete(&path))).await?;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    ensure!(statuses.iter().filter(|status| **status == 204).count() == 1, "{statuses:?}");
    ensure!(statuses.iter().all(|status| [204, 404].contains(status)), "{statuses:?}");
    ensure!(noted(&system, &operator).await?.len() == 1, "it is on record once");
    Ok(())
}

async fn what_is_no_address_is_refused() -> Result<()> {
    let system = world::outward().await?;
    let api = system.administrator("operator").await?.api;
    for query in ["", "?email=", "?email=x", "?email=a%40b%40c", "?other=a%40b.example"] {
        let path = format!("/admin/mail/suppressions{query}");
        for answer in [api.get(&path).await?, api.delete(&path).await?] {
            let fields = answer.expect(422).context(query.to_owned())?.fields()?;
            ensure!(fields.iter().any(|(field, _)| field == "email"), "{query}: {fields:?}");
        }
    }
    Ok(())
}
