//! The OpenID Connect provider that others wrote: `tests/peers/oidc.mjs`, with a browser's part at its pages.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, StatusCode, Url, header::SET_COOKIE, redirect::Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::settings::Settings;

/// How long it may take to serve.
const START: Duration = Duration::from_secs(30);

/// A running provider; ends with this value.
#[derive(Debug)]
pub struct Peer {
    /// Its issuer, which is its base URL.
    pub issuer: String,
    http: Client,
    /// It ends with its standard input.
    _child: Mutex<Child>,
}

impl Peer {
    /// Starts a provider that knows these clients.
    ///
    /// # Errors
    /// When it does not serve; `scripts/test` installs its packages.
    pub async fn start(settings: &Settings, clients: &Value) -> Result<Self> {
        let mut child = Command::new("node")
            .arg(settings.root.join("tests/peers/oidc.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting node")?;
        let stdin = child.stdin.as_mut().context("no standard input")?;
        stdin.write_all(format!("{}\n", json!({ "clients": clients })).as_bytes()).await?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        timeout(START, BufReader::new(stdout).read_line(&mut line)).await.context("the peer does not start")??;
        let ready: Value = serde_json::from_str(&line).context("the peer did not start; are the packages of tests/peers installed?")?;
        let issuer = ready["issuer"].as_str().context("no issuer")?.to_owned();
        let http = Client::builder().http1_only().redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { issuer, http, _child: Mutex::new(child) })
    }

    /// Changes what it knows of a client.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn change_client(&self, id: &str, members: &Value) -> Result<()> {
        let response = self.http.post(format!("{}/test/client?id={id}", self.issuer)).json(members).send().await?;
        ensure!(response.status() == StatusCode::NO_CONTENT, "the peer answered {}", response.status());
        Ok(())
    }

    /// Signs in at its pages and consents; answers where the browser is sent back to.
    ///
    /// # Errors
    /// When the provider does not like the request.
    pub async fn sign_in(&self, authorization: &Url, account: &Value) -> Result<Url> {
        self.walk(authorization, &format!("account={}", encode(&account.to_string()))).await
    }

    /// Says no at its pages; answers where the browser is sent back to.
    ///
    /// # Errors
    /// When the provider does not like the request.
    pub async fn deny(&self, authorization: &Url) -> Result<Url> {
        self.walk(authorization, "deny").await
    }

    async fn walk(&self, start: &Url, choice: &str) -> Result<Url> {
        let cookies = Mutex::new(BTreeMap::new());
        let mut url = start.clone();
        for _ in 0..10 {
            if url.path().starts_with("/interaction/") {
                url.set_query(Some(choice));
            }
            url = self.step(&url, &cookies).await?;
            if !url.as_str().starts_with(&self.issuer) {
                return Ok(url);
            }
        }
        anyhow::bail!("the provider sends the browser around in circles")
    }

    async fn step(&self, url: &Url, cookies: &Mutex<BTreeMap<String, String>>) -> Result<Url> {
        let sent = {
            let cookies = cookies.lock().unwrap_or_else(PoisonError::into_inner);
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
        };
        let response = self.http.get(url.clone()).header("cookie", sent).send().await?;
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str()?.split(';').next().unwrap_or_default().to_owned();
            if let Some((name, value)) = pair.split_once('=') {
                cookies.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get("location").map(|value| value.to_str().map(str::to_owned)).transpose()?;
        match location {
            Some(location) => Ok(url.join(&location)?),
            None => anyhow::bail!("the provider answered {} to {}: {}", response.status(), url.path(), response.text().await?),
        }
    }
}

fn encode(text: &str) -> String {
    let mut url = Url::parse("http://x/").map(|mut url| {
        url.query_pairs_mut().append_key_only(text);
        url
    });
    url.as_mut().ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}
