//! Two replicas behind nginx with the settings of `deploy/nginx`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use slipway_test_database::TestDatabase;
use slipway_tests::{
    Api, Case, Gateway, Process, ServeOptions, SimulateOptions, Simulators, require_tools, until, within, workspace,
};
use tokio::sync::watch;
use tokio::task::JoinSet;

const STREAMS: usize = 200;

/// A lease's minute, and what a busy machine adds.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// What a client does on a stream that broke.
const PAUSE: Duration = Duration::from_millis(100);

/// nginx in front of these, and its address. It runs in the foreground, so that it ends with the test.
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
        "daemon off;\npid {0}/nginx.pid;\nerror_log stderr;\nworker_processes 1;\n\
         events {{ worker_connections 2048; }}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n",
        case.folder().display()
    );
    let file = case.path("nginx.conf");
    fs::write(&file, settings).expect("the case's folder is writable");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg("stderr");
    (Process::start(command), format!("http://{address}"))
}

/// Follows everything, again and again where it breaks, until it is told to end: the ids, and how often it broke.
async fn follow(
    api: Api,
    beginning: String,
    seen: watch::Sender<usize>,
    mut end: watch::Receiver<bool>,
) -> (Vec<String>, usize) {
    let (mut ids, mut last, mut breaks) = (Vec::new(), beginning, 0);
    loop {
        let reading = async {
            let Ok(mut stream) = api.open_stream(Some(&last)).await else {
                return tokio::time::sleep(PAUSE).await;
            };
            while let Some(block) = stream.next().await {
                assert_ne!(block.event.as_deref(), Some("reset"), "nothing is lost: {}", block.raw);
                if let Some(id) = &block.id {
                    last.clone_from(id);
                }
                if block.is_durable() {
                    ids.push(last.clone());
                    seen.send_replace(ids.len());
                }
            }
            breaks += 1;
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            () = reading => {}
            _ = end.wait_for(|is_over| *is_over) => return (ids, breaks),
        }
    }
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
    let (end, ended) = watch::channel(false);
    let (mut followers, mut counts) = (JoinSet::new(), Vec::new());
    for _ in 0..STREAMS {
        let (seen, count) = watch::channel(0);
        followers.spawn(follow(api.clone(), beginning.clone(), seen, ended.clone()));
        counts.push(count);
    }
    let everybody_has = async |least: usize| {
        let fewest = || counts.iter().map(|count| *count.borrow()).min().unwrap_or(0);
        within(TAKEN_OVER, "every stream has events", async || {
            (fewest() >= least).then_some(())
        })
        .await;
    };
    everybody_has(5).await;

    let [killed, other] = replicas;
    let before = other.api.event_cursor().await;
    killed.kill_9().await;
    // What the killed one polled is polled by the other, and arrives at everybody.
    let taken_over = within(TAKEN_OVER, "events of both providers go on", async || {
        let events = other.api.events_after(&before).await;
        let of = |provider: &str| {
            events
                .iter()
                .filter(|event| event.provider.as_deref() == Some(provider))
                .count()
        };
        (of("cloud66") >= 5 && of("scalingo") >= 5).then_some(events)
    })
    .await;
    let log = other.api.events_after(&beginning).await;
    let last = taken_over.last().and_then(|event| event.id.as_ref()).expect("an event");
    let count = 1 + log
        .iter()
        .position(|event| event.id.as_ref() == Some(last))
        .expect("it is in the log");
    everybody_has(count).await;

    end.send_replace(true);
    let mut broken = 0;
    while let Some(followed) = followers.join_next().await {
        let (ids, breaks) = followed.expect("a follower ends");
        let expected = log[..count].iter().map(|event| event.id.as_deref());
        assert!(
            ids.iter().map(|id| Some(&**id)).take(count).eq(expected),
            "no gap, no duplicate: {ids:?}"
        );
        broken += usize::from(breaks > 0);
    }
    assert!(
        (STREAMS / 4..=STREAMS).contains(&broken),
        "{broken} streams were at the one that was killed"
    );
    other.process.signal_group(libc::SIGTERM);
    assert_eq!(other.process.ended().await.code, Some(0));
}
