//! The generic OpenID Connect core against a provider that others wrote.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    Session, Tab,
    factors::challenge_of,
    forge,
    system::Federation,
    tab::{location, parameter, target},
    tests, world,
};

use super::{account, accounts, by_google, newcomer};

tests![
    somebody_new_signs_in_and_comes_again,
    tokens_of_every_algorithm_are_verified,
    a_browser_is_sent_on_with_its_session_in_cookies,
    a_person_may_say_no,
    an_answer_of_another_issuer_is_refused,
    an_organisations_host_signs_its_members_in,
    a_second_factor_is_asked_for_all_the_same,
];

async fn somebody_new_signs_in_and_comes_again() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let account = account(&person.email, true)?;

    let authorization = browser.start("google", "locale=de").await?;
    ensure!(parameter(&authorization, "redirect_uri")? == "http://localhost:8787/auth/oauth/google/callback", "{authorization}");
    ensure!(parameter(&authorization, "scope")? == "openid email profile", "{authorization}");
    let back = system.federation()?.peer.sign_in(&authorization, &account).await?;
    // RFC 9207: it says who answers.
    ensure!(parameter(&back, "iss")? == system.federation()?.peer.issuer, "{back}");
    let answer = browser.get(&target(&back)).await?;
    ensure!(answer.timing()?.round_trips <= 2.0, "{:?}", answer.timing()?);
    let session = Session::read(answer, &person.api)?;
    let user = &session.body["user"];
    ensure!(user["email"] == person.email && user["email_verified"] == true && user["locale"] == "de", "{user}");
    ensure!(user["first_name"] == "Ada" && user["last_name"] == "Lovelace", "{user}");
    ensure!(forge::claims(&session.access)?["amr"] == json!(["fed"]), "amr");
    // It is a session like any other.
    let again = Session::read(session.refresh().await?, &person.api)?;
    again.api.get("/users/me").await?.expect(200)?;

    let elsewhere = Tab::new(system.api()?);
    let second = Session::read(by_google(&system, &elsewhere, &account, "").await?, &elsewhere.api)?;
    ensure!(second.user_id == session.user_id && accounts(&system, &person.email).await? == 1, "another account was made");
    // There is no password to sign in with.
    person.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn tokens_of_every_algorithm_are_verified() -> Result<()> {
    let system = world::federated().await?;
    let peer = &system.federation()?.peer;
    for alg in ["RS256", "ES256", "EdDSA", "RS256"] {
        peer.change_client(Federation::CLIENT, &json!({ "id_token_signed_response_alg": alg })).await?;
        let (person, browser) = newcomer(&system).await?;
        let answer = by_google(&system, &browser, &account(&person.email, true)?, "").await?;
        Session::read(answer, &person.api).with_context(|| alg)?;
    }
    Ok(())
}

async fn a_browser_is_sent_on_with_its_session_in_cookies() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let answer = by_google(&system, &browser, &account(&person.email, true)?, "redirect_to=/welcome%3Fa%3Db%23c").await?.expect(303)?;
    ensure!(answer.header("location") == Some("/welcome?a=b#c") && answer.body.is_empty(), "{answer}");
    let cookies = browser.cookies();
    ensure!(cookies.contains("__Host-zygo_refresh=") && cookies.contains("__Host-zygo_csrf="), "{cookies}");
    ensure!(!cookies.contains("__Host-zygo_flow_"), "the flow's cookie is left");
    let csrf = cookies.split("__Host-zygo_csrf=").nth(1).and_then(|rest| rest.split(';').next()).context("csrf")?.to_owned();
    let refresh = person.api.call("POST", "/auth/refresh")?.json(&json!({})).header("cookie", &cookies).header("x-csrf-token", &csrf);
    refresh.send().await?.expect(200)?;
    Ok(())
}

async fn a_person_may_say_no() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    for (query, told) in [("", false), ("redirect_to=/welcome", true)] {
        let authorization = browser.start("google", query).await?;
        let back = system.federation()?.peer.deny(&authorization).await?;
        let answer = browser.get(&target(&back)).await?;
        if told {
            ensure!(answer.expect(303)?.header("location") == Some("/welcome?error=INVALID_CREDENTIALS"));
        } else {
            answer.expect(401)?.problem("INVALID_CREDENTIALS")?;
        }
    }
    ensure!(accounts(&system, &person.email).await? == 0 && !browser.cookies().contains("__Host-zygo_refresh"));
    Ok(())
}

/// The mix-up: an honest code, said to be of another issuer (RFC 9207), or of none although this one always says.
async fn an_answer_of_another_issuer_is_refused() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    for iss in [Some("https://accounts.evil.example"), None] {
        let authorization = browser.start("google", "").await?;
        let back = system.federation()?.peer.sign_in(&authorization, &account(&person.email, true)?).await?;
        let (state, code) = (parameter(&back, "state")?, parameter(&back, "code")?);
        let iss = iss.map(|iss| format!("&iss={iss}")).unwrap_or_default();
        let answer = browser.get(&format!("/auth/oauth/google/callback?state={state}&code={code}{iss}")).await?;
        answer.expect(401)?.problem("TOKEN_INVALID")?;
    }
    ensure!(accounts(&system, &person.email).await? == 0);
    Ok(())
}

/// Providers know one address; the flow's own host has the cookie, and is where the session begins.
async fn an_organisations_host_signs_its_members_in() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let there = Tab::new(member.person.api.at(&member.host));
    let authorization = there.start("google", "").await?;
    ensure!(parameter(&authorization, "redirect_uri")?.starts_with("http://localhost:8787/"), "{authorization}");
    let back = system.federation()?.peer.sign_in(&authorization, &account(&member.person.email, true)?).await?;
    let at_the_api = Tab::new(member.person.api.clone());
    let handed_on = location(&at_the_api.get(&target(&back)).await?.expect(303)?)?;
    ensure!(handed_on.host_str() == Some(member.host.as_str()) && handed_on.path() == back.path(), "{handed_on}");
    let session = Session::read(there.get(&target(&handed_on)).await?, &there.api)?;
    ensure!(session.body["tenant"]["id"] == member.tenant_id, "{}", session.body);
    // Who is no member signs in nowhere but at the platform, and gets no account here.
    let (person, _) = newcomer(&system).await?;
    let other = Tab::new(person.api.at(&member.host));
    let authorization = other.start("google", "").await?;
    let back = system.federation()?.peer.sign_in(&authorization, &account(&person.email, true)?).await?;
    other.get(&target(&back)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    ensure!(accounts(&system, &person.email).await? == 0);
    Ok(())
}

async fn a_second_factor_is_asked_for_all_the_same() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let (app, _) = session.set_up_totp().await?;
    let tab = Tab::new(person.api.clone());
    let google = account(&person.email, true)?;
    let token = challenge_of(&by_google(&system, &tab, &google, "").await?)?;
    let both = Session::read(person.answer(&token, "totp", &app.code(0)?).await?, &person.api)?;
    ensure!(forge::claims(&both.access)?["amr"] == json!(["fed", "otp", "mfa"]), "{}", forge::claims(&both.access)?);
    // A browser finds the challenge in the fragment, and has no session yet.
    let sent = by_google(&system, &tab, &google, "redirect_to=/in%3Fa%23b").await?.expect(303)?;
    let there = sent.header("location").context("no Location")?;
    ensure!(there.starts_with("/in?a#challenge_token=") && there.contains("&factors=totp+backup_code&expires_in=300"), "{there}");
    ensure!(!tab.cookies().contains("__Host-zygo_refresh"), "{}", tab.cookies());
    Ok(())
}
