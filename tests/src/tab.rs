//! A tab of a browser, as far as sign-ins through others need one: it keeps cookies, and says where it is sent.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use reqwest::Url;

use crate::{answer::Answer, client::Api};

/// A tab at one host.
#[derive(Debug)]
pub struct Tab {
    /// The client behind it.
    pub api: Api,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Tab {
    /// A browser without cookies, at the client's host and address.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api, cookies: Mutex::default() }
    }

    /// The cookies that it has, as it sends them.
    #[must_use]
    pub fn cookies(&self) -> String {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Keeps what an answer sets.
    pub fn keep(&self, answer: &Answer) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for set in answer.header_values("set-cookie") {
            let Some((name, rest)) = set.split_once('=') else { continue };
            let value = rest.split(';').next().unwrap_or_default();
            if set.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Goes to a path.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        let answer = self.api.call("GET", path)?.header("cookie", &self.cookies()).send().await?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Sends a form, as a page of another site would have it do.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_form(&self, path: &str, form: &str) -> Result<Answer> {
        let call = self.api.call("POST", path)?.header("cookie", &self.cookies()).header("content-type", "application/x-www-form-urlencoded");
        let answer = call.body(form).send().await?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Begins to sign in: where the provider wants the browser.
    ///
    /// # Errors
    /// When it is not sent anywhere.
    pub async fn start(&self, provider: &str, query: &str) -> Result<Url> {
        let answer = self.get(&format!("/auth/oauth/{provider}?{query}")).await?.expect(303)?;
        location(&answer)
    }
}

/// Where an answer sends the browser.
///
/// # Errors
/// When that is no whole URL.
pub fn location(answer: &Answer) -> Result<Url> {
    let location = answer.header("location").with_context(|| format!("no Location in {answer}"))?;
    Url::parse(location).with_context(|| format!("Location {location}"))
}

/// A parameter of a URL, which must have it once.
///
/// # Errors
/// Otherwise.
pub fn parameter(url: &Url, name: &str) -> Result<String> {
    let values: Vec<String> = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect();
    match values.as_slice() {
        [value] => Ok(value.clone()),
        _ => anyhow::bail!("{} values of {name} in {url}", values.len()),
    }
}

/// Path and query of a URL, for a client that knows the host already.
#[must_use]
pub fn target(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
