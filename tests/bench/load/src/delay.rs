//! A wire of some length to Postgres, behind a pool that is near.
//!
//! In production the Worker talks to Hyperdrive's pool, which stands beside it
//! and answers start-up and authentication by itself; what it passes on crosses
//! the wire. So bytes are relayed at once until the server's first
//! `ReadyForQuery`, and with the delay from then on, each direction on its own,
//! in order. `--connect-too` puts the pool away: connecting crosses the wire too.

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

use anyhow::{Context, Result};
use clap::Args;

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
    for client in listener.incoming() {
        let (client, target, connect_too) = (client?, options.target.clone(), options.connect_too);
        thread::spawn(move || {
            // A connection that cannot be made or breaks is closed, which is all that either end needs to know.
            let _ = connection(client, &target, one_way, connect_too);
        });
    }
    Ok(())
}

fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}

/// Bytes, and when they arrive.
type Parcel = (Instant, Vec<u8>);

fn connection(client: TcpStream, target: &str, one_way: Duration, connect_too: bool) -> Result<()> {
    let server = TcpStream::connect(target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // SYN and its answer: the opening counts from when the client has a connection, which here is at once.
    let opened = later(Instant::now(), if connect_too { one_way.saturating_mul(2) } else { Duration::ZERO });
    let far = Arc::new(AtomicBool::new(connect_too));
    let (to_server, at_server) = channel();
    let (to_client, at_client) = channel();
    let (client_writer, server_writer) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || deliver(&at_server, server_writer));
    thread::spawn(move || deliver(&at_client, client_writer));
    let outward = Arc::clone(&far);
    thread::spawn(move || from_client(client, &to_server, &outward, opened, one_way));
    from_server(server, &to_client, &far, one_way)
}

fn from_client(mut client: TcpStream, server: &Sender<Parcel>, far: &AtomicBool, opened: Instant, one_way: Duration) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = client.read(&mut buffer)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        let sent = Instant::now().max(opened);
        let wire = if far.load(Ordering::Acquire) { one_way } else { Duration::ZERO };
        server.send((later(sent, wire), bytes.to_vec()))?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn from_server(mut server: TcpStream, client: &Sender<Parcel>, far: &AtomicBool, one_way: Duration) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut ready = Ready::default();
    loop {
        let length = server.read(&mut buffer)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        let now = Instant::now();
        let due = if far.load(Ordering::Acquire) { later(now, one_way) } else { now };
        if ready.after(bytes) {
            // The server says nothing after this until the client, from now on far away, has asked.
            far.store(true, Ordering::Release);
        }
        client.send((due, bytes.to_vec()))?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Writes each parcel when it is due; an empty one ends the stream.
fn deliver(parcels: &Receiver<Parcel>, mut to: impl Peer) {
    while let Ok((due, bytes)) = parcels.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || to.write_all(&bytes).is_err() {
            break;
        }
    }
    to.end();
}

/// One end of a connection.
trait Peer: Write {
    /// Says that nothing more comes.
    fn end(&self);
}

impl Peer for TcpStream {
    fn end(&self) {
        // Whoever has gone already need not be told.
        let _ = self.shutdown(Shutdown::Write);
    }
}

/// Looks for the server's first `ReadyForQuery` (PostgreSQL's frontend/backend protocol, 54.7).
#[derive(Default)]
struct Ready {
    unread: Vec<u8>,
    seen: bool,
}

impl Ready {
    /// Whether it has come, with these bytes or before.
    fn after(&mut self, bytes: &[u8]) -> bool {
        if self.seen {
            return true;
        }
        self.unread.extend_from_slice(bytes);
        loop {
            let Some((kind, rest)) = self.unread.split_first() else { return false };
            let Some(length) = rest.first_chunk::<4>().map(|length| u32::from_be_bytes(*length)) else { return false };
            let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(1);
            if self.unread.len() < whole {
                return false;
            }
            if *kind == b'Z' {
                self.seen = true;
                return true;
            }
            self.unread.drain(..whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_seen_across_reads() {
        let mut ready = Ready::default();
        // AuthenticationOk, then a ParameterStatus that holds a Z, cut in two.
        assert!(!ready.after(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08Z"));
        assert!(!ready.after(b"Z\0\0Z\0\0\0"));
        assert!(ready.after(b"\x05I"));
    }
}
