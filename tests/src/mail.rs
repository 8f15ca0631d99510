//! A false mail service: Resend's `POST /emails`, and whatever status a test wants it to answer.

use anyhow::Result;
use serde_json::{Value, json};

use crate::stub::{Request, Response, Stub};

/// A request that the service was sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Method and target.
    pub request: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
    /// What was answered.
    pub status: u16,
}

impl Delivery {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is to this address.
    #[must_use]
    pub fn is_to(&self, address: &str) -> bool {
        self.body["to"].as_array().is_some_and(|to| to.iter().any(|to| to == address))
    }
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    /// Statuses to answer for an address instead of 200: a mark in the address, and what is left of the list.
    refusals: Vec<(String, Vec<u16>)>,
}

/// The service.
#[derive(Debug, Clone)]
pub struct MailService(Stub<State>);

impl MailService {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(State::take).await?))
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Answers these statuses, one after the other, to mails for this address; then 200 again.
    pub fn refuse(&self, address: &str, statuses: &[u16]) {
        let mut state = self.0.state();
        state.refusals.push((address.to_owned(), statuses.iter().rev().copied().collect()));
    }

    /// What was sent for an address so far.
    #[must_use]
    pub fn deliveries(&self, address: &str) -> Vec<Delivery> {
        let state = self.0.state();
        state.deliveries.iter().filter(|delivery| delivery.is_to(address)).cloned().collect()
    }
}

impl State {
    fn take(&mut self, request: &Request) -> Response {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return Response::text(400, "no JSON") };
        let to = body["to"].to_string();
        let refusal = self.refusals.iter_mut().find(|(address, _)| to.contains(address.as_str()));
        let status = refusal.and_then(|(_, statuses)| statuses.pop()).unwrap_or(200);
        let line = format!("{} {} HTTP/1.1", request.method, request.target);
        self.deliveries.push(Delivery { request: line, headers: request.headers.clone(), body, status });
        Response::json(status, &json!({ "id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" }))
    }
}
