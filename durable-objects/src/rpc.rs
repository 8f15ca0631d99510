//! The one way to call an object: an operation goes in as JSON, its answer or a fault comes out.

use std::{cell::RefCell, collections::BTreeMap};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Response, Stub};
use zygo_core::error::Problem;

/// Objects are reached by their stub; the URL only has to be one.
const URL: &str = "https://object/";

/// Why an object could not answer. The texts are for the log alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", content = "cause", rename_all = "snake_case")]
pub(crate) enum Fault {
    /// The operation could not be read: caller and object are of different versions.
    Malformed(String),
    /// The storage failed; nothing of the operation is kept.
    Storage(String),
    /// What was kept, or an answer, does not fit its type.
    Corrupt(String),
}

impl Fault {
    fn problem(self, object: &str) -> Problem {
        match self {
            Self::Malformed(cause) => Problem::internal(format!("{object}: malformed operation: {cause}")),
            Self::Storage(cause) => Problem::unavailable(format!("{object}: storage: {cause}")),
            Self::Corrupt(cause) => Problem::internal(format!("{object}: corrupt: {cause}")),
        }
    }
}

impl From<worker::Error> for Fault {
    fn from(error: worker::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

thread_local! {
    static CALLS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// How many calls this isolate has made to the objects behind each binding.
#[must_use]
pub fn calls() -> Vec<(&'static str, u64)> {
    CALLS.with_borrow(|calls| calls.iter().map(|(binding, count)| (*binding, *count)).collect())
}

fn count(binding: &'static str) {
    CALLS.with_borrow_mut(|calls| {
        let count = calls.entry(binding).or_default();
        *count = count.saturating_add(1);
    });
}

/// An object to call.
#[derive(Debug)]
pub(crate) struct Remote {
    binding: &'static str,
    stub: Stub,
}

impl Remote {
    /// The object of a name behind a binding.
    pub(crate) fn open(env: &Env, binding: &'static str, name: &str) -> Result<Self, Problem> {
        let stub = env.durable_object(binding).and_then(|namespace| namespace.get_by_name(name));
        let stub = stub.map_err(|error| Problem::unavailable(format!("{binding}: {error}")))?;
        Ok(Self { binding, stub })
    }

    /// Runs one operation.
    pub(crate) async fn call<Op: Serialize, A: DeserializeOwned>(&self, operation: &Op) -> Result<A, Problem> {
        let (status, body) = self.send(operation).await.map_err(|error| match error {
            // What the object does not say itself is the way to it, or the object's instance that broke off.
            SendError::Encode(error) => Problem::internal(format!("{}: {error}", self.binding)),
            SendError::Way(error) => Problem::unavailable(format!("{}: {error}", self.binding)),
        })?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|error| Fault::Corrupt(error.to_string()).problem(self.binding));
        }
        let fault = serde_json::from_slice(&body).unwrap_or_else(|_| Fault::Storage(format!("status {status}")));
        Err(fault.problem(self.binding))
    }

    /// Sends what is no operation, and answers what came.
    pub(crate) async fn fetch(&self, init: &RequestInit) -> Result<Response, Problem> {
        count(self.binding);
        let sent = async { self.stub.fetch_with_request(Request::new_with_init(URL, init)?).await };
        sent.await.map_err(|error| Problem::unavailable(format!("{}: {error}", self.binding)))
    }

    async fn send<Op: Serialize>(&self, operation: &Op) -> Result<(u16, Vec<u8>), SendError> {
        let body = serde_json::to_string(operation)?;
        count(self.binding);
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
        let mut response = self.stub.fetch_with_request(Request::new_with_init(URL, &init)?).await?;
        Ok((response.status_code(), response.bytes().await?))
    }
}

enum SendError {
    Encode(serde_json::Error),
    Way(worker::Error),
}

impl From<serde_json::Error> for SendError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encode(error)
    }
}

impl From<worker::Error> for SendError {
    fn from(error: worker::Error) -> Self {
        Self::Way(error)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn faults_travel_as_types() {
        for fault in [Fault::Malformed("a".into()), Fault::Storage("b".into()), Fault::Corrupt("c".into())] {
            assert_eq!(serde_json::from_str::<Fault>(&serde_json::to_string(&fault).unwrap()).unwrap(), fault);
        }
    }

    #[test]
    fn what_passes_by_itself_may_be_tried_again() {
        assert_eq!(Fault::Storage(String::new()).problem("X").status(), 503);
        assert_eq!(Fault::Corrupt(String::new()).problem("X").status(), 500);
    }
}
