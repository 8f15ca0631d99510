//! SAML identity providers that others wrote: `tests/peers/saml`, with a browser's part at their pages.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{random, settings::Settings};

/// How long one may take to serve.
const START: Duration = Duration::from_secs(60);

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// npm's `samlp`.
    Samlp,
    /// Python's `pysaml2`, with Debian's `xmlsec1`.
    Pysaml2,
}

impl Kind {
    /// The interpreter that has `pysaml2`, if there is one: `scripts/test` says where.
    #[must_use]
    pub fn python() -> Option<String> {
        std::env::var("ZYGO_PYSAML2").ok().filter(|path| !path.is_empty())
    }

    fn command(self, settings: &Settings) -> Result<Command> {
        let folder = settings.root.join("tests/peers/saml");
        let (program, script) = match self {
            Self::Samlp => ("node".to_owned(), "samlp.mjs"),
            Self::Pysaml2 => (Self::python().context("ZYGO_PYSAML2 is not set")?, "pysaml2_idp.py"),
        };
        let mut command = Command::new(program);
        command.arg(folder.join(script));
        Ok(command)
    }
}

/// A running identity provider; ends with this value.
#[derive(Debug)]
pub struct SamlPeer {
    base: String,
    http: Client,
    _child: Child,
}

impl SamlPeer {
    /// Starts one; see `tests/peers/saml/pysaml2_idp.py` for what it is told.
    ///
    /// # Errors
    /// When it does not serve; `scripts/test` installs what it needs.
    pub async fn start(kind: Kind, config: &Value) -> Result<Self> {
        let settings = Settings::read()?;
        tokio::fs::create_dir_all(&settings.scratch).await?;
        let file = settings.scratch.join(format!("{}.json", random::word()?));
        tokio::fs::write(&file, config.to_string()).await?;
        let mut child =
            kind.command(&settings)?.arg(&file).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().context("starting it")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        timeout(START, BufReader::new(stdout).read_line(&mut line)).await.context("it does not start")??;
        let ready: Value = serde_json::from_str(&line).with_context(|| format!("{kind:?} did not start; is it installed?"))?;
        let base = ready["url"].as_str().context("no url")?.to_owned();
        Ok(Self { base, http: Client::builder().http1_only().no_proxy().build()?, _child: child })
    }

    /// Its metadata.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metadata(&self) -> Result<String> {
        Ok(self.http.get(format!("{}/metadata", self.base)).send().await?.error_for_status()?.text().await?)
    }

    /// Follows a redirect to it; answers the `SAMLResponse` and the `RelayState` that its page posts.
    ///
    /// # Errors
    /// When it refuses the request.
    pub async fn by_redirect(&self, url: &Url) -> Result<(String, String)> {
        let answer = self.http.get(url.clone()).send().await?;
        posted(answer.status().is_success(), &answer.text().await?)
    }

    /// Posts a form to it.
    ///
    /// # Errors
    /// When it refuses the request.
    pub async fn by_form(&self, url: &str, request: &str, state: &str) -> Result<(String, String)> {
        let form = Url::parse_with_params("http://x/", [("SAMLRequest", request), ("RelayState", state)])?;
        let post = self.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = post.body(form.query().unwrap_or_default().to_owned()).send().await?;
        posted(answer.status().is_success(), &answer.text().await?)
    }
}

fn posted(success: bool, html: &str) -> Result<(String, String)> {
    ensure!(success, "it answered {html}");
    Ok((field(html, "SAMLResponse")?, field(html, "RelayState")?))
}

/// The value of a hidden field; what HTML escapes in base64 is undone.
///
/// # Errors
/// When there is none.
pub fn field(html: &str, name: &str) -> Result<String> {
    let after = html.split(&format!("name=\"{name}\"")).nth(1).with_context(|| format!("no {name} in {html}"))?;
    let value = after.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).context("no value")?;
    Ok(["&#x2B;", "&#43;", "&#x2b;"]
        .iter()
        .fold(value.to_owned(), |text, escaped| text.replace(escaped, "+"))
        .replace("&#x3D;", "=")
        .replace("&#61;", "="))
}
