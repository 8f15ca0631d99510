//! The other end of [`crate::rpc`]: serves a call.

use serde::{Serialize, de::DeserializeOwned};
use worker::{Request, Response, ResponseBuilder};

use crate::rpc::Fault;

impl Fault {
    const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Storage(_) => 503,
            Self::Corrupt(_) => 500,
        }
    }

    /// For an alarm, which the runtime repeats when it fails.
    pub(crate) fn into_error(self) -> worker::Error {
        worker::Error::RustError(format!("{self:?}"))
    }
}

/// An encoded answer.
pub struct Answer(Vec<u8>);

impl Answer {
    /// Encodes an answer.
    pub fn of<A: Serialize>(answer: &A) -> Result<Self, Fault> {
        serde_json::to_vec(answer).map(Self).map_err(|error| Fault::Corrupt(error.to_string()))
    }
}

/// Serves one call: decodes the operation, runs it, encodes what came of it.
pub async fn serve<Op: DeserializeOwned>(mut request: Request, run: impl AsyncFnOnce(Op) -> Result<Answer, Fault>) -> worker::Result<Response> {
    let body = request.bytes().await?;
    let outcome = match serde_json::from_slice(&body) {
        Ok(operation) => run(operation).await,
        Err(error) => Err(Fault::Malformed(error.to_string())),
    };
    let (status, body) = match outcome {
        Ok(Answer(body)) => (200, body),
        Err(fault) => (fault.status(), serde_json::to_vec(&fault)?),
    };
    Ok(ResponseBuilder::new().with_status(status).fixed(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_no_success() {
        for fault in [Fault::Malformed("a".into()), Fault::Storage("b".into()), Fault::Corrupt("c".into())] {
            assert!(fault.status() >= 400);
        }
    }
}
