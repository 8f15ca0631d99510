//! The load generator: some connections, each sending its next request when the last was answered.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::LocalSet,
};

use crate::{
    request::{Requests, Shape},
    response,
    stats::Stats,
};

/// How to send.
#[derive(Args)]
pub struct Options {
    /// Where to, `host:port`
    #[arg(long)]
    address: String,
    /// Connections, opened before the clock starts
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Ends after so many seconds
    #[arg(long)]
    seconds: Option<f64>,
    /// Ends after so many requests
    #[arg(long)]
    requests: Option<u64>,
    /// Counts the round trips to Postgres that answers report
    #[arg(long)]
    round_trips: bool,
    #[command(flatten)]
    shape: Shape,
}

/// Sends, and prints what came back.
///
/// # Errors
/// If nothing limits the run, or the server cannot be reached.
pub fn run(options: Options) -> Result<()> {
    if options.seconds.is_none() && options.requests.is_none() {
        bail!("give --seconds, --requests or both");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, all(options))?;
    println!("{report}");
    Ok(())
}

async fn all(options: Options) -> Result<serde_json::Value> {
    let Options { address, connections, seconds, requests, round_trips, shape } = options;
    let requests = Rc::new(Requests::new(shape, requests)?);
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(connect(&address).await?);
    }
    let begin = Instant::now();
    let until = seconds.and_then(|seconds| begin.checked_add(Duration::from_secs_f64(seconds)));
    let mut clients = Vec::new();
    for stream in streams {
        let client = Client { address: address.clone(), stream, until, round_trips, requests: Rc::clone(&requests), stats: Stats::default() };
        clients.push(tokio::task::spawn_local(client.run()));
    }
    let mut stats = Stats::default();
    for client in clients {
        stats.add(client.await??);
    }
    Ok(stats.report(begin.elapsed()))
}

async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

struct Client {
    address: String,
    stream: TcpStream,
    until: Option<Instant>,
    round_trips: bool,
    requests: Rc<Requests>,
    stats: Stats,
}

impl Client {
    async fn run(mut self) -> Result<Stats> {
        let (mut request, mut bytes) = (String::new(), Vec::with_capacity(64 << 10));
        while self.until.is_none_or(|until| Instant::now() < until) && self.requests.next(&mut request)? {
            let begin = Instant::now();
            match self.exchange(&request, &mut bytes).await {
                Ok((status, close)) => {
                    self.stats.answer(status, begin.elapsed());
                    if close {
                        self.stream = connect(&self.address).await?;
                    }
                }
                Err(_) => {
                    self.stats.broken = self.stats.broken.saturating_add(1);
                    self.stream = connect(&self.address).await?;
                }
            }
        }
        Ok(self.stats)
    }

    /// Sends one request and reads its response to the end: the status, and whether the server closes.
    async fn exchange(&mut self, request: &str, bytes: &mut Vec<u8>) -> Result<(u16, bool)> {
        self.stream.write_all(request.as_bytes()).await?;
        bytes.clear();
        let mut head = None;
        loop {
            if self.stream.read_buf(bytes).await? == 0 {
                bail!("the connection ended inside a response");
            }
            if head.is_none() {
                head = response::head(bytes);
            }
            let Some(head) = &head else { continue };
            if response::end(head, bytes).is_none() {
                continue;
            }
            if self.round_trips
                && let Some(reported) = bytes.get(..head.length).and_then(response::round_trips)
            {
                self.stats.trips(reported);
            }
            return Ok((head.status, head.close));
        }
    }
}
