//! `POST /tenants/{id}/logo` and `GET /logos/{id}/{file}`

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use zygo_tests::{Answer, Api, Member, eventually, organisations::ROLES, tests, world};

tests![every_kind_is_kept_and_served, the_one_before_goes, owners_and_admins_may, only_the_active_ones, what_is_no_picture_is_refused];

const JPEG: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/turned.jpg");
const PNG: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/clear.png");
const WEBP: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/still.webp");
const AVIF: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/still.avif");

async fn upload(api: &Api, of: &Member, kind: &str, bytes: &[u8]) -> Result<Answer> {
    api.call("POST", &of.path("/logo"))?.header("content-type", kind).body(bytes).send().await
}

/// The path of the logo that an organisation tells of.
fn path(tenant: &Value) -> Result<String> {
    let url = tenant["logo_url"].as_str().with_context(|| format!("no logo_url in {tenant}"))?;
    let (_, rest) = url.split_once("/logos/").with_context(|| url.to_owned())?;
    Ok(format!("/logos/{rest}"))
}

async fn every_kind_is_kept_and_served() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let cases =
        [("image/jpeg", JPEG, "image/jpeg"), ("image/png", PNG, "image/png"), ("image/webp", WEBP, "image/jpeg"), ("image/avif", AVIF, "image/avif")];
    for (kind, bytes, kept) in cases {
        let answer = upload(&member.session.api, &member, kind, bytes).await?.expect(200)?;
        ensure!(answer.round_trips()? == 1, "{answer}");
        let tenant = answer.json()?;
        ensure!(member.session.api.get(&member.path("")).await?.json_of(200)? == tenant, "what was answered is not what is kept");
        let path = path(&tenant)?;
        ensure!(path.starts_with(&format!("/logos/{}/", member.tenant_id)), "{path}");
        // Anybody may see it, at any host, for as long as they like.
        for host in ["localhost", &member.host] {
            let picture = system.api()?.at(host).get(&path).await?.expect(200)?;
            ensure!(picture.header("content-type") == Some(kept), "{kind}: {:?}", picture.headers);
            ensure!(picture.header("cache-control") == Some("public, max-age=31536000, immutable"), "{:?}", picture.headers);
            ensure!(picture.round_trips()? == 0 && !picture.body.is_empty(), "{picture}");
            ensure!(!picture.body.windows(6).any(|window| window == b"secret"), "{kind} tells the secret");
        }
    }
    Ok(())
}

async fn the_one_before_goes() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let first = path(&upload(&member.session.api, &member, "image/png", PNG).await?.json_of(200)?)?;
    let second = path(&upload(&member.session.api, &member, "image/png", PNG).await?.json_of(200)?)?;
    ensure!(first != second, "the same name twice");
    eventually(async || system.api()?.get(&first).await?.expect(404)?.problem("NOT_FOUND").map(drop)).await?;
    system.api()?.get(&second).await?.expect(200)?;
    Ok(())
}

async fn owners_and_admins_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for role in ROLES {
        let colleague = system.colleague(&owner, role).await?;
        let answer = upload(&colleague.session.api, &owner, "image/png", PNG).await?;
        if ["owner", "admin"].contains(&role) {
            answer.expect(200).context(role)?;
        } else {
            let problem = answer.expect(403).context(role)?.problem("PERMISSION_DENIED")?;
            ensure!(problem["details"]["permission"] == "org.update", "{problem}");
        }
    }
    Ok(())
}

async fn only_the_active_ones() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    upload(&mine.session.api, &theirs, "image/png", PNG).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(theirs.session.api.get(&theirs.path("")).await?.json_of(200)?["logo_url"].is_null(), "another tenant's logo was set");
    Ok(())
}

async fn what_is_no_picture_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let cases: [(&str, &[u8], u16, &str); 4] = [
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("image/jpeg", PNG, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", b"{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("image/png", b"\x89PNG\r\n\x1a\n broken", 422, "VALIDATION_FAILED"),
    ];
    for (kind, bytes, status, code) in cases {
        upload(&member.session.api, &member, kind, bytes).await?.expect(status)?.problem(code)?;
    }
    upload(&member.session.api, &member, "image/png", &vec![0; 9 * 1024 * 1024]).await?.expect(413)?.problem("BODY_TOO_LARGE")?;
    ensure!(member.session.api.get(&member.path("")).await?.json_of(200)?["logo_url"].is_null(), "something was kept");
    Ok(())
}
