//! A false HTTP server on the loopback, to play somebody else's.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What it answers.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers beside length and type.
    pub headers: Vec<(String, String)>,
    /// Content type.
    pub content_type: &'static str,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), content_type: "application/json", body: body.to_string().into_bytes() }
    }

    /// Some text that is no JSON.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), content_type: "text/html", body: body.as_bytes().to_vec() }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A false service that answers from what it keeps, which its tests read and set.
#[derive(Debug)]
pub struct Stub<S> {
    address: SocketAddr,
    state: Arc<Mutex<S>>,
}

impl<S> Clone for Stub<S> {
    fn clone(&self) -> Self {
        Self { address: self.address, state: Arc::clone(&self.state) }
    }
}

impl<S: Default + Send + 'static> Stub<S> {
    /// Starts it on a free port of the loopback; one request after the other is answered.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(answer: impl Fn(&mut S, &Request) -> Response + Send + Sync + 'static) -> Result<Self> {
        let state = Arc::<Mutex<S>>::default();
        let served = Arc::clone(&state);
        let address = serve(move |request| {
            let answer = answer(&mut served.lock().unwrap_or_else(PoisonError::into_inner), &request);
            async { answer }
        });
        Ok(Self { address: address.await?, state })
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it keeps. It answers nobody until that is let go of.
    pub fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves on a free port of the loopback until the process ends.
///
/// # Errors
/// When there is no port.
pub async fn serve<F, Fut>(handler: F) -> Result<SocketAddr>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let handler = Arc::clone(&handler);
            // A client that speaks no HTTP is hung up on.
            tokio::spawn(async move { converse(socket, &*handler).await.ok() });
        }
    });
    Ok(address)
}

async fn converse<F, Fut>(socket: TcpStream, handler: &F) -> Result<()>
where
    F: Fn(Request) -> Fut,
    Fut: Future<Output = Response>,
{
    let (read, mut write) = socket.into_split();
    let mut read = BufReader::new(read);
    loop {
        let Some(request) = request(&mut read).await? else { return Ok(()) };
        let Response { status, headers: more, content_type, body } = handler(request).await;
        let more: String = more.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n{more}\r\n", body.len());
        write.write_all(head.as_bytes()).await?;
        write.write_all(&body).await?;
    }
}

/// Reads a request; `None` at the end of the connection.
///
/// # Errors
/// When it is none.
pub(crate) async fn request(read: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Option<Request>> {
    let mut line = String::new();
    if read.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().context("no method")?.to_owned(), words.next().context("no target")?.to_owned());
    let headers = headers(read).await?;
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, value)| value.parse())?;
    ensure!(length < 1 << 20, "too long");
    let mut body = vec![0; length];
    read.read_exact(&mut body).await?;
    Ok(Some(Request { method, target, headers, body }))
}

async fn headers(read: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { return Ok(headers) };
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
}
