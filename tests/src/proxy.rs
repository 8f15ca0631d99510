//! A TCP proxy in front of PostgreSQL that can cut the line, let it hang, make it long, and count what passes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// What the line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Passes everything.
    Open,
    /// Ends every connection, present and new.
    Cut,
    /// Takes connections and bytes, and says nothing.
    Silent,
}

/// What passed since the proxy began, or since an earlier count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Connections that were made.
    pub connections: u64,
    /// Times that the client spoke after the server had, once signed in: round trips.
    pub turns: u64,
}

impl std::ops::Sub for Count {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { connections: self.connections.saturating_sub(earlier.connections), turns: self.turns.saturating_sub(earlier.turns) }
    }
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    line: watch::Sender<Line>,
    /// Half of the round trip, in milliseconds.
    delay: AtomicU64,
    connections: AtomicU64,
    turns: AtomicU64,
}

/// The proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(upstream: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            line: watch::channel(Line::Open).0,
            delay: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            turns: AtomicU64::new(0),
        });
        tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes what the line does, for connections there are too.
    pub fn set(&self, line: Line) {
        self.shared.line.send_replace(line);
    }

    /// Makes the line as long as this round trip.
    pub fn set_round_trip(&self, round_trip: Duration) {
        let half = u64::try_from(round_trip.as_millis() / 2).unwrap_or(u64::MAX);
        self.shared.delay.store(half, Ordering::Relaxed);
    }

    /// What passed so far.
    #[must_use]
    pub fn count(&self) -> Count {
        Count { connections: self.shared.connections.load(Ordering::Relaxed), turns: self.shared.turns.load(Ordering::Relaxed) }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.connections.fetch_add(1, Ordering::Relaxed);
            let mut line = shared.line.subscribe();
            let cut = async { while line.wait_for(|line| *line == Line::Cut).await.is_err() {} };
            tokio::select! {
                () = cut => {}
                _ = pass(client, &shared) => {}
            }
        });
    }
}

/// The state of one connection's conversation.
#[derive(Default)]
struct Talk {
    signed_in: AtomicBool,
    answered: AtomicBool,
}

/// `ReadyForQuery`, idle: the end of the sign-in and of every batch.
const READY: &[u8] = b"Z\0\0\0\x05I";
/// `Terminate`.
const GOODBYE: &[u8] = b"X\0\0\0\x04";

async fn pass(client: TcpStream, shared: &Arc<Shared>) -> std::io::Result<()> {
    let mut line = shared.line.subscribe();
    let open = async |line: &mut watch::Receiver<Line>| line.wait_for(|line| *line == Line::Open).await.is_ok();
    open(&mut line).await;
    let server = TcpStream::connect(&shared.upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let talk = Talk::default();
    let asked = |bytes: &[u8]| {
        if talk.signed_in.load(Ordering::Relaxed) && bytes != GOODBYE && talk.answered.swap(false, Ordering::Relaxed) {
            shared.turns.fetch_add(1, Ordering::Relaxed);
        }
    };
    let answered = |bytes: &[u8]| {
        if bytes.ends_with(READY) {
            talk.signed_in.store(true, Ordering::Relaxed);
        }
        talk.answered.store(true, Ordering::Relaxed);
    };
    // The end of either direction is the end of both.
    tokio::select! {
        () = carry(client_read, server_write, shared, Heard::Arriving(&asked)) => {}
        () = carry(server_read, client_write, shared, Heard::Leaving(&answered)) => {}
    }
    Ok(())
}

/// Bytes are counted on the client's side of the line: when they arrive from it, or when they leave towards it.
enum Heard<'a> {
    Arriving(&'a (dyn Fn(&[u8]) + Sync)),
    Leaving(&'a (dyn Fn(&[u8]) + Sync)),
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Arc<Shared>, heard: Heard<'_>) {
    let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let bytes: Vec<u8> = buffer.iter().take(length).copied().collect();
            if let Heard::Arriving(heard) = &heard {
                heard(&bytes);
            }
            let due = Instant::now() + Duration::from_millis(shared.delay.load(Ordering::Relaxed));
            if send.send((due, bytes)).is_err() {
                break;
            }
        }
        drop(send);
    };
    let mut line = shared.line.subscribe();
    let write = async {
        while let Some((due, bytes)) = receive.recv().await {
            sleep_until(due).await;
            // While the line is silent, bytes wait here.
            if line.wait_for(|line| *line == Line::Open).await.is_err() {
                break;
            }
            if let Heard::Leaving(heard) = &heard {
                heard(&bytes);
            }
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(read, write);
}
