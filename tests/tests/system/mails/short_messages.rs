//! Short messages over HTTP to a service that says when it may be asked again.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{factors::number, tests, wait::eventually, world};

tests![a_transport_that_says_when_is_not_asked_before];

async fn a_transport_that_says_when_is_not_asked_before() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let twilio = system.sms.as_ref().context("a false Twilio")?;
    let date = system.database.column("SELECT to_char((now() + interval '2 hours') AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS GMT')", &[]);
    let date = date.await?.pop().context("no date")?;
    // What is asked for, and between which waits it is granted: the policy's own is never longer than a minute or so.
    let cases = [
        (429, "600", "9 minutes", "11 minutes"),
        (503, date.as_str(), "110 minutes", "121 minutes"),
        // No more than a day, however much is wished.
        (429, "99999999999999", "23 hours", "25 hours"),
        // What nobody can read, and what is less, is the policy's to say.
        (503, "soon", "0 seconds", "2 minutes"),
        (429, "0", "0 seconds", "2 minutes"),
    ];
    for (status, wish, least, most) in cases {
        let (person, session) = system.session().await?;
        let number = number();
        twilio.refuse_for(&number, &[status], wish);
        session.api.post("/auth/phone/verify", &json!({ "phone": number })).await?.expect(200)?;
        let user: uuid::Uuid = session.user_id.parse()?;
        let due = "SELECT (available_at BETWEEN now() + $2::text::interval AND now() + $3::text::interval)::text FROM outbox \
                   WHERE kind = 'sms.code' AND payload ->> 'user_id' = $1::text AND last_error IS NOT NULL";
        eventually(async || {
            let due = system.database.column(due, &[&user.to_string(), &least, &most]).await?;
            ensure!(due == ["true"], "{status} {wish}: {due:?}");
            Ok(())
        })
        .await?;
        if least != "0 seconds" {
            system.scheduled("* * * * *").await?;
            ensure!(twilio.posted(&number).len() == 1, "{wish}: asked before its time");
        }
        system.settle().await?;
        person.await_codes(&number, 1).await?;
        ensure!(twilio.posted(&number).iter().map(|posted| posted.status).eq([status, 201]), "{:?}", twilio.posted(&number));
    }
    Ok(())
}
