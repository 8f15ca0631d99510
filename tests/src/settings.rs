//! What the tests are told by the environment; `scripts/test` sets it.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Where things are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A superuser of the test's PostgreSQL.
    pub superuser_url: String,
    /// The Worker's own role, in a migrated database that serves as template.
    pub app_url: String,
    /// The platform's role, in the same database.
    pub platform_url: String,
    /// The repository.
    pub root: PathBuf,
    /// The built Worker.
    pub build: PathBuf,
    /// Where state and logs of the runtimes go; removed at the end.
    pub scratch: PathBuf,
}

fn var(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: start the tests with ./scripts/test"))
}

impl Settings {
    /// Reads the environment: `DATABASE_URL` (superuser), `APP_URL`, `PLATFORM_URL` (as `xtask bootstrap` prints them),
    /// and optionally `ZYGO_BUILD_DIR` and `ZYGO_TEST_DIR`.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the repository")?.to_owned();
        let build = env::var_os("ZYGO_BUILD_DIR").map_or_else(|| root.join("workers/edge/build"), PathBuf::from);
        let scratch = env::var_os("ZYGO_TEST_DIR").map_or_else(|| root.join(".zygo/tests"), PathBuf::from);
        Ok(Self {
            superuser_url: var("DATABASE_URL")?,
            app_url: var("APP_URL")?,
            platform_url: var("PLATFORM_URL")?,
            scratch: scratch.join(format!("run-{}", std::process::id())),
            build,
            root,
        })
    }
}
