//! Brings what the tests need and this machine lacks.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use slipway_builtin_postgres::SearchPlaces;

use crate::postgres::Postgres;
use crate::run::{Context, Result, exists, program, root, run, say};

/// The PostgreSQL of the test processes.
pub(crate) enum Server {
    /// `TEST_DATABASE_URL` was set by the caller.
    Named,
    /// Each test process starts its own container.
    Containers,
    /// One for all test processes.
    Shared(Postgres),
}

pub(crate) fn postgres() -> Result<Server> {
    if std::env::var("TEST_DATABASE_URL").is_ok_and(|url| !url.trim().is_empty()) {
        say("PostgreSQL: the one of TEST_DATABASE_URL");
        return Ok(Server::Named);
    }
    if docker_answers() {
        say("PostgreSQL: a Docker engine answers, so each test process starts a container");
        return Ok(Server::Containers);
    }
    if SearchPlaces::system().locate(None).is_err() && is_root() && exists("apt-get") {
        say("PostgreSQL: neither Docker nor PostgreSQL is here; installing Debian's");
        apt_get_install(&["postgresql"])?;
    }
    let server = Postgres::start()?;
    say(&format!(
        "PostgreSQL: no Docker engine; one built-in PostgreSQL {} for all test processes",
        server.version()
    ));
    Ok(Server::Shared(server))
}

/// The npm packages of the end-to-end tests.
pub(crate) fn node_packages() -> Result<()> {
    for folder in node_projects()? {
        let installed = folder.join("node_modules/.package-lock.json");
        let is_current = modified(&installed) >= modified(&folder.join("package-lock.json"));
        if installed.exists() && is_current {
            continue;
        }
        if !exists("npm") && is_root() && exists("apt-get") {
            say("Node: not here; installing Debian's");
            apt_get_install(&["nodejs", "npm"])?;
        }
        say(&format!("Node: bringing the packages of {}", folder.display()));
        run(program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    }
    Ok(())
}

/// Folders below tests/ with locked npm packages.
fn node_projects() -> Result<Vec<PathBuf>> {
    let clients = root().join("tests/clients");
    if !clients.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&clients).context("tests/clients cannot be read")? {
        let folder = entry.context("tests/clients cannot be read")?.path();
        if folder.join("package-lock.json").exists() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

fn modified(path: &std::path::Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn apt_get_install(packages: &[&str]) -> Result<()> {
    run(program("apt-get", &["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    run(program("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn is_root() -> bool {
    // The owner of our own process's folder is us.
    std::os::unix::fs::MetadataExt::uid(&match std::fs::metadata("/proc/self") {
        Ok(metadata) => metadata,
        Err(_) => return false,
    }) == 0
}

/// As the tests ask it (crate `slipway-test-database`).
fn docker_answers() -> bool {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let patience = Some(Duration::from_secs(2));
    if let Some(path) = host.strip_prefix("unix://") {
        UnixStream::connect(path).is_ok_and(|stream| {
            drop(stream.set_read_timeout(patience));
            ping(stream)
        })
    } else if let Some(address) = host.strip_prefix("tcp://") {
        std::net::TcpStream::connect(address.trim_end_matches('/')).is_ok_and(|stream| {
            drop(stream.set_read_timeout(patience));
            ping(stream)
        })
    } else {
        false
    }
}

fn ping(mut stream: impl Read + Write) -> bool {
    let mut answer = [0_u8; 12];
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200")
}
