//! The systems that the tests share, each started when a test first asks for it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::{
    settings::Settings,
    system::{Options, System},
};

static SHARED: OnceCell<Arc<System>> = OnceCell::const_new();
static STRICT: OnceCell<Arc<System>> = OnceCell::const_new();
static FEDERATED: OnceCell<Arc<System>> = OnceCell::const_new();
static OUTWARD: OnceCell<Arc<System>> = OnceCell::const_new();
static FRAGILE: [OnceCell<Arc<System>>; 2] = [const { OnceCell::const_new() }; 2];
static UNGUARDED: OnceCell<Arc<System>> = OnceCell::const_new();
static BROWSERS: OnceCell<Arc<System>> = OnceCell::const_new();
static FRAGILE_TURNS: [Mutex<()>; 2] = [const { Mutex::const_new(()) }; 2];

/// As in development: where most tests live.
///
/// # Errors
/// When it does not start.
pub async fn shared() -> Result<Arc<System>> {
    get(&SHARED, "shared", Options::default()).await
}

/// As in production: the limits per address as they are, no mailbox, mail over HTTP to a false Resend that reports nothing, no short messages.
///
/// # Errors
/// When it does not start.
pub async fn strict() -> Result<Arc<System>> {
    const VARIABLES: &[(&str, &str)] =
        &[("ENVIRONMENT", "staging"), ("ADDRESS_LIMIT_FACTOR", "1"), ("SMS_TRANSPORT", "none"), ("RESEND_WEBHOOK_SECRET", "")];
    get(&STRICT, "strict", Options { variables: VARIABLES, mail: true, ..Options::default() }).await
}

/// As in development, with providers to sign in with.
///
/// # Errors
/// When it does not start.
pub async fn federated() -> Result<Arc<System>> {
    get(&FEDERATED, "federated", Options { federation: true, ..Options::default() }).await
}

/// As in development, but nothing on this machine may be called, mail goes to a false `send_email` binding, and queues retry nothing.
///
/// # Errors
/// When it does not start.
pub async fn outward() -> Result<Arc<System>> {
    get(&OUTWARD, "outward", Options { variables: &[("OUTBOUND_LOOPBACK", "false")], email: true, ..Options::default() }).await
}

/// A system to break, to kill, or to count at; whoever holds it has it alone. There are two: half the waiting.
///
/// # Errors
/// When it does not start.
pub async fn fragile() -> Result<(Arc<System>, MutexGuard<'static, ()>)> {
    let ([one, other], [first, second]) = (&FRAGILE, &FRAGILE_TURNS);
    let (cell, name, turn) = tokio::select! {
        biased;
        turn = first.lock() => (one, "fragile", turn),
        turn = second.lock() => (other, "fragile-too", turn),
    };
    Ok((get(cell, name, Options { sms: true, breaches: true, ..Options::default() }).await?, turn))
}

/// As in development, with links that a browser can follow.
///
/// # Errors
/// When it does not start.
pub async fn for_browsers() -> Result<Arc<System>> {
    get(&BROWSERS, "browsers", Options { links: true, ..Options::default() }).await
}

/// As in development, with the edge's own checks switched off: what Postgres lets through by itself.
///
/// # Errors
/// When it does not start.
pub async fn unguarded() -> Result<Arc<System>> {
    get(&UNGUARDED, "unguarded", Options { unguarded: true, ..Options::default() }).await
}

async fn get(cell: &OnceCell<Arc<System>>, name: &str, options: Options) -> Result<Arc<System>> {
    let start =
        async || anyhow::Ok(Arc::new(System::start(&Settings::read()?, name, options).await.with_context(|| format!("starting the {name} system"))?));
    cell.get_or_try_init(start).await.cloned()
}

/// The systems that were started.
#[must_use]
pub fn started() -> Vec<(&'static str, Arc<System>)> {
    let [fragile, fragile_too] = &FRAGILE;
    let cells = [
        ("shared", &SHARED),
        ("strict", &STRICT),
        ("federated", &FEDERATED),
        ("outward", &OUTWARD),
        ("fragile", fragile),
        ("fragile-too", fragile_too),
        ("unguarded", &UNGUARDED),
        ("browsers", &BROWSERS),
    ];
    cells.into_iter().filter_map(|(name, cell)| Some((name, Arc::clone(cell.get()?)))).collect()
}

/// Stops them all, and removes what they left.
///
/// # Errors
/// When something cannot be removed.
pub async fn stop() -> Result<()> {
    for (name, system) in started() {
        system.stop().await.with_context(|| format!("stopping the {name} system"))?;
    }
    let scratch = Settings::read()?.scratch;
    match tokio::fs::remove_dir_all(&scratch).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(|| format!("removing {}", scratch.display())),
        _ => Ok(()),
    }
}
