//! The real runtime with the built Worker in it: `tests/runtime/serve.mjs`, started, killed and started again.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};
use tokio::{
    fs::OpenOptions,
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long the runtime may take to serve.
const START: Duration = Duration::from_secs(60);

/// What a runtime is started with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The repository.
    pub root: PathBuf,
    /// The built Worker.
    pub build: PathBuf,
    /// The Worker that is served.
    pub edge: PathBuf,
    /// Where state and log go.
    pub directory: PathBuf,
    /// Variables and secrets that differ from development's.
    pub variables: Vec<(String, String)>,
    /// URL of the Worker's role.
    pub app_url: String,
    /// URL of the platform's role.
    pub platform_url: String,
    /// The port to serve at; 0 takes a free one.
    pub port: u16,
}

/// A runtime and its processes.
#[derive(Debug)]
pub struct Runtime {
    plan: Plan,
    port: u16,
    child: Option<Child>,
    http: reqwest::Client,
}

impl Runtime {
    /// Starts a runtime and waits until it serves.
    ///
    /// # Errors
    /// When it does not within a minute; the log's last lines are in the message.
    pub async fn start(plan: Plan) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let mut runtime = Self { port: plan.port, plan, child: None, http };
        runtime.restart().await?;
        Ok(runtime)
    }

    /// Its base URL, the same after a restart.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it again on what it kept.
    ///
    /// # Errors
    /// When it does not serve within a minute.
    pub async fn restart(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "it runs already");
        let mut child = self.spawn().await?;
        let stdout = child.stdout.take().context("no standard output")?;
        self.child = Some(child);
        let mut line = String::new();
        let read = timeout(START, BufReader::new(stdout).read_line(&mut line)).await;
        if !matches!(read, Ok(Ok(1..))) {
            self.kill().await?;
            bail!("the runtime did not start: {}", self.last_lines().await);
        }
        let ready: Value = serde_json::from_str(&line)?;
        self.port = ready["port"].as_u64().and_then(|port| port.try_into().ok()).with_context(|| format!("no port in {line}"))?;
        Ok(())
    }

    async fn spawn(&self) -> Result<Child> {
        let Plan { root, build, edge, directory, variables, app_url, platform_url, .. } = &self.plan;
        let log = OpenOptions::new().create(true).append(true).open(directory.join("runtime.log")).await?.into_std().await;
        let variables: Map<String, Value> = variables.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let settings = directory.join("variables.json");
        tokio::fs::write(&settings, Value::Object(variables).to_string()).await?;
        Command::new("node")
            .arg(root.join("tests/runtime/serve.mjs"))
            .args(["--port", &self.port.to_string()])
            .arg("--state")
            .arg(directory.join("state"))
            .arg("--build")
            .arg(build)
            .arg("--edge")
            .arg(edge)
            .arg("--vars")
            .arg(settings)
            .env("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB", app_url)
            .env("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_DB_PLATFORM", platform_url)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // A group of its own, so that one signal reaches the runtime's own children.
            .process_group(0)
            .spawn()
            .context("starting node")
    }

    /// Runs the handler of a cron expression, and waits for it.
    ///
    /// # Errors
    /// When the runtime does not answer, or says that the handler failed.
    pub async fn scheduled(&self, cron: &str) -> Result<()> {
        let url = format!("{}/cdn-cgi/local/scheduled?cron={}", self.base(), cron.replace(' ', "+"));
        let response = self.http.get(url).send().await.context("running a cron handler")?;
        ensure!(response.status().is_success(), "the cron handler answered {}", response.status());
        Ok(())
    }

    /// Puts a message on a queue, past everybody who would.
    ///
    /// # Errors
    /// When the runtime does not listen.
    pub async fn message(&mut self, queue: &str, body: &Value) -> Result<()> {
        let stdin = self.child.as_mut().and_then(|child| child.stdin.as_mut()).context("it does not run")?;
        stdin.write_all(format!("{}\n", serde_json::json!({ "queue": queue, "body": body })).as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    /// Sends SIGKILL to the runtime and its children, and waits for the end.
    ///
    /// # Errors
    /// When `kill` cannot be run.
    pub async fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(id) = child.id() {
            // One that ended by itself may have left its children behind, or nothing to kill.
            Command::new("kill").args(["-KILL", "--", &format!("-{id}")]).stderr(Stdio::null()).status().await?;
        }
        child.wait().await?;
        Ok(())
    }

    async fn last_lines(&self) -> String {
        let log = tokio::fs::read_to_string(self.plan.directory.join("runtime.log")).await.unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
    }
}
