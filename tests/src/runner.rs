//! Runs asynchronous tests by libtest's rules, several at once, on one executor.

use std::{
    future::Future,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    process::ExitCode,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use crate::world;

/// How long a test may take: the slowest wait for leases and retries.
const LIMIT: Duration = Duration::from_secs(600);
/// Tests at once: they mostly wait.
const THREADS: usize = 8;

#[expect(clippy::expect_used, reason = "without an executor there is no test")]
static EXECUTOR: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().enable_all().build().expect("an executor"));

/// How long each test took, a wait for its turn included.
static TOOK: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());
/// Of how many it is told at the end.
const SLOWEST: usize = 10;

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
    Trial::test(name.clone(), move || {
        let started = Instant::now();
        let done = EXECUTOR.block_on(async { tokio::time::timeout(LIMIT, test()).await });
        TOOK.lock().unwrap_or_else(PoisonError::into_inner).push((started.elapsed(), name));
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failed::from(format!("{error:#}"))),
            Err(_) => Err(Failed::from(format!("not done within {LIMIT:?}"))),
        }
    })
}

/// Runs the tests, then those that look at what all of them left, then stops what was started.
#[must_use]
pub fn run(mut tests: Vec<Trial>, afterwards: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Mixed, in the same way every time: side by side, tests of one module would queue up for the one thing that they are about. Those of
    // the trail come first: what the clock does to it each hour, it does for every organisation that there is by then.
    tests.sort_by_cached_key(|test| (!test.name().starts_with("audit::"), BuildHasherDefault::<DefaultHasher>::default().hash_one(test.name())));
    arguments.test_threads.get_or_insert(THREADS);
    EXECUTOR.spawn(interrupted());
    let outcome = libtest_mimic::run(&arguments, tests);
    let last = if arguments.list { None } else { Some(libtest_mimic::run(&arguments, afterwards)) };
    slowest();
    let stopped = EXECUTOR.block_on(world::stop());
    if let Err(error) = &stopped {
        eprintln!("{error:?}");
    }
    let failed = outcome.has_failed() || last.is_some_and(|last| last.has_failed()) || stopped.is_err();
    ExitCode::from(u8::from(failed))
}

fn slowest() {
    let mut took = TOOK.lock().unwrap_or_else(PoisonError::into_inner);
    took.sort_unstable_by(|one, other| other.cmp(one));
    for (time, name) in took.iter().take(SLOWEST) {
        eprintln!("{:>5.0} s  {name}", time.as_secs_f32());
    }
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
