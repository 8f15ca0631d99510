//! Somebody who is told of events: a real HTTP server on the loopback that behaves as a test wants it to, path by path.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use crate::stub::{self, Request};

/// How a delivery is met.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With a status, headers and a body.
    Answer(u16, Vec<(String, String)>, String),
    /// With 200, after a while.
    Slow(Duration),
    /// By closing the connection.
    HangUp,
    /// With bytes that are no HTTP.
    Garbage,
    /// With 200 and a body that never ends.
    Endless,
}

impl Behaviour {
    /// A status without more.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }
}

/// A delivery that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The request.
    pub request: Request,
    /// When it had come.
    pub at: Instant,
}

impl Received {
    /// A header that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn header(&self, name: &str) -> Result<&str> {
        self.request.header(name).with_context(|| format!("no {name} in {:?}", self.request.headers))
    }

    /// The body as text.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&self) -> Result<String> {
        Ok(String::from_utf8(self.request.body.clone())?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.request.body)?)
    }
}

#[derive(Debug, Default)]
struct State {
    /// What comes next at a path, the last first; then what it does for good.
    behaviours: HashMap<String, (Vec<Behaviour>, Option<Behaviour>)>,
    received: Vec<Received>,
}

/// The server.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts it. Whatever is not said otherwise is met with 200.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A client that breaks off is no fault of ours.
                tokio::spawn(async move { converse(socket, &state).await.ok() });
            }
        });
        Ok(Self { address, state })
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Meets the next deliveries at a path like this, one after the other; then with 200.
    pub fn meets(&self, path: &str, behaviours: &[Behaviour]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.behaviours.insert(path.to_owned(), (behaviours.iter().rev().cloned().collect(), None));
    }

    /// Meets every delivery at a path like this.
    pub fn always(&self, path: &str, behaviour: Behaviour) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.behaviours.insert(path.to_owned(), (Vec::new(), Some(behaviour)));
    }

    /// What came at a path so far.
    #[must_use]
    pub fn received(&self, path: &str) -> Vec<Received> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.iter().filter(|received| received.request.path() == path).cloned().collect()
    }
}

impl State {
    fn take(&mut self, request: Request) -> Behaviour {
        let path = request.path().to_owned();
        self.received.push(Received { request, at: Instant::now() });
        let planned = self.behaviours.get_mut(&path);
        let next = planned.and_then(|(next, ever)| next.pop().or_else(|| ever.clone()));
        next.unwrap_or_else(|| Behaviour::status(200))
    }
}

async fn converse(socket: TcpStream, state: &Mutex<State>) -> Result<()> {
    let (read, mut write) = socket.into_split();
    let mut read = BufReader::new(read);
    while let Some(request) = stub::request(&mut read).await? {
        let behaviour = state.lock().unwrap_or_else(PoisonError::into_inner).take(request);
        match behaviour {
            Behaviour::Answer(status, headers, body) => {
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                write.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).as_bytes()).await?;
            }
            Behaviour::Slow(time) => {
                sleep(time).await;
                write.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n").await?;
            }
            Behaviour::HangUp => return Ok(()),
            Behaviour::Garbage => {
                write.write_all(b"\0\0 this is not HTTP \xff\r\n\r\n").await?;
                return Ok(());
            }
            Behaviour::Endless => {
                write.write_all(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    write.write_all(b"1\r\nx\r\n").await?;
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    Ok(())
}
