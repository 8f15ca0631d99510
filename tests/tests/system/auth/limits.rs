//! Exact limits on sign-in, sign-up and mails.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, Person, System, people::PASSWORD_MARK, tests, world};

tests![
    ten_sign_ins_per_account_and_address,
    twins_at_once_do_not_slip_through,
    three_mails_of_a_kind_per_account,
    three_confirmations_per_new_address,
    five_sign_ups_per_address,
    a_hundred_sign_ins_per_address,
    ten_mails_of_a_kind_per_address,
    addresses_of_one_network_count_together,
];

/// What `RateLimit` and `RateLimit-Policy` say: quota, window and what is left.
fn limit(answer: &Answer) -> Result<(u64, u64, u64)> {
    let number = |header: &str, parameter: &str| -> Result<u64> {
        let value = answer.header(header).with_context(|| format!("no {header} in {answer}"))?;
        let start = format!("{parameter}=");
        let found = value.split(';').find_map(|part| part.trim().strip_prefix(start.as_str()));
        Ok(found.with_context(|| format!("no {parameter} in {value}"))?.parse()?)
    };
    Ok((number("ratelimit-policy", "q")?, number("ratelimit-policy", "w")?, number("ratelimit", "r")?))
}

/// The refusal of a limit, with a wait of at most so many seconds.
fn refused(answer: &Answer, most: u32) -> Result<()> {
    answer.clone().expect(429)?.problem("RATE_LIMITED")?;
    let wait: u32 = answer.header("retry-after").context("no Retry-After")?.parse()?;
    ensure!((1..=most).contains(&wait), "wait {wait} s");
    ensure!(limit(answer)?.2 == 0, "something is left in {:?}", answer.headers);
    Ok(())
}

async fn ten_sign_ins_per_account_and_address() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let other = system.person().await?;
    for used in 1..=10 {
        let answer = person.try_sign_in().await?.expect(200)?;
        ensure!(limit(&answer)? == (10, 900, 10 - used), "after {used}: {:?}", answer.headers);
    }
    refused(&person.try_sign_in().await?, 90)?;
    // Wrong or right, known or not: the limit comes first.
    refused(&person.with_password("x").try_sign_in().await?, 90)?;
    // Neither another address of the account, nor another account at the address.
    person.from_elsewhere().sign_in().await?;
    Person { api: person.api.clone(), ..other }.sign_in().await?;
    Ok(())
}

async fn twins_at_once_do_not_slip_through() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    let tries: Vec<_> = (0..30)
        .map(|_| {
            let person = person.clone();
            tokio::spawn(async move { person.try_sign_in().await })
        })
        .collect();
    let mut admitted = 0;
    for answer in tries {
        let answer = answer.await??;
        if answer.status == 401 { admitted += 1 } else { refused(&answer, 90)? }
    }
    ensure!(admitted == 10, "{admitted} were admitted");
    Ok(())
}

/// Mails that anyone may ask for; each kind counts for itself.
const MAILS: [&str; 3] = ["/auth/verify-email/resend", "/auth/forgot-password", "/auth/magic-link"];

async fn ask(path: &str, person: &Person) -> Result<Answer> {
    person.api.post(path, &json!({ "email": person.email })).await
}

async fn three_mails_of_a_kind_per_account() -> Result<()> {
    let system = world::shared().await?;
    let known = Person::stranger(&system.api()?)?;
    known.sign_up().await?.expect(201)?;
    let unknown = Person::stranger(&system.api()?)?;
    for person in [known, unknown] {
        for path in MAILS {
            for _ in 0..3 {
                // From anywhere: the limit is the account's.
                ask(path, &person.from_elsewhere()).await?.expect(202)?;
            }
            refused(&ask(path, &person.from_elsewhere()).await?, 1200)?;
        }
    }
    Ok(())
}

/// Whoever is signed in must not flood somebody else's mailbox either.
async fn three_confirmations_per_new_address() -> Result<()> {
    let system = world::shared().await?;
    let target = Person::stranger(&system.api()?)?;
    for wanted in 1..=4 {
        let (person, session) = system.session().await?;
        let input = json!({ "email": target.email, "password": person.password });
        let answer = session.api.post("/users/me/change-email", &input).await?;
        if wanted <= 3 { answer.expect(202).map(drop)? } else { refused(&answer, 1200)? }
    }
    Ok(())
}

async fn five_sign_ups_per_address() -> Result<()> {
    let system = world::strict().await?;
    let api = system.api()?;
    let strangers = (0..7).map(|_| Ok(Person { api: api.clone(), ..Person::stranger(&api)? })).collect::<Result<Vec<_>>>()?;
    for (used, person) in (1..=5).zip(&strangers) {
        let answer = person.sign_up().await?.expect(201)?;
        ensure!(limit(&answer)? == (5, 3600, 5 - used), "{:?}", answer.headers);
    }
    refused(&strangers[5].sign_up().await?, 720)?;
    strangers[6].from_elsewhere().sign_up().await?.expect(201)?;
    Ok(())
}

async fn a_hundred_sign_ins_per_address() -> Result<()> {
    let system = world::strict().await?;
    let api = system.api()?;
    let tries = (0..110).map(|_| Ok(Person { api: api.clone(), ..Person::stranger(&api)? })).collect::<Result<Vec<_>>>()?;
    let mut admitted = 0;
    // A few at a time: each costs the Worker a hash.
    for batch in tries.chunks(8) {
        let batch: Vec<_> = batch.iter().cloned().map(|person| tokio::spawn(async move { person.try_sign_in().await })).collect();
        for answer in batch {
            let answer = answer.await??;
            if answer.status == 401 { admitted += 1 } else { refused(&answer, 36)? }
        }
    }
    // One more for each 36 s that this takes.
    ensure!((100..=102).contains(&admitted), "{admitted} were admitted");
    Ok(())
}

async fn ten_mails_of_a_kind_per_address() -> Result<()> {
    let system = world::strict().await?;
    for path in MAILS {
        let api = system.api()?;
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(ask(path, &Person { api: api.clone(), ..Person::stranger(&api)? }).await?);
        }
        let last = answers.pop().context("eleven answers")?;
        for answer in answers {
            answer.expect(202)?;
        }
        refused(&last, 360)?;
    }
    Ok(())
}

async fn addresses_of_one_network_count_together() -> Result<()> {
    let system = world::strict().await?;
    let from = async |system: &System, address: &str| -> Result<Answer> {
        let api = system.api()?.from(address);
        let person = Person::stranger(&api)?;
        Person { api, ..person.with_password(&format!("{PASSWORD_MARK} network")) }.sign_up().await
    };
    for host in 0..5 {
        from(&system, &format!("2001:db8:7:7::{host}")).await?.expect(201)?;
    }
    refused(&from(&system, "2001:db8:7:7:ffff::1").await?, 720)?;
    from(&system, "2001:db8:7:8::1").await?.expect(201)?;
    // An IPv4 address in IPv6's clothes is the IPv4 address.
    for _ in 0..5 {
        from(&system, "198.51.100.7").await?.expect(201)?;
    }
    refused(&from(&system, "::ffff:198.51.100.7").await?, 720)?;
    Ok(())
}
