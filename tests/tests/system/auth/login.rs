//! `POST /auth/login`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{forge, people::PASSWORD_MARK, shape, tests, world};

tests![
    answers_a_session,
    the_token_says_what_the_contract_lists,
    the_host_decides_the_tenant,
    wrong_passwords_are_refused,
    suspended_people_are_told_only_with_the_right_password,
    odd_inputs_are_refused,
];

async fn answers_a_session() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let input = json!({ "email": person.email, "password": person.password, "device_name": "Ada's laptop" });
    let session = person.api.post("/auth/login", &input).await?.json_of(200)?;
    let members = ["access_token", "expires_at", "expires_in", "refresh_token", "session", "tenant", "token_type", "user"];
    ensure!(shape::members(&session)? == members, "{session}");
    ensure!(session["token_type"] == "Bearer" && session["expires_in"] == 900, "{session}");
    let dies = shape::instant(&session["expires_at"])?;
    let left = dies.duration_since(shape::instant(&session["session"]["created_at"])?).as_secs();
    ensure!((895..=905).contains(&left), "the access token lives {left} s");
    ensure!(session["session"]["device"] == "Ada's laptop" && session["session"]["ip"] == person.api.address(), "{session}");
    ensure!(session["session"]["current"] == true && session["user"]["email"] == person.email.as_str(), "{session}");
    let idle = shape::instant(&session["session"]["expires_at"])?.duration_since(shape::instant(&session["session"]["created_at"])?);
    ensure!(idle.as_secs() == 30 * 24 * 3600, "the session lives {idle:?}");
    Ok(())
}

async fn the_token_says_what_the_contract_lists() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let claims = forge::claims(&member.session.access)?;
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "tid", "role", "perms", "pv", "amr", "email_verified"] {
        ensure!(!claims[claim].is_null(), "no {claim} in {claims}");
    }
    ensure!(claims["sub"] == member.session.user_id.as_str() && claims["sid"] == member.session.id.as_str(), "{claims}");
    ensure!(claims["tid"] == member.tenant_id.as_str() && claims["role"] == "owner" && claims["email_verified"] == true, "{claims}");
    let number = |claim: &str| claims[claim].as_i64().with_context(|| format!("{claim} is no number"));
    ensure!(number("exp")? - number("iat")? == 900, "{claims}");
    let perms = u128::from_str_radix(claims["perms"].as_str().context("perms")?, 16)?;
    ensure!(perms.count_ones() == 114 && perms.trailing_ones() == 114, "an owner's permissions are {perms:x}");
    ensure!(claims["amr"] == json!(["pwd"]), "{claims}");
    // Nothing about a person that is not needed.
    ensure!(!claims.to_string().contains('@'), "{claims}");
    Ok(())
}

async fn the_host_decides_the_tenant() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let here = member.person.sign_in().await?;
    ensure!(here.body["tenant"].is_null() && forge::claims(&here.access)?["tid"].is_null(), "{}", here.body);
    let there = member.person.at(&member.host).sign_in().await?;
    ensure!(there.body["tenant"]["slug"] == member.slug.as_str(), "{}", there.body);
    // A token of the platform is none of the organisation's.
    here.api.at(&member.host).get("/users/me").await?.expect(403)?.problem("TENANT_MISMATCH")?;
    Ok(())
}

async fn wrong_passwords_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let close = [
        person.password.to_lowercase(),
        format!("{} ", person.password),
        person.password.trim_end_matches(char::is_alphanumeric).to_owned(),
        "x".into(),
    ];
    for password in close {
        let answer = person.with_password(&password).try_sign_in().await?.expect(401)?;
        answer.problem("INVALID_CREDENTIALS")?;
    }
    person.sign_in().await?;
    Ok(())
}

async fn suspended_people_are_told_only_with_the_right_password() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let user: uuid::Uuid = member.session.user_id.parse()?;
    let wrong = member.person.with_password(&format!("{PASSWORD_MARK} wrong"));

    system.database.bend("UPDATE user_roles SET status = 'suspended' WHERE user_id = $1", &[&user]).await?;
    member.person.at(&member.host).try_sign_in().await?.expect(403)?.problem("USER_SUSPENDED")?;
    wrong.at(&member.host).try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    // Suspended in one organisation is not suspended everywhere.
    let session = member.person.sign_in().await?;
    let switch = session.api.post("/auth/switch-tenant", &json!({ "tenant_id": member.tenant_id })).await?;
    switch.expect(403)?.problem("USER_SUSPENDED")?;
    member.session.refresh().await?.expect(403)?.problem("USER_SUSPENDED")?;

    system.database.execute("UPDATE users SET status = 'suspended' WHERE id = $1", &[&user]).await?;
    member.person.try_sign_in().await?.expect(403)?.problem("USER_SUSPENDED")?;
    wrong.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn odd_inputs_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    let good = json!({ "email": person.email, "password": person.password });
    let cases: Vec<(&str, Value)> = vec![
        ("email", json!("nobody")),
        ("password", json!(1)),
        ("device_name", json!("x".repeat(101))),
        ("device_name", json!("a\u{0}b")),
        ("cookie", json!("yes")),
        ("admin", json!(true)),
    ];
    for (field, value) in cases {
        let mut input = good.clone();
        input[field] = value;
        let fields = person.api.post("/auth/login", &input).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{field}: {fields:?}");
    }
    Ok(())
}
