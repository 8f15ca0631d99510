//! A false mail service: Resend's `POST /emails`, and whatever status a test wants it to answer.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::stub::{self, Request, Response};

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
pub struct MailService {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl MailService {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let taken = Arc::clone(&state);
        let address = stub::serve(move |request| {
            let answer = taken.lock().unwrap_or_else(PoisonError::into_inner).take(request);
            async { answer }
        });
        Ok(Self { address: address.await?, state })
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers these statuses, one after the other, to mails for this address; then 200 again.
    pub fn refuse(&self, address: &str, statuses: &[u16]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refusals.push((address.to_owned(), statuses.iter().rev().copied().collect()));
    }

    /// What was sent for an address so far.
    #[must_use]
    pub fn deliveries(&self, address: &str) -> Vec<Delivery> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.deliveries.iter().filter(|delivery| delivery.is_to(address)).cloned().collect()
    }
}

impl State {
    fn take(&mut self, request: Request) -> Response {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return Response::text(400, "no JSON") };
        let to = body["to"].to_string();
        let refusal = self.refusals.iter_mut().find(|(address, _)| to.contains(address.as_str()));
        let status = refusal.and_then(|(_, statuses)| statuses.pop()).unwrap_or(200);
        let line = format!("{} {} HTTP/1.1", request.method, request.target);
        self.deliveries.push(Delivery { request: line, headers: request.headers, body, status });
        Response::json(status, &json!({ "id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" }))
    }
}
