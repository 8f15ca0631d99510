//! The lock on an account after failures in a row.

use anyhow::{Result, ensure};
use zygo_tests::{people::PASSWORD_MARK, tests, world};

tests![ten_failures_lock_the_account_and_its_owner_is_told, the_lock_grows, a_success_in_between_starts_over];

const LOCKED_SECONDS: &str = "SELECT coalesce(round(extract(epoch FROM locked_until - now())), 0)::bigint FROM users WHERE email = $1";
const UNLOCK: &str = "UPDATE users SET locked_until = now() - interval '1 second' WHERE email = $1";

async fn ten_failures_lock_the_account_and_its_owner_is_told() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let wrong = person.with_password(&format!("{PASSWORD_MARK} guess"));
    let mut answers = Vec::new();
    // From ten addresses: no limit per address stands in the way.
    for _ in 0..10 {
        answers.push(wrong.from_elsewhere().try_sign_in().await?.expect(401)?.alike()?);
    }
    let right = person.from_elsewhere().try_sign_in().await?.expect(401)?;
    right.problem("INVALID_CREDENTIALS")?;
    answers.push(right.alike()?);
    answers.push(wrong.from_elsewhere().try_sign_in().await?.expect(401)?.alike()?);
    ensure!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the lock shows: {answers:?}");

    let locked = system.database.count(LOCKED_SECONDS, &[&person.email]).await?;
    ensure!((40..=60).contains(&locked), "locked for {locked} s");
    let mails = person.await_mails(2).await?;
    ensure!(mails[0]["subject"] != mails[1]["subject"] && mails[0]["tokens"]["verify"].is_null(), "{:?}", mails[0]);

    system.database.execute(UNLOCK, &[&person.email]).await?;
    person.from_elsewhere().sign_in().await?;
    let failures = system.database.count("SELECT failed_sign_ins::bigint FROM users WHERE email = $1", &[&person.email]).await?;
    ensure!(failures == 0, "{failures} failures are left after a success");
    ensure!(person.mails().await?.len() == 2, "one mail for one lock");
    Ok(())
}

async fn the_lock_grows() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let wrong = person.with_password(&format!("{PASSWORD_MARK} guess"));
    for _ in 0..10 {
        wrong.from_elsewhere().try_sign_in().await?.expect(401)?;
    }
    for expected in [120, 240, 480, 960, 1920, 3600, 3600] {
        system.database.execute(UNLOCK, &[&person.email]).await?;
        wrong.from_elsewhere().try_sign_in().await?.expect(401)?;
        let locked = system.database.count(LOCKED_SECONDS, &[&person.email]).await?;
        ensure!((expected - 20..=expected).contains(&locked), "locked for {locked} s, not {expected}");
    }
    Ok(())
}

async fn a_success_in_between_starts_over() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let wrong = person.with_password(&format!("{PASSWORD_MARK} guess"));
    for _ in 0..2 {
        for _ in 0..9 {
            wrong.from_elsewhere().try_sign_in().await?.expect(401)?;
        }
        person.from_elsewhere().sign_in().await?;
    }
    ensure!(person.mails().await?.len() == 1, "nine failures are no lock");
    Ok(())
}
