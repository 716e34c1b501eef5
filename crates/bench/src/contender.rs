//! The processes that are measured. Each ends with its handle.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// The token that the gateway takes here.
pub(crate) const TOKEN: &str = "a-token-of-the-benchmarks";

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    _child: Child,
    pub(crate) address: String,
    files: Vec<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        for file in &self.files {
            // A file that stays behind in the temporary folder harms nobody.
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Server {
    /// `slipway serve` as it is shipped, without sync, with so much memory for answers.
    pub(crate) async fn gateway(database_url: &str, answer_cache_mib: u32) -> Result<Self> {
        let program = build_gateway().await?;
        let config = temporary_file(&format!("gateway-{answer_cache_mib}.toml"));
        let text = format!(
            "[server]\nlisten = '127.0.0.1:0'\nrequests_per_minute = 0\nanswer_cache_mib = {answer_cache_mib}\n\
             [database]\nurl = '{database_url}'\n\
             [auth]\nread_token = '{TOKEN}'\n\
             [log]\nformat = 'json'\nfilter = 'info'\n"
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.args(["serve", "--no-sync", "--config"]).arg(&config);
        let mut child = command.kill_on_drop(true).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
        let address = wait_for(lines, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "the gateway serves").then(|| line["address"].as_str().map(str::to_owned))?
        })
        .await?;
        Ok(Self {
            _child: child,
            address,
            files: vec![config],
        })
    }

    /// The limit of an answer from memory: axum with one route and the same bytes.
    pub(crate) async fn of_bytes(body: &[u8]) -> Result<Self> {
        let file = temporary_file(&format!("static-{}.json", body.len()));
        std::fs::write(&file, body)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("static").arg(&file);
        let mut child = command.kill_on_drop(true).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let address = wait_for(lines, |line| Some(line.to_owned())).await?;
        Ok(Self {
            _child: child,
            address,
            files: vec![file],
        })
    }
}

/// What [`Server::of_bytes`] runs.
pub(crate) async fn serve_static(file: &Path) -> Result<()> {
    let body = Bytes::from(std::fs::read(file)?);
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let nodelay = axum::serve::ListenerExt::tap_io(listener, |stream: &mut tokio::net::TcpStream| {
        // A connection that is gone already is found out when it is read.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(nodelay, Router::new().fallback(get(answer))).await?)
}

async fn build_gateway() -> Result<PathBuf> {
    // The one that runs us, with its choice of a compiler.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "-p", "slipway"])
        .status()
        .await?;
    if !status.success() {
        return Err("the gateway cannot be built".into());
    }
    // Beside this program, which is a release build too or measures nothing.
    let program = std::env::current_exe()?.with_file_name("slipway");
    match program.exists() {
        true => Ok(program),
        false => Err("run the benchmarks with `cargo run --release -p slipway-bench`".into()),
    }
}

async fn wait_for<T>(
    mut lines: tokio::io::Lines<BufReader<impl tokio::io::AsyncRead + Unpin + Send + 'static>>,
    pick: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let looking = async {
        let mut last = String::new();
        while let Some(line) = lines.next_line().await? {
            if let Some(found) = pick(&line) {
                return Ok(found);
            }
            last = line;
        }
        Err(format!("a server ended before it served: {last}").into())
    };
    let found = tokio::time::timeout(Duration::from_secs(60), looking)
        .await
        .map_err(|_| "a server does not start within a minute")?;
    // Read on, so that it never waits for us.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    found
}

fn temporary_file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("slipway-bench-{}-{name}", std::process::id()))
}
