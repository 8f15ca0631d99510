//! The way to the SAML Worker.

use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{Env, Method, RequestInit};
use zygo_core::{
    error::{Code, Problem},
    identity::saml::{Operation, Refusal},
};

const BINDING: &str = "SAML";
/// A service binding wants a URL; nobody looks at it.
const URL: &str = "https://saml.invalid/";

/// Has an operation performed: its answer, or why not.
///
/// # Errors
/// `NOT_FOUND` where SAML is switched off, `DEPENDENCY_UNAVAILABLE` where its Worker does not answer.
pub async fn perform<T: DeserializeOwned>(env: &Env, operation: &Operation) -> Result<Result<T, Refusal>, Problem> {
    let service = env.service(BINDING).map_err(|_| Problem::new(Code::NotFound).cause("no SAML Worker"))?;
    let body = serde_json::to_string(operation).map_err(|error| Problem::internal(error.to_string()))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let away = |error: worker::Error| Problem::unavailable(format!("saml: {error}"));
    let mut response = service.fetch(URL, Some(init)).await.map_err(away)?;
    if response.status_code() != 200 {
        return Err(Problem::unavailable(format!("saml: status {}", response.status_code())));
    }
    let answer: Result<T, Refusal> = response.json().await.map_err(away)?;
    match answer {
        Err(Refusal::Keys) => Err(Problem::new(Code::NotFound).cause("the SAML Worker has no keys")),
        answer => Ok(answer),
    }
}
