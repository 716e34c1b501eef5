//! The limit of an answer from memory: axum with one route and the same bytes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::temporary_file;
use crate::Result;

/// A server of fixed bytes.
#[derive(Debug)]
pub(crate) struct Fixed {
    _child: Child,
    pub(crate) address: String,
    file: PathBuf,
}

impl Fixed {
    /// Starts it.
    pub(crate) async fn start(body: &[u8]) -> Result<Self> {
        let file = temporary_file(&format!("static-{}.json", body.len()));
        std::fs::write(&file, body)?;
        let (child, address) = start_part(&["static", &file.to_string_lossy()]).await?;
        Ok(Self {
            _child: child,
            address,
            file,
        })
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        // A file that stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Runs a hidden subcommand that serves; its first line is its address.
pub(super) async fn start_part(arguments: &[&str]) -> Result<(Child, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    let mut child = command.kill_on_drop(true).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
    let address = wait_for(lines, |line| Some(line.to_owned())).await?;
    Ok((child, address))
}

/// What [`Fixed`] runs.
pub(crate) async fn serve(file: &Path) -> Result<()> {
    let body = Bytes::from(std::fs::read(file)?);
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    serve_router(Router::new().fallback(get(answer))).await
}

/// Serves on a free port, which the first line of the output names.
pub(super) async fn serve_router(router: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let nodelay = axum::serve::ListenerExt::tap_io(listener, |stream: &mut tokio::net::TcpStream| {
        // A connection that is gone already is found out when it is read.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(nodelay, router).await?)
}

/// The first line that has what is looked for.
pub(super) async fn wait_for<T>(
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
