//! The crossings into JavaScript on the hot path, each of them once per request.
//!
//! A header read or set through `web_sys` is a crossing of its own and makes a
//! string on both sides, and the runtime pays for every look-up. Here what each
//! request needs of its head comes over as one string, the rest only when it is
//! asked for, and a response is built from one string.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(inline_js = r#"
const NAMES = ["x-request-id", "origin", "host", "authorization", "cf-connecting-ip", "content-type", "content-length",
  "idempotency-key", "if-none-match", "if-match", "cookie", "user-agent", "access-control-request-method",
  "access-control-request-headers", "x-csrf-token", "accept", "accept-language", "svix-id", "svix-timestamp", "svix-signature", "upgrade", "last-event-id"];
export function head(request) {
  const headers = request.headers;
  return request.method + "\n" + request.url + "\n" + (headers.get("x-request-id") ?? "") + "\n" + (headers.get("origin") ?? "");
}
export function header(request, at) { return request.headers.get(NAMES[at]) ?? undefined; }
export function place(request) {
  const cf = request.cf;
  return cf ? [cf.country, cf.asn, cf.latitude, cf.longitude].join(" ") : "";
}
function fill(headers, text) {
  const lines = text.split("\n");
  for (let i = 0; i + 1 < lines.length; i += 2) headers.append(lines[i], lines[i + 1]);
  return headers;
}
export function outline(status, text, names, line) {
  const headers = fill(new Headers(), text);
  return { headers, names: names.split("\n").filter(Boolean), line, init: { status, headers } };
}
function respond({ headers, names, line }, init, text, body) {
  let at = 0;
  const next = () => {
    const from = at;
    at = text.indexOf("\n", from) + 1;
    return text.slice(from, at - 1);
  };
  // Set before the response copies them: to ask it for its headers makes one more object for each response.
  for (const name of names) headers.set(name, next());
  const response = new Response(body, init);
  while (text.includes("\n", at)) response.headers.append(next(), next());
  if (at < text.length) console.log(line + text.slice(at));
  return response;
}
export function reply(outline, text, body) { return respond(outline, outline.init, text, body); }
export function switched(outline, text, webSocket) { return respond(outline, { ...outline.init, webSocket }, text, null); }
export function again({ headers, names, line, init }, value, body) {
  headers.set(names[0], value);
  const response = new Response(body, init);
  console.log(line + value + '"}');
  return response;
}
async function firstOf(response, size) {
  // What is compressed may be any length once it is not.
  const length = response.headers.has("content-encoding") ? Infinity : Number(response.headers.get("content-length") ?? Infinity);
  if (length <= size) return response.text();
  const decoder = new TextDecoder();
  let [text, read] = ["", 0];
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk.subarray(0, size - read), { stream: true });
      read += chunk.length;
      if (read >= size) break;
    }
  } catch {}
  return text;
}
export async function callOut(url, headers, body, size, time) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), time);
  try {
    const init = { method: "POST", headers: fill(new Headers(), headers), body, redirect: "manual", cache: "no-store", signal: controller.signal };
    const response = await fetch(url, init);
    const text = await firstOf(response, size).catch(() => "");
    return response.status + "\n" + (response.headers.get("retry-after") ?? "") + "\n" + text;
  } catch {
    return controller.signal.aborted ? "timeout" : "unreachable";
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
export function sendOn(env, binding, request) { return env[binding].fetch(request); }
export function taken(response, name) { return response.headers.get(name) ?? undefined; }
export function without(response, name) {
  const clean = new Response(response.body, response);
  clean.headers.delete(name);
  return clean;
}
export function log(text) { console.log(text); }
"#)]
extern "C" {
    #[wasm_bindgen(js_name = head)]
    fn head_js(request: &JsValue) -> String;
    #[wasm_bindgen(js_name = header)]
    fn header_js(request: &JsValue, at: usize) -> Option<String>;
    #[wasm_bindgen(js_name = reply)]
    fn reply_text(outline: &JsValue, text: &str, body: &str) -> JsValue;
    #[wasm_bindgen(js_name = reply)]
    fn reply_value(outline: &JsValue, text: &str, body: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = switched)]
    fn switched_js(outline: &JsValue, text: &str, socket: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = again)]
    fn again_js(outline: &JsValue, value: &str, body: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = outline)]
    fn outline_js(status: u16, text: &str, names: &str, line: &str) -> JsValue;
    #[wasm_bindgen(js_name = place)]
    fn place_js(request: &JsValue) -> String;
    #[wasm_bindgen(js_name = sendOn, catch)]
    fn send_on_js(env: &JsValue, binding: &str, request: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_name = callOut)]
    fn call_out_js(url: &str, headers: &str, body: &str, size: u32, time: u32) -> Promise;
    #[wasm_bindgen(js_name = taken)]
    fn taken_js(response: &JsValue, name: &str) -> Option<String>;
    #[wasm_bindgen(js_name = without)]
    fn without_js(response: &JsValue, name: &str) -> JsValue;
    #[wasm_bindgen(js_name = log)]
    fn log_js(text: &str);
}

/// The headers that can be asked for, in the order of their numbers. The first two are in every [`head`]: every answer wants them.
pub const HEADERS: [&str; 22] = [
    "x-request-id",
    "origin",
    "host",
    "authorization",
    "cf-connecting-ip",
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
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "upgrade",
    "last-event-id",
];

/// Method, URL, and the first two of [`HEADERS`], a line each; a header that is not there is an empty line.
#[must_use]
pub fn head(request: &JsValue) -> String {
    head_js(request)
}

/// The value of the header with a number in [`HEADERS`].
#[must_use]
pub fn header(request: &JsValue, at: usize) -> Option<String> {
    header_js(request, at)
}

/// Where the client is, as far as the edge knows: country (ISO 3166-1), number of the network, degrees north and east, with blanks
/// between. The runtime parses all that the edge
/// says about a request when it is first asked for a part, so what is answered from memory does not ask.
#[must_use]
pub fn place(request: &JsValue) -> String {
    place_js(request)
}

/// A body of a response.
pub enum Body<'a> {
    /// None, as for 204, 304 and HEAD.
    Empty,
    /// UTF-8 text.
    Text(&'a str),
    /// A stream or buffer that JavaScript already holds.
    Value(&'a JsValue),
    /// The client's end of a WebSocket, to which the connection is switched (RFC 6455): the status is 101.
    Socket(&'a JsValue),
}

/// What responses of one kind have in common, held by JavaScript: a status, headers, and how their line for the console begins. The runtime
/// copies the headers without their passing through JavaScript again.
pub struct Outline(JsValue);

impl Outline {
    /// `text` has headers, names and values in turn, and `names` those that each response has with a value of its own; a line each. `line` is
    /// the beginning of the line for the console.
    #[must_use]
    pub fn new(status: u16, text: &str, names: &str, line: &str) -> Self {
        Self(outline_js(status, text, names, line))
    }

    /// A `Response` made in one crossing. `text` has the values of the outline's names, then further headers, names and values in turn, a
    /// line each, and at last the end of the line for the console, without an end of its own; where there is none, nothing is written.
    #[must_use]
    pub fn reply(&self, text: &str, body: &Body<'_>) -> JsValue {
        match body {
            Body::Empty => reply_value(&self.0, text, &JsValue::NULL),
            Body::Text(body) => reply_text(&self.0, text, body),
            Body::Value(value) => reply_value(&self.0, text, value),
            Body::Socket(socket) => switched_js(&self.0, text, socket),
        }
    }

    /// A `Response` that has nothing of its own but the value of the one name, which also ends the line for the console: a JSON string, whose
    /// quotation mark stands in the outline, as the last member of an object.
    #[must_use]
    pub fn again(&self, value: &str, body: &JsValue) -> JsValue {
        again_js(&self.0, value, body)
    }
}

/// Sends a request on to a service binding, as it came: the promise of the `Response`.
///
/// # Errors
/// What JavaScript throws, as where there is no such binding.
pub fn send_on(env: &JsValue, binding: &str, request: &JsValue) -> Result<Promise, JsValue> {
    send_on_js(env, binding, request)
}

/// POSTs to somebody else in one crossing, redirects not followed: a promise of the status, `Retry-After` and the answer's first `size` bytes
/// as text, a line each before the text; or of a word: `timeout`, `unreachable`. `headers` alternates names and values, a line each; `time`
/// in milliseconds bounds all of it, and what has come of an answer by then counts.
pub fn call_out(url: &str, headers: &str, body: &str, size: u32, time: u32) -> Promise {
    call_out_js(url, headers, body, size, time)
}

/// Takes a header off a `Response` that another Worker made: what it said, if it was there, and the response without it.
#[must_use]
pub fn take_header(response: JsValue, name: &str) -> (Option<String>, JsValue) {
    match taken_js(&response, name) {
        None => (None, response),
        said => (said, without_js(&response, name)),
    }
}

/// Writes a line to the console.
pub fn log(text: &str) {
    log_js(text);
}
