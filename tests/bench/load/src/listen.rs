//! Many who listen: WebSockets opened and kept, and when each of them hears what is sent to all.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

/// Opened at the same time.
const AT_ONCE: usize = 64;
/// How long a message may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Who listens, and where.
#[derive(Args)]
pub struct Options {
    /// Where to, `host:port`
    #[arg(long)]
    address: String,
    /// The Host header
    #[arg(long, default_value = "localhost")]
    host: String,
    /// The path
    #[arg(long)]
    path: String,
    /// Files of access tokens, a token each, which take turns
    #[arg(long)]
    tokens: Vec<PathBuf>,
    /// How many listen
    #[arg(long)]
    streams: usize,
    /// Messages that each hears first, before anything is sent to all
    #[arg(long, default_value_t = 0)]
    greetings: usize,
}

/// Opens them, says so in a line of JSON; and for each line on standard input says when the next message reached the first, the middle and
/// the last of them: milliseconds since the epoch.
///
/// # Errors
/// If one is refused, or does not hear in time.
pub fn listen(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(all(options))
}

async fn all(options: Options) -> Result<()> {
    let tokens = options.tokens.iter().map(|file| Ok(fs::read_to_string(file)?.trim().to_owned())).collect::<Result<Vec<String>>>()?;
    let token = |n: usize| n.checked_rem(tokens.len()).and_then(|n| tokens.get(n)).map(String::as_str);
    let mut lines: Vec<_> = stream::iter(0..options.streams).map(|n| open(&options, token(n))).buffer_unordered(AT_ONCE).try_collect().await?;
    println!("{}", json!({ "open": lines.len() }));
    // Nothing else is to be done while an order is waited for.
    for order in std::io::stdin().lines() {
        order?;
        let mut heard = try_join_all(lines.iter_mut().map(hear)).await?;
        heard.sort_by(f64::total_cmp);
        println!("{}", told(&heard));
    }
    Ok(())
}

fn told(heard: &[f64]) -> Value {
    json!({ "first": heard.first(), "median": heard.get(heard.len() / 2), "last": heard.last() })
}

async fn open(options: &Options, token: Option<&str>) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{}{}", options.address, options.path).into_client_request()?;
    request.headers_mut().insert("host", HeaderValue::from_str(&options.host)?);
    if let Some(token) = token {
        request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {token}"))?);
    }
    let stream = TcpStream::connect(&options.address).await.with_context(|| format!("connecting to {}", options.address))?;
    stream.set_nodelay(true)?;
    let (mut line, _) = timeout(LIMIT, client_async(request, stream)).await?.map_err(|error| anyhow!("{error}"))?;
    for _ in 0..options.greetings {
        hear(&mut line).await?;
    }
    Ok(line)
}

/// When the next text came.
async fn hear(line: &mut WebSocketStream<TcpStream>) -> Result<f64> {
    loop {
        match timeout(LIMIT, line.next()).await.context("nothing came")?.context("the line ended")?? {
            Message::Text(_) => return Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1000.0),
            Message::Close(frame) => bail!("closed: {frame:?}"),
            _ => {}
        }
    }
}
