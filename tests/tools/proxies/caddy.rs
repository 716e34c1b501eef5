//! Caddy with `deploy/caddy/Caddyfile`.

use std::fs;
use std::process::Command;

use slipway_tests::{Case, Process, require_tools};

use super::{Replicas, Settings, events_come_over_tls, free_address, streams_go_on_at_the_other_replica};

/// Caddy with this site; what it keeps is in the case's folder, and nobody's trust store is touched.
fn start(case: &Case, site: &Settings) -> Process {
    let file = case.path("Caddyfile");
    let settings = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n\tstorage file_system {}\n}}\n{}",
        case.path("caddy").display(),
        site.0
    );
    fs::write(&file, settings).expect("the case's folder is writable");
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .env("HOME", case.folder())
        .env("XDG_DATA_HOME", case.folder())
        .env("XDG_CONFIG_HOME", case.folder());
    Process::start(command)
}

#[tokio::test]
async fn streams_behind_caddy_go_on_at_the_other_replica_when_theirs_is_killed() {
    require_tools(&["caddy"]);
    streams_go_on_at_the_other_replica(|case, replicas| {
        let address = free_address();
        let mut site = Settings::read("caddy/Caddyfile");
        site.put_replicas(replicas);
        site.put("slipway.example.com {", &format!("http://{address} {{"));
        (start(case, &site), format!("http://{address}"))
    })
    .await;
}

#[tokio::test]
async fn events_come_through_caddy_over_tls_and_http_2() {
    require_tools(&["caddy", "curl"]);
    let started = Replicas::start().await;
    let address = free_address();
    let (_, port) = address.split_once(':').expect("an address with a port");
    let mut site = Settings::read("caddy/Caddyfile");
    site.put_replicas(&started.replicas);
    // No authority outside vouches for `localhost`: Caddy's own does.
    site.put(
        "slipway.example.com {",
        &format!("https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls internal"),
    );
    let _caddy = start(&started.case, &site);
    let authority = started.case.path("caddy/pki/authorities/local/root.crt");
    events_come_over_tls(&started, port, &authority).await;
}
