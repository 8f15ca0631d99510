//! The requests of a run: one text, with a number that is different in each, and tokens from a list.

use std::{cell::Cell, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

/// What is asked.
#[derive(Args)]
pub struct Shape {
    /// Method
    #[arg(long, default_value = "GET")]
    method: String,
    /// Target
    #[arg(long)]
    path: String,
    /// Host header
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Further header, `name: value`; `{n}` becomes the request's number
    #[arg(long = "header")]
    headers: Vec<String>,
    /// JSON body; `{n}` becomes the request's number
    #[arg(long)]
    body: Option<String>,
    /// File of bearer tokens, one per line
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// Sends each token once and stops when they are used up, instead of beginning again
    #[arg(long)]
    once: bool,
    /// Number of the first request
    #[arg(long, default_value_t = 0)]
    first: u64,
}

/// The requests of a run, in order.
pub struct Requests {
    shape: Shape,
    tokens: Vec<String>,
    next: Cell<u64>,
    last: u64,
    /// The only request there is, if all are the same.
    same: Option<String>,
}

impl Requests {
    /// Requests of a shape, at most `limit` of them.
    ///
    /// # Errors
    /// If the tokens cannot be read.
    pub fn new(shape: Shape, limit: Option<u64>) -> Result<Self> {
        let tokens: Vec<String> = match &shape.tokens {
            Some(path) => fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?.lines().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let first = shape.first;
        let held = u64::try_from(tokens.len())?;
        let most = match limit {
            Some(limit) if shape.once => limit.min(held),
            Some(limit) => limit,
            None if shape.once => held,
            None => u64::MAX,
        };
        let varies = shape.headers.iter().chain(&shape.body).any(|text| text.contains("{n}"));
        let mut requests = Self { shape, tokens, next: Cell::new(first), last: first.saturating_add(most), same: None };
        if !varies && requests.tokens.len() <= 1 {
            requests.same = Some(requests.text(first)?);
        }
        Ok(requests)
    }

    /// The next request; nothing when all are sent.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn next(&self, into: &mut String) -> Result<bool> {
        let n = self.next.get();
        if n >= self.last {
            return Ok(false);
        }
        self.next.set(n.saturating_add(1));
        into.clear();
        match &self.same {
            Some(text) => into.push_str(text),
            None => into.push_str(&self.text(n)?),
        }
        Ok(true)
    }

    fn text(&self, n: u64) -> Result<String> {
        let Shape { method, path, host, headers, body, .. } = &self.shape;
        let number = n.to_string();
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        for header in headers {
            write!(text, "{}\r\n", header.replace("{n}", &number))?;
        }
        if !self.tokens.is_empty() {
            let at = n.saturating_sub(self.shape.first).checked_rem(u64::try_from(self.tokens.len())?).unwrap_or(0);
            let token = self.tokens.get(usize::try_from(at)?).context("no such token")?;
            write!(text, "authorization: Bearer {token}\r\n")?;
        }
        if let Some(body) = body {
            let body = body.replace("{n}", &number);
            write!(text, "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
        } else {
            text.push_str("\r\n");
        }
        Ok(text)
    }
}
