//! People and organisations of a test's own.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{answer::Answer, client::Api, random, system::System, wait::eventually_within};

/// The domain of every address that the tests make up. Nothing of it may show in a log.
pub const MAIL_DOMAIN: &str = "people.zygo-tests.example";
/// What every password of the tests holds. Nothing of it may show in a log.
pub const PASSWORD_MARK: &str = "Heron-Lantern-Quartz";

/// How long a mail may take.
const MAIL_LIMIT: Duration = Duration::from_secs(15);

/// Somebody with an account, at a client address of their own.
#[derive(Debug, Clone)]
pub struct Person {
    /// Mail address.
    pub email: String,
    /// Password.
    pub password: String,
    /// A client without a token, at the person's address.
    pub api: Api,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Access token.
    pub access: String,
    /// Refresh token.
    pub refresh: String,
    /// Identifier of the session.
    pub id: String,
    /// Identifier of the person.
    pub user_id: String,
    /// The whole answer.
    pub body: Value,
    /// A client with the access token.
    pub api: Api,
}

/// Somebody signed in to an organisation of their own.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// Identifier of the organisation.
    pub tenant_id: String,
    /// Its slug.
    pub slug: String,
    /// Its host.
    pub host: String,
    /// The session in it.
    pub session: Session,
}

impl Session {
    /// Reads a session from the answer of a sign-in, a refresh or a switch.
    ///
    /// # Errors
    /// When the answer is none.
    pub fn read(answer: Answer, api: &Api) -> Result<Self> {
        let body = answer.json_of(200)?;
        let text =
            |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {pointer} in {body}"));
        let access = text("/access_token")?;
        Ok(Self { refresh: text("/refresh_token")?, id: text("/session/id")?, user_id: text("/user/id")?, api: api.with(&access), access, body })
    }

    /// Uses the refresh token.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn refresh(&self) -> Result<Answer> {
        self.api.without_token().post("/auth/refresh", &json!({ "refresh_token": self.refresh })).await
    }
}

impl Person {
    /// Somebody who has no account yet.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn stranger(api: &Api) -> Result<Self> {
        let name = random::word()?;
        Ok(Self { email: format!("{name}@{MAIL_DOMAIN}"), password: format!("{PASSWORD_MARK} {name}"), api: api.from_elsewhere() })
    }

    /// The same person at another host.
    #[must_use]
    pub fn at(&self, host: &str) -> Self {
        Self { api: self.api.at(host), ..self.clone() }
    }

    /// The same person at another client address.
    #[must_use]
    pub fn from_elsewhere(&self) -> Self {
        Self { api: self.api.from_elsewhere(), ..self.clone() }
    }

    /// The same person with another password.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self.clone() }
    }

    /// Asks for an account.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn sign_up(&self) -> Result<Answer> {
        self.api.post("/auth/signup", &json!({ "email": self.email, "password": self.password })).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn try_sign_in(&self) -> Result<Answer> {
        self.api.post("/auth/login", &json!({ "email": self.email, "password": self.password })).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// When that does not give a session.
    pub async fn sign_in(&self) -> Result<Session> {
        Session::read(self.try_sign_in().await?, &self.api)
    }

    /// The mails to this person, newest first.
    ///
    /// # Errors
    /// When the mailbox does not answer.
    pub async fn mails(&self) -> Result<Vec<Value>> {
        let answer = self.api.at("localhost").without_token().get(&format!("/dev/mailbox?to={}", self.email)).await?;
        answer.json_of(200)?["data"].as_array().cloned().context("no list of mails")
    }

    /// The mails to this person, as soon as there are so many.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn await_mails(&self, count: usize) -> Result<Vec<Value>> {
        let deadline = Instant::now() + MAIL_LIMIT;
        loop {
            let mails = self.mails().await?;
            if mails.len() >= count {
                return Ok(mails);
            }
            if Instant::now() > deadline {
                bail!("{} of {count} mails came within {MAIL_LIMIT:?}", mails.len());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The token of the newest verification mail.
    ///
    /// # Errors
    /// When none comes.
    pub async fn verification_token(&self) -> Result<String> {
        let mails = self.await_mails(1).await?;
        let token = mails.iter().find_map(|mail| mail["tokens"]["verify"].as_str());
        Ok(token.context("no mail has a verification token")?.to_owned())
    }

    /// The token in the link of the newest mail that leads to a page.
    ///
    /// # Errors
    /// When no such mail comes.
    pub async fn token_for(&self, page: &str) -> Result<String> {
        eventually_within(MAIL_LIMIT, async || {
            let mails = self.mails().await?;
            let mut links = mails.iter().filter_map(|mail| mail["links"].as_array()).flatten().filter_map(Value::as_str);
            let token = links.find_map(|link| link.split_once(page)?.1.strip_prefix("?token="));
            Ok(token.with_context(|| format!("no mail leads to {page}"))?.to_owned())
        })
        .await
    }

    /// Redeems a verification token.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn verify(&self, token: &str) -> Result<Answer> {
        self.api.post("/auth/verify-email", &json!({ "token": token })).await
    }
}

impl System {
    /// Somebody with a verified account: signed up, mail read, token redeemed.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn person(&self) -> Result<Person> {
        let person = Person::stranger(&self.api()?)?;
        person.sign_up().await?.expect(201)?;
        let token = person.verification_token().await?;
        person.verify(&token).await?.expect(200)?;
        Ok(person)
    }

    /// Somebody signed in to the platform.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn session(&self) -> Result<(Person, Session)> {
        let person = self.person().await?;
        let session = person.sign_in().await?;
        Ok((person, session))
    }

    /// Somebody signed in to an organisation that they made.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn member(&self) -> Result<Member> {
        let (person, session) = self.session().await?;
        self.member_of_new(person, &session).await
    }

    /// Makes one more organisation for somebody, and signs them in to it.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn member_of_new(&self, person: Person, session: &Session) -> Result<Member> {
        let slug = format!("t-{}", random::word()?);
        let tenant = session.api.post("/tenants", &json!({ "name": "Tests", "slug": slug })).await?.json_of(201)?;
        let tenant_id = tenant["id"].as_str().context("no id")?.to_owned();
        let host = format!("{slug}.app.localhost");
        let switched = session.api.post("/auth/switch-tenant", &json!({ "tenant_id": tenant_id })).await?;
        let session = Session::read(switched, &person.api)?;
        ensure!(session.body["tenant"]["id"] == tenant["id"], "the session is not in the organisation: {}", session.body);
        Ok(Member { person, tenant_id, slug, host, session })
    }
}
