//! A false range service of breached passwords: it knows one, and writes down what it is asked.

use anyhow::Result;

use crate::stub::{Request, Response, Stub};

/// The password that a breach has shown.
pub const BREACHED: &str = "Heron-Lantern-Quartz breached everywhere";
/// Its SHA-1, cut where the protocol cuts it.
const PREFIX: &str = "741B0";
const SUFFIX: &str = "CBB43385D3304C046F7B967657ABA2EC2BF";

/// A running service, and the paths that it was asked for.
#[derive(Debug)]
pub struct RangeService(Stub<Vec<String>>);

impl RangeService {
    /// Starts a service.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(answer).await?))
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/range", self.0.url())
    }

    /// The paths that were asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.0.state().clone()
    }
}

fn answer(asked: &mut Vec<String>, request: &Request) -> Response {
    asked.push(request.target.clone());
    let body = if request.path() == format!("/range/{PREFIX}") { format!("{SUFFIX}:42\r\n") } else { format!("{}:1\r\n", "0".repeat(35)) };
    Response { status: 200, content_type: "text/plain", body: body.into_bytes(), ..Response::default() }
}
