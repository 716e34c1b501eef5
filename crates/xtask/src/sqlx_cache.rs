//! `cargo xtask sqlx`: the checked answers of the database, for builds without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::postgres::Postgres;
use crate::run::{self, Context, Failure, Result, cargo, root, say, scratch};

pub(crate) fn run(check: bool) -> Result<()> {
    let committed = root().join("crates/store/.sqlx");
    let fresh = scratch("sqlx")?;
    for name in read(&fresh)?.keys() {
        fs::remove_file(fresh.join(name)).context("an old answer cannot be removed")?;
    }
    let postgres = Postgres::start()?;
    say(&format!("asking a throw-away PostgreSQL {}", postgres.version()));
    postgres.migrate()?;
    // The macros run only when the crate is compiled. A target folder of its own is not needed: the changed variables
    // below are none of cargo's fingerprint, so the crate's own file has to look new.
    touch(&root().join("crates/store/src/lib.rs"))?;
    run::run(
        cargo(&["check", "--quiet", "-p", "slipway-store"])
            .env("DATABASE_URL", postgres.url())
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", &fresh),
    )?;
    drop(postgres);

    let (old, new) = (read(&committed)?, read(&fresh)?);
    if new.is_empty() {
        return Err(Failure("the store was compiled without asking the database".to_owned()));
    }
    let differing = old.iter().filter(|(name, text)| new.get(*name) != Some(text)).count();
    let missing = new.keys().filter(|name| !old.contains_key(*name)).count();
    if differing + missing == 0 {
        say(&format!("crates/store/.sqlx is up to date ({} queries)", new.len()));
        return Ok(());
    }
    if check {
        let counts = format!("{differing} answers are out of date, {missing} are missing");
        return Err(Failure(format!(
            "crates/store/.sqlx: {counts}; run `cargo xtask sqlx` and commit it"
        )));
    }
    fs::create_dir_all(&committed).context("crates/store/.sqlx cannot be made")?;
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(committed.join(name)).context("an old answer cannot be removed")?;
    }
    for (name, text) in &new {
        fs::write(committed.join(name), text).context("an answer cannot be written")?;
    }
    say(&format!("crates/store/.sqlx is renewed ({} queries)", new.len()));
    Ok(())
}

fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if folder.exists() {
        for entry in fs::read_dir(folder).context(format!("{} cannot be read", folder.display()))? {
            let entry = entry.context(format!("{} cannot be read", folder.display()))?;
            let text = fs::read(entry.path()).context(format!("{} cannot be read", entry.path().display()))?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "a file's time is the machine's time")]
fn touch(path: &Path) -> Result<()> {
    let now = std::time::SystemTime::now();
    fs::File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(now))
        .context(format!("{} cannot be touched", path.display()))
}
