//! PostgreSQL in a container.

use std::time::Duration;

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::Error;

/// How long an engine that is there may take to say so.
const PING_PATIENCE: Duration = Duration::from_secs(2);
/// Pulling the image included.
const START_PATIENCE: Duration = Duration::from_secs(180);

/// A test process that is killed removes nothing. So the container ends, and with it is removed, when nobody has been
/// connected for a minute; a living test process always holds one connection.
const SCRIPT: &str = r#"
docker-entrypoint.sh postgres -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300 &
idle=0
while [ "$idle" -lt 30 ] && kill -0 $! 2>/dev/null; do
  sleep 2
  clients=$(psql -U postgres -AtXc "SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()" 2>/dev/null)
  if [ "${clients:-0}" -gt 0 ]; then idle=0; else idle=$((idle + 1)); fi
done
"#;

/// Whether a Docker engine answers, asked cheaply so that machines without one lose no time.
pub(crate) async fn engine_answers() -> bool {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    tokio::time::timeout(PING_PATIENCE, ping(&host)).await.unwrap_or(false)
}

async fn ping(host: &str) -> bool {
    if let Some(path) = host.strip_prefix("unix://") {
        match UnixStream::connect(path).await {
            Ok(stream) => ping_over(stream).await,
            Err(_) => false,
        }
    } else if let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
        match TcpStream::connect(address.trim_end_matches('/')).await {
            Ok(stream) => ping_over(stream).await,
            Err(_) => false,
        }
    } else {
        false
    }
}

async fn ping_over(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    let request = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
    let mut answer = [0_u8; 12];
    stream.write_all(request).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.")
        && answer.ends_with(b" 200")
}

/// Starts a server and says how to reach it; it may not take connections yet.
pub(crate) async fn start() -> Result<(ContainerAsync<GenericImage>, String), Error> {
    // Reachable from this machine only as long as it lives, and empty: a fixed password does no harm.
    let password = "slipway";
    let image = GenericImage::new("postgres", "17-alpine")
        .with_exposed_port(5432.tcp())
        .with_wait_for(WaitFor::Nothing)
        .with_entrypoint("sh")
        .with_cmd(["-c", SCRIPT])
        .with_env_var("POSTGRES_PASSWORD", password)
        .with_label("slipway.tests", std::process::id().to_string())
        .with_startup_timeout(START_PATIENCE)
        .with_host_config_modifier(|config| config.auto_remove = Some(true));
    let container = tokio::time::timeout(START_PATIENCE, image.start())
        .await
        .map_err(|_| Error::new("the container did not start in time"))?
        .map_err(Error::new)?;
    let host = container.get_host().await.map_err(Error::new)?;
    let port = container.get_host_port_ipv4(5432).await.map_err(Error::new)?;
    let url = format!("postgres://postgres:{password}@{host}:{port}/postgres?sslmode=disable");
    Ok((container, url))
}
