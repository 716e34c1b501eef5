//! nginx with `deploy/nginx/slipway.conf`.

use std::fs;
use std::process::Command;

use slipway_tests::{Case, Gateway, Process, require_tools};

use super::{Replicas, Settings, events_come_over_tls, free_address, streams_go_on_at_the_other_replica};

/// nginx with this site. It is one process in the foreground, so that it ends with the test.
fn start(case: &Case, site: &Settings) -> Process {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", case.folder().display()))
        .collect();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 2048; }}\nhttp {{\naccess_log off;\n{temporary}{1}}}\n",
        case.folder().display(),
        site.0
    );
    let file = case.path("nginx.conf");
    fs::write(&file, settings).expect("the case's folder is writable");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg("stderr");
    Process::start(command)
}

fn site(replicas: &[Gateway; 2]) -> Settings {
    let mut site = Settings::read("nginx/slipway.conf");
    site.put_replicas(replicas);
    site
}

#[tokio::test]
async fn streams_behind_nginx_go_on_at_the_other_replica_when_theirs_is_killed() {
    require_tools(&["nginx"]);
    streams_go_on_at_the_other_replica(|case, replicas| {
        let address = free_address();
        let mut site = site(replicas);
        site.put("listen 80;", &format!("listen {address};"));
        (start(case, &site), format!("http://{address}"))
    })
    .await;
}

#[tokio::test]
async fn events_come_through_nginx_over_tls_and_http_2() {
    require_tools(&["nginx", "curl", "openssl"]);
    let started = Replicas::start().await;
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| started.case.path(name));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    let made = Process::start(make).ended().await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);

    let address = free_address();
    let mut site = site(&started.replicas);
    // As deploy/reverse-proxy.md says for nginx before 1.25.1, which later ones take with a warning.
    let tls = format!(
        "listen {address} ssl http2;\nserver_name localhost;\nssl_certificate {};\nssl_certificate_key {};\n\
         ssl_protocols TLSv1.2 TLSv1.3;",
        certificate.display(),
        key.display()
    );
    site.put("listen 80;", &tls);
    let _nginx = start(&started.case, &site);
    let (_, port) = address.split_once(':').expect("an address with a port");
    events_come_over_tls(&started, port, &certificate).await;
}
