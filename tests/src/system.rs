//! One whole system: database, proxy, runtime, and perhaps a false mail service.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    client::Api,
    database::Database,
    dns::Dns,
    drives::{Drives, TOKEN_MARK},
    email::EmailService,
    forge::Secrets,
    mail::MailService,
    peer::Peer,
    people::{MAIL_DOMAIN, PASSWORD_MARK},
    providers::{Providers, SECRET_MARK},
    proxy::Proxy,
    range::RangeService,
    runtime::{Plan, Runtime},
    saas::Saas,
    settings::Settings,
    sms::SmsService,
};

/// How a system differs from development's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Variables that are set otherwise.
    pub variables: &'static [(&'static str, &'static str)],
    /// Whether mail goes to a false Resend.
    pub mail: bool,
    /// Whether mail goes to a false `send_email` binding; it is in the mailbox too. Queues do not retry then: what fails is a dead letter at
    /// once.
    pub email: bool,
    /// Whether new passwords are looked up at a false range service.
    pub breaches: bool,
    /// Whether links lead to the port that it serves, as a browser wants it.
    pub links: bool,
    /// Whether short messages go to a false Twilio; they are in the mailbox too.
    pub sms: bool,
    /// Whether there are providers to sign in with.
    pub federation: bool,
    /// Whether the edge's own checks are switched off.
    pub unguarded: bool,
}

/// Providers to sign in with.
#[derive(Debug)]
pub struct Federation {
    /// One that others wrote; it plays Google.
    pub peer: Peer,
    /// False ones.
    pub providers: Providers,
    /// False drives.
    pub drives: Drives,
    /// Who is asked for the proof of domains.
    pub dns: Dns,
    /// Whoever ends the connections to tenants' own domains.
    pub saas: Saas,
}

impl Federation {
    /// Our client at the peer.
    pub const CLIENT: &'static str = "google-client";

    async fn start(settings: &Settings) -> Result<Self> {
        let client = json!({
            "client_id": Self::CLIENT, "client_secret": format!("{SECRET_MARK}-google"), "token_endpoint_auth_method": "client_secret_post",
            "redirect_uris": ["http://localhost:8787/auth/oauth/google/callback"],
        });
        let (providers, drives, dns, saas) = (Providers::start().await?, Drives::start().await?, Dns::start().await?, Saas::start().await?);
        Ok(Self { peer: Peer::start(settings, &json!([client])).await?, providers, drives, dns, saas })
    }

    fn variables(&self) -> Vec<(String, String)> {
        let (mut clients, mut endpoints) = (Providers::clients(), self.providers.endpoints());
        clients["google"] = json!({ "client_id": Self::CLIENT, "client_secret": format!("{SECRET_MARK}-google") });
        endpoints["google"] = json!(self.peer.issuer);
        for (name, client, base) in self.drives.configuration() {
            clients[name] = client;
            endpoints[name] = json!(base);
        }
        let mut variables = vec![
            ("OAUTH_CLIENTS".to_owned(), clients.to_string()),
            ("OAUTH_ENDPOINTS".to_owned(), endpoints.to_string()),
            ("DNS_URL".to_owned(), self.dns.url()),
        ];
        variables.extend(self.saas.variables());
        variables
    }
}

/// A running system.
pub struct System {
    /// Its database.
    pub database: Database,
    /// The line to it.
    pub proxy: Proxy,
    /// Its secrets.
    pub secrets: Secrets,
    /// Where its mail goes, if not to the mailbox.
    pub mail: Option<MailService>,
    /// Who is given its mail by the `send_email` binding, if anybody.
    pub email: Option<EmailService>,
    /// Where its short messages go, if not to the mailbox alone.
    pub sms: Option<SmsService>,
    /// Where new passwords are looked up, if anywhere.
    pub range: Option<RangeService>,
    /// Its providers, if it has any.
    pub federation: Option<Federation>,
    base: String,
    directory: PathBuf,
    runtime: Mutex<Runtime>,
}

impl System {
    /// Starts a system.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(settings: &Settings, name: &str, options: Options) -> Result<Self> {
        let directory = settings.scratch.join(name);
        tokio::fs::create_dir_all(&directory).await.with_context(|| format!("making {}", directory.display()))?;
        let database = Database::create(settings).await?;
        let proxy = Proxy::start(database.server()?).await?;
        let secrets = Secrets::make()?;
        let mail = if options.mail { Some(MailService::start().await?) } else { None };
        let email = if options.email { Some(EmailService::start().await?) } else { None };
        let sms = if options.sms { Some(SmsService::start().await?) } else { None };
        let range = if options.breaches { Some(RangeService::start().await?) } else { None };
        let mut variables = secrets.variables();
        variables.extend(range.iter().map(|range| ("BREACH_RANGE_URL".into(), range.url())));
        variables.push(("ADDRESS_LIMIT_FACTOR".into(), "100".into()));
        variables.extend(options.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if let Some(mail) = &mail {
            variables.push(("MAIL_TRANSPORT".into(), "resend".into()));
            variables.push(("RESEND_URL".into(), mail.url()));
        }
        if let Some(email) = &email {
            variables.push(("MAIL_TRANSPORT".into(), "cloudflare".into()));
            variables.push(("EMAIL_URL".into(), email.url()));
            variables.push(("QUEUE_RETRIES".into(), "0".into()));
        }
        if let Some(sms) = &sms {
            variables.push(("SMS_TRANSPORT".into(), "twilio".into()));
            variables.push(("TWILIO_URL".into(), sms.url()));
            variables.push(("TWILIO_FROM".into(), "+15005550006".into()));
        }
        let port = if options.links { free_port().await? } else { 0 };
        if options.links {
            variables.push(("PUBLIC_URL".into(), format!("http://{}:{port}", crate::browser::PUBLIC)));
        }
        let federation = if options.federation { Some(Federation::start(settings).await?) } else { None };
        variables.extend(federation.iter().flat_map(Federation::variables));
        let (app_url, platform_url) = database.urls_through(proxy.port())?;
        let (root, build) = (settings.root.clone(), settings.build.clone());
        let edge = if options.unguarded { build.join("unguarded") } else { build.clone() };
        let plan = Plan { root, build, edge, directory: directory.clone(), variables, app_url, platform_url, port };
        let runtime = match Runtime::start(plan).await {
            Ok(runtime) => runtime,
            Err(error) => {
                database.remove().await?;
                return Err(error);
            }
        };
        Ok(Self { database, proxy, secrets, mail, email, range, sms, federation, base: runtime.base(), directory, runtime: Mutex::new(runtime) })
    }

    /// Its providers.
    ///
    /// # Errors
    /// When it was started without.
    pub fn federation(&self) -> Result<&Federation> {
        self.federation.as_ref().context("this system has no providers")
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> &str {
        self.base.rsplit(':').next().unwrap_or_default()
    }

    /// A client at the API's host, from an address of its own.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn api(&self) -> Result<Api> {
        Api::new(&self.base)
    }

    /// Runs the handler of a cron expression, and waits for it.
    ///
    /// # Errors
    /// When the runtime does not answer.
    pub async fn scheduled(&self, cron: &str) -> Result<()> {
        self.runtime.lock().await.scheduled(cron).await
    }

    /// Puts a message on a queue, past everybody who would: as if the queue delivered it again.
    ///
    /// # Errors
    /// When the runtime does not listen.
    pub async fn message(&self, queue: &str, body: &Value) -> Result<()> {
        self.runtime.lock().await.message(queue, body).await
    }

    /// Runs the outbox's sweep for all that is not settled, as if every lease had run out.
    ///
    /// # Errors
    /// When runtime or database do not answer.
    pub async fn sweep(&self) -> Result<()> {
        self.database.make_due().await?;
        self.scheduled("* * * * *").await
    }

    /// Waits until nothing is left to do; what no queue knows of any more is swept.
    ///
    /// # Errors
    /// What is left after that.
    pub async fn settle(&self) -> Result<()> {
        for _ in 0..10 {
            if self.database.settles_within(Duration::from_secs(3)).await? {
                return Ok(());
            }
            self.sweep().await?;
        }
        bail!("work was left behind: {:?}", self.database.unsettled().await?);
    }

    /// Kills the runtime as the kernel would, with all of its processes. What it keeps on disk stays.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&self) -> Result<()> {
        self.runtime.lock().await.kill().await
    }

    /// Starts the runtime again, at the same port, on what it kept.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&self) -> Result<()> {
        self.runtime.lock().await.restart().await
    }

    /// What the runtime wrote to its log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn log(&self) -> Result<String> {
        let log = self.directory.join("runtime.log");
        tokio::fs::read_to_string(&log).await.with_context(|| format!("reading {}", log.display()))
    }

    /// Checks that nothing is left to do and that no secret stands in the log.
    ///
    /// # Errors
    /// What is left, or what was let out.
    pub async fn check(&self) -> Result<()> {
        self.settle().await?;
        let log = self.log().await?;
        let marks = [
            MAIL_DOMAIN,
            PASSWORD_MARK,
            "eyJ",
            "zr_",
            "zf_",
            "zt_",
            "+49",
            &self.secrets.twilio_token,
            "zs_",
            "zv_",
            "zp_",
            "zm_",
            "zi_",
            "ze_",
            "zc_",
            "zb_",
            "zd_",
            "$argon2",
            "whsec_",
            "whsk_",
            "zs1.",
            SECRET_MARK,
            TOKEN_MARK,
            &self.secrets.ops_token,
            &self.secrets.resend_key,
        ];
        for mark in marks {
            let line = log.lines().find(|line| line.contains(mark));
            ensure!(line.is_none(), "the log holds {mark:?}: {}", line.unwrap_or_default());
        }
        ensure!(!log.contains("panicked at"), "a panic in the log of {}", self.directory.display());
        Ok(())
    }

    /// Stops the runtime and removes what the system left on disk and in PostgreSQL.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn stop(&self) -> Result<()> {
        self.runtime.lock().await.kill().await?;
        self.database.remove().await
    }
}

/// A port of the loopback that nobody listens at just now.
async fn free_port() -> Result<u16> {
    Ok(tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}
