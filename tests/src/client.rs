//! A client of the API at some host, from some address, perhaps with a token.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Client, Method, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use crate::{answer::Answer, random};

/// Where requests go, and as whom. Cheap to clone; the `with` methods answer a changed copy.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    host: String,
    address: String,
    agent: String,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Api {
    /// A client of the runtime at `base` (`http://127.0.0.1:port`), with an address of its own.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn new(base: &str) -> Result<Self> {
        // `Host` and `CF-Connecting-IP` are ours to say, and redirects ours to see.
        // workerd hangs up on whoever said nothing for five seconds; who speaks at that very moment is not to fail.
        let http = Client::builder().http1_only().redirect(Policy::none()).no_proxy().pool_idle_timeout(Duration::from_secs(3)).build()?;
        Ok(Self {
            http,
            base: base.to_owned(),
            host: "localhost".into(),
            address: random::address(),
            agent: "zygo-tests/1".into(),
            token: None,
            headers: Vec::new(),
        })
    }

    /// The same at another host.
    #[must_use]
    pub fn at(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    /// The same from another client address.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// The same from an address that nobody has used.
    #[must_use]
    pub fn from_elsewhere(&self) -> Self {
        self.from(&random::address())
    }

    /// The same as another program.
    #[must_use]
    pub fn agent(&self, agent: &str) -> Self {
        Self { agent: agent.to_owned(), ..self.clone() }
    }

    /// The same from a place, as the edge would know it: country, number of the network, degrees north and east. The runtime of the tests takes
    /// it from this header; no other looks at it.
    #[must_use]
    pub fn located(&self, country: &str, network: u32, latitude: f64, longitude: f64) -> Self {
        let place = json!({ "country": country, "asn": network, "latitude": latitude.to_string(), "longitude": longitude.to_string() });
        self.carrying("mf-cf-blob", &place.to_string())
    }

    /// The same with one more header in every request.
    #[must_use]
    pub fn carrying(&self, name: &'static str, value: &str) -> Self {
        let headers = self.headers.iter().filter(|(other, _)| *other != name).cloned().chain([(name, value.to_owned())]).collect();
        Self { headers, ..self.clone() }
    }

    /// The same with an access token.
    #[must_use]
    pub fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same without a token.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The host that requests go to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The origin of the pages at that host.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The access token, if there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The client address that requests come from.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A request to be sent.
    ///
    /// # Errors
    /// When the method is none.
    pub fn call(&self, method: &str, path: &str) -> Result<Call> {
        let method = Method::from_bytes(method.as_bytes()).context("method")?;
        Ok(Call { api: self.clone(), method, path: path.to_owned(), headers: Vec::new(), body: None })
    }

    /// `GET`
    ///
    /// # Errors
    /// When no answer comes, or one that breaks the contract of all answers; so for all that send.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.call("GET", path)?.send().await
    }

    /// `POST` with JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call("POST", path)?.json(body).send().await
    }

    /// `PATCH` with JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call("PATCH", path)?.json(body).send().await
    }

    /// `DELETE`
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.call("DELETE", path)?.send().await
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    api: Api,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// When no answer comes, or one that breaks the contract of all answers.
    pub async fn send(self) -> Result<Answer> {
        let is_head = self.method == Method::HEAD;
        self.send_unchecked().await?.checked(is_head)
    }

    /// Sends it, and does not ask what the answer looks like.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send_unchecked(self) -> Result<Answer> {
        let asked = format!("{} {}{}", self.method, self.api.host, self.path);
        let response = self.open().await?;
        let (status, headers): (u16, HeaderMap) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| asked.clone())?.to_vec();
        Ok(Answer { asked, status, headers, body })
    }

    /// Sends it, and leaves the body to be read.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn open(self) -> Result<reqwest::Response> {
        let Self { api, method, path, headers, body } = self;
        let asked = format!("{method} {}{path}", api.host);
        let mut request = api.http.request(method, format!("{}{path}", api.base));
        request = request.header("host", &api.host).header("cf-connecting-ip", &api.address).header("user-agent", &api.agent);
        if let Some(token) = &api.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &api.headers {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send().await.with_context(|| asked.clone())
    }
}
