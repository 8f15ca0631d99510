//! `POST /auth/signup`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Person, people::PASSWORD_MARK, tests, world};

tests![
    answers_the_new_person,
    refuses_bad_fields_by_name,
    refuses_weak_passwords,
    one_person_has_one_spelling,
    the_mail_speaks_the_persons_language,
    a_taken_address_gets_a_mail_and_no_second_account,
    twins_make_one_account,
];

async fn answers_the_new_person() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    let input = json!({ "email": person.email, "password": person.password, "first_name": " Ada ", "last_name": "Lovelace", "locale": "DE-ch" });
    let answer = person.api.post("/auth/signup", &input).await?.json_of(201)?;
    let user = &answer["user"];
    ensure!(answer["verification_required"] == true, "{answer}");
    ensure!(user["email"] == person.email.as_str() && user["email_verified"] == false, "{user}");
    ensure!(user["first_name"] == "Ada" && user["last_name"] == "Lovelace" && user["locale"] == "de-CH", "{user}");
    let id: uuid::Uuid = user["id"].as_str().context("no id")?.parse()?;
    ensure!(id.get_version_num() == 7, "{id} is not of version 7");
    zygo_tests::shape::instant(&user["created_at"])?;
    ensure!(!answer.to_string().contains("password"), "{answer}");

    let kept = system.database.column("SELECT password_hash FROM users WHERE id = $1", &[&id]).await?;
    let hash = kept.first().context("no row")?;
    ensure!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    Ok(())
}

async fn refuses_bad_fields_by_name() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let password = format!("{PASSWORD_MARK} fields");
    let good = json!({ "email": "fields@people.zygo-tests.example", "password": password });
    let long = "x".repeat(101);
    let cases: Vec<(&str, Value)> = vec![
        ("email", json!(null)),
        ("email", json!(5)),
        ("email", json!("")),
        ("email", json!("ada")),
        ("email", json!("ada@localhost")),
        ("email", json!("ada@example.com\r\nbcc: eve@example.com")),
        ("email", json!("Ada <ada@example.com>")),
        ("email", json!(format!("{}@example.com", "a".repeat(300)))),
        ("email", json!("ada@example.com\u{0}")),
        ("password", json!(null)),
        ("password", json!(["x"])),
        ("first_name", json!("")),
        ("first_name", json!(long)),
        ("first_name", json!("a\u{202e}b")),
        ("last_name", json!("a\nb")),
        ("last_name", json!({})),
        ("locale", json!("english")),
        ("locale", json!("../en")),
    ];
    for (field, value) in cases {
        let mut input = good.clone();
        input[field] = value.clone();
        let answer = api.post("/auth/signup", &input).await?.expect(422)?;
        let fields = answer.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{field} = {value}: {fields:?}");
        ensure!(!String::from_utf8_lossy(&answer.body).contains(PASSWORD_MARK), "the answer repeats the password");
    }
    for missing in ["email", "password"] {
        let mut input = good.clone();
        input.as_object_mut().context("an object")?.remove(missing);
        let fields = api.post("/auth/signup", &input).await?.expect(422)?.fields()?;
        ensure!(fields == [(missing.to_owned(), "required".to_owned())], "{missing}: {fields:?}");
    }
    Ok(())
}

async fn refuses_weak_passwords() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    let name = person.email.split('@').next().unwrap_or_default();
    let long = format!("{PASSWORD_MARK} {}", "x".repeat(128));
    let cases = ["", "short", "Kq7!zP2@xW", "password1234", "aaaaaaaaaaaaaaaa", "qwertyuiopasdf", "123456789012", &person.email, name, &long];
    for password in cases {
        let answer = person.with_password(password).sign_up().await?.expect(422)?;
        answer.problem("PASSWORD_TOO_WEAK").with_context(|| format!("{password:?}"))?;
        ensure!(password.len() < 6 || !answer.json()?["detail"].to_string().contains(password), "the answer repeats the password");
    }
    // 128 characters are not too many, nor is what is no Latin letter.
    let longest: String = format!("{PASSWORD_MARK} ").chars().chain("Ωж語é—x".chars().cycle()).take(128).collect();
    person.with_password(&longest).sign_up().await?.expect(201)?;
    Ok(())
}

async fn one_person_has_one_spelling() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let shouting = Person { email: format!(" {} ", person.email.to_uppercase()), ..person.clone() };
    shouting.sign_in().await?;
    shouting.sign_up().await?.expect(201)?;
    let rows = system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&person.email]).await?;
    ensure!(rows == 1, "{rows} accounts");
    Ok(())
}

async fn the_mail_speaks_the_persons_language() -> Result<()> {
    let system = world::shared().await?;
    let mut subjects = Vec::new();
    for locale in ["en", "de", "de-CH", "fr"] {
        let person = Person::stranger(&system.api()?)?;
        let input = json!({ "email": person.email, "password": person.password, "locale": locale });
        person.api.post("/auth/signup", &input).await?.expect(201)?;
        let mail = person.await_mails(1).await?.first().cloned().context("no mail")?;
        let token = mail["tokens"]["verify"].as_str().context("no token")?;
        for part in ["text", "html"] {
            ensure!(mail[part].as_str().is_some_and(|text| text.contains(token)), "no token in the {part}");
        }
        zygo_tests::shape::instant(&mail["sent_at"])?;
        subjects.push(mail["subject"].as_str().context("no subject")?.to_owned());
    }
    let [english, german, swiss, french] = subjects.as_slice() else { anyhow::bail!("{subjects:?}") };
    ensure!(english != german && german == swiss && french == english, "{subjects:?}");
    Ok(())
}

async fn a_taken_address_gets_a_mail_and_no_second_account() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let intruder = person.with_password(&format!("{PASSWORD_MARK} intruder")).from_elsewhere();
    intruder.sign_up().await?.expect(201)?;
    let mails = person.await_mails(2).await?;
    let newest = mails.first().context("no mail")?;
    ensure!(newest["tokens"]["verify"].is_null(), "whoever signs up again gets no token: {newest}");
    ensure!(newest["subject"] != mails[1]["subject"], "the owner is told something else");
    intruder.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    person.sign_in().await?;
    Ok(())
}

async fn twins_make_one_account() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;
    let twins = (0..8).map(|_| {
        let person = person.clone();
        tokio::spawn(async move { person.sign_up().await?.expect(201) })
    });
    for twin in twins.collect::<Vec<_>>() {
        twin.await??;
    }
    let rows = system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&person.email]).await?;
    ensure!(rows == 1, "{rows} accounts");
    let verifying = person.await_mails(8).await?.iter().filter(|mail| mail["tokens"]["verify"].is_string()).count();
    ensure!(verifying == 1, "{verifying} verification mails");
    Ok(())
}
