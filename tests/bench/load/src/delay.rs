//! A wire of some length to Postgres, behind a pool that is near.
//!
//! In production the Worker talks to Hyperdrive's pool, which stands beside it
//! and answers start-up and authentication by itself; what it passes on crosses
//! the wire. So bytes are relayed at once until the server's first
//! `ReadyForQuery`, and with the delay from then on, each direction on its own,
//! in order. When a client leaves, its connection stays for the next one
//! ([`crate::pool`]). `--connect-too` puts the pool away: connecting crosses the
//! wire too, and every client meets a server's process that knows nothing yet.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::pool::{Idle, Messages, Pool, RESET, Said};

/// Where, and how far.
#[derive(Args)]
pub struct Options {
    /// Port on the loopback; any free one by default
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Postgres, `host:port`
    #[arg(long)]
    target: String,
    /// Milliseconds from one end to the other
    #[arg(long, default_value_t = 20)]
    one_way: u64,
    /// Delays start-up and authentication too, and the opening of the connection by a round trip
    #[arg(long)]
    connect_too: bool,
}

/// Relays until it is killed.
///
/// # Errors
/// If the port cannot be had.
pub fn relay(options: &Options) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).context("listening")?;
    println!("{}", listener.local_addr()?.port());
    let one_way = Duration::from_millis(options.one_way);
    let pool = if options.connect_too { None } else { Some(Arc::new(Pool::default())) };
    for client in listener.incoming() {
        let (client, target, pool) = (client?, options.target.clone(), pool.clone());
        thread::spawn(move || {
            // A connection that cannot be made or breaks is closed, which is all that either end needs to know.
            let _ = match pool {
                Some(pool) => pooled(client, &target, one_way, &pool),
                None => connection(client, &target, one_way),
            };
        });
    }
    Ok(())
}

fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}

/// Bytes, and when they arrive.
type Parcel = (Instant, Vec<u8>);

/// Each client has a connection of its own, opened across the wire.
fn connection(mut client: TcpStream, target: &str, one_way: Duration) -> Result<()> {
    let mut server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // SYN and its answer: the opening counts from when the client has a connection, which here is at once.
    let opened = later(Instant::now(), one_way.saturating_mul(2));
    let (to_server, to_client) = (delivery(server.try_clone()?), delivery(client.try_clone()?));
    thread::spawn(move || pass(&mut client, |bytes| Ok(to_server.send((later(Instant::now().max(opened), one_way), bytes.to_vec()))?)));
    pass(&mut server, |bytes| Ok(to_client.send((later(Instant::now(), one_way), bytes.to_vec()))?))
}

/// Reads until there is an end, which is told by nothing at all.
fn pass(from: &mut TcpStream, mut on: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer)?;
        on(buffer.get(..length).unwrap_or_default())?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// A client of the pool, which answers for the server until the client asks something.
fn pooled(mut client: TcpStream, target: &str, one_way: Duration, pool: &Pool) -> Result<()> {
    client.set_nodelay(true)?;
    let startup = startup(&mut client)?;
    let kept = pool.take(&startup);
    let mut said = Said::default();
    let mut server = if let Some(Idle { server, greeting }) = kept {
        said.hear(&greeting);
        client.write_all(&greeting)?;
        server
    } else {
        let mut server = TcpStream::connect(target)?;
        server.set_nodelay(true)?;
        server.write_all(&startup)?;
        server
    };
    let far = Arc::new(AtomicBool::new(said.ready));
    let (to_server, to_client) = (delivery(server.try_clone()?), delivery(client.try_clone()?));
    let outward = Arc::clone(&far);
    thread::spawn(move || until_it_leaves(client, &to_server, &outward, one_way));
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = server.read(&mut buffer)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        let now = Instant::now();
        let due = if far.load(Ordering::Acquire) { later(now, one_way) } else { now };
        said.hear(bytes);
        // The server says nothing after its readiness until the client, from then on far away, has asked.
        far.store(said.ready, Ordering::Release);
        if said.reset {
            pool.leave(startup, Idle { server, greeting: said.greeting });
            return Ok(());
        }
        // Whoever has left hears nothing any more.
        let _ = to_client.send((due, bytes.to_vec()));
        if length == 0 {
            return Ok(());
        }
    }
}

/// The first message of a client, which has no kind: its length, and the rest.
fn startup(client: &mut TcpStream) -> Result<Vec<u8>> {
    let mut message = vec![0; 4];
    client.read_exact(&mut message)?;
    let length = message.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length));
    ensure!((8..=10_000).contains(&length), "not a start-up message");
    message.resize(usize::try_from(length)?, 0);
    client.read_exact(message.get_mut(4..).unwrap_or_default())?;
    Ok(message)
}

/// Passes on what a client says but that it leaves (`Terminate`, or no more at all): then the connection is made ready for the next.
fn until_it_leaves(mut client: TcpStream, server: &Sender<Parcel>, far: &AtomicBool, one_way: Duration) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut messages = Messages::default();
    loop {
        let length = client.read(&mut buffer).unwrap_or_default();
        let whole = messages.with(buffer.get(..length).unwrap_or_default());
        let is_far = far.load(Ordering::Acquire);
        let due = later(Instant::now(), if is_far { one_way } else { Duration::ZERO });
        let leaves = length == 0 || whole.iter().any(|message| message.first() == Some(&b'X'));
        for message in whole.into_iter().filter(|message| message.first() != Some(&b'X')) {
            server.send((due, message))?;
        }
        if leaves {
            // In the middle of a message, or of getting acquainted, there is nothing to go on with.
            let end = if is_far && messages.is_between() { RESET.to_vec() } else { Vec::new() };
            return Ok(server.send((Instant::now(), end))?);
        }
    }
}

/// Where to put what is to arrive at one end.
fn delivery(to: TcpStream) -> Sender<Parcel> {
    let (sender, parcels) = channel();
    thread::spawn(move || deliver(&parcels, to));
    sender
}

/// Writes each parcel when it is due; an empty one ends the stream, and when no more can come it stays as it is.
fn deliver(parcels: &Receiver<Parcel>, mut to: TcpStream) {
    while let Ok((due, bytes)) = parcels.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            // Whoever has gone already need not be told.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}
