//! Two replicas behind proxies with the settings of `deploy/`: streams outlive the death of a replica, and come through TLS
//! and HTTP/2 as they are written.

mod caddy;
mod nginx;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use slipway_test_database::TestDatabase;
use slipway_tests::{
    Api, Case, Followers, Gateway, Process, ServeOptions, SimulateOptions, Simulators, until, workspace,
};

const STREAMS: usize = 200;

/// Far more than a lease, for busy machines.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// A file of `deploy/` with the addresses of a test in it.
struct Settings(String);

impl Settings {
    fn read(path: &str) -> Self {
        Self(fs::read_to_string(workspace().join("deploy").join(path)).expect("it is there"))
    }

    fn put(&mut self, from: &str, to: &str) {
        assert!(self.0.contains(from), "{from}");
        self.0 = self.0.replace(from, to);
    }

    fn put_replicas(&mut self, replicas: &[Gateway; 2]) {
        for (from, replica) in ["127.0.0.1:8080", "127.0.0.1:8081"].into_iter().zip(replicas) {
            self.put(from, replica.api.base().trim_start_matches("http://"));
        }
    }
}

fn free_address() -> String {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    unused.expect("a free port").to_string()
}

/// Two replicas on one database, with the simulators that keep them busy.
struct Replicas {
    case: Case,
    replicas: [Gateway; 2],
    _database: TestDatabase,
    _simulators: Simulators,
}

impl Replicas {
    async fn start() -> Self {
        let case = Case::begin().await;
        let database = TestDatabase::create().await.expect("a database for the test");
        let world = SimulateOptions {
            deployment_every: 1.0,
            ..SimulateOptions::default()
        };
        let simulators = Simulators::start(&case, &world).await;
        let options = ServeOptions::on(&database)
            .with_environment("SLIPWAY_SERVER__STREAMS_PER_TOKEN", "1000")
            .with_environment("SLIPWAY_SERVER__TRUSTED_PROXIES", "127.0.0.1");
        let replicas = [
            Gateway::start(&case, &options.named("one"), &simulators).await,
            Gateway::start(&case, &options.named("two"), &simulators).await,
        ];
        Self {
            case,
            replicas,
            _database: database,
            _simulators: simulators,
        }
    }
}

/// Opens streams through the proxy that `start` starts, kills a replica, and wants every event at everybody, once.
async fn streams_go_on_at_the_other_replica(start: impl FnOnce(&Case, &[Gateway; 2]) -> (Process, String)) {
    let started = Replicas::start().await;
    let (_proxy, address) = start(&started.case, &started.replicas);
    let api = Api::new(&address, started.replicas[0].api.token());
    until("the proxy serves", async || api.is_ready().await.then_some(())).await;

    let beginning = api.event_cursor().await;
    let followers = Followers::start(&api, &beginning, STREAMS);
    followers.wait_for(TAKEN_OVER, 5).await;

    let [killed, other] = started.replicas;
    let before = other.api.event_cursor().await;
    killed.kill_9().await;
    let broken = followers.outlive(&other.api, &beginning, &before, TAKEN_OVER).await;
    assert!(
        (STREAMS / 4..=STREAMS).contains(&broken),
        "{broken} streams were at the one that was killed"
    );
    other.process.signal_group(libc::SIGTERM);
    assert_eq!(other.process.ended().await.code, Some(0));
}

/// Follows events with curl through a proxy on `https://localhost:PORT`, whose certificate this authority vouches for: they
/// come while the stream is open, over HTTP/2.
async fn events_come_over_tls(started: &Replicas, port: &str, authority: &Path) {
    let token = started.replicas[0].api.token();
    let curl = |path: &str| {
        let mut command = Command::new("curl");
        command
            .args([
                "--silent",
                "--show-error",
                "--no-buffer",
                "--http2",
                "--include",
                "--cacert",
            ])
            .arg(authority)
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .arg(format!("https://localhost:{port}{path}"));
        command
    };
    until("the proxy serves", async || {
        let ended = Process::start(curl("/readyz")).ended().await;
        ended
            .stdout
            .first()
            .filter(|line| line.starts_with("HTTP/2 200"))
            .cloned()
    })
    .await;
    let mut stream = Process::start(curl("/api/v1/events/stream"));
    until("events come while the stream is open", async || {
        let lines = stream.stdout();
        let events = lines.iter().filter(|line| line.starts_with("event: deployment."));
        (events.count() >= 3).then_some(())
    })
    .await;
    assert!(stream.is_running());
    let lines = stream.stdout();
    assert!(lines[0].starts_with("HTTP/2 200"), "{}", lines[0]);
    assert!(
        lines
            .iter()
            .any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")),
        "{lines:?}"
    );
    stream.signal_group(libc::SIGTERM);
    stream.ended().await;
}
