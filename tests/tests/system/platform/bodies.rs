//! Bodies: malformed, mistyped, oversized, hostile. Every route that reads one gets every one.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Answer, Api,
    client::Call,
    routes::{ROUTES, Route, Who},
    tests, world,
};

tests![
    malformed_json_has_a_place,
    the_place_is_right,
    unknown_fields_are_named,
    all_wrong_fields_have_their_names,
    nothing_but_an_object_is_read,
    long_bodies_are_refused,
    only_json_is_read,
    a_body_that_nobody_reads_does_no_harm,
];

const LIMIT: usize = 256 * 1024;

/// The routes with a body, each with a client that may call it.
async fn readers() -> Result<Vec<(&'static Route, Api)>> {
    let system = world::shared().await?;
    // On the largest plan: there are many routes, each with many bodies.
    let (api, (_, session), member) = (system.api()?, system.session().await?, system.company().await?);
    let routes = ROUTES.iter().filter(|route| route.body || route.path == "/auth/logout");
    let client = |who| match who {
        Who::Public | Who::Anybody | Who::Provider => api.clone(),
        Who::Member => member.session.api.clone(),
        Who::Session | Who::Ops | Who::Directory | Who::Admin => session.api.clone(),
    };
    Ok(routes.map(|route| (route, client(route.who))).collect())
}

fn sent(api: &Api, route: &Route, body: impl Into<Vec<u8>>) -> Result<Call> {
    Ok(api.call(route.method, route.path)?.header("content-type", "application/json").body(body))
}

fn place(answer: &Answer) -> Result<(u64, u64)> {
    let problem = answer.clone().expect(400)?.problem("MALFORMED_JSON")?;
    let number = |name: &str| problem["details"][name].as_u64().with_context(|| format!("no {name} in {problem}"));
    let place = (number("line")?, number("column")?);
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(detail.contains(&format!("line {} column {}", place.0, place.1)), "the sentence does not say where: {detail}");
    Ok(place)
}

fn nested(depth: usize) -> String {
    format!("{{\"email\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

async fn malformed_json_has_a_place() -> Result<()> {
    let cases: Vec<Vec<u8>> = vec![
        b"{".into(),
        b"{\"email\":}".into(),
        b"{\"email\":\"a\",}".into(),
        b"{'email':'a'}".into(),
        b"{\"email\":\"a\"} x".into(),
        b"{}{}".into(),
        b"{\"email\":1,\"email\":2}".into(),
        b"{\"a\":{\"b\":1,\"\\u0062\":2}}".into(),
        b"{\"email\":\"\xff\xfe\"}".into(),
        b"{\"email\":\"\xc0\xaf\"}".into(),
        b"{\"email\":\"\xed\xa0\x80\"}".into(),
        b"{\"email\":\"\\ud800\"}".into(),
        b"\xef\xbb\xbf{}".into(),
        b"{\"email\":\"a\x01b\"}".into(),
        b"{\"n\":1e999}".into(),
        b"{\"n\":01}".into(),
        b"{\"n\":NaN}".into(),
        b"{/* x */}".into(),
        b"nothing".into(),
        b" ".into(),
        b"\0".into(),
        nested(33).into(),
        "[".repeat(100_000).into(),
        "{\"a\":".repeat(40_000).into(),
    ];
    for (route, api) in readers().await? {
        for case in &cases {
            let answer = sent(&api, route, case.clone())?.send().await?;
            let (line, _) = place(&answer).with_context(|| format!("{} {:.60}", route.path, String::from_utf8_lossy(case)))?;
            ensure!(line >= 1, "line {line}");
        }
        // As deep as it may be: then the fields are looked at.
        sent(&api, route, nested(32))?.send().await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    Ok(())
}

async fn the_place_is_right() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let cases: &[(&str, u64, u64)] =
        &[("{\n  \"email\": \"a\",\n  \"email\": \"b\"\n}", 3, 9), ("{\n  \"email\": \"a\"\n}\n!", 4, 1), ("{\"email\":\"a\",}", 1, 14)];
    for (body, line, column) in cases {
        let answer = api.call("POST", "/auth/login")?.header("content-type", "application/json").body(*body).send().await?;
        ensure!(place(&answer)? == (*line, *column), "{body:?}: {answer}");
    }
    Ok(())
}

async fn unknown_fields_are_named() -> Result<()> {
    for (route, api) in readers().await? {
        for name in ["surprise", "Email", "__proto__", "constructor"] {
            let fields = sent(&api, route, json!({ name: 1 }).to_string())?.send().await?.expect(422)?.fields()?;
            let named = fields.iter().any(|(path, code)| path == name && code == "unknown_field");
            ensure!(named, "{} {name}: {fields:?}", route.path);
        }
    }
    Ok(())
}

async fn all_wrong_fields_have_their_names() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let input = json!({ "email": 5, "password": "x", "surprise": true, "other": null });
    let answer = api.post("/auth/login", &input).await?.expect(422)?;
    let names: Vec<String> = answer.fields()?.into_iter().map(|(path, _)| path).collect();
    for name in ["email", "surprise", "other"] {
        ensure!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
    }
    let detail = answer.json()?["detail"].as_str().map(str::to_owned).unwrap_or_default();
    ensure!(detail.starts_with(&names.len().to_string()), "{detail}: {names:?}");
    Ok(())
}

async fn nothing_but_an_object_is_read() -> Result<()> {
    for (route, api) in readers().await? {
        for body in ["null", "true", "7", "\"x\"", "[]", "[{}]", "[\"a@b.example\",\"password\"]"] {
            sent(&api, route, body)?.send().await?.expect(422).with_context(|| format!("{} {body}", route.path))?.problem("VALIDATION_FAILED")?;
        }
    }
    Ok(())
}

async fn long_bodies_are_refused() -> Result<()> {
    for (route, api) in readers().await? {
        let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
        let answer = sent(&api, route, padded(LIMIT + 1))?.send().await?.expect(413).with_context(|| route.path)?;
        answer.problem("BODY_TOO_LARGE")?;
        sent(&api, route, padded(4 * LIMIT))?.send().await?.expect(413)?.problem("BODY_TOO_LARGE")?;
        // Exactly as long as it may be: then it is read.
        let surprise = format!("{{\"surprise\":\"{}\"}}", "x".repeat(LIMIT - 15));
        ensure!(surprise.len() == LIMIT, "{} bytes", surprise.len());
        sent(&api, route, surprise)?.send().await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    Ok(())
}

async fn only_json_is_read() -> Result<()> {
    for (route, api) in readers().await? {
        let body = json!({ "surprise": 1 }).to_string();
        for kind in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "application/xml", "json", ""]
        {
            let call = api.call(route.method, route.path)?.header("content-type", kind).body(body.clone());
            call.send().await?.expect(415).with_context(|| format!("{} {kind}", route.path))?.problem("UNSUPPORTED_MEDIA_TYPE")?;
        }
        api.call(route.method, route.path)?.body(body.clone()).send().await?.expect(415)?.problem("UNSUPPORTED_MEDIA_TYPE")?;
        for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=\"utf-8\""] {
            let call = api.call(route.method, route.path)?.header("content-type", kind).body(body.clone());
            call.send().await?.expect(422).with_context(|| format!("{} {kind}", route.path))?.problem("VALIDATION_FAILED")?;
        }
    }
    Ok(())
}

async fn a_body_that_nobody_reads_does_no_harm() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let big: Value = json!({ "x": "y".repeat(1000) });
    let path = "/auth/sessions/019a0000-0000-7000-8000-000000000001";
    session.api.call("DELETE", path)?.json(&big).send().await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}
