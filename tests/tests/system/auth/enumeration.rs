//! Whether an address has an account shows nowhere.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Person, people::PASSWORD_MARK, shape, tests, world};

tests![sign_up_answers_alike, sign_in_answers_alike, mails_that_anyone_may_ask_for_answer_alike];

/// All that a caller can see of an answer apart from times and ids.
fn seen(answer: &Answer) -> Result<(u16, Vec<String>, Value, u32)> {
    let mut names: Vec<String> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort_unstable();
    Ok((answer.status, names, shape::outline(&answer.alike()?), answer.round_trips()?))
}

fn all_alike(answers: &[(&str, Answer)]) -> Result<()> {
    for pair in answers.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        let (first_seen, second_seen) = (seen(first)?, seen(second)?);
        ensure!(first_seen == second_seen, "{one} and {other} differ:\n{first_seen:?}\n{second_seen:?}");
    }
    Ok(())
}

async fn sign_up_answers_alike() -> Result<()> {
    let system = world::shared().await?;
    let new = Person::stranger(&system.api()?)?;
    let unverified = Person::stranger(&system.api()?)?;
    unverified.sign_up().await?.expect(201)?;
    let verified = system.person().await?;
    let mut answers = Vec::new();
    for (what, person) in [("new", new), ("unverified", unverified), ("verified", verified)] {
        let input = json!({ "email": person.email, "password": format!("{PASSWORD_MARK} again"), "first_name": "Eve" });
        let answer = person.from_elsewhere().api.post("/auth/signup", &input).await?.expect(201)?;
        let body = answer.json()?;
        // Neither the verified state nor the name of the owner.
        ensure!(body["user"]["email_verified"] == false && body["user"]["first_name"] == "Eve", "{what}: {body}");
        ensure!(body["user"]["email"] == person.email.as_str(), "{what}: {body}");
        answers.push((what, answer));
    }
    let known = system.database.column("SELECT id::text FROM users WHERE email LIKE '%'", &[]).await?;
    let shown: Vec<String> = answers.iter().filter_map(|(_, answer)| Some(answer.json().ok()?["user"]["id"].as_str()?.to_owned())).collect();
    ensure!(shown.iter().filter(|id| known.contains(id)).count() == 1, "the id of somebody else's account is shown");
    all_alike(&answers)
}

async fn sign_in_answers_alike() -> Result<()> {
    let system = world::shared().await?;
    let wrong = format!("{PASSWORD_MARK} wrong");
    let verified = system.person().await?;
    let member = system.member().await?;
    let unverified = Person::stranger(&system.api()?)?;
    unverified.sign_up().await?.expect(201)?;
    let suspended = system.person().await?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE email = $1", &[&suspended.email]).await?;
    let locked = system.person().await?;
    system
        .database
        .execute("UPDATE users SET failed_sign_ins = 10, locked_until = now() + interval '1 minute' WHERE email = $1", &[&locked.email])
        .await?;
    let cases = [
        ("unknown", Person::stranger(&system.api()?)?),
        ("wrong password", verified.with_password(&wrong)),
        ("wrong password, unverified", unverified.with_password(&wrong)),
        ("wrong password, suspended", suspended.with_password(&wrong)),
        ("wrong password, locked", locked.with_password(&wrong)),
        ("right password, locked", locked.clone()),
        ("unknown, at a tenant", Person::stranger(&system.api()?)?.at(&member.host)),
        ("right password, no member", verified.at(&member.host)),
        ("wrong password, member", member.person.with_password(&wrong).at(&member.host)),
    ];
    let mut answers = Vec::new();
    for (what, person) in cases {
        answers.push((what, person.from_elsewhere().try_sign_in().await?.expect(401)?));
    }
    let bodies = answers.iter().map(|(_, answer)| answer.alike()).collect::<Result<Vec<_>>>()?;
    ensure!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    all_alike(&answers)
}

async fn mails_that_anyone_may_ask_for_answer_alike() -> Result<()> {
    let system = world::shared().await?;
    let unverified = Person::stranger(&system.api()?)?;
    unverified.sign_up().await?.expect(201)?;
    let suspended = system.person().await?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE email = $1", &[&suspended.email]).await?;
    let cases =
        [("unknown", Person::stranger(&system.api()?)?), ("unverified", unverified), ("verified", system.person().await?), ("suspended", suspended)];
    for path in ["/auth/verify-email/resend", "/auth/forgot-password", "/auth/magic-link"] {
        let mut answers = Vec::new();
        for (what, person) in &cases {
            let input = json!({ "email": person.email });
            answers.push((*what, person.from_elsewhere().api.post(path, &input).await?.expect(202)?));
        }
        let bodies = answers.iter().map(|(_, answer)| answer.alike()).collect::<Result<Vec<_>>>()?;
        ensure!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{path}: {bodies:?}");
        all_alike(&answers)?;
    }
    Ok(())
}
