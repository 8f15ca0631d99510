//! `/sign-up` and `/verify-email`

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Browser, Person, tests, world};

tests![
    from_the_form_to_the_account,
    a_taken_address_looks_the_same,
    what_is_wrong_stands_at_its_field,
    looking_at_the_link_redeems_nothing,
    links_that_do_not_work_say_why,
    another_mail_for_the_asking,
    the_mail_is_in_the_language_of_the_page,
];

/// Somebody without an account, at a browser.
async fn stranger() -> Result<(Person, Browser)> {
    let person = Person::stranger(&world::shared().await?.api()?)?;
    let browser = Browser::new(&person.api);
    Ok((person, browser))
}

async fn sign_up(person: &Person, browser: &mut Browser) -> Result<zygo_tests::browser::Page> {
    let page = browser.open("/sign-up").await?.expect(200)?;
    browser.submit(&page.form("/sign-up")?, &[("email", &person.email), ("password", &person.password), ("first_name", "Ada")]).await
}

/// The path of the link in the newest mail.
async fn link(person: &Person, count: usize) -> Result<String> {
    let mails = person.await_mails(count).await?;
    let link = mails[0]["links"][0].as_str().context("no link")?.to_owned();
    let path = link.strip_prefix("http://getzygo.localhost:8787").with_context(|| format!("{link} leads elsewhere"))?;
    Ok(path.to_owned())
}

async fn from_the_form_to_the_account() -> Result<()> {
    let (person, mut browser) = stranger().await?;
    let sent = sign_up(&person, &mut browser).await?.expect(200)?;
    ensure!(sent.path == "/verify-email/sent" && sent.says("Check your mail"), "{}", sent.answer);
    let page = browser.open(&link(&person, 1).await?).await?.expect(200)?;
    let done = browser.submit(&page.form("/verify-email")?, &[]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=verified" && done.says("Your address is confirmed"), "{}", done.answer);
    let account = browser.sign_in(&person).await?;
    ensure!(account.says(&person.email) && account.says("Ada"), "{}", account.answer);
    Ok(())
}

async fn a_taken_address_looks_the_same() -> Result<()> {
    let (new, mut first) = stranger().await?;
    let taken = world::shared().await?.person().await?;
    let mut second = Browser::new(&taken.api);
    let (one, other) = (sign_up(&new, &mut first).await?, sign_up(&taken, &mut second).await?);
    ensure!(one.path == other.path && one.answer.status == other.answer.status, "{} and {}", one.answer, other.answer);
    ensure!(taken.await_mails(2).await?[0]["links"][0] == "http://getzygo.localhost:8787/sign-in", "the owner's mail leads to sign-in");
    Ok(())
}

async fn what_is_wrong_stands_at_its_field() -> Result<()> {
    let (person, mut browser) = stranger().await?;
    let page = browser.open("/sign-up").await?;
    let form = page.form("/sign-up")?;
    let hostile = "\"><script>alert(1)</script>";
    let again = browser.submit(&form, &[("email", hostile), ("password", &person.password)]).await?.expect(422)?;
    ensure!(
        again.says("id=\"email-wrong\"") && again.says("aria-invalid=\"true\"") && again.says("aria-describedby=\"email-wrong \""),
        "{}",
        again.html
    );
    ensure!(again.form("/sign-up")?.fields["email"] == hostile, "what was typed is kept");
    ensure!(!again.says(&person.password), "the password came back");
    let again = browser.submit(&form, &[("email", &person.email), ("password", "too short")]).await?.expect(422)?;
    ensure!(again.says("At least 12 characters, please.") && again.says("aria-describedby=\"password-wrong password-hint\""), "{}", again.html);
    browser.submit(&form, &[]).await?.expect(422)?;
    let long = "x".repeat(70_000);
    browser.submit(&form, &[("email", &long)]).await?.expect(413)?;
    Ok(())
}

async fn looking_at_the_link_redeems_nothing() -> Result<()> {
    let (person, mut browser) = stranger().await?;
    sign_up(&person, &mut browser).await?;
    let path = link(&person, 1).await?;
    for _ in 0..3 {
        Browser::new(&person.api).open(&path).await?.expect(200)?;
    }
    person.try_sign_in().await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    let page = browser.open(&path).await?;
    let form = page.form("/verify-email")?;
    browser.submit(&form, &[]).await?.expect(200)?;
    let again = browser.submit(&form, &[]).await?.expect(410)?;
    ensure!(again.says("used already") && again.says("/verify-email/resend"), "{}", again.html);
    Ok(())
}

async fn links_that_do_not_work_say_why() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = stranger().await?;
    ensure!(browser.open("/verify-email").await?.expect(200)?.says("incomplete"), "a link without token");
    let page = browser.open("/verify-email?token=zv_x").await?.expect(200)?;
    let wrong = browser.submit(&page.form("/verify-email")?, &[]).await?.expect(401)?;
    ensure!(wrong.says("not valid"), "{}", wrong.html);
    sign_up(&person, &mut browser).await?;
    let path = link(&person, 1).await?;
    let age = "UPDATE email_verification_tokens t SET expires_at = now() FROM users u WHERE u.id = t.user_id AND u.email = $1";
    system.database.execute(age, &[&person.email]).await?;
    let page = browser.open(&path).await?;
    let old = browser.submit(&page.form("/verify-email")?, &[]).await?.expect(401)?;
    ensure!(old.says("too old"), "{}", old.html);
    Ok(())
}

async fn another_mail_for_the_asking() -> Result<()> {
    let (person, mut browser) = stranger().await?;
    sign_up(&person, &mut browser).await?;
    let first = link(&person, 1).await?;
    let page = browser.open("/verify-email/resend").await?;
    let form = page.form("/verify-email/resend")?;
    let sent = browser.submit(&form, &[("email", &person.email)]).await?.expect(200)?;
    let nobody = browser.submit(&form, &[("email", "nobody@people.zygo-tests.example")]).await?.expect(200)?;
    ensure!(sent.path == nobody.path, "{} and {}", sent.path, nobody.path);
    ensure!(link(&person, 2).await? != first, "the same link twice");
    Ok(())
}

async fn the_mail_is_in_the_language_of_the_page() -> Result<()> {
    let (person, browser) = stranger().await?;
    let mut browser = browser.reading("de-CH, en;q=0.3");
    let sent = sign_up(&person, &mut browser).await?;
    ensure!(sent.says("lang=\"de\"") && sent.says("Sehen Sie in Ihrem Postfach nach"), "{}", sent.html);
    let mails = person.await_mails(1).await?;
    ensure!(mails[0]["subject"].as_str().is_some_and(|subject| subject.contains("Bestätigen")), "{}", mails[0]["subject"]);
    let english = browser.open("/sign-in?lang=en").await?;
    ensure!(english.says("lang=\"en\"") && browser.open("/sign-in").await?.says("lang=\"en\""), "the choice is not kept");
    Ok(())
}
