//! `POST /users/me/avatar` and `GET /avatars/{id}/{file}`

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Answer, Session, eventually, tests, world};

tests![
    every_kind_is_kept_and_served,
    nothing_of_the_file_but_the_picture,
    the_one_before_goes,
    a_lie_about_the_type_is_refused,
    what_is_something_else_too_is_refused,
    bombs_and_ruins_are_refused,
    too_long_is_refused,
    twenty_an_hour,
];

const JPEG: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/turned.jpg");
const PNG: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/clear.png");
const WEBP: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/still.webp");
const AVIF: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/still.avif");

async fn upload(session: &Session, kind: &str, bytes: &[u8]) -> Result<Answer> {
    session.api.call("POST", "/users/me/avatar")?.header("content-type", kind).body(bytes).send().await
}

/// The path of the picture that an answer tells of.
fn path(answer: Answer) -> Result<String> {
    let body = answer.json_of(200)?;
    let url = body["avatar_url"].as_str().with_context(|| format!("no avatar_url in {body}"))?;
    let (_, rest) = url.split_once("/avatars/").with_context(|| url.to_owned())?;
    Ok(format!("/avatars/{rest}"))
}

fn refused(answer: Answer, code: &str) -> Result<()> {
    let fields = answer.expect(422)?.fields()?;
    ensure!(fields == [("picture".to_owned(), code.to_owned())], "{fields:?}");
    Ok(())
}

async fn every_kind_is_kept_and_served() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let cases =
        [("image/jpeg", JPEG, "image/jpeg"), ("image/png", PNG, "image/png"), ("image/webp", WEBP, "image/jpeg"), ("image/avif", AVIF, "image/avif")];
    for (kind, bytes, kept) in cases {
        let answer = upload(&session, kind, bytes).await?;
        ensure!(answer.round_trips()? == 1, "{answer}");
        let path = path(answer)?;
        let me = session.api.get("/users/me").await?.json_of(200)?;
        ensure!(me["avatar_url"].as_str().is_some_and(|url| url.ends_with(&path)), "{me}");
        // Anybody may see it, for as long as they like.
        let picture = system.api()?.get(&path).await?.expect(200)?;
        ensure!(picture.header("content-type") == Some(kept), "{kind}: {:?}", picture.headers);
        ensure!(picture.header("cache-control") == Some("public, max-age=31536000, immutable"), "{:?}", picture.headers);
        ensure!(picture.round_trips()? == 0 && !picture.body.is_empty(), "{picture}");
    }
    Ok(())
}

async fn nothing_of_the_file_but_the_picture() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for (kind, bytes) in [("image/jpeg", JPEG), ("image/png", PNG), ("image/webp", WEBP), ("image/avif", AVIF)] {
        let holds = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"secret");
        ensure!(holds(bytes), "{kind}: nothing to be stripped");
        let path = path(upload(&session, kind, bytes).await?)?;
        ensure!(!holds(&system.api()?.get(&path).await?.body), "{kind} tells the secret");
    }
    Ok(())
}

async fn the_one_before_goes() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let first = path(upload(&session, "image/png", PNG).await?)?;
    // The same once more is another file, so that removing the one does not meet the other.
    let second = path(upload(&session, "image/png", PNG).await?)?;
    ensure!(first != second, "one file for two uploads");
    eventually(async || system.api()?.get(&first).await?.expect(404)?.problem("NOT_FOUND")).await?;
    system.api()?.get(&second).await?.expect(200)?;
    for odd in ["x.png", "..%2f..%2fsecrets", "0123456789abcdef0123456789abcdef-00112233.png"] {
        system.api()?.get(&format!("/avatars/{}/{odd}", session.user_id)).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn a_lie_about_the_type_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let cases: [(&str, &[u8]); 7] = [
        ("image/png", JPEG),
        ("image/jpeg", PNG),
        ("image/avif", WEBP),
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("image/gif", b"GIF89a"),
        ("application/octet-stream", PNG),
    ];
    for (kind, bytes) in cases {
        upload(&session, kind, bytes).await?.expect(415).with_context(|| kind.to_owned())?.problem("UNSUPPORTED_MEDIA_TYPE")?;
    }
    session.api.call("POST", "/users/me/avatar")?.send().await?.expect(415)?.problem("UNSUPPORTED_MEDIA_TYPE")?;
    ensure!(session.api.get("/users/me").await?.json_of(200)?["avatar_url"].is_null(), "a refused picture was kept");
    Ok(())
}

async fn what_is_something_else_too_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let archive = [JPEG, b"PK\x03\x04 a file PK\x05\x06", &[0; 18]].concat();
    refused(upload(&session, "image/jpeg", &archive).await?, "polyglot")?;
    refused(upload(&session, "image/png", &[PNG, b"<script>alert(1)</script>"].concat()).await?, "polyglot")
}

async fn bombs_and_ruins_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let mut bomb = JPEG.to_vec();
    let frame = bomb.windows(2).position(|window| window == b"\xff\xc0").context("a frame")?;
    bomb[frame + 5..frame + 9].fill(0xff);
    refused(upload(&session, "image/jpeg", &bomb).await?, "too_large")?;
    refused(upload(&session, "image/png", &PNG[..60]).await?, "broken")?;
    refused(upload(&session, "image/avif", &AVIF[..60]).await?, "broken")?;
    // Whatever was sent, the next one is served.
    upload(&session, "image/png", PNG).await?.expect(200)?;
    Ok(())
}

async fn too_long_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let long = vec![0; 8 * 1024 * 1024 + 1];
    // It is refused by its length, unread: whoever still writes may find the connection closed before they come to read why.
    let mut answer = upload(&session, "image/png", &long).await;
    for _ in 0..4 {
        if answer.is_err() {
            answer = upload(&session, "image/png", &long).await;
        }
    }
    answer?.expect(413)?.problem("BODY_TOO_LARGE")?;
    Ok(())
}

async fn twenty_an_hour() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for _ in 0..20 {
        upload(&session, "image/png", b"").await?.expect(415)?;
    }
    upload(&session, "image/png", PNG).await?.expect(429)?.problem("RATE_LIMITED")?;
    Ok(())
}
