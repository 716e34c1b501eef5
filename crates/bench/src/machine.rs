//! On what it was measured: the first lines of the table.

use std::process::Command;

use crate::Result;

/// Machine, versions and commit, a line each.
pub(crate) async fn describe(database: &sqlx::PgPool) -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let postgres: String = sqlx::query_scalar("SHOW server_version").fetch_one(database).await?;
    let postgres = postgres.split_whitespace().next().unwrap_or_default().to_owned();
    let changes = say("git", &["status", "--porcelain", "--untracked-files=no"]);
    let commit = say("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let state = if changes.is_some_and(|changes| !changes.is_empty()) {
        ", changed"
    } else {
        ""
    };
    let profile = if cfg!(debug_assertions) {
        " (a debug build: these figures mean nothing)"
    } else {
        ""
    };
    Ok(format!(
        "- Machine: {}, {cores} cores, {:.0} GiB, Linux {}\n\
         - Versions: {}, PostgreSQL {postgres}, {}, {}, {}\n\
         - Commit: {commit}{state}{profile}\n",
        model.unwrap_or("unknown processor"),
        kib.unwrap_or(0.0) / 1024.0 / 1024.0,
        kernel.trim(),
        say("rustc", &["--version"]).unwrap_or_else(|| "rustc unknown".to_owned()),
        version("nginx", "-v", "nginx/", "nginx"),
        package("libnginx-mod-nchan", "nchan"),
        version("varnishd", "-V", "varnish-", "varnish"),
    ))
}

fn version(program: &str, argument: &str, before: &str, name: &str) -> String {
    let found = ["", "/usr/sbin/"].iter().find_map(|folder| {
        let text = say(&format!("{folder}{program}"), &[argument])?;
        let rest = text.split(before).nth(1)?;
        Some(rest.split([' ', '\n', ')']).next().unwrap_or_default().to_owned())
    });
    match found {
        Some(version) => format!("{name} {version}"),
        None => format!("no {name}"),
    }
}

fn package(package: &str, name: &str) -> String {
    match say("dpkg-query", &["-W", "-f", "${Version}", package]) {
        Some(version) if !version.is_empty() => format!("{name} {version}"),
        _ => format!("{name} of unknown version"),
    }
}

/// What a program prints, on either of its outputs.
fn say(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(text.trim().to_owned())
}
