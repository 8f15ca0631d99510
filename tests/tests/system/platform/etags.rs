//! Entity tags and preconditions.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, tests, world};

tests![
    what_is_known_is_not_sent_again,
    a_change_moves_the_tag,
    changes_hold_to_what_was_read,
    of_many_at_once_one_wins,
    odd_preconditions_are_refused
];

fn tag(answer: &Answer) -> Result<String> {
    let tag = answer.header("etag").with_context(|| format!("no ETag in {answer}"))?;
    ensure!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 4, "{tag}");
    Ok(tag.to_owned())
}

async fn what_is_known_is_not_sent_again() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for path in ["/users/me", "/permissions", &format!("/tenants/{}", member.tenant_id)] {
        let api = &member.session.api;
        let tag = tag(&api.get(path).await?.expect(200)?)?;
        ensure!(tag == self::tag(&api.get(path).await?)?, "{path}: the tag moves by itself");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            for method in ["GET", "HEAD"] {
                let answer =
                    api.call(method, path)?.header("if-none-match", &known).send().await?.expect(304).with_context(|| format!("{path} {known}"))?;
                ensure!(answer.header("etag") == Some(&tag) && answer.header("content-type").is_none(), "{:?}", answer.headers);
            }
        }
        for other in ["\"other\"", "other", "", "\"", tag.trim_matches('"')] {
            api.call("GET", path)?.header("if-none-match", other).send().await?.expect(200).with_context(|| format!("{path} {other}"))?;
        }
    }
    Ok(())
}

async fn a_change_moves_the_tag() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let before = tag(&session.api.get("/users/me").await?)?;
    let changed = tag(&session.api.patch("/users/me", &json!({ "first_name": "Ada" })).await?.expect(200)?)?;
    let after = tag(&session.api.get("/users/me").await?)?;
    ensure!(before != after && changed == after, "{before} {changed} {after}");
    // Signing in is no change of the profile.
    let answer = session.api.call("GET", "/users/me")?.header("if-none-match", &before).send().await?.expect(200)?;
    ensure!(tag(&answer)? == after, "{answer}");
    Ok(())
}

async fn changes_hold_to_what_was_read() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let change = async |tag: &str, name: &str| {
        session.api.call("PATCH", "/users/me")?.header("if-match", tag).json(&json!({ "first_name": name })).send().await
    };
    let first = tag(&session.api.get("/users/me").await?)?;
    person.sign_in().await?;
    let second = tag(&change(&first, "One").await?.expect(200)?)?;
    change(&first, "Two").await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    change("\"nobodys\"", "Two").await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["first_name"] == "One", "{me}");
    change(&second, "Three").await?.expect(200)?;
    change("*", "Four").await?.expect(200)?;
    change(&format!("{first}, {second}"), "Five").await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    Ok(())
}

async fn of_many_at_once_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let tag = tag(&session.api.get("/users/me").await?)?;
    let racers: Vec<_> = (0..10)
        .map(|n| {
            let (api, tag) = (session.api.clone(), tag.clone());
            tokio::spawn(async move {
                api.call("PATCH", "/users/me")?.header("if-match", &tag).json(&json!({ "first_name": format!("Racer {n}") })).send().await
            })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 200 {
            won.push(answer.json()?["first_name"].clone());
        } else {
            answer.expect(412)?.problem("PRECONDITION_FAILED")?;
        }
    }
    ensure!(won.len() == 1, "{won:?} won");
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["first_name"] == won[0], "{me}");
    Ok(())
}

async fn odd_preconditions_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for odd in ["3-abc", "\"open", "\"a\" \"b\"", "W/*", ","] {
        let call = session.api.call("PATCH", "/users/me")?.header("if-match", odd).json(&json!({ "first_name": "Odd" }));
        call.send().await?.expect(400).with_context(|| odd.to_owned())?.problem("BAD_REQUEST")?;
    }
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["first_name"].is_null(), "{me}");
    Ok(())
}
