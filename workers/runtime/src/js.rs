//! The crossings into JavaScript on the hot path, each of them once per request.
//!
//! A header read or set through `web_sys` is a crossing of its own and makes a
//! string on both sides. Here the whole head comes over as one string, and a
//! response is built from one.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(inline_js = r#"
const NAMES = ["host", "authorization", "x-request-id", "cf-connecting-ip", "origin", "content-type",
  "content-length", "idempotency-key", "if-none-match", "if-match", "cookie", "user-agent",
  "access-control-request-method", "access-control-request-headers", "x-csrf-token", "accept"];
export function head(request) {
  const headers = request.headers;
  let out = request.method + "\n" + request.url;
  let page = false;
  for (let i = 0; i < NAMES.length; i++) {
    const value = headers.get(NAMES[i]);
    if (value === null) continue;
    out += "\n" + i + " " + value;
    if (NAMES[i] === "accept") page = value.includes("text/html");
  }
  // Only where a page is wanted does the language matter: the API pays for no look-up more.
  if (page) {
    const languages = headers.get("accept-language");
    if (languages !== null) out += "\n" + NAMES.length + " " + languages;
  }
  const cf = request.cf;
  if (cf) out += "\nc " + (cf.country || "") ;
  return out;
}
export function reply(status, head, body) {
  const lines = head.split("\n");
  const headers = [];
  for (let i = 0; i + 1 < lines.length; i += 2) headers.push([lines[i], lines[i + 1]]);
  return new Response(body, { status, headers });
}
export function log(text) { console.log(text); }
"#)]
extern "C" {
    #[wasm_bindgen(js_name = head)]
    fn head_js(request: &JsValue) -> String;
    #[wasm_bindgen(js_name = reply)]
    fn reply_text(status: u16, head: &str, body: &str) -> JsValue;
    #[wasm_bindgen(js_name = reply)]
    fn reply_value(status: u16, head: &str, body: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = log)]
    fn log_js(text: &str);
}

/// The headers that [`head`] reads, in the order of their numbers; the last one only where a page is asked for.
pub const HEADERS: [&str; 17] = [
    "host",
    "authorization",
    "x-request-id",
    "cf-connecting-ip",
    "origin",
    "content-type",
    "content-length",
    "idempotency-key",
    "if-none-match",
    "if-match",
    "cookie",
    "user-agent",
    "access-control-request-method",
    "access-control-request-headers",
    "x-csrf-token",
    "accept",
    "accept-language",
];

/// Method, URL and the headers of [`HEADERS`] that are there: lines of `number value`,
/// last `c country` where the edge knows it.
#[must_use]
pub fn head(request: &JsValue) -> String {
    head_js(request)
}

/// A body of a response.
pub enum Body<'a> {
    /// None, as for 204, 304 and HEAD.
    Empty,
    /// UTF-8 text.
    Text(&'a str),
    /// A stream or buffer that JavaScript already holds.
    Value(&'a JsValue),
}

/// A `Response` made in one crossing; `head` alternates names and values, a line each.
#[must_use]
pub fn reply(status: u16, head: &str, body: &Body<'_>) -> JsValue {
    match body {
        Body::Empty => reply_value(status, head, &JsValue::NULL),
        Body::Text(text) => reply_text(status, head, text),
        Body::Value(value) => reply_value(status, head, value),
    }
}

/// Writes a line to the console.
pub fn log(text: &str) {
    log_js(text);
}
