//! An answer, and what the platform promises of every answer.

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::codes;

/// An answer whose head has been checked against the platform's contract.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

/// The members of a problem document.
const MEMBERS: &[&str] = &["type", "title", "status", "detail", "code", "error", "details", "hint", "request_id"];

impl Answer {
    /// Checks what holds for every answer: request id, timing, security headers, and for errors the problem's shape.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn checked(self, is_head: bool) -> Result<Self> {
        let broken = |what: &str| format!("{what} in {self}");
        ensure!(self.header("x-request-id").is_some_and(|id| (8..=128).contains(&id.len())), broken("no X-Request-Id"));
        self.timing().with_context(|| broken("Server-Timing"))?;
        ensure!(self.header("x-content-type-options") == Some("nosniff"), broken("no nosniff"));
        ensure!(self.header("strict-transport-security").is_some_and(|value| value.contains("max-age=")), broken("no HSTS"));
        ensure!(self.header("referrer-policy").is_some(), broken("no Referrer-Policy"));
        let framed = |csp: &str| csp.contains("frame-ancestors 'none'");
        ensure!(self.header("content-security-policy").is_some_and(framed), broken("frames are not refused"));
        ensure!(self.header("cache-control").is_some(), broken("no Cache-Control"));
        ensure!(self.status != 500, broken("an internal error"));
        if is_head || matches!(self.status, 204 | 304) {
            ensure!(self.body.is_empty(), broken("a body"));
        } else if self.is_page() {
            self.check_page().with_context(|| broken("a page's promises"))?;
        } else if self.status >= 400 && !self.asked.ends_with("/health/ready") {
            self.check_problem().with_context(|| broken("the problem's shape"))?;
        }
        Ok(self)
    }

    /// Whether it is one of the pages for people; what the API's own description and mails look like is their business.
    fn is_page(&self) -> bool {
        let path = self.asked.split_once('/').map_or("", |(_, path)| path);
        let html = self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        html && !path.starts_with("docs") && !path.starts_with("dev/mails/")
    }

    /// What holds for every page: kept by nobody, nothing in it that runs or dresses, its forms say where they come from.
    fn check_page(&self) -> Result<()> {
        ensure!(self.header("cache-control") == Some("no-store"), "may be cached");
        ensure!(self.header("referrer-policy") == Some("same-origin"), "its forms come from nowhere");
        let policy = self.header("content-security-policy").context("no policy")?;
        // The one form that goes elsewhere: to an identity provider that wants to be posted to.
        let sign_on = self.body.windows(18).any(|part| part == b"name=\"SAMLRequest\"");
        let policy = if sign_on { policy.replace(" https: http:;", ";") } else { policy.to_owned() };
        for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            ensure!(policy.contains(part), "{policy} lacks {part}");
        }
        ensure!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        let html = std::str::from_utf8(&self.body)?;
        for sign in [" style=", "style>", "javascript:", " onclick=", " onload=", " onerror=", " onsubmit=", " onfocus=", " http-equiv="] {
            ensure!(!tags(html).any(|tag| tag.contains(sign) || tag == sign.trim_end_matches('>')), "{sign} in it");
        }
        ensure!(html.split("<script").skip(1).all(|script| script.starts_with(" src=\"/assets/") && script.contains("></script>")), "a script in it");
        let lang = html.contains("<html lang=\"en\"") || html.contains("<html lang=\"de\"");
        ensure!(lang && html.contains("<title>") && html.contains("<main ") && html.matches("<h1>").count() == 1, "language, title, main or heading");
        let forms = html.matches("<form").count();
        ensure!(html.matches("<form method=\"post\"").count() == forms, "a form that GETs");
        ensure!(html.matches("name=\"csrf\"").count() == forms - usize::from(sign_on), "a form without token");
        Ok(())
    }

    /// An error in SCIM's words (RFC 7644, 3.12), with the house's code beside it.
    fn check_scim(&self) -> Result<()> {
        ensure!(self.header("cache-control") == Some("no-store"), "may be cached");
        let error: Value = serde_json::from_slice(&self.body)?;
        let members = error.as_object().context("not an object")?;
        ensure!(members.keys().all(|member| ["schemas", "status", "scimType", "detail"].contains(&member.as_str())), "members are {error}");
        ensure!(error["schemas"] == serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "schemas");
        ensure!(
            error["status"].as_str().is_some_and(|status| status.parse() == Ok(self.status))
                && error["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "status or detail"
        );
        let code = self.header("x-error-code").context("no code")?;
        // What is invalid here is a bad request there.
        ensure!(
            codes::status_of(code) == Some(self.status) || code == "VALIDATION_FAILED" && self.status == 400,
            "{code} with status {}",
            self.status
        );
        codes::note(code);
        Ok(())
    }

    fn check_problem(&self) -> Result<()> {
        if self.header("content-type") == Some("application/scim+json") {
            return self.check_scim();
        }
        ensure!(self.header("content-type") == Some("application/problem+json"), "content type");
        ensure!(self.header("cache-control") == Some("no-store"), "may be cached");
        let problem: Value = serde_json::from_slice(&self.body)?;
        let members: Vec<&str> = problem.as_object().context("not an object")?.keys().map(String::as_str).collect();
        ensure!(members.len() == MEMBERS.len() && MEMBERS.iter().all(|member| members.contains(member)), "members are {members:?}");
        let text = |member: &str| problem[member].as_str().with_context(|| format!("{member} is no text"));
        let code = text("code")?;
        ensure!(codes::status_of(code) == Some(self.status), "{code} with status {}", self.status);
        ensure!(problem["status"] == self.status, "status");
        ensure!(text("type")? == format!("https://docs.zygo.tech/errors/{code}"), "type");
        ensure!(!text("title")?.is_empty() && !text("detail")?.is_empty(), "title or detail is empty");
        ensure!(problem["error"] == problem["detail"], "error is not detail");
        ensure!(problem["details"].is_object() || problem["details"].is_null(), "details");
        ensure!(problem["hint"].is_string() || problem["hint"].is_null(), "hint");
        ensure!(Some(text("request_id")?) == self.header("x-request-id"), "request_id is not the header's");
        let waits = matches!(code, "RATE_LIMITED" | "ACCOUNT_LOCKED" | "DEPENDENCY_UNAVAILABLE");
        let wait = self.header("retry-after").map(str::parse::<u32>);
        ensure!(!waits || matches!(wait, Some(Ok(1..))), "{code} without Retry-After");
        codes::note(code);
        Ok(())
    }

    /// A header's value, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<String> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    }

    /// `Server-Timing`: total, authentication and database in milliseconds, and round trips.
    ///
    /// # Errors
    /// When the header is not as the contract has it.
    pub fn timing(&self) -> Result<Timing> {
        let header = self.header("server-timing").context("is missing")?;
        let part = |name: &str, parameter: &str| -> Result<f64> {
            let start = format!("{name};{parameter}=");
            let value = header.split(", ").find_map(|part| part.strip_prefix(start.as_str())).with_context(|| format!("{header} lacks {name}"))?;
            Ok(value.trim_matches('"').parse()?)
        };
        let round_trips = part("rt", "desc")?;
        Ok(Timing { total: part("total", "dur")?, auth: part("auth", "dur")?, db: part("db", "dur")?, round_trips })
    }

    /// Round trips to Postgres after connecting, as the header has them.
    ///
    /// # Errors
    /// When the header is not as the contract has it.
    pub fn round_trips(&self) -> Result<u32> {
        let count = self.timing()?.round_trips;
        ensure!(count.fract() == 0.0 && (0.0..100.0).contains(&count), "rt is {count}");
        Ok(format!("{count:.0}").parse()?)
    }

    /// The answer, if it has this status.
    ///
    /// # Errors
    /// Otherwise, with the answer in the message.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "wanted {status}, got {self}");
        Ok(self)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON in {self}"))
    }

    /// The JSON of an answer with this status.
    ///
    /// # Errors
    /// When the status or the body is another.
    pub fn json_of(self, status: u16) -> Result<Value> {
        let answer = self.expect(status)?;
        ensure!(answer.header("content-type") == Some("application/json; charset=utf-8"), "content type of {answer}");
        answer.json()
    }

    /// The problem document, if the answer is this problem.
    ///
    /// # Errors
    /// Otherwise, with the answer in the message.
    pub fn problem(&self, code: &str) -> Result<Value> {
        let Ok(problem) = serde_json::from_slice::<Value>(&self.body) else { bail!("wanted {code}, got {self}") };
        if let Some(told) = self.header("x-error-code") {
            ensure!(told == code, "wanted {code}, got {self}");
            return Ok(problem);
        }
        ensure!(problem["code"] == code, "wanted {code}, got {self}");
        Ok(problem)
    }

    /// The body without what differs between two requests that are answered alike.
    ///
    /// # Errors
    /// When the body is no JSON.
    pub fn alike(&self) -> Result<Value> {
        let mut body = self.json()?;
        if let Some(body) = body.as_object_mut() {
            body.remove("request_id");
        }
        Ok(body)
    }

    /// The paths and codes of the fields that were refused.
    ///
    /// # Errors
    /// When the answer is not `VALIDATION_FAILED`.
    pub fn fields(&self) -> Result<Vec<(String, String)>> {
        let problem = self.problem("VALIDATION_FAILED")?;
        let fields = problem["details"]["fields"].as_array().with_context(|| format!("no fields in {self}"))?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not a text");
        fields.iter().map(|field| text(&field["message"]).and(Ok((text(&field["path"])?, text(&field["code"])?)))).collect()
    }
}

/// The insides of a page's tags. Texts are escaped, so that none of theirs is one.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|tag| tag.split('>').next())
}

/// What `Server-Timing` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// The whole, in milliseconds.
    pub total: f64,
    /// Authentication, in milliseconds.
    pub auth: f64,
    /// Postgres, in milliseconds.
    pub db: f64,
    /// Round trips to Postgres after connecting.
    pub round_trips: f64,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        write!(f, "{} → {} {body}", self.asked, self.status)
    }
}
