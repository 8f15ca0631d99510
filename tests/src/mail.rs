//! A false mail service: Resend's `POST /emails`, and whatever status a test wants it to answer.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// A request that the service was sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Method and target.
    pub request: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
    /// What was answered.
    pub status: u16,
}

impl Delivery {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is to this address.
    #[must_use]
    pub fn is_to(&self, address: &str) -> bool {
        self.body["to"].as_array().is_some_and(|to| to.iter().any(|to| to == address))
    }
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    /// Statuses to answer for an address instead of 200: a mark in the address, and what is left of the list.
    refusals: Vec<(String, Vec<u16>)>,
}

/// The service.
#[derive(Debug, Clone)]
pub struct MailService {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl MailService {
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

    /// Answers these statuses, one after the other, to mails for this address; then 200 again.
    pub fn refuse(&self, address: &str, statuses: &[u16]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refusals.push((address.to_owned(), statuses.iter().rev().copied().collect()));
    }

    /// What was sent for an address so far.
    #[must_use]
    pub fn deliveries(&self, address: &str) -> Vec<Delivery> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.deliveries.iter().filter(|delivery| delivery.is_to(address)).cloned().collect()
    }
}

impl State {
    fn status(&mut self, body: &Value) -> u16 {
        let to = body["to"].to_string();
        let refusal = self.refusals.iter_mut().find(|(address, _)| to.contains(address.as_str()));
        refusal.and_then(|(_, statuses)| statuses.pop()).unwrap_or(200)
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
        let body: Value = serde_json::from_slice(&body)?;
        let status = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let status = state.status(&body);
            state.deliveries.push(Delivery { request: request.trim().to_owned(), headers, body, status });
            status
        };
        let answer = json!({ "id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" }).to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        write.write_all(format!("{head}{answer}").as_bytes()).await?;
    }
}

/// Reads headers to the empty line after them; names in lower case.
pub(crate) async fn headers(read: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { return Ok(headers) };
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
}
