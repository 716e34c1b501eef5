//! Programs of others that some tests need.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::process::Process;

/// Ends the test with the way out when one of these programs is missing. A test that cannot run has not passed.
///
/// # Panics
/// When one is missing.
pub fn require_tools(tools: &[&str]) {
    for tool in tools {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
        assert!(
            found.is_ok_and(|output| output.status.success()),
            "this test needs `{tool}`, which is not installed: `cargo xtask test` brings it; \
             Debian and Ubuntu have it (`apt install nodejs npm curl jq openssl prometheus nginx caddy pgbouncer`)"
        );
    }
}

/// The locked packages of a folder, if they are not there already.
///
/// # Panics
/// When npm cannot bring them.
pub async fn install_node_packages(folder: &Path) {
    let changed_at = |name: &str| -> Option<SystemTime> { folder.join(name).metadata().ok()?.modified().ok() };
    let installed = changed_at("node_modules/.package-lock.json");
    if installed.is_some() && installed >= changed_at("package-lock.json") {
        return;
    }
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder);
    let installed = Process::start(install).ended_within(Duration::from_secs(180)).await;
    assert_eq!(
        installed.code,
        Some(0),
        "`npm ci` in {}: {}",
        folder.display(),
        installed.stderr
    );
}
