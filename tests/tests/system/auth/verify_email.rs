//! `POST /auth/verify-email` and `/auth/verify-email/resend`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, System, tests, world};

tests![
    a_token_works_once,
    of_twenty_at_once_one_wins,
    what_is_no_token_is_refused,
    an_old_token_is_refused,
    only_a_hash_is_kept,
    resending_gives_another_token_and_the_first_redeemed_uses_up_all,
    a_verified_address_gets_no_further_mail,
];

async fn unverified(system: &System) -> Result<(Person, String)> {
    let person = Person::stranger(&system.api()?)?;
    person.sign_up().await?.expect(201)?;
    let token = person.verification_token().await?;
    Ok((person, token))
}

async fn a_token_works_once() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = unverified(&system).await?;
    let answer = person.verify(&token).await?.json_of(200)?;
    ensure!(answer["user"]["email"] == person.email.as_str() && answer["user"]["email_verified"] == true, "{answer}");
    person.verify(&token).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    person.sign_in().await?;
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = unverified(&system).await?;
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let (person, token) = (person.from_elsewhere(), token.clone());
            tokio::spawn(async move { person.verify(&token).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 200 {
            won += 1;
        } else {
            answer.expect(410)?.problem("TOKEN_CONSUMED")?;
        }
    }
    ensure!(won == 1, "{won} of 20 won");
    let events = system
        .database
        .count(
            "SELECT count(*) FROM events e JOIN users u ON u.id = e.user_id WHERE u.email = $1 AND e.type = 'user.email_verified'",
            &[&person.email],
        )
        .await?;
    ensure!(events == 1, "{events} events");
    Ok(())
}

async fn what_is_no_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = unverified(&system).await?;
    let rest = token.strip_prefix("zv_").context("the prefix of its purpose")?;
    let mut flipped = token.clone();
    let last = if flipped.pop() == Some('A') { 'B' } else { 'A' };
    flipped.insert(4, last);
    let cases = [
        String::new(),
        "x".into(),
        "zv_".into(),
        rest.to_owned(),
        token.chars().take(token.len() - 1).collect(),
        token.chars().take(20).collect(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        flipped,
        // The right bytes, for other purposes.
        format!("zp_{rest}"),
        format!("zm_{rest}"),
        format!("zi_{rest}"),
        token.to_uppercase(),
        "x".repeat(100_000),
        "'; DROP TABLE users; --".into(),
    ];
    for case in cases {
        person.verify(&case).await?.expect(401)?.problem("TOKEN_INVALID").with_context(|| format!("{:.50}", case))?;
    }
    // None of these attempts used it up.
    person.verify(&token).await?.expect(200)?;
    Ok(())
}

async fn an_old_token_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = unverified(&system).await?;
    let life = "SELECT round(extract(epoch FROM t.expires_at - t.created_at) / 3600)::bigint FROM email_verification_tokens t \
                JOIN users u ON u.id = t.user_id WHERE u.email = $1";
    let hours = system.database.count(life, &[&person.email]).await?;
    ensure!(hours == 24, "it lives {hours} hours");
    let age = "UPDATE email_verification_tokens t SET expires_at = now() FROM users u WHERE u.id = t.user_id AND u.email = $1";
    system.database.execute(age, &[&person.email]).await?;
    person.verify(&token).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    person.try_sign_in().await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    Ok(())
}

async fn only_a_hash_is_kept() -> Result<()> {
    let system = world::shared().await?;
    let (person, token) = unverified(&system).await?;
    let rows = "SELECT to_jsonb(t)::text FROM email_verification_tokens t JOIN users u ON u.id = t.user_id WHERE u.email = $1";
    let jobs = "SELECT to_jsonb(o)::text FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text WHERE u.email = $1";
    for (what, statement) in [("token", rows), ("job", jobs)] {
        let kept = system.database.column(statement, &[&person.email]).await?;
        ensure!(!kept.is_empty(), "no {what}");
        ensure!(kept.iter().all(|row| !row.contains(token.trim_start_matches("zv_"))), "a {what} holds the token");
        ensure!(what == "token" || kept.iter().all(|row| !row.contains(&person.email)), "a {what} holds the address");
    }
    Ok(())
}

async fn resending_gives_another_token_and_the_first_redeemed_uses_up_all() -> Result<()> {
    let system = world::shared().await?;
    let (person, first) = unverified(&system).await?;
    person.api.post("/auth/verify-email/resend", &json!({ "email": person.email })).await?.expect(202)?;
    person.await_mails(2).await?;
    let second = person.verification_token().await?;
    ensure!(first != second, "the same token twice");
    person.verify(&second).await?.expect(200)?;
    person.verify(&first).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}

async fn a_verified_address_gets_no_further_mail() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    person.api.post("/auth/verify-email/resend", &json!({ "email": person.email })).await?.expect(202)?;
    // Long enough for a mail, had one been owed; and nothing is owed.
    let owed = system
        .database
        .count("SELECT count(*) FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text WHERE u.email = $1", &[&person.email])
        .await?;
    ensure!(owed == 1 && person.mails().await?.len() == 1, "{owed} mails were owed");
    Ok(())
}
