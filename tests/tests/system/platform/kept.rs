//! Answers that are the same for everybody, which an isolate gives again without the walk through the pipeline: nobody can tell.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use zygo_tests::{Answer, random, tests, world};

tests![the_first_answer_and_the_next_are_alike, each_is_logged_and_counted, what_differs_takes_the_whole_way];

const PATHS: [&str; 2] = ["/health", "/.well-known/jwks.json"];

/// Headers and body, without what each answer has of its own.
fn alike(answer: &Answer) -> (BTreeMap<String, String>, Vec<u8>) {
    let own = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    (headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect(), answer.body.clone())
}

async fn the_first_answer_and_the_next_are_alike() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    // At a port that nobody has asked at before.
    let api = system.api()?.at(&format!("localhost:{}", 20_000 + u16::from(random::bytes::<1>()?.into_iter().sum::<u8>())));
    for path in PATHS {
        let first = api.get(path).await?.expect(200)?;
        for _ in 0..3 {
            let next = api.get(path).await?.expect(200)?;
            ensure!(alike(&first) == alike(&next), "{first} and {next}: {:?}, {:?}", first.headers, next.headers);
            ensure!(first.header("x-request-id") != next.header("x-request-id"), "{path}: two requests with one id");
        }
    }
    Ok(())
}

async fn each_is_logged_and_counted() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    for path in PATHS {
        let counted = || async {
            let answer = system.api()?.with(&system.secrets.ops_token).get("/metrics").await?.expect(200)?;
            let name = format!("zygo_request_duration_seconds_count{{method=\"GET\",route=\"{path}\",status=\"200\"}} ");
            let text = String::from_utf8(answer.body)?;
            anyhow::Ok(text.lines().find_map(|line| line.strip_prefix(&name)).map(str::parse::<u64>).transpose()?.unwrap_or_default())
        };
        let before = counted().await?;
        let ids: Vec<String> = (0..5).map(|n| Ok(format!("kept-{n}-{}", random::word()?))).collect::<Result<_>>()?;
        for id in &ids {
            let answer = system.api()?.call("GET", path)?.header("x-request-id", id).send().await?.expect(200)?;
            ensure!(answer.header("x-request-id") == Some(id), "{id} became {:?}", answer.header("x-request-id"));
        }
        ensure!(counted().await? == before + 5, "{path} was asked five times");
        zygo_tests::eventually(async || {
            let log = system.log().await?;
            for id in &ids {
                let lines: Vec<Value> = log.lines().filter(|line| line.contains(id)).map(serde_json::from_str).collect::<Result<_, _>>()?;
                ensure!(lines.len() == 1, "{} lines of {id}", lines.len());
                let line = lines.first().context("a line")?;
                ensure!(line["route"] == path && line["method"] == "GET" && line["status"] == 200 && line["level"] == "info", "{line}");
                ensure!(line["request_id"] == id.as_str() && line["message"] == "request" && line["rt"] == 0 && line["ms"].is_number(), "{line}");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn what_differs_takes_the_whole_way() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for path in PATHS {
        let plain = system.api()?.get(path).await?.expect(200)?;
        let queried = system.api()?.get(&format!("{path}?x=1")).await?.expect(200)?;
        ensure!(alike(&plain) == alike(&queried), "{queried}");
        let head = system.api()?.call("HEAD", path)?.send().await?.expect(200)?;
        ensure!(head.body.is_empty() && head.header("content-type") == plain.header("content-type"), "{head}");
        system.api()?.call("POST", path)?.send().await?.expect(405)?.problem("METHOD_NOT_ALLOWED")?;
        let origin = format!("https://{}", member.host);
        let theirs = member.session.api.at(&member.host).call("GET", path)?.header("origin", &origin).send().await?.expect(200)?;
        ensure!(theirs.body == plain.body, "{theirs}");
        let foreign = system.api()?.call("GET", path)?.header("origin", "https://evil.example").send().await?.expect(200)?;
        ensure!(foreign.header("access-control-allow-origin").is_none() && foreign.header("vary").is_some(), "{:?}", foreign.headers);
    }
    // Kept for the platform's own hosts, not for whoever asks.
    for host in ["nobody.app.localhost", "unknown.example"] {
        system.api()?.at(host).get("/.well-known/jwks.json").await?.expect(404)?.problem("TENANT_NOT_FOUND")?;
    }
    Ok(())
}
