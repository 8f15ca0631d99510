//! Second factors as people have them: an authenticator app that somebody else wrote, and what answers a challenge.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::{
    answer::Answer,
    people::{Person, Session},
    system::System,
    wait::eventually_within,
};

/// An authenticator app with one account in it.
#[derive(Debug, Clone)]
pub struct Authenticator(Totp);

impl Authenticator {
    /// An app that was given a secret by hand.
    ///
    /// # Errors
    /// When the secret is none.
    pub fn new(secret: &str) -> Result<Self> {
        let secret = Secret::try_from_base32(secret).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build_noncompliant();
        Ok(Self(totp))
    }

    /// The code of the step so many after the present one.
    ///
    /// # Errors
    /// Before 1970.
    #[expect(clippy::disallowed_methods, reason = "an authenticator app goes by the clock")]
    pub fn code(&self, steps: i64) -> Result<String> {
        let now = u64::try_from(Timestamp::now().as_second() + 30 * steps)?;
        Ok(self.0.generate(now).to_string())
    }

    /// A code of none of the steps that are near.
    ///
    /// # Errors
    /// Before 1970.
    pub fn wrong_code(&self) -> Result<String> {
        let near: Vec<String> = (-4..=4).map(|steps| self.code(steps)).collect::<Result<_>>()?;
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).context("no wrong code")
    }
}

impl Session {
    /// Sets an authenticator app up. Answers it, and the backup codes.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn set_up_totp(&self) -> Result<(Authenticator, Vec<String>)> {
        let setup = self.api.post("/auth/mfa/totp/setup", &json!({})).await?.json_of(200)?;
        let app = Authenticator::new(setup["secret"].as_str().context("secret")?)?;
        let verified = self.api.post("/auth/mfa/totp/verify", &json!({ "code": app.code(-1)? })).await?.json_of(200)?;
        let codes = verified["backup_codes"].as_array().context("backup_codes")?;
        Ok((app, codes.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
    }
}

impl Person {
    /// Signs in as far as the challenge; answers its token.
    ///
    /// # Errors
    /// When there is none.
    pub async fn challenge(&self) -> Result<String> {
        challenge_of(&self.try_sign_in().await?)
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn answer(&self, token: &str, factor: &str, code: &str) -> Result<Answer> {
        self.api.post("/auth/mfa/challenge", &json!({ "challenge_token": token, "factor": factor, "code": code })).await
    }
}

/// The token of a challenge.
///
/// # Errors
/// When the answer is none.
pub fn challenge_of(answer: &Answer) -> Result<String> {
    let body = answer.clone().json_of(200)?;
    ensure!(body["mfa_required"] == true && body["expires_in"] == 300, "{body}");
    Ok(body["challenge_token"].as_str().context("challenge_token")?.to_owned())
}

impl System {
    /// Somebody signed in with an authenticator app. The session began before it was set up.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn person_with_totp(&self) -> Result<(Person, Session, Authenticator, Vec<String>)> {
        let (person, session) = self.session().await?;
        let (app, codes) = session.set_up_totp().await?;
        Ok((person, session, app, codes))
    }

    /// Lets the codes of the present steps work once more.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn forget_steps(&self, session: &Session) -> Result<()> {
        let user: uuid::Uuid = session.user_id.parse()?;
        self.database.execute("UPDATE mfa_tokens SET last_step = NULL WHERE user_id = $1", &[&user]).await?;
        Ok(())
    }
}

/// A number that no other test has.
#[must_use]
pub fn number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("+491511{:07}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Person {
    /// The codes that were sent to a number, newest first, as soon as there are so many.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn await_codes(&self, number: &str, count: usize) -> Result<Vec<String>> {
        let path = format!("/dev/mailbox?to={}", number.replace('+', "%2B"));
        eventually_within(Duration::from_secs(15), async || {
            let mailbox = self.api.at("localhost").without_token().get(&path).await?.json_of(200)?;
            let messages = mailbox["data"].as_array().context("no list")?;
            let codes: Vec<String> = messages.iter().filter_map(|message| message["tokens"]["code"].as_str()).map(str::to_owned).collect();
            ensure!(codes.len() >= count, "{} of {count} codes came", codes.len());
            Ok(codes)
        })
        .await
    }

    /// Sets codes by SMS up, and answers the number.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn set_up_sms(&self, session: &Session) -> Result<String> {
        let number = number();
        session.api.post("/auth/mfa/sms/setup", &json!({ "phone": number })).await?.expect(200)?;
        let code = self.await_codes(&number, 1).await?.swap_remove(0);
        session.api.post("/auth/mfa/sms/verify", &json!({ "code": code })).await?.expect(200)?;
        Ok(number)
    }
}

/// A code that is not this one.
#[must_use]
pub fn other_than(code: &str) -> String {
    if code == "000000" { "000001".into() } else { "000000".into() }
}
