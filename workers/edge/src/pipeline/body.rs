//! Reads a body, bounded, of the one media type that its route reads.

use futures::StreamExt as _;
use wasm_bindgen::{JsCast, JsValue};
use zygo_core::error::{Code, Problem};

use super::head::Method;
use crate::{ctx::Shared, route::Route};

/// The body of a request; empty for methods without one.
///
/// # Errors
/// `BODY_TOO_LARGE` over the route's limit, `UNSUPPORTED_MEDIA_TYPE` for anything but what the route reads.
pub async fn read(shared: &Shared, route: &Route, request: JsValue) -> Result<Vec<u8>, Problem> {
    if matches!(shared.head.method, Method::Get | Method::Head) {
        return Ok(Vec::new());
    }
    let announced = shared.head.header("content-length").and_then(|length| length.parse::<u64>().ok());
    let limit = u64::try_from(route.body_limit).unwrap_or(u64::MAX);
    let too_large = || Problem::new(Code::BodyTooLarge).detail(format!("the body may have {} bytes", route.body_limit));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(usize::try_from(announced.unwrap_or(0)).unwrap_or(0));
    let mut request = worker::Request::from(request.unchecked_into::<worker::worker_sys::web_sys::Request>());
    // A request without a body has no stream.
    if let Ok(mut stream) = request.stream() {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::BadRequest).detail("the body broke off"))?;
            if body.len().saturating_add(chunk.len()) > route.body_limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
    if !body.is_empty() && !shared.head.header("content-type").is_some_and(|value| reads(route.reads, value)) {
        return Err(Problem::new(Code::UnsupportedMediaType).detail(format!("send {}", route.reads)));
    }
    Ok(body)
}

/// Whether a `Content-Type` is one of those that a route reads.
fn reads(reads: &str, value: &str) -> bool {
    reads.split(", ").any(|media_type| is(value, media_type))
}

/// Whether a `Content-Type` is a media type, or one of a range such as `image/*`, whatever its parameters.
fn is(value: &str, media_type: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default().trim();
    match media_type.strip_suffix('*') {
        Some(range) => essence.get(..range.len()).is_some_and(|start| start.eq_ignore_ascii_case(range)),
        None => essence.eq_ignore_ascii_case(media_type),
    }
}

#[cfg(test)]
mod tests {
    use super::{is, reads};
    use crate::route::{FORM, JSON, PICTURE, SCIM};

    #[test]
    fn only_json_is_json() {
        assert!(is("application/json", JSON) && is("Application/JSON; charset=utf-8", JSON));
        assert!(!is("text/plain", JSON) && !is("application/jsonp", JSON) && !is("", JSON) && !is(FORM, JSON));
    }

    #[test]
    fn directories_write_either() {
        assert!(reads(SCIM, "application/scim+json; charset=utf-8") && reads(SCIM, "application/json"));
        assert!(!reads(SCIM, "application/xml") && !reads(SCIM, "") && !reads(JSON, "application/scim+json"));
    }

    #[test]
    fn a_range_takes_what_begins_so() {
        assert!(is("image/png", PICTURE) && is("IMAGE/webp; q=1", PICTURE));
        assert!(!is("text/plain", PICTURE) && !is("image", PICTURE) && !is("", PICTURE));
    }
}
