//! `Idempotency-Key` on what creates.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Api, Person, random, tests, world};

tests![
    the_first_answer_is_replayed,
    another_body_is_refused,
    twins_create_once,
    a_twin_in_progress_is_told,
    a_refusal_frees_the_key,
    keys_of_two_people_do_not_meet,
    sign_up_is_replayed,
    odd_keys_are_refused,
];

async fn create(api: &Api, key: &str, body: &Value) -> Result<Answer> {
    api.call("POST", "/tenants")?.header("idempotency-key", key).json(body).send().await
}

fn tenant() -> Result<Value> {
    Ok(json!({ "name": "Once", "slug": format!("once-{}", random::word()?) }))
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

async fn the_first_answer_is_replayed() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let (key, body) = (random::word()?, tenant()?);
    let first = create(&session.api, &key, &body).await?.expect(201)?;
    ensure!(first.header("idempotency-replayed").is_none(), "{:?}", first.headers);
    for _ in 0..2 {
        let again = create(&session.api, &key, &body).await?.expect(201)?;
        ensure!(replayed(&again) && again.body == first.body, "{again}");
        for name in ["location", "etag", "content-type"] {
            ensure!(again.header(name) == first.header(name), "{name}: {:?}", again.headers);
        }
        ensure!(again.header("x-request-id") != first.header("x-request-id"), "another request has another id");
        ensure!(again.round_trips()? == 0, "a replay asks Postgres nothing");
    }
    let list = session.api.get("/tenants").await?.json_of(200)?;
    ensure!(list["data"].as_array().map(Vec::len) == Some(1), "{list}");
    Ok(())
}

async fn another_body_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let key = random::word()?;
    create(&session.api, &key, &tenant()?).await?.expect(201)?;
    create(&session.api, &key, &tenant()?).await?.expect(422)?.problem("IDEMPOTENCY_KEY_REUSED")?;
    create(&session.api, &key, &json!({})).await?.expect(422)?.problem("IDEMPOTENCY_KEY_REUSED")?;
    create(&session.api, &random::word()?, &tenant()?).await?.expect(201)?;
    Ok(())
}

async fn twins_create_once() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let (key, body) = (random::word()?, tenant()?);
    let twins: Vec<_> = (0..10)
        .map(|_| {
            let (api, key, body) = (session.api.clone(), key.clone(), body.clone());
            tokio::spawn(async move { create(&api, &key, &body).await })
        })
        .collect();
    let mut made = 0;
    for twin in twins {
        let answer = twin.await??;
        match answer.status {
            201 => made += i32::from(!replayed(&answer)),
            _ => drop(answer.expect(409)?.problem("IDEMPOTENCY_IN_PROGRESS")?),
        }
    }
    ensure!(made == 1, "{made} twins did the work");
    Ok(())
}

async fn a_twin_in_progress_is_told() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (_, session) = system.session().await?;
    let (key, body) = (random::word()?, tenant()?);
    // On a long line the first is still at work when the second comes.
    system.proxy.set_round_trip(Duration::from_millis(300));
    let first = {
        let (api, key, body) = (session.api.clone(), key.clone(), body.clone());
        tokio::spawn(async move { create(&api, &key, &body).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = create(&session.api, &key, &body).await;
    system.proxy.set_round_trip(Duration::ZERO);
    let second = second?.expect(409)?;
    second.problem("IDEMPOTENCY_IN_PROGRESS")?;
    ensure!(second.header("retry-after").is_some(), "{:?}", second.headers);
    let first = first.await??.expect(201)?;
    let third = create(&session.api, &key, &body).await?.expect(201)?;
    ensure!(replayed(&third) && third.body == first.body, "{third}");
    Ok(())
}

async fn a_refusal_frees_the_key() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let (key, body) = (random::word()?, tenant()?);
    create(&session.api, &key, &json!({ "name": "Once", "slug": "-" })).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    let made = create(&session.api, &key, &body).await?.expect(201)?;
    ensure!(!replayed(&made), "{made}");
    // A refusal by what is there already is a refusal too.
    let key = random::word()?;
    create(&session.api, &key, &body).await?.expect(409)?.problem("SLUG_TAKEN")?;
    create(&session.api, &key, &tenant()?).await?.expect(201)?;
    Ok(())
}

async fn keys_of_two_people_do_not_meet() -> Result<()> {
    let system = world::shared().await?;
    let ((_, mine), (_, theirs)) = tokio::try_join!(system.session(), system.session())?;
    let (key, body) = (random::word()?, tenant()?);
    create(&mine.api, &key, &body).await?.expect(201)?;
    create(&theirs.api, &key, &body).await?.expect(409)?.problem("SLUG_TAKEN")?;
    Ok(())
}

async fn sign_up_is_replayed() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    let (key, input) = (random::word()?, json!({ "email": person.email, "password": person.password }));
    let sign_up = async || person.api.call("POST", "/auth/signup")?.header("idempotency-key", &key).json(&input).send().await;
    let first = sign_up().await?.expect(201)?;
    let again = sign_up().await?.expect(201)?;
    ensure!(replayed(&again) && again.body == first.body, "{again}");
    person.verify(&person.verification_token().await?).await?.expect(200)?;
    ensure!(person.mails().await?.len() == 1, "a replay sent a mail");
    // The password itself is not what is kept of it: another one is another body.
    let other = json!({ "email": person.email, "password": format!("{} more", person.password) });
    let call = person.api.call("POST", "/auth/signup")?.header("idempotency-key", &key).json(&other);
    call.send().await?.expect(422)?.problem("IDEMPOTENCY_KEY_REUSED")?;
    Ok(())
}

async fn odd_keys_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for odd in ["", &"k".repeat(256)] {
        create(&session.api, odd, &tenant()?).await?.expect(400).with_context(|| format!("{odd:.20}"))?.problem("BAD_REQUEST")?;
    }
    for fine in [&"k".repeat(255), "8e03978e-40d5-43e8-bc93-6894a57f9324", "\"quoted\"", "a b"] {
        create(&session.api, fine, &tenant()?).await?.expect(201)?;
    }
    Ok(())
}
