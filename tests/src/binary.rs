//! The `slipway` program under test, up to date.
//!
//! Cargo tells only the tests of a binary's own package where it lies. It is always beside the tests' own executable, and
//! cargo leaves a list of its sources with it, so whether it is fresh can be seen without asking cargo: under
//! `cargo test --workspace` it always is. Only when this package is tested alone may it have to be built, which does not
//! dead-lock, because cargo gives its lock back before it runs tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Names another binary, for example an installed one: it is taken as it is.
const VARIABLE: &str = "SLIPWAY_TEST_BINARY";

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().map_or_else(|| folder.to_owned(), Path::to_owned)
}

/// The path of the program; built first if it is older than its sources.
///
/// # Panics
/// When it does not compile.
pub fn slipway() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os(VARIABLE) {
            return named.into();
        }
        // target/debug/deps/it-1234
        let test = std::env::current_exe().expect("this program has a path");
        let profile = test.parent().and_then(Path::parent).expect("cargo's folders");
        let binary = profile.join("slipway");
        if !is_fresh(&binary) {
            build(profile);
        }
        binary
    })
}

fn is_fresh(binary: &Path) -> bool {
    let Some(built_at) = modified(binary) else { return false };
    let Ok(list) = std::fs::read_to_string(binary.with_extension("d")) else {
        return false;
    };
    // One line as in a makefile, with escaped spaces.
    let Some((_, sources)) = list.split_once(": ") else {
        return false;
    };
    let sources = sources.replace("\\ ", "\0");
    let mut sources = sources.split_whitespace().map(|path| path.replace('\0', " "));
    sources.all(|source| modified(Path::new(&source)).is_some_and(|changed_at| changed_at <= built_at))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn build(profile: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace())
        .args(["build", "--quiet", "--package", "slipway", "--bin", "slipway"]);
    if profile.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    if let Some(target) = profile.parent() {
        command.arg("--target-dir").arg(target);
    }
    // What cargo tells its children about this package must not make that one be built anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "`slipway` does not compile");
}
