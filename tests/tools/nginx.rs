//! Two replicas behind nginx with the settings of `deploy/nginx`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use slipway_test_database::TestDatabase;
use slipway_tests::{
    Api, Case, Followers, Gateway, Process, ServeOptions, SimulateOptions, Simulators, require_tools, until, workspace,
};

const STREAMS: usize = 200;

/// Far more than a lease, for busy machines.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// nginx in front of these, and its address. It is one process in the foreground, so that it ends with the test.
fn start_nginx(case: &Case, replicas: &[Gateway; 2]) -> (Process, String) {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = unused.expect("a free port").to_string();
    let mut site = fs::read_to_string(workspace().join("deploy/nginx/slipway.conf")).expect("it is there");
    let mut put = |from: &str, to: &str| {
        assert!(site.contains(from), "{from}");
        site = site.replace(from, to);
    };
    put("listen 80;", &format!("listen {address};"));
    for (from, replica) in ["127.0.0.1:8080", "127.0.0.1:8081"].into_iter().zip(replicas) {
        put(from, replica.api.base().trim_start_matches("http://"));
    }
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", case.folder().display()))
        .collect();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 2048; }}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n",
        case.folder().display()
    );
    let file = case.path("nginx.conf");
    fs::write(&file, settings).expect("the case's folder is writable");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg("stderr");
    (Process::start(command), format!("http://{address}"))
}

#[tokio::test]
async fn streams_behind_nginx_go_on_at_the_other_replica_when_theirs_is_killed() {
    require_tools(&["nginx"]);
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let world = SimulateOptions {
        deployment_every: 1.0,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(&case, &world).await;
    let options = ServeOptions::on(&database).with_environment("SLIPWAY_SERVER__STREAMS_PER_TOKEN", "1000");
    let replicas = [
        Gateway::start(&case, &options.named("one"), &simulators).await,
        Gateway::start(&case, &options.named("two"), &simulators).await,
    ];
    let (_nginx, address) = start_nginx(&case, &replicas);
    let api = Api::new(&address, replicas[0].api.token());
    until("nginx serves", async || api.is_ready().await.then_some(())).await;

    let beginning = api.event_cursor().await;
    let followers = Followers::start(&api, &beginning, STREAMS);
    followers.wait_for(TAKEN_OVER, 5).await;

    let [killed, other] = replicas;
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
