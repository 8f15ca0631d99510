//! When an account elsewhere is joined to one that is there already.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, Tab, tests, world};

use super::{account, accounts, by_false, by_google, tokens};

tests![
    both_sides_verified_the_address,
    never_where_a_password_stands_without_a_verified_address,
    never_on_an_unverified_word,
    a_second_account_of_one_provider_does_not_take_the_firsts_place,
    suspended_people_stay_out,
];

async fn both_sides_verified_the_address() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let browser = Tab::new(person.api.clone());
    let joined = Session::read(by_google(&system, &browser, &account(&person.email, true)?, "").await?, &person.api)?;
    ensure!(joined.user_id == session.user_id && accounts(&system, &person.email).await? == 1);
    // The person is told, and the password still works.
    let mails = person.await_mails(2).await?;
    ensure!(mails[0]["text"].as_str().is_some_and(|text| text.contains("Google")), "{}", mails[0]);
    person.sign_in().await?;
    let accounts = joined.api.get("/auth/oauth/accounts").await?.json_of(200)?;
    ensure!(accounts["data"][0]["provider"] == "google" && accounts["data"][0]["email"] == person.email, "{accounts}");
    Ok(())
}

/// Whoever set the password need not own the address: the owner must not end up in that account.
async fn never_where_a_password_stands_without_a_verified_address() -> Result<()> {
    let system = world::federated().await?;
    let person = Person::stranger(&system.api()?)?;
    person.sign_up().await?.expect(201)?;
    let browser = Tab::new(person.api.clone());
    let google = account(&person.email, true)?;
    by_google(&system, &browser, &google, "").await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    let token = person.verification_token().await?;
    person.verify(&token).await?.expect(200)?;
    Session::read(by_google(&system, &browser, &google, "").await?, &person.api)?;
    Ok(())
}

async fn never_on_an_unverified_word() -> Result<()> {
    let system = world::federated().await?;
    let person = system.person().await?;
    let browser = Tab::new(person.api.clone());
    by_google(&system, &browser, &account(&person.email, false)?, "").await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    // The same for an address that nobody has, so that it tells nothing; and no account is made.
    let nobody = Person::stranger(&system.api()?)?;
    let browser = Tab::new(nobody.api.clone());
    by_google(&system, &browser, &account(&nobody.email, false)?, "").await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    ensure!(accounts(&system, &nobody.email).await? == 0);
    Ok(())
}

async fn a_second_account_of_one_provider_does_not_take_the_firsts_place() -> Result<()> {
    let system = world::federated().await?;
    let person = system.person().await?;
    let browser = Tab::new(person.api.clone());
    by_google(&system, &browser, &account(&person.email, true)?, "").await?.expect(200)?;
    by_google(&system, &browser, &account(&person.email, true)?, "").await?.expect(409)?.problem("CONFLICT")?;
    // One of another provider may join beside it.
    by_false(&system, &browser, "apple", tokens(&zygo_tests::random::word()?, &person.email), "").await?.expect(200)?;
    Ok(())
}

async fn suspended_people_stay_out() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let browser = Tab::new(person.api.clone());
    let google = account(&person.email, true)?;
    by_google(&system, &browser, &google, "").await?.expect(200)?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE id = $1", &[&user]).await?;
    by_google(&system, &browser, &google, "").await?.expect(403)?.problem("USER_SUSPENDED")?;
    let told = by_google(&system, &browser, &google, "redirect_to=/in").await?.expect(303)?;
    ensure!(told.header("location") == Some("/in?error=USER_SUSPENDED"), "{told}");
    // Not joined while suspended, and told no more than a stranger.
    let other = json!({ "sub": zygo_tests::random::word()?, "email": person.email, "email_verified": true });
    let reply = zygo_tests::providers::Reply::Tokens(other, zygo_tests::providers::Signature::Good);
    by_false(&system, &browser, "apple", reply, "").await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}
