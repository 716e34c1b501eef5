//! Brings what the tests need and this machine lacks.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use slipway_builtin_postgres::SearchPlaces;

use crate::postgres::Postgres;
use crate::run::{Result, exists, program, run, say};

/// The PostgreSQL of the test processes: one for all of them, or None where each finds its own.
pub(crate) fn postgres() -> Result<Option<Postgres>> {
    if std::env::var("TEST_DATABASE_URL").is_ok_and(|url| !url.trim().is_empty()) {
        say("PostgreSQL: the one of TEST_DATABASE_URL");
        return Ok(None);
    }
    if docker_answers() {
        say("PostgreSQL: a Docker engine answers, so each test process starts a container");
        return Ok(None);
    }
    if SearchPlaces::system().locate(None).is_err() && can_install() {
        say("PostgreSQL: neither Docker nor PostgreSQL is here; installing Debian's");
        apt_get_install(&["postgresql"])?;
    }
    let server = Postgres::start()?;
    say(&format!(
        "PostgreSQL: no Docker engine; one built-in PostgreSQL {} for all test processes",
        server.version()
    ));
    Ok(Some(server))
}

/// What the examples of the README call, and what reads our alerts.
pub(crate) fn tools() -> Result<()> {
    let wanted = [("curl", "curl"), ("jq", "jq"), ("promtool", "prometheus")];
    let missing = wanted.into_iter().filter(|(tool, _)| !exists(tool));
    let missing: Vec<&str> = missing.map(|(_, package)| package).collect();
    if missing.is_empty() || !can_install() {
        // Without a way to install them the tests say themselves what they lack.
        return Ok(());
    }
    say(&format!("installing Debian's {}", missing.join(" and ")));
    apt_get_install(&missing)
}

pub(crate) fn apt_get_install(packages: &[&str]) -> Result<()> {
    run(program("apt-get", &["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    run(program("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether Debian's packages can be installed.
pub(crate) fn can_install() -> bool {
    is_root() && exists("apt-get")
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
