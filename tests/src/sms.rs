//! A false Twilio: `POST /2010-04-01/Accounts/{sid}/Messages.json`, and whatever status a test wants it to answer.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::mail::headers;

/// A request that the service was sent.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Method and target.
    pub request: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The form's fields, in their order.
    pub fields: Vec<(String, String)>,
    /// What was answered.
    pub status: u16,
}

impl Posted {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct State {
    posted: Vec<Posted>,
    /// Statuses to answer for a number instead of 201, the last first.
    refusals: Vec<(String, Vec<u16>)>,
}

/// The service.
#[derive(Debug, Clone)]
pub struct SmsService {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl SmsService {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let service = Self { address: listener.local_addr()?, state: Arc::default() };
        let state = Arc::clone(&service.state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                // A client that speaks no HTTP is hung up on.
                tokio::spawn(async move { serve(socket, &state).await.ok() });
            }
        });
        Ok(service)
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers these statuses, one after the other, to messages for this number; then 201 again.
    pub fn refuse(&self, number: &str, statuses: &[u16]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refusals.push((number.to_owned(), statuses.iter().rev().copied().collect()));
    }

    /// What was sent for a number so far.
    #[must_use]
    pub fn posted(&self, number: &str) -> Vec<Posted> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.posted.iter().filter(|posted| posted.field("To") == Some(number)).cloned().collect()
    }
}

impl State {
    fn status(&mut self, to: Option<&str>) -> u16 {
        let refusal = self.refusals.iter_mut().find(|(number, _)| Some(number.as_str()) == to);
        refusal.and_then(|(_, statuses)| statuses.pop()).unwrap_or(201)
    }
}

async fn serve(socket: TcpStream, state: &Mutex<State>) -> Result<()> {
    let (read, mut write) = socket.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut request = String::new();
        if read.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let headers = headers(&mut read).await?;
        let length = headers.iter().find(|(name, _)| name == "content-length").context("no Content-Length")?.1.parse()?;
        ensure!(length < 1 << 20, "too long");
        let mut body = vec![0; length];
        read.read_exact(&mut body).await?;
        let form = Url::parse(&format!("http://form/?{}", String::from_utf8(body)?))?;
        let fields: Vec<(String, String)> = form.query_pairs().into_owned().collect();
        let status = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let to = fields.iter().find(|(name, _)| name == "To").map(|(_, value)| value.as_str());
            let status = state.status(to);
            state.posted.push(Posted { request: request.trim().to_owned(), headers, fields, status });
            status
        };
        let answer = json!({ "sid": "SM00000000000000000000000000000000", "status": "queued" }).to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        write.write_all(format!("{head}{answer}").as_bytes()).await?;
    }
}
