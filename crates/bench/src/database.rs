//! The limit of what comes from PostgreSQL: pgbench with a prepared statement, which does nothing with the rows.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::Result;

/// How many times a second a statement is answered.
pub(crate) async fn rate(url: &str, statement: &str, connections: usize, duration: Duration) -> Result<f64> {
    let file = std::env::temp_dir().join(format!("slipway-bench-{}.sql", std::process::id()));
    std::fs::write(&file, statement)?;
    let clients = connections.to_string();
    let output = Command::new(find_pgbench()?)
        .args([
            "--no-vacuum",
            "--protocol=prepared",
            "--jobs=2",
            "--client",
            &clients,
            "--time",
        ])
        .arg(duration.as_secs().max(1).to_string())
        .arg("--file")
        .arg(&file)
        .arg(url)
        .output()
        .await?;
    std::fs::remove_file(&file)?;
    let text = String::from_utf8(output.stdout)?;
    let tps = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
    match tps {
        Some(tps) => Ok(tps.parse()?),
        None => Err(format!("pgbench says: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// On the path, or where Debian puts it.
fn find_pgbench() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .chain(debian)
        .map(|folder| folder.join("pgbench"))
        .find(|program| program.is_file())
        .ok_or_else(|| "there is no pgbench: install PostgreSQL's server package".into())
}
