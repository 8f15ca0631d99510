//! Mails in the look of an organisation, if it has proved who it is.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Member, Person, System,
    enterprise::{KEYS, saml},
    eventually, tests, world,
};

tests![
    who_has_proved_a_domain_has_its_look,
    who_has_proved_nothing_has_none,
    what_is_asked_for_at_its_host_is_its_own,
    a_code_for_an_odd_sign_in_is_its_own,
    a_notice_is_its_own_for_members,
];

const COLOR: &str = "#ffd400";
const LOGO: &[u8] = include_bytes!("../../../../shared/pictures/src/tests/clear.png");

/// Gives an organisation a name, a colour and a logo; answers the logo's address.
async fn dress(member: &Member, name: &str) -> Result<String> {
    let look = json!({ "name": name, "colors": { "primary": COLOR.to_uppercase() } });
    member.session.api.patch(&member.path(""), &look).await?.expect(200)?;
    let upload = member.session.api.call("POST", &member.path("/logo"))?.header("content-type", "image/png").body(LOGO);
    let tenant = upload.send().await?.json_of(200)?;
    tenant["logo_url"].as_str().map(str::to_owned).with_context(|| format!("no logo in {tenant}"))
}

/// The newest mail of somebody, as soon as there is one with this token or link.
async fn mail_with(person: &Person, mark: &str) -> Result<(String, String)> {
    eventually(async || {
        let mails = person.mails().await?;
        let mail = mails.iter().find(|mail| mail["links"].to_string().contains(mark)).with_context(|| format!("no mail with {mark}"))?;
        let part = |name: &str| mail[name].as_str().map(str::to_owned).context("a part");
        Ok((part("html")?, part("text")?))
    })
    .await
}

fn is_branded((html, text): &(String, String), domain: &str) -> bool {
    html.contains(&format!("<strong>{domain}</strong>")) && text.contains(domain) && html.contains("background:#ffd400;color:#000000;")
}

fn is_plain((html, text): &(String, String), domain: &str) -> bool {
    ![domain, COLOR, "<img", "proved owner"].iter().any(|mark| html.contains(mark) || text.contains(mark))
}

async fn invite(by: &Member, system: &System) -> Result<(String, String)> {
    let person = Person::stranger(&system.api()?)?;
    by.session.api.post(&by.path("/invitations"), &json!({ "email": person.email, "role": "member" })).await?.expect(201)?;
    mail_with(&person, "/invitation").await
}

async fn who_has_proved_a_domain_has_its_look() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let logo = dress(&acme.owner, "Acme <b>&</b> Söhne").await?;
    let mail = invite(&acme.owner, &system).await?;
    ensure!(is_branded(&mail, &acme.domain), "{mail:?}");
    let (html, text) = &mail;
    ensure!(html.contains("<bdi>Acme &lt;b&gt;&amp;&lt;/b&gt; Söhne</bdi>") && text.contains("“Acme <b>&</b> Söhne”"), "{mail:?}");
    ensure!(html.contains(&format!("<img src=\"{logo}\" alt=\"{}\"", acme.domain)) && html.matches("<img").count() == 1, "{html}");
    // A name that reads like an address is not shown; what is proved is.
    acme.owner.session.api.patch(&acme.owner.path(""), &json!({ "name": "See bank.example" })).await?.expect(200)?;
    let mail = invite(&acme.owner, &system).await?;
    ensure!(is_branded(&mail, &acme.domain) && !mail.0.contains("bank.example") && !mail.1.contains("bank.example"), "{mail:?}");
    Ok(())
}

async fn who_has_proved_nothing_has_none() -> Result<()> {
    let system = world::federated().await?;
    let globex = system.business().await?;
    dress(&globex, "Globex, your bank").await?;
    // A claim is no proof.
    let domain = format!("{}.example", globex.slug);
    globex.session.api.post(&globex.path("/domains"), &json!({ "domain": domain })).await?.expect(201)?;
    let mail = invite(&globex, &system).await?;
    ensure!(is_plain(&mail, &domain) && !mail.0.contains("Globex") && !mail.1.contains("Globex"), "{mail:?}");
    Ok(())
}

async fn what_is_asked_for_at_its_host_is_its_own() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    dress(&acme.owner, "Acme").await?;
    let there = acme.owner.host.as_str();
    let person = Person::stranger(&system.api()?)?;
    person.at(there).sign_up().await?.expect(201)?;
    let mail = mail_with(&person, "/verify-email").await?;
    ensure!(is_branded(&mail, &acme.domain), "{mail:?}");
    person.verify(&person.verification_token().await?).await?.expect(200)?;
    let asked: [(&str, &str, Value); 2] =
        [("/auth/forgot-password", "/reset", json!({ "email": person.email })), ("/auth/magic-link", "/magic", json!({ "email": person.email }))];
    for (path, page, body) in &asked {
        person.api.at(there).post(path, body).await?.expect(202)?;
        let mail = mail_with(&person, page).await?;
        ensure!(is_branded(&mail, &acme.domain), "{path}: {mail:?}");
    }
    // Elsewhere the same is ours.
    let elsewhere = system.person().await?;
    let mail = mail_with(&elsewhere, "/verify-email").await?;
    ensure!(is_plain(&mail, &acme.domain), "{mail:?}");
    Ok(())
}

/// Somebody in a place, on a device of their own there.
fn in_country(person: &Person, country: &str, network: u32, latitude: f64) -> Person {
    Person { api: person.api.from_elsewhere().located(country, network, latitude, 13.4).agent(country), ..person.clone() }
}

async fn a_code_for_an_odd_sign_in_is_its_own() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    dress(&acme.owner, "Acme").await?;
    let person = system.person().await?;
    in_country(&person, "DE", 3320, 52.52).sign_in().await?;
    let aged = "UPDATE sessions s SET created_at = s.created_at - interval '48 hours' FROM users u WHERE u.id = s.user_id AND u.email = $1";
    system.database.execute(aged, &[&person.email]).await?;
    let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT make_uuid_v7(now()), r.tenant_id, u.id, r.id \
                FROM roles r, users u WHERE r.tenant_id = $1::text::uuid AND r.is_default AND r.key = 'member' AND u.email = $2";
    system.database.execute(join, &[&acme.owner.tenant_id, &person.email]).await?;
    let asked = in_country(&person.at(&acme.owner.host), "PT", 2860, 41.15).try_sign_in().await?.json_of(200)?;
    ensure!(asked["factors"] == json!(["email"]), "{asked}");
    let mails = person.await_mails(2).await?;
    let part = |name: &str| mails[0][name].as_str().unwrap_or_default();
    ensure!(mails[0]["tokens"]["code"].is_string(), "{}", mails[0]);
    ensure!(part("html").contains(&format!("<strong>{}</strong>", acme.domain)) && part("text").contains(&acme.domain), "{}", mails[0]);
    Ok(())
}

async fn a_notice_is_its_own_for_members() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    dress(&acme.owner, "Acme").await?;
    for (person, is_member) in [(&acme.owner.person, true), (&system.person().await?, false)] {
        person.api.at(&acme.owner.host).post("/auth/forgot-password", &json!({ "email": person.email })).await?.expect(202)?;
        let reset = json!({ "token": person.token_for("/reset").await?, "password": format!("{} anew", person.password) });
        person.api.at(&acme.owner.host).post("/auth/reset-password", &reset).await?.expect(204)?;
        let mail = mail_with(person, "/end-sessions").await?;
        ensure!(if is_member { is_branded(&mail, &acme.domain) } else { is_plain(&mail, &acme.domain) }, "{is_member}: {mail:?}");
    }
    Ok(())
}
