//! `POST /users/me/change-password`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, Person, Session, eventually, people::PASSWORD_MARK, range::BREACHED, tests, world};

tests![
    the_new_one_holds_and_other_sessions_end,
    the_old_one_must_be_known,
    wrong_ones_lock_the_account,
    weak_ones_change_nothing,
    of_twenty_at_once_one_wins,
    without_a_password_there_is_none_to_know,
    ten_tries_per_person_and_address,
    one_that_a_breach_has_shown_is_refused,
];

async fn change(session: &Session, old: &str, new: &str) -> Result<Answer> {
    session.api.post("/users/me/change-password", &json!({ "current_password": old, "new_password": new })).await
}

fn another(person: &Person) -> String {
    format!("{PASSWORD_MARK} another {}", person.email)
}

async fn the_new_one_holds_and_other_sessions_end() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let other = person.sign_in().await?;
    let member = system.member_of_new(person.clone(), &other).await?;
    let new = another(&person);
    change(&session, &person.password, &new).await?.expect(204)?;
    person.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    person.with_password(&new).sign_in().await?;
    session.refresh().await?.expect(200)?;
    for ended in [&other, &member.session] {
        ended.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
        eventually(async || ended.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    }
    person.token_for("/end-sessions").await?;
    ensure!(person.mails().await?[0]["subject"] == "Your password was changed", "no notice");
    Ok(())
}

async fn the_old_one_must_be_known() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let other = person.sign_in().await?;
    let wrong = format!("{PASSWORD_MARK} wrong");
    change(&session, &wrong, &another(&person)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    other.refresh().await?.expect(200)?;
    person.sign_in().await?;
    Ok(())
}

/// Whoever has found an open session must not guess on.
async fn wrong_ones_lock_the_account() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let wrong = format!("{PASSWORD_MARK} wrong");
    for _ in 0..10 {
        let session = Session { api: session.api.from_elsewhere(), ..session.clone() };
        change(&session, &wrong, &another(&person)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    }
    let elsewhere = Session { api: session.api.from_elsewhere(), ..session.clone() };
    change(&elsewhere, &person.password, &another(&person)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    person.from_elsewhere().try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn weak_ones_change_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let cases = ["short", "passwordpassword", "password1234", &"x".repeat(129), &person.email.clone()];
    for new in cases {
        let problem = change(&session, &person.password, new).await?.expect(422)?;
        let code = problem.json()?["code"].clone();
        ensure!(code == "PASSWORD_TOO_WEAK" || code == "VALIDATION_FAILED", "{code}");
        ensure!(problem.json()?["details"]["fields"][0]["path"] == "new_password", "{problem}");
    }
    person.sign_in().await?;
    Ok(())
}

async fn of_twenty_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (old, new) = (person.password.clone(), format!("{} {n}", another(&person)));
            // Each at an address of its own, or the limit would be met.
            let session = Session { api: session.api.from_elsewhere(), ..session.clone() };
            tokio::spawn(async move { anyhow::Ok((change(&session, &old, &new).await?, new)) })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        let (answer, new) = racer.await??;
        if answer.status == 204 {
            won.push(new);
        } else {
            answer.expect(401)?.problem("INVALID_CREDENTIALS")?;
        }
    }
    ensure!(won.len() == 1, "{} of 20 won", won.len());
    // Those who came too late failed, and ten failures lock an account; its owner waits, or resets the password.
    system.database.execute("UPDATE users SET failed_sign_ins = 0, locked_until = NULL WHERE email = $1", &[&person.email]).await?;
    person.with_password(&won[0]).from_elsewhere().sign_in().await?;
    Ok(())
}

async fn without_a_password_there_is_none_to_know() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    system.database.execute("UPDATE users SET password_hash = NULL WHERE email = $1", &[&person.email]).await?;
    change(&session, &person.password, &another(&person)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn one_that_a_breach_has_shown_is_refused() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (person, session) = system.session().await?;
    let refused = change(&session, &person.password, BREACHED).await?.expect(422)?;
    ensure!(refused.problem("PASSWORD_BREACHED")?["details"]["fields"][0]["path"] == "new_password", "{refused}");
    let newcomer = Person::stranger(&system.api()?)?.with_password(BREACHED);
    newcomer.sign_up().await?.expect(422)?.problem("PASSWORD_BREACHED")?;
    change(&session, &person.password, &another(&person)).await?.expect(204)?;
    // Five digits of a hash are all that left the house.
    let asked = system.range.as_ref().context("no range service")?.asked();
    ensure!(!asked.is_empty() && asked.iter().all(|path| path.len() == "/range/".len() + 5), "{asked:?}");
    Ok(())
}

async fn ten_tries_per_person_and_address() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    for _ in 0..10 {
        change(&session, &person.password, "short").await?.expect(422)?;
    }
    change(&session, &person.password, "short").await?.expect(429)?.problem("RATE_LIMITED")?;
    Ok(())
}
