//! Brings what the tests need and this machine lacks.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use slipway_builtin_postgres::SearchPlaces;

use crate::postgres::Postgres;
use crate::run::{Context, Result, exists, program, run, say, scratch};

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

/// What the examples of the README call, what reads our alerts, and what stands before our replicas: folders of programs, to
/// be put on the path. Where something can neither be found nor brought, the tests say themselves what they lack.
pub(crate) fn tools() -> Result<Vec<PathBuf>> {
    let missing: Vec<&str> = [
        ("curl", "curl"),
        ("jq", "jq"),
        ("openssl", "openssl"),
        ("systemd-analyze", "systemd"),
    ]
    .into_iter()
    .filter_map(|(tool, package)| (!exists(tool)).then_some(package))
    .collect();
    if !missing.is_empty() && can_install() {
        say(&format!("installing Debian's {}", missing.join(", ")));
        apt_get_install(&missing)?;
    }
    python()?;
    let mut folders = Vec::new();
    for (tool, packages) in [
        ("promtool", &["prometheus"][..]),
        ("nginx", &["nginx"]),
        ("caddy", &["caddy"]),
        // With the libraries that it needs and others do not.
        ("pgbouncer", &["pgbouncer", "libevent-2.1-7", "libc-ares2"]),
    ] {
        if !exists(tool) && exists("dpkg-deb") {
            folders.extend(unpack(tool, packages)?);
        }
    }
    Ok(folders)
}

/// A Python that can make environments of its own.
pub(crate) fn python() -> Result<()> {
    let mut venv = program("python3", &["-c", "import ensurepip, venv"]);
    let has_venv = venv.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if has_venv || !can_install() {
        return Ok(());
    }
    say("Python: not here, or without venv; installing Debian's");
    apt_get_install(&["python3", "python3-venv"])
}

/// The folder of a program of Debian packages which are unpacked and not installed: of a server nothing is started then, and
/// nobody need be root.
fn unpack(tool: &str, packages: &[&str]) -> Result<Option<PathBuf>> {
    let folder = scratch("debian")?.join(tool);
    let find = || {
        let folders = ["usr/bin", "usr/sbin"].map(|place| folder.join(place));
        folders.into_iter().find(|place| place.join(tool).exists())
    };
    if find().is_none() {
        say(&format!("{tool}: not here; unpacking Debian's {}", packages.join(", ")));
        std::fs::create_dir_all(&folder).context(format!("cannot make {}", folder.display()))?;
        if is_root() {
            apt_get_update()?;
        }
        run(program("apt-get", &["download", "-qq"])
            .args(packages)
            .current_dir(&folder))?;
        let files = std::fs::read_dir(&folder).context("what was fetched cannot be listed")?;
        let fetched = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "deb"));
        for file in fetched {
            run(program("dpkg-deb", &["--extract"]).arg(&file).arg(&folder))?;
        }
    }
    Ok(find())
}

pub(crate) fn apt_get_install(packages: &[&str]) -> Result<()> {
    apt_get_update()?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    run(program("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn apt_get_update() -> Result<()> {
    run(program("apt-get", &["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))
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
