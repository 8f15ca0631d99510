//! A false Twilio: `POST /2010-04-01/Accounts/{sid}/Messages.json`, and whatever status a test wants it to answer.

use anyhow::Result;
use reqwest::Url;
use serde_json::json;

use crate::stub::{Request, Response, Stub};

/// A request that the service was sent.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Method and target.
    pub request: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The form's fields, in their order.
    pub fields: Vec<(String, String)>,
    /// What was answered.
    pub status: u16,
}

impl Posted {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct State {
    posted: Vec<Posted>,
    /// Statuses to answer for a number instead of 201, the last first, and how long whoever gets one is to wait.
    refusals: Vec<(String, Vec<u16>, Option<String>)>,
}

/// The service.
#[derive(Debug, Clone)]
pub struct SmsService(Stub<State>);

impl SmsService {
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

    /// Answers these statuses, one after the other, to messages for this number; then 201 again.
    pub fn refuse(&self, number: &str, statuses: &[u16]) {
        self.refuse_and_say(number, statuses, None);
    }

    /// The same, each with this `Retry-After`.
    pub fn refuse_for(&self, number: &str, statuses: &[u16], retry_after: &str) {
        self.refuse_and_say(number, statuses, Some(retry_after.to_owned()));
    }

    fn refuse_and_say(&self, number: &str, statuses: &[u16], retry_after: Option<String>) {
        let mut state = self.0.state();
        state.refusals.push((number.to_owned(), statuses.iter().rev().copied().collect(), retry_after));
    }

    /// What was sent for a number so far.
    #[must_use]
    pub fn posted(&self, number: &str) -> Vec<Posted> {
        let state = self.0.state();
        state.posted.iter().filter(|posted| posted.field("To") == Some(number)).cloned().collect()
    }
}

impl State {
    fn take(&mut self, request: &Request) -> Response {
        let form = Url::parse(&format!("http://form/?{}", String::from_utf8_lossy(&request.body)));
        let fields: Vec<(String, String)> = form.map(|form| form.query_pairs().into_owned().collect()).unwrap_or_default();
        let to = fields.iter().find(|(name, _)| name == "To").map(|(_, value)| value.as_str());
        let mut refusals = self.refusals.iter_mut().filter(|(number, ..)| Some(number.as_str()) == to);
        let refusal = refusals.find_map(|(_, statuses, wait)| Some((statuses.pop()?, wait.clone())));
        let (status, retry_after) = refusal.unwrap_or((201, None));
        let line = format!("{} {} HTTP/1.1", request.method, request.target);
        self.posted.push(Posted { request: line, headers: request.headers.clone(), fields, status });
        let mut response = Response::json(status, &json!({ "sid": "SM00000000000000000000000000000000", "status": "queued" }));
        response.headers.extend(retry_after.map(|wait| ("retry-after".to_owned(), wait)));
        response
    }
}
