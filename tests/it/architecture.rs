//! The boundaries between the crates, as docs/ARCHITECTURE.md draws them. A dependency that points upward fails here
//! before it becomes a habit.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each of them may use, tests apart. A crate that is missing here fails: draw it first.
const MAY_USE: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("api", &["core"]),
    ("store", &["core"]),
    ("feed", &["api", "core", "store"]),
    ("engine", &["api", "core", "store"]),
    ("server", &["api", "core", "engine", "feed", "provider-http", "store"]),
    ("provider-http", &["core"]),
    ("provider-cloud66", &["core", "provider-http"]),
    ("provider-scalingo", &["core", "provider-http"]),
    // None of ours, so that it cannot share a misreading with an adapter.
    ("simulator", &[]),
    ("conformance", &["core"]),
    ("builtin-postgres", &[]),
    ("config", &[]),
    // A user of the public API: it needs nothing of ours.
    ("dashboard", &[]),
];

/// The composition root, and what supports tests and chores: they may use everything.
const FREE: &[&str] = &[
    "slipway",
    "slipway-bench",
    "slipway-test-database",
    "slipway-tests",
    "slipway-xtask",
];

/// Libraries that decide what a crate can do, and who may name them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store", "builtin-postgres"]),
    ("reqwest", &["provider-http", "simulator", "slipway"]),
    ("axum", &["dashboard", "server", "simulator"]),
    ("postgresql_embedded", &["builtin-postgres"]),
    ("testcontainers", &[]),
];

struct Crate {
    name: String,
    /// All but dev-dependencies.
    uses: BTreeSet<String>,
}

fn workspace() -> Vec<Crate> {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps();
    let metadata = command.exec().unwrap_or_else(|error| panic!("cargo metadata: {error}"));
    let crates = metadata.workspace_packages().into_iter().map(|package| Crate {
        name: package.name.to_string(),
        uses: package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.clone())
            .collect(),
    });
    crates.collect()
}

fn short(name: &str) -> &str {
    name.strip_prefix("slipway-").unwrap_or(name)
}

#[test]
fn no_crate_uses_one_above_it() {
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in workspace().iter().filter(|package| !FREE.contains(&&*package.name)) {
        let Some(allowed) = may_use.get(short(&package.name)) else {
            wrong.push(format!("{} is not drawn", package.name));
            continue;
        };
        let ours = package.uses.iter().filter(|name| name.starts_with("slipway"));
        wrong.extend(
            ours.filter(|name| !allowed.contains(&short(name)))
                .map(|name| format!("{} uses {name}", package.name)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_drawn_crate_exists() {
    let crates = workspace();
    let names: BTreeSet<_> = crates.iter().map(|package| &*package.name).collect();
    let drawn = MAY_USE.iter().map(|(name, _)| format!("slipway-{name}"));
    let missing: Vec<_> = drawn
        .chain(FREE.iter().map(|name| (*name).to_owned()))
        .filter(|name| !names.contains(&**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn sql_http_and_servers_stay_where_they_belong() {
    let support = [
        "slipway-bench",
        "slipway-test-database",
        "slipway-tests",
        "slipway-xtask",
    ];
    let mut wrong = Vec::new();
    for package in workspace().iter().filter(|package| !support.contains(&&*package.name)) {
        for (library, crates) in ONLY_IN {
            if package.uses.contains(*library) && !crates.contains(&short(&package.name)) {
                wrong.push(format!("{} uses {library}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_model_does_no_input_or_output() {
    let crates = workspace();
    let core = crates.iter().find(|package| package.name == "slipway-core").unwrap();
    for library in [
        "tokio",
        "hyper",
        "http",
        "tracing-subscriber",
        "rustix",
        "libc",
        "utoipa",
    ] {
        assert!(!core.uses.contains(library), "slipway-core uses {library}");
    }
}
