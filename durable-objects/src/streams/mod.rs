//! One stream per tenant: what happens there is told at once to whoever is connected and may see it.
//!
//! Invariants (the core's, [`zygo_core::stream`], and the object's own):
//! - entries and how far they were taken over are kept in one step before any of them is told, and between keeping and telling there is no
//!   `await`: an object that dies has told nothing that it does not know, and its connections die with it;
//! - a stream is registered in the same step in which what it missed is read, so nothing falls between;
//! - nothing is told on knowledge of revocations older than a lease: before each telling the gate has been heard within ten seconds, or
//!   nothing is told. The gate tells the object of a revocation at once, so what is void closes before whoever revoked has their answer;
//! - a stream does not outlive the access token that opened it;
//! - an object without streams has an alarm that empties it after a day; whoever comes back later is told that they are behind.
//!
//! WebSockets hibernate: who is connected stands in their attachments, and an object at rest is not in memory. Server-Sent Events cannot:
//! they are bodies being written, so an object that has one stays, and their heartbeats wake it.
//!
//! [`Hub`] is the object but for where its entries come from, which is a [`Source`].

#[cfg(feature = "classes")]
mod connection;
#[cfg(feature = "classes")]
mod hub;
#[cfg(feature = "classes")]
mod keep;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::{Env, Headers, Method, RequestInit};
use zygo_core::{
    error::{Code, Problem},
    id::TenantId,
    stream::{Cursor, Reader},
};

#[cfg(feature = "classes")]
pub use hub::{Hub, Source};

use crate::rpc::Remote;

const BINDING: &str = "STREAMS";
/// Header in which a request to connect says who connects.
pub(crate) const OPENING: &str = "x-zygo-opening";

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    /// Something was committed.
    Take { tenant_id: TenantId },
    /// The gate has news.
    Look { tenant_id: TenantId },
    /// What somebody missed, without connecting.
    Read { opening: Opening },
}

/// Who wants to be told, and since when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opening {
    /// Whose stream.
    pub tenant_id: TenantId,
    /// Who.
    pub reader: Reader,
    /// Where they left off, as they say it; `None` begins with what comes.
    pub after: Option<Cursor>,
}

/// How somebody connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// By WebSocket (RFC 6455).
    WebSocket,
    /// By Server-Sent Events (HTML, 9.2).
    ServerSent,
}

/// What somebody missed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Missed {
    /// Frames of events, in order.
    pub data: Vec<Value>,
    /// From where to go on.
    pub cursor: String,
    /// Whether there is more that is kept no longer.
    pub behind: bool,
}

/// An answer that may be a refusal.
#[derive(Debug, Serialize, Deserialize)]
enum Answered<T> {
    Done(T),
    Refused(Refusal),
}

/// Why somebody is not let in.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    code: String,
    detail: String,
    details: Value,
    retry_after: Option<u32>,
}

impl Refusal {
    #[cfg(feature = "classes")]
    fn of(problem: &Problem) -> Self {
        let document = problem.document("");
        let detail = document.get("detail").and_then(|detail| detail.as_str()).unwrap_or_default().to_owned();
        let details = document.get("details").cloned().unwrap_or_default();
        Self { code: problem.code().as_str().to_owned(), detail, details, retry_after: problem.retry_after_seconds() }
    }

    fn problem(self) -> Problem {
        let Some(code) = Code::ALL.iter().copied().find(|code| code.as_str() == self.code) else { return Problem::internal(self.code) };
        let problem = Problem::new(code).detail(self.detail).details(self.details);
        match self.retry_after {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }
}

/// A tenant's stream.
#[derive(Debug)]
pub struct StreamsHandle {
    remote: Remote,
    tenant_id: TenantId,
}

impl StreamsHandle {
    /// The stream of a tenant.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, tenant_id: TenantId) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &tenant_id.to_string())?, tenant_id })
    }

    /// Says that something was committed which the object may not have told yet. Often is harmless: it looks, and finds what there is.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer, as for all operations here.
    pub async fn take(&self) -> Result<(), Problem> {
        self.remote.call(&Op::Take { tenant_id: self.tenant_id }).await
    }

    /// Says that the gate has news. Answers whether anybody is connected.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn look(&self) -> Result<bool, Problem> {
        self.remote.call(&Op::Look { tenant_id: self.tenant_id }).await
    }

    /// What somebody missed since their cursor.
    ///
    /// # Errors
    /// What would end their stream; else as [`take`](Self::take).
    pub async fn read(&self, opening: Opening) -> Result<Missed, Problem> {
        match self.remote.call(&Op::Read { opening }).await? {
            Answered::Done(missed) => Ok(missed),
            Answered::Refused(refusal) => Err(refusal.problem()),
        }
    }

    /// Connects somebody: the client's end of a WebSocket, or the body of a stream of Server-Sent Events.
    ///
    /// # Errors
    /// `RATE_LIMITED` where there is no room, what would end their stream; else as [`take`](Self::take).
    pub async fn connect(&self, opening: &Opening, transport: Transport) -> Result<JsValue, Problem> {
        let internal = |error: worker::Error| Problem::internal(format!("{BINDING}: {error}"));
        let text = serde_json::to_string(opening).map_err(|error| Problem::internal(error.to_string()))?;
        let headers = Headers::new();
        headers.set(OPENING, &text).map_err(internal)?;
        if transport == Transport::WebSocket {
            headers.set("upgrade", "websocket").map_err(internal)?;
        }
        let mut init = RequestInit::new();
        init.with_method(Method::Get).with_headers(headers);
        let mut response = self.remote.fetch(&init).await?;
        match (response.status_code(), transport) {
            (101, Transport::WebSocket) => response
                .websocket()
                .map(|socket| AsRef::<worker::worker_sys::web_sys::WebSocket>::as_ref(&socket).clone().into())
                .ok_or_else(|| Problem::internal("no WebSocket came")),
            (200, Transport::ServerSent) => Ok(worker::worker_sys::web_sys::Response::from(response).body().into()),
            (409, _) => {
                let refusal: Refusal = response.json().await.map_err(internal)?;
                Err(refusal.problem())
            }
            (status, _) => Err(Problem::unavailable(format!("{BINDING}: status {status}"))),
        }
    }
}
