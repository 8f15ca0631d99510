//! `GET` and `PATCH /users/me/preferences`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{shape, tests, world};

tests![everybody_has_some, a_change_shows_and_the_rest_stays, bad_fields_change_nothing, of_two_editors_one_wins];

const PATH: &str = "/users/me/preferences";

async fn everybody_has_some() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let answer = session.api.get(PATH).await?;
    let tag = answer.header("etag").context("no ETag")?.to_owned();
    let preferences = answer.json_of(200)?;
    let expected = json!({
        "theme": "system", "locale": "en", "timezone": "UTC",
        "notifications": { "team_activity": true, "failures": true, "product_news": false },
    });
    ensure!(preferences == expected, "{preferences}");
    session.api.call("GET", PATH)?.header("if-none-match", &tag).send().await?.expect(304)?;
    Ok(())
}

async fn a_change_shows_and_the_rest_stays() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let change = json!({ "theme": "dark", "locale": "de-ch", "notifications": { "product_news": true } });
    let changed = session.api.patch(PATH, &change).await?.json_of(200)?;
    ensure!(changed["theme"] == "dark" && changed["locale"] == "de-CH" && changed["timezone"] == "UTC", "{changed}");
    ensure!(changed["notifications"] == json!({ "team_activity": true, "failures": true, "product_news": true }), "{changed}");
    let again = session.api.patch(PATH, &json!({ "notifications": { "failures": false }, "timezone": "Europe/Zurich" })).await?.json_of(200)?;
    ensure!(again["notifications"] == json!({ "team_activity": true, "failures": false, "product_news": true }), "{again}");
    ensure!(again["theme"] == "dark" && session.api.get(PATH).await?.json_of(200)? == again, "{again}");
    ensure!(session.api.patch(PATH, &json!({})).await?.json_of(200)? == again, "an empty change changed something");
    // Language and time zone are the profile's too.
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["locale"] == "de-CH" && me["timezone"] == "Europe/Zurich", "{me}");
    ensure!(shape::members(&again)? == ["locale", "notifications", "theme", "timezone"], "{again}");
    Ok(())
}

async fn bad_fields_change_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let before = session.api.get(PATH).await?.json_of(200)?;
    let cases = [
        ("theme", json!("sepia")),
        ("theme", json!(1)),
        ("locale", json!("en_US")),
        ("timezone", json!("../x")),
        ("notifications", json!([])),
        ("notifications.security", json!({ "security": false })),
        ("notifications.failures", json!({ "failures": "no" })),
        ("version", json!(1)),
    ];
    for (path, value) in cases {
        let field = path.split('.').next().unwrap_or_default();
        let answer = session.api.patch(PATH, &json!({ "theme": "light", field: value })).await?.expect(422)?;
        ensure!(answer.fields()?.iter().any(|(refused, _)| refused == path), "{path}: {answer}");
    }
    ensure!(session.api.get(PATH).await?.json_of(200)? == before, "a refused change changed something");
    Ok(())
}

async fn of_two_editors_one_wins() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let tag = session.api.get(PATH).await?.header("etag").context("no ETag")?.to_owned();
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (api, tag) = (session.api.clone(), tag.clone());
            // Some change the profile's part, some the other: both move the one version.
            let change = if n % 2 == 0 { json!({ "theme": "dark" }) } else { json!({ "timezone": format!("Europe/Town{n}") }) };
            tokio::spawn(async move { api.call("PATCH", PATH)?.json(&change).header("if-match", &tag).send().await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 200 {
            won += 1;
        } else {
            answer.expect(412)?.problem("PRECONDITION_FAILED")?;
        }
    }
    ensure!(won == 1, "{won} of 20 won");
    session.api.call("PATCH", PATH)?.json(&json!({ "theme": "light" })).header("if-match", "*").send().await?.expect(200)?;
    Ok(())
}
