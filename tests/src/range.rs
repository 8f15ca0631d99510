//! A false range service of breached passwords: it knows one, and writes down what it is asked.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// The password that a breach has shown.
pub const BREACHED: &str = "Heron-Lantern-Quartz breached everywhere";
/// Its SHA-1, cut where the protocol cuts it.
const PREFIX: &str = "741B0";
const SUFFIX: &str = "CBB43385D3304C046F7B967657ABA2EC2BF";

/// A running service.
#[derive(Debug)]
pub struct RangeService {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl RangeService {
    /// Starts a service.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let written = Arc::clone(&written);
                tokio::spawn(async move { serve(socket, &written).await });
            }
        });
        Ok(Self { port, asked })
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/range", self.port)
    }

    /// The paths that were asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut socket: TcpStream, asked: &Mutex<Vec<String>>) -> Result<()> {
    let (read, mut write) = socket.split();
    let mut read = BufReader::new(read);
    loop {
        let mut request = String::new();
        if read.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).await? <= 2 {
                break;
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = if path == format!("/range/{PREFIX}") { format!("{SUFFIX}:42\r\n") } else { format!("{}:1\r\n", "0".repeat(35)) };
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", body.len());
        write.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}
