//! Invitations, from sending to joining.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Member, Person, Session, shape, tests, world};

tests![
    a_newcomer_joins_with_a_password,
    a_newcomer_joins_at_sign_up,
    somebody_with_an_account_joins_signed_in,
    an_invitation_is_for_its_address,
    a_hundred_at_once,
    passed_over_and_refused,
    odd_input_is_named,
    each_role_may_what_the_catalogue_says,
    another_organisations_invitations_are_not_there,
    withdrawn_expired_and_sent_again,
    an_invitation_speaks_for_whoever_sent_it,
    a_full_plan_takes_nobody_in,
    a_days_invitations,
    other_domains_are_not_let_in,
    an_address_that_nobody_proved_is_the_invitees,
    fifty_accept_at_once,
];

async fn send(by: &Member, body: &Value) -> Result<Answer> {
    by.session.api.post(&by.below("invitations"), body).await
}

/// Invites a person, and reads the mail.
async fn invited(by: &Member, person: &Person, role: &str) -> Result<(Value, String)> {
    let invitation = send(by, &json!({ "email": person.email, "role": role })).await?.json_of(201)?;
    Ok((invitation, person.token_for("/invitation").await?))
}

async fn accept(person: &Person, token: &str) -> Result<Answer> {
    person.api.post(&format!("/invitations/{token}/accept"), &json!({ "password": person.password })).await
}

async fn a_newcomer_joins_with_a_password() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let sent = send(&owner, &json!({ "email": person.email.to_uppercase(), "role": "developer" })).await?.expect(201)?;
    ensure!(sent.round_trips()? == 1, "{sent}");
    let invitation = sent.json()?;
    ensure!(shape::members(&invitation)? == ["created_at", "email", "expires_at", "id", "invited_by", "role", "status"], "{invitation}");
    ensure!(invitation["status"] == "pending" && invitation["role"]["key"] == "developer" && invitation["email"] == person.email.as_str());
    let token = person.token_for("/invitation").await?;
    let mail = &person.mails().await?[0];
    ensure!(mail["tokens"]["invite"] == token.as_str() && !mail["text"].as_str().unwrap_or_default().contains("Tests"), "{mail}");

    let path = format!("/invitations/{token}");
    let preview = person.api.get(&path).await?;
    ensure!(preview.round_trips()? == 1, "{preview}");
    let preview = preview.json_of(200)?;
    ensure!(preview["tenant"]["id"] == owner.tenant_id.as_str() && preview["role"]["key"] == "developer", "{preview}");
    ensure!(
        preview["email"] == person.email.as_str() && shape::members(&preview)? == ["email", "expires_at", "password_min_length", "role", "tenant"],
        "{preview}"
    );
    let missing = person.api.post(&format!("{path}/accept"), &json!({})).await?.expect(422)?;
    ensure!(missing.fields()?.iter().any(|(field, _)| field == "password"), "{missing}");
    let weak = person.api.post(&format!("{path}/accept"), &json!({ "password": "password1234" })).await?.expect(422)?;
    weak.problem("PASSWORD_TOO_WEAK")?;
    let body = json!({ "password": person.password, "first_name": "Ada", "locale": "de" });
    let joined = person.api.post(&format!("{path}/accept"), &body).await?.json_of(200)?;
    ensure!(joined["user"]["email_verified"] == true && joined["user"]["first_name"] == "Ada" && joined["user"]["locale"] == "de", "{joined}");
    ensure!(joined["membership"]["tenant"]["id"] == owner.tenant_id.as_str() && joined["membership"]["role"]["key"] == "developer", "{joined}");
    person.at(&owner.host).sign_in().await?;
    for again in [accept(&person, &token).await?, person.api.get(&path).await?] {
        again.expect(410)?.problem("TOKEN_CONSUMED")?;
    }
    let list = owner.session.api.get(&owner.below("invitations?status=accepted")).await?.json_of(200)?;
    ensure!(list["data"][0]["id"] == invitation["id"] && list["data"][0]["status"] == "accepted", "{list}");
    Ok(())
}

async fn a_newcomer_joins_at_sign_up() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let (_, token) = invited(&owner, &person, "member").await?;
    let sign_up = async |email: &str, token: &str| -> Result<Answer> {
        let body = json!({ "email": email, "password": person.password, "invitation_token": token });
        person.api.post("/auth/signup", &body).await
    };
    let other = Person::stranger(&system.api()?)?;
    let foreign = sign_up(&other.email, &token).await?.expect(422)?;
    ensure!(foreign.fields()?.iter().any(|(field, code)| field == "email" && code == "invitation"), "{foreign}");
    for odd in ["", "zi_", "zv_AAAA", &format!("{token}A")] {
        sign_up(&person.email, odd).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    let made = sign_up(&person.email, &token).await?.json_of(201)?;
    ensure!(made["verification_required"] == false && made["user"]["email_verified"] == true, "{made}");
    person.at(&owner.host).sign_in().await?;
    sign_up(&person.email, &token).await?.expect(410)?.problem("TOKEN_CONSUMED")?;

    // An address with an account answers alike, and its owner is told.
    let known = system.person().await?;
    let (_, token) = invited(&owner, &known, "member").await?;
    let body = json!({ "email": known.email, "password": known.password, "invitation_token": token });
    let alike = known.api.post("/auth/signup", &body).await?.json_of(201)?;
    ensure!(shape::members(&alike["user"])? == shape::members(&made["user"])? && alike["verification_required"] == false, "{alike}");
    known.await_mails(3).await?;
    accept(&known, &token).await?.expect(409)?.problem("EMAIL_TAKEN")?;
    Ok(())
}

async fn somebody_with_an_account_joins_signed_in() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (person, session) = system.session().await?;
    let (_, token) = invited(&owner, &person, "viewer").await?;
    let path = format!("/invitations/{token}/accept");
    session.api.with("x.y.z").post(&path, &json!({})).await?.expect(401)?.problem("TOKEN_INVALID")?;
    let joined = session.api.post(&path, &json!({})).await?;
    ensure!(joined.round_trips()? == 1, "{joined}");
    ensure!(joined.json_of(200)?["membership"]["role"]["key"] == "viewer");
    zygo_tests::team::into(&owner, &person, &session).await?;
    session.api.post(&path, &json!({})).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    send(&owner, &json!({ "email": person.email })).await?.expect(409)?.problem("CONFLICT")?;
    let events = "SELECT count(*) FROM events WHERE type IN ('user.invited', 'member.joined') AND tenant_id = $1";
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    ensure!(system.database.count(events, &[&tenant]).await? == 2);
    Ok(())
}

async fn an_invitation_is_for_its_address() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (_, stranger) = system.session().await?;
    let person = Person::stranger(&system.api()?)?;
    let (_, token) = invited(&owner, &person, "viewer").await?;
    stranger.api.post(&format!("/invitations/{token}/accept"), &json!({})).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    accept(&person, &token).await?.expect(200)?;
    Ok(())
}

async fn a_hundred_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "viewer").await?;
    let people = (0..98).map(|_| Person::stranger(&system.api()?)).collect::<Result<Vec<_>>>()?;
    send(&owner, &json!({ "email": people[0].email })).await?.expect(201)?;
    let mut asked: Vec<Value> = people.iter().map(|person| json!({ "email": person.email })).collect();
    asked[1]["role"] = "admin".into();
    asked.push(json!({ "email": member.person.email }));
    asked.push(json!({ "email": Person::stranger(&system.api()?)?.email, "role": "viewer" }));
    let answer = send(&owner, &json!({ "invitations": asked, "role": "developer" })).await?.expect(201)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let body = answer.json()?;
    let outcomes = body["data"].as_array().context("data")?;
    let told: Vec<&str> = outcomes.iter().filter_map(|one| one["outcome"].as_str()).collect();
    ensure!(told.len() == 100 && told[0] == "pending" && told[98] == "member", "{told:?}");
    ensure!(told.iter().filter(|outcome| **outcome == "invited").count() == 98, "{told:?}");
    ensure!(outcomes[1]["invitation"]["role"]["key"] == "admin" && outcomes[2]["invitation"]["role"]["key"] == "developer");
    people[97].token_for("/invitation").await?;
    let more = json!({ "invitations": vec![json!({ "email": "a@b.example" }); 101] });
    send(&owner, &more).await?.expect(422)?;
    Ok(())
}

async fn passed_over_and_refused() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let manager = system.joins(&owner, "manager").await?;
    let (one, two) = (Person::stranger(&system.api()?)?, Person::stranger(&system.api()?)?);
    // One that must not be sent stops them all.
    let both = json!({ "invitations": [{ "email": one.email, "role": "viewer" }, { "email": two.email, "role": "admin" }] });
    send(&manager, &both).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    for role in ["manager", "admin", "owner"] {
        send(&manager, &json!({ "email": one.email, "role": role })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    }
    ensure!(owner.session.api.get(&owner.below("invitations")).await?.json_of(200)?["data"] == json!([]));
    send(&manager, &json!({ "email": one.email, "role": "developer" })).await?.expect(201)?;
    send(&owner, &json!({ "email": one.email })).await?.expect(409)?.problem("CONFLICT")?;
    // An invitation as owner, which a manager neither sends again nor withdraws.
    let high = send(&owner, &json!({ "email": two.email, "role": "owner" })).await?.json_of(201)?;
    let path = format!("/invitations/{}", high["id"].as_str().context("id")?);
    manager.session.api.delete(&path).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    manager.session.api.post(&format!("{path}/resend"), &json!({})).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    Ok(())
}

async fn odd_input_is_named() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let cases = [
        (json!({}), "email"),
        (json!({ "email": "nobody" }), "email"),
        (json!({ "email": "a@b.example", "role": "nobody" }), "role"),
        (json!({ "email": "a@b.example", "role": "Not One" }), "role"),
        (json!({ "invitations": [] }), "invitations"),
        (json!({ "email": "a@b.example", "invitations": [{ "email": "c@d.example" }] }), "email"),
        (json!({ "invitations": [{ "email": "a@b.example" }, { "email": "A@B.example" }] }), "invitations[1].email"),
        (
            json!({ "invitations": [{ "email": "a@b.example", "role": "viewer" }, { "email": "c@d.example", "role": "nobody" }] }),
            "invitations[1].role",
        ),
    ];
    for (body, field) in cases {
        let answer = send(&owner, &body).await?.expect(422).with_context(|| body.to_string())?;
        ensure!(answer.fields()?.iter().any(|(path, _)| path == field), "{body}: {answer}");
    }
    owner.session.api.get(&owner.below("invitations?status=lost")).await?.expect(422)?;
    Ok(())
}

async fn each_role_may_what_the_catalogue_says() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    for (key, invites) in [("admin", true), ("manager", true), ("developer", false), ("member", false), ("viewer", false)] {
        let by = system.joins(&owner, key).await?;
        by.session.api.get(&owner.below("invitations")).await?.expect(200)?;
        let email = Person::stranger(&system.api()?)?.email;
        let answer = send(&by, &json!({ "email": email, "role": "viewer" })).await?.expect(if invites { 201 } else { 403 })?;
        if !invites {
            ensure!(answer.problem("PERMISSION_DENIED")?["details"]["permission"] == "users.invite", "{key}: {answer}");
        }
    }
    Ok(())
}

async fn another_organisations_invitations_are_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (ours, theirs) = (system.company().await?, system.company().await?);
    let person = Person::stranger(&system.api()?)?;
    let (invitation, token) = invited(&theirs, &person, "viewer").await?;
    let path = format!("/invitations/{}", invitation["id"].as_str().context("id")?);
    ours.session.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    ours.session.api.post(&format!("{path}/resend"), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    for method in ["GET", "POST"] {
        let call = ours.session.api.call(method, &theirs.below("invitations"))?;
        let call = if method == "POST" { call.json(&json!({ "email": "a@b.example" })) } else { call };
        call.send().await?.expect(404)?.problem("NOT_FOUND")?;
    }
    // An identifier is no token.
    person.api.get(&path).await?.expect(401)?.problem("TOKEN_INVALID")?;
    accept(&person, &token).await?.expect(200)?;
    Ok(())
}

async fn withdrawn_expired_and_sent_again() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let (invitation, first) = invited(&owner, &person, "viewer").await?;
    let id: uuid::Uuid = invitation["id"].as_str().context("id")?.parse()?;
    let path = format!("/invitations/{id}");
    let again = owner.session.api.post(&format!("{path}/resend"), &json!({})).await?;
    ensure!(again.round_trips()? == 1 && again.json_of(200)?["id"] == invitation["id"]);
    person.await_mails(2).await?;
    let second = person.token_for("/invitation").await?;
    ensure!(first != second, "a link of its own");
    accept(&person, &first).await?.expect(401)?.problem("TOKEN_INVALID")?;

    system.database.execute("UPDATE invitations SET expires_at = now() - interval '1 second' WHERE id = $1", &[&id]).await?;
    accept(&person, &second).await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    let list = owner.session.api.get(&owner.below("invitations?status=expired")).await?.json_of(200)?;
    ensure!(list["data"][0]["id"] == invitation["id"], "{list}");
    // What ran out is in nobody's way.
    let (anew, third) = invited(&owner, &person, "member").await?;
    ensure!(anew["id"] != invitation["id"]);
    owner.session.api.delete(&path).await?.expect(409)?.problem("CONFLICT")?;
    let path = format!("/invitations/{}", anew["id"].as_str().context("id")?);
    owner.session.api.delete(&path).await?.expect(204)?;
    for _ in 0..2 {
        accept(&person, &third).await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    owner.session.api.delete(&path).await?.expect(409)?.problem("CONFLICT")?;
    owner.session.api.post(&format!("{path}/resend"), &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    owner.session.api.delete("/invitations/019a0000-0000-7000-8000-00000000dead").await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn an_invitation_speaks_for_whoever_sent_it() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let admin = system.joins(&owner, "admin").await?;
    let person = Person::stranger(&system.api()?)?;
    let (invitation, token) = invited(&admin, &person, "manager").await?;
    let path = owner.below(&format!("users/{}/role", admin.session.user_id));
    owner.session.api.patch(&path, &json!({ "role": "viewer" })).await?.expect(200)?;
    person.api.get(&format!("/invitations/{token}")).await?.expect(401)?.problem("TOKEN_INVALID")?;
    accept(&person, &token).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // Somebody else takes it on.
    let resend = format!("/invitations/{}/resend", invitation["id"].as_str().context("id")?);
    owner.session.api.post(&resend, &json!({})).await?.expect(200)?;
    person.await_mails(2).await?;
    accept(&person, &person.token_for("/invitation").await?).await?.expect(200)?;
    Ok(())
}

async fn a_full_plan_takes_nobody_in() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let (person, session) = system.session().await?;
    let (_, token) = invited(&owner, &person, "viewer").await?;
    for _ in 0..4 {
        let (_, other) = system.session().await?;
        system.join(&owner, &other, "viewer").await?;
    }
    let full = session.api.post(&format!("/invitations/{token}/accept"), &json!({})).await?.expect(403)?;
    ensure!(full.problem("PLAN_LIMIT")?["details"]["feature"] == "members", "{full}");
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    system.database.execute("UPDATE tenants SET plan = 'pro' WHERE id = $1", &[&tenant]).await?;
    session.api.post(&format!("/invitations/{token}/accept"), &json!({})).await?.expect(200)?;
    Ok(())
}

async fn a_days_invitations() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let several = |count: usize| -> Result<Value> {
        let people = (0..count).map(|_| Ok(json!({ "email": Person::stranger(&system.api()?)?.email }))).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "invitations": people }))
    };
    send(&owner, &several(99)?).await?.expect(201)?;
    let refused = send(&owner, &several(2)?).await?.expect(429)?;
    ensure!(refused.problem("RATE_LIMITED").is_ok() && refused.header("retry-after").is_some(), "{refused}");
    send(&owner, &several(1)?).await?.expect(201)?;
    Ok(())
}

async fn other_domains_are_not_let_in() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    let allow = "UPDATE tenant_settings SET allowed_mail_domains = '{acme.example}' WHERE tenant_id = $1";
    system.database.execute(allow, &[&tenant]).await?;
    let refused = send(&owner, &json!({ "email": "a@else.example" })).await?.expect(422)?;
    ensure!(refused.fields()?.iter().any(|(path, code)| path == "email" && code == "domain"), "{refused}");
    send(&owner, &json!({ "email": format!("{}@acme.example", zygo_tests::random::word()?) })).await?.expect(201)?;
    Ok(())
}

/// Whoever signs up with somebody else's address waits there with a password of their own; the invitee gets the account.
async fn an_address_that_nobody_proved_is_the_invitees() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let squatter = person.with_password(&format!("{} squats", person.password));
    squatter.sign_up().await?.expect(201)?;
    let (_, token) = invited(&owner, &person, "viewer").await?;
    accept(&person, &token).await?.expect(200)?;
    squatter.try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    person.sign_in().await?;
    Ok(())
}

async fn fifty_accept_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (person, session) = system.session().await?;
    let (_, token) = invited(&owner, &person, "viewer").await?;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (session, token): (Session, String) = (session.clone(), token.clone());
            tokio::spawn(async move { session.api.post(&format!("/invitations/{token}/accept"), &json!({})).await })
        })
        .collect();
    let mut joined = 0;
    for racer in racers {
        let answer = racer.await??;
        match answer.status {
            200 => joined += 1,
            410 => drop(answer.problem("TOKEN_CONSUMED")?),
            503 => {}
            _ => anyhow::bail!("{answer}"),
        }
    }
    ensure!(joined == 1, "{joined} joined");
    let (tenant, user): (uuid::Uuid, uuid::Uuid) = (owner.tenant_id.parse()?, session.user_id.parse()?);
    let members = "SELECT count(*) FROM user_roles WHERE tenant_id = $1 AND user_id = $2";
    ensure!(system.database.count(members, &[&tenant, &user]).await? == 1);
    Ok(())
}
