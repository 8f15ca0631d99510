//! GitHub, Microsoft and Apple, each by its own rules, played by servers that check what they are sent.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Session, Tab,
    providers::{CONSUMERS, Reply, Signature},
    random,
    tab::{location, parameter, target},
    tests, world,
};

use super::{accounts, by_false, newcomer, tokens};

tests![
    githubs_primary_address_counts_if_it_is_verified,
    microsofts_address_counts_where_it_vouches_for_it,
    apple_posts_back_and_tells_the_name_once,
    apples_form_is_handed_on_to_the_flows_host,
];

fn entry(email: &str, primary: bool, verified: bool) -> Value {
    json!({ "email": email, "primary": primary, "verified": verified, "visibility": null })
}

async fn githubs_primary_address_counts_if_it_is_verified() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let (stranger, _) = newcomer(&system).await?;
    let user = json!({ "id": random::bytes::<3>()?.iter().fold(0_u32, |id, byte| id * 256 + u32::from(*byte)), "name": "Ada Lovelace", "email": stranger.email });
    // What stands in the profile, or beside the primary one, is nothing to go by.
    for addresses in [json!([]), json!([entry(&stranger.email, false, true)]), json!([entry(&person.email, true, false)])] {
        let answer = by_false(&system, &browser, "github", Reply::User(user.clone(), addresses), "").await?;
        answer.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    }
    ensure!(accounts(&system, &person.email).await? + accounts(&system, &stranger.email).await? == 0);
    let addresses = json!([entry(&stranger.email, false, true), entry(&person.email.to_uppercase(), true, true)]);
    let first = Session::read(by_false(&system, &browser, "github", Reply::User(user.clone(), addresses), "").await?, &person.api)?;
    ensure!(first.body["user"]["email"] == person.email && first.body["user"]["first_name"] == "Ada Lovelace", "{}", first.body);
    // Known by the number from then on, whatever becomes of the addresses.
    let again = Session::read(by_false(&system, &browser, "github", Reply::User(user, json!([])), "").await?, &person.api)?;
    ensure!(again.user_id == first.user_id);
    Ok(())
}

async fn microsofts_address_counts_where_it_vouches_for_it() -> Result<()> {
    let system = world::federated().await?;
    let directory = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let issuer = |tenant: &str| -> Result<String> { Ok(format!("{}/microsoft/{tenant}/v2.0", system.federation()?.providers.base)) };
    for (claims, vouched) in [
        (json!({ "tid": CONSUMERS }), true),
        (json!({ "tid": directory, "iss": issuer(directory)?, "xms_edov": true }), true),
        (json!({ "tid": directory, "iss": issuer(directory)? }), false),
        // A claim of the kind that other providers make, which Microsoft does not.
        (json!({ "tid": directory, "iss": issuer(directory)?, "email_verified": true }), false),
    ] {
        let (person, browser) = newcomer(&system).await?;
        let mut claims = claims;
        claims["sub"] = json!(random::word()?);
        claims["email"] = json!(person.email);
        let answer = by_false(&system, &browser, "microsoft", Reply::Tokens(claims, Signature::Good), "").await?;
        if vouched {
            Session::read(answer, &person.api)?;
        } else {
            answer.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
        }
        ensure!(accounts(&system, &person.email).await? == i64::from(vouched));
    }
    // A directory speaks for itself alone.
    for claims in [json!({ "tid": CONSUMERS, "iss": issuer(directory)? }), json!({ "iss": issuer(directory)? }), json!({ "tid": directory })] {
        let (_, browser) = newcomer(&system).await?;
        let mut claims = claims;
        claims["sub"] = json!("s");
        let answer = by_false(&system, &browser, "microsoft", Reply::Tokens(claims, Signature::Good), "").await?;
        answer.expect(401)?.problem("TOKEN_INVALID")?;
    }
    Ok(())
}

async fn apple_posts_back_and_tells_the_name_once() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let sub = random::word()?;
    let post = async |user: Option<&str>| -> Result<Session> {
        let authorization = browser.start("apple", "").await?;
        ensure!(parameter(&authorization, "response_mode")? == "form_post" && parameter(&authorization, "scope")? == "openid email name");
        let reply = Reply::Tokens(json!({ "sub": sub, "email": person.email, "email_verified": "true" }), Signature::Good);
        let code = system.federation()?.providers.issue(&authorization, reply)?;
        let mut form = reqwest::Url::parse("http://x/")?;
        form.query_pairs_mut().append_pair("state", &parameter(&authorization, "state")?).append_pair("code", &code);
        if let Some(user) = user {
            form.query_pairs_mut().append_pair("user", user);
        }
        let answer = browser.post_form("/auth/oauth/apple/callback", form.query().context("form")?).await?;
        Session::read(answer, &person.api)
    };
    let first = post(Some(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"not-to-be-looked-at@example.test"}"#)).await?;
    ensure!(first.body["user"]["first_name"] == "Ada" && first.body["user"]["last_name"] == "Lovelace", "{}", first.body);
    ensure!(first.body["user"]["email"] == person.email, "{}", first.body);
    let again = post(None).await?;
    ensure!(again.user_id == first.user_id && again.body["user"]["first_name"] == "Ada", "{}", again.body);
    // Its cookie goes with requests of other sites; those of the others do not.
    for (provider, same_site) in [("apple", "SameSite=None"), ("google", "SameSite=Lax"), ("github", "SameSite=Lax")] {
        let answer = browser.get(&format!("/auth/oauth/{provider}")).await?.expect(303)?;
        let cookie = answer.header_values("set-cookie").join("");
        let guarded = ["__Host-", "; Path=/;", "; Secure;", "; HttpOnly;", "; Max-Age=600;"].iter().all(|part| cookie.contains(part));
        ensure!(guarded && cookie.ends_with(same_site), "{cookie}");
    }
    // What is no form is not read.
    let call = browser.api.call("POST", "/auth/oauth/apple/callback")?.json(&json!({ "state": "x" }));
    call.send().await?.expect(415)?.problem("UNSUPPORTED_MEDIA_TYPE")?;
    Ok(())
}

async fn apples_form_is_handed_on_to_the_flows_host() -> Result<()> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let there = Tab::new(member.person.api.at(&member.host));
    let authorization = there.start("apple", "").await?;
    let code = system.federation()?.providers.issue(&authorization, tokens(&random::word()?, &member.person.email))?;
    let form = format!("state={}&code={code}", parameter(&authorization, "state")?);
    let at_the_api = Tab::new(member.person.api.clone());
    // By the same method, so that what Apple says of the person never stands in a URL.
    let handed_on = location(&at_the_api.post_form("/auth/oauth/apple/callback", &form).await?.expect(307)?)?;
    ensure!(handed_on.host_str() == Some(member.host.as_str()) && handed_on.query().is_none(), "{handed_on}");
    let session = Session::read(there.post_form(&target(&handed_on), &form).await?, &there.api)?;
    ensure!(session.body["tenant"]["id"] == member.tenant_id, "{}", session.body);
    Ok(())
}
