//! What Cloudflare's `send_email` binding is given, and whatever it is to say; `tests/runtime/email.mjs` is the binding.

use anyhow::Result;
use serde_json::{Value, json};

use crate::stub::{Request, Response, Stub};

/// A message that the binding was given.
#[derive(Debug, Clone)]
pub struct Given {
    /// The message.
    pub message: Value,
    /// The code of the error that it threw, if it did.
    pub code: Option<&'static str>,
}

#[derive(Debug, Default)]
struct State {
    given: Vec<Given>,
    /// Codes to throw for an address, the last first.
    refusals: Vec<(String, Vec<&'static str>)>,
}

/// The other side of the binding.
#[derive(Debug, Clone)]
pub struct EmailService(Stub<State>);

impl EmailService {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(State::take).await?))
    }

    /// Where the binding hands on what it is given.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Throws these codes, one after the other, for mails to this address; then none again.
    pub fn refuse(&self, address: &str, codes: &[&'static str]) {
        let mut state = self.0.state();
        state.refusals.push((address.to_owned(), codes.iter().rev().copied().collect()));
    }

    /// What it was given for an address so far.
    #[must_use]
    pub fn given(&self, address: &str) -> Vec<Given> {
        let state = self.0.state();
        state.given.iter().filter(|given| given.message["to"] == address).cloned().collect()
    }
}

impl State {
    fn take(&mut self, request: &Request) -> Response {
        let Ok(message) = serde_json::from_slice::<Value>(&request.body) else { return Response::text(400, "no JSON") };
        let mut refusals = self.refusals.iter_mut().filter(|(address, _)| message["to"] == address.as_str());
        let code = refusals.find_map(|(_, codes)| codes.pop());
        self.given.push(Given { message, code });
        Response::json(200, &json!({ "messageId": "<of-the-tests@zygo-tests.example>", "code": code }))
    }
}
