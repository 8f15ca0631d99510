//! Refresh tokens in cookies, for browsers.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, Api, tests, world};

tests![the_token_goes_into_a_guarded_cookie, reading_it_takes_the_double_submit, signing_out_clears_it];

/// A cookie that was set: name, value, attributes in lower case.
struct Cookie {
    name: String,
    value: String,
    attributes: Vec<String>,
}

fn cookies(answer: &Answer) -> Vec<Cookie> {
    let read = |text: &String| {
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        Some(Cookie { name: name.to_owned(), value: value.to_owned(), attributes: parts.map(str::to_lowercase).collect() })
    };
    answer.header_values("set-cookie").iter().filter_map(read).collect()
}

/// The cookie that pages may read, and the one that they may not.
fn pair(answer: &Answer) -> Result<(Cookie, Cookie)> {
    let (hidden, open): (Vec<_>, Vec<_>) = cookies(answer).into_iter().partition(|cookie| cookie.attributes.iter().any(|a| a == "httponly"));
    let only = |cookies: Vec<Cookie>| {
        ensure!(cookies.len() == 1, "{} cookies in {answer}", cookies.len());
        cookies.into_iter().next().context("a cookie")
    };
    Ok((only(hidden)?, only(open)?))
}

async fn sign_in() -> Result<(Api, Answer)> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let input = json!({ "email": person.email, "password": person.password, "cookie": true });
    let answer = person.api.post("/auth/login", &input).await?.expect(200)?;
    Ok((person.api, answer))
}

async fn refresh(api: &Api, cookies: &str, csrf: Option<&str>) -> Result<Answer> {
    let call = api.call("POST", "/auth/refresh")?.json(&json!({})).header("cookie", cookies);
    match csrf {
        Some(csrf) => call.header("x-csrf-token", csrf).send().await,
        None => call.send().await,
    }
}

async fn the_token_goes_into_a_guarded_cookie() -> Result<()> {
    let (_, answer) = sign_in().await?;
    let body = answer.json()?;
    ensure!(body["refresh_token"].is_null(), "the token is in the body too");
    let (refresh, csrf) = pair(&answer)?;
    ensure!(refresh.value.starts_with("zr_"), "no refresh token");
    for cookie in [&refresh, &csrf] {
        ensure!(cookie.name.starts_with("__Host-"), "{}", cookie.name);
        for attribute in ["secure", "samesite=lax", "path=/"] {
            ensure!(cookie.attributes.iter().any(|known| known == attribute), "{} lacks {attribute}", cookie.name);
        }
        ensure!(!cookie.attributes.iter().any(|known| known.starts_with("domain")), "{} has a domain", cookie.name);
    }
    ensure!(csrf.value.len() >= 22, "128 bits at least");
    Ok(())
}

async fn reading_it_takes_the_double_submit() -> Result<()> {
    let (api, answer) = sign_in().await?;
    let (token, csrf) = pair(&answer)?;
    let both = format!("{}={}; {}={}", token.name, token.value, csrf.name, csrf.value);
    let alone = format!("{}={}", token.name, token.value);
    let cases = [
        (both.as_str(), None),
        (both.as_str(), Some("")),
        (both.as_str(), Some("0123456789abcdef0123456789abcdef")),
        (alone.as_str(), Some(csrf.value.as_str())),
        (alone.as_str(), None),
    ];
    for (cookies, header) in cases {
        refresh(&api, cookies, header).await?.expect(403)?.problem("PERMISSION_DENIED").with_context(|| format!("{header:?}"))?;
    }
    let answer = refresh(&api, &both, Some(&csrf.value)).await?.expect(200)?;
    ensure!(answer.json()?["refresh_token"].is_null(), "the token is in the body");
    let (next, next_csrf) = pair(&answer)?;
    ensure!(next.value != token.value, "the cookie was not rotated");
    let both = format!("other=1; {}={}; {}={}", next_csrf.name, next_csrf.value, next.name, next.value);
    refresh(&api, &both, Some(&next_csrf.value)).await?.expect(200)?;
    Ok(())
}

async fn signing_out_clears_it() -> Result<()> {
    let (api, answer) = sign_in().await?;
    let access = answer.json()?["access_token"].as_str().context("no token")?.to_owned();
    let (token, csrf) = pair(&answer)?;
    let out = api.with(&access).post("/auth/logout", &json!({})).await?.expect(204)?;
    let cleared = cookies(&out);
    for name in [&token.name, &csrf.name] {
        let cookie = cleared.iter().find(|cookie| &cookie.name == name).with_context(|| format!("{name} is not cleared"))?;
        ensure!(cookie.value.is_empty() && cookie.attributes.iter().any(|a| a == "max-age=0"), "{name} stays");
    }
    let both = format!("{}={}; {}={}", token.name, token.value, csrf.name, csrf.value);
    refresh(&api, &both, Some(&csrf.value)).await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}
