//! A false resolver that answers in JSON over HTTP.

use std::collections::HashMap;

use anyhow::Result;
use reqwest::Url;
use serde_json::json;

use crate::stub::{Request, Response, Stub};

/// What a name answers.
#[derive(Debug, Clone)]
pub enum Record {
    /// A text.
    Text(String),
    /// An IPv4 address.
    Address,
    /// These addresses, of either kind.
    Addresses(Vec<String>),
    /// That the resolver could not find out.
    Failure,
    /// Something that is no answer.
    Garbage,
}

/// What it answers, by names.
type Records = HashMap<String, Record>;

/// The resolver.
#[derive(Debug, Clone)]
pub struct Dns(Stub<Records>);

impl Dns {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Ok(Self(Stub::start(answer).await?))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/dns-query", self.0.url())
    }

    /// Makes a name that nobody has.
    pub fn forget(&self, name: &str) {
        self.0.state().remove(name);
    }

    /// Makes a name answer so.
    pub fn set(&self, name: &str, record: Record) {
        self.0.state().insert(name.to_owned(), record);
    }
}

fn answer(records: &mut Records, request: &Request) -> Response {
    let url = Url::parse(&format!("http://x{}", request.target));
    let asked =
        |wanted: &str| url.as_ref().ok().and_then(|url| url.query_pairs().find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned()));
    let (name, kind) = (asked("name"), asked("type"));
    match records.get(name.as_deref().unwrap_or_default()) {
        Some(Record::Text(text)) => {
            Response::json(200, &json!({ "Status": 0, "Answer": [{ "name": name, "type": 16, "TTL": 1, "data": format!("\"{text}\"") }] }))
        }
        Some(Record::Address) => Response::json(200, &json!({ "Status": 0, "Answer": [{ "name": name, "type": 1, "TTL": 1, "data": "192.0.2.1" }] })),
        Some(Record::Addresses(addresses)) => {
            let six = kind.as_deref() == Some("AAAA");
            let of_kind = addresses.iter().filter(|address| address.contains(':') == six);
            let record = |address| json!({ "name": name, "type": if six { 28 } else { 1 }, "TTL": 1, "data": address });
            Response::json(200, &json!({ "Status": 0, "Answer": of_kind.map(record).collect::<Vec<_>>() }))
        }
        Some(Record::Failure) => Response::json(200, &json!({ "Status": 2 })),
        Some(Record::Garbage) => Response::text(200, "<html>"),
        None => Response::json(200, &json!({ "Status": 3 })),
    }
}
