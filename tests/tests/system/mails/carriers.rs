//! Cloudflare's `send_email` binding: what it is given, and what comes of what it says.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, System, eventually, outbox::Owed, shape, tests, world};

tests![the_binding_is_given_a_whole_mail, whom_it_suppresses_gets_no_more, what_it_refuses_for_good_is_dead, what_may_be_put_right_is_tried_again];

/// A mail that somebody may do without.
async fn courtesy(system: &System, person: &Person) -> Result<Owed> {
    let id = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    system.owes("mail.account_exists", "mail", &json!({ "user_id": id })).await
}

async fn the_binding_is_given_a_whole_mail() -> Result<()> {
    let system = world::outward().await?;
    let binding = system.email.as_ref().context("a false binding")?;
    let person = Person::stranger(&system.api()?)?;
    let account = json!({ "email": person.email, "password": person.password, "locale": "de" });
    person.api.post("/auth/signup", &account).await?.expect(201)?;
    let token = person.verification_token().await?;
    let given = binding.given(&person.email);
    let [mail] = given.as_slice() else { anyhow::bail!("{} mails", given.len()) };
    let mail = &mail.message;
    ensure!(shape::members(mail)? == ["from", "html", "subject", "text", "to"], "{mail}");
    // An address and a name apart, as the binding wants them; it makes the headers.
    ensure!(mail["from"] == json!({ "name": "Zygo", "email": "no-reply@zygo.localhost" }), "{mail}");
    ensure!(mail["to"] == person.email.as_str(), "{mail}");
    ensure!(mail["subject"] == "Bestätigen Sie Ihre E-Mail-Adresse", "{mail}");
    let (text, html) = (mail["text"].as_str().context("text")?, mail["html"].as_str().context("html")?);
    ensure!(text.starts_with("Bestätigen") && html.starts_with("<!doctype html>") && html.contains("<html lang=\"de\""), "{mail}");
    ensure!(text.contains(&token) && html.contains(&token), "both parts have the link");
    // What was sent is what the mailbox shows.
    let kept = person.mails().await?;
    ensure!(["subject", "text", "html"].iter().all(|part| kept[0][*part] == mail[*part]), "{kept:?}");
    person.verify(&token).await?.expect(200).map(drop)
}

async fn whom_it_suppresses_gets_no_more() -> Result<()> {
    let system = world::outward().await?;
    let binding = system.email.as_ref().context("a false binding")?;
    let person = system.person().await?;
    let so_far = binding.given(&person.email).len();
    binding.refuse(&person.email, &["E_RECIPIENT_SUPPRESSED"]);
    // The binding says so once, and is not asked again.
    for given in [so_far + 1, so_far + 1] {
        let job = courtesy(&system, &person).await?;
        system.message("MAIL", &job.message()).await?;
        system.becomes(&job, "1 1 done done done not sent: mail to this address bounced").await?;
        ensure!(binding.given(&person.email).len() == given, "{:?}", binding.given(&person.email));
    }
    ensure!(person.mails().await?.len() == so_far, "the mailbox has a mail that was not sent");
    let mine = person.sign_in().await?.api.get("/users/me/mail").await?.json_of(200)?;
    ensure!(mine["state"] == "bounced", "{mine}");
    // What proves the address is sent all the same.
    person.api.post("/auth/verify-email/resend", &json!({ "email": person.email })).await?.expect(202)?;
    eventually(async || {
        ensure!(binding.given(&person.email).len() == so_far + 2, "{:?}", binding.given(&person.email));
        Ok(())
    })
    .await
}

async fn what_it_refuses_for_good_is_dead() -> Result<()> {
    let system = world::outward().await?;
    let binding = system.email.as_ref().context("a false binding")?;
    for code in ["E_VALIDATION_ERROR", "E_FIELD_MISSING", "E_TOO_MANY_RECIPIENTS", "E_RECIPIENT_NOT_ALLOWED", "E_CONTENT_TOO_LARGE"] {
        let person = system.person().await?;
        let so_far = binding.given(&person.email).len();
        binding.refuse(&person.email, &[code, code]);
        let job = courtesy(&system, &person).await?;
        system.message("MAIL", &job.message()).await?;
        system.becomes(&job, "1 1 dead dead dead cloudflare refused the mail").await.context(code)?;
        ensure!(binding.given(&person.email).len() == so_far + 1, "{code}: it was asked again");
    }
    Ok(())
}

async fn what_may_be_put_right_is_tried_again() -> Result<()> {
    let system = world::outward().await?;
    let binding = system.email.as_ref().context("a false binding")?;
    for code in ["E_SENDER_NOT_VERIFIED", "E_RATE_LIMIT_EXCEEDED", "E_DAILY_LIMIT_EXCEEDED", "E_INTERNAL_SERVER_ERROR", "E_OF_ANOTHER_DAY"] {
        let person = system.person().await?;
        binding.refuse(&person.email, &[code]);
        let job = courtesy(&system, &person).await?;
        system.message("MAIL", &job.message()).await?;
        let once = format!("1 1 - retrying retry send_email: {code}");
        system.becomes(&job, &once).await?;
        // It rests for as long as it is to: where no more is taken today, an hour, which no queue waits.
        let rests = "SELECT (available_at > now() + interval '50 minutes')::text FROM outbox WHERE id = $1";
        let (id, daily) = (job.id.to_string(), code == "E_DAILY_LIMIT_EXCEEDED");
        ensure!(system.database.column(rests, &[&job.id]).await? == [daily.to_string()], "{code}");
        if !daily {
            // Here the queue gives up at once; whoever reads its dead letters lets the job rest all the same.
            eventually(async || {
                ensure!(system.log().await?.lines().any(|line| line.contains("dead letter") && line.contains(&id)), "{code}: no dead letter");
                Ok(())
            })
            .await?;
            system.becomes(&job, &once).await?;
        }
        system.message("MAIL", &job.message()).await?;
        system.becomes(&job, "2 2 done done retry,done").await?;
        let codes: Vec<_> = binding.given(&person.email).iter().filter_map(|given| given.code).collect();
        ensure!(codes == [code], "{codes:?}");
        person.await_mails(2).await?;
    }
    Ok(())
}
