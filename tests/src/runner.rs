//! Runs asynchronous tests by libtest's rules, several at once, on one executor.

use std::{future::Future, process::ExitCode, sync::LazyLock, time::Duration};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use crate::world;

/// How long a test may take: the slowest wait for leases and retries.
const LIMIT: Duration = Duration::from_secs(600);
/// Tests at once: they mostly wait.
const THREADS: usize = 8;

#[expect(clippy::expect_used, reason = "without an executor there is no test")]
static EXECUTOR: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().enable_all().build().expect("an executor"));

/// Names the tests of a module; each is an `async fn() -> anyhow::Result<()>`.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        /// The tests of this module.
        pub fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::runner::trial(concat!(module_path!(), "::", stringify!($name)), $name)),+]
        }
    };
}

/// A test by the name of its path below the binary.
pub fn trial<F, Fut>(path: &str, test: F) -> Trial
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<()>>,
{
    let name = path.split_once("::").map_or(path, |(_, name)| name).to_owned();
    Trial::test(name, move || {
        let done = EXECUTOR.block_on(async { tokio::time::timeout(LIMIT, test()).await });
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failed::from(format!("{error:#}"))),
            Err(_) => Err(Failed::from(format!("not done within {LIMIT:?}"))),
        }
    })
}

/// Runs the tests, then those that look at what all of them left, then stops what was started.
#[must_use]
pub fn run(tests: Vec<Trial>, afterwards: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    EXECUTOR.spawn(interrupted());
    let outcome = libtest_mimic::run(&arguments, tests);
    let last = if arguments.list { None } else { Some(libtest_mimic::run(&arguments, afterwards)) };
    let stopped = EXECUTOR.block_on(world::stop());
    if let Err(error) = &stopped {
        eprintln!("{error:?}");
    }
    let failed = outcome.has_failed() || last.is_some_and(|last| last.has_failed()) || stopped.is_err();
    ExitCode::from(u8::from(failed))
}

/// Whoever stops the tests must not be left with their processes.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_ok() {
        if let Err(error) = world::stop().await {
            eprintln!("{error:?}");
        }
        std::process::exit(130);
    }
}
