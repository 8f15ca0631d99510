//! Tools of the benchmark that must not be the bottleneck: a load generator, a maker of tokens, a slow wire.
//!
//! `scripts/bench` calls it; `cargo run -p zygo-bench-load -- --help` lists it.

#![expect(clippy::disallowed_methods, reason = "it measures time, and has no caller that could hand it a clock")]

mod delay;
mod listen;
mod mint;
mod pool;
mod request;
mod response;
mod run;
mod stats;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Load, tokens and delay for the benchmark")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sends requests over connections that stay open; prints what came back as one line of JSON
    Run(run::Options),
    /// Signs access tokens with the first key of a ring; one line each
    Mint(mint::Options),
    /// Opens WebSockets and says when what is sent to all reaches them
    Listen(listen::Options),
    /// Relays to Postgres with a delay each way, as a far database behind a near pool; prints its port
    Delay(delay::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Run(options) => run::run(options),
        Task::Mint(options) => mint::mint(&options),
        Task::Listen(options) => listen::listen(options),
        Task::Delay(options) => delay::relay(&options),
    }
}
