//! Where PostgreSQL is found, and what is said where it is not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use slipway_builtin_postgres::{BuiltinPostgres, Error, SearchPlaces, Settings, default_data_dir, locate};

use crate::harness::{Place, i_am_root, people};

fn executable(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().expect("in a folder")).expect("writable");
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("ours");
}

/// A folder with programs that only tell a version.
fn fake(bin_dir: &Path, version: &str) {
    executable(
        &bin_dir.join("postgres"),
        &format!("echo 'postgres (PostgreSQL) {version} (Fake {version}-1)'"),
    );
    executable(&bin_dir.join("initdb"), "exit 3");
}

fn versioned(parent: PathBuf, prefix: &str) -> SearchPlaces {
    SearchPlaces {
        versioned: vec![(parent, prefix.to_owned())],
        ..SearchPlaces::default()
    }
}

#[test]
fn finds_the_one_of_this_machine() {
    let found = locate().expect("the tests need a PostgreSQL");
    assert!(
        found.major >= 15 && found.version.starts_with(&found.major.to_string()),
        "{found:?}"
    );
    assert!(found.bin_dir.join("initdb").is_file());
}

#[test]
fn takes_the_newest_or_the_wanted_one() {
    let place = Place::of(people()[0]);
    for version in ["9.6", "13", "16", "17", "18"] {
        fake(&place.root.join(version).join("bin"), &format!("{version}.1"));
    }
    fs::create_dir_all(place.root.join("99/bin")).expect("writable"); // a client alone
    fs::create_dir_all(place.root.join("common/bin")).expect("writable");
    let places = versioned(place.root.clone(), "");
    assert_eq!(places.locate(None).expect("found").version, "18.1");
    assert_eq!(places.locate(Some(16)).expect("found").version, "16.1");
    assert!(places.locate(Some(15)).is_err());
}

#[test]
fn looks_at_pg_config_first_and_at_the_path_last() {
    let place = Place::of(people()[0]);
    let (by_config, in_path) = (place.root.join("by-config"), place.root.join("in-path"));
    fake(&by_config, "16.2");
    fake(&place.root.join("versions/pg-17/bin"), "17.3");
    fake(&in_path, "15.4");
    let commands = place.root.join("commands");
    executable(&commands.join("pg_config"), &format!("echo {}", by_config.display()));
    // As some distributions put it: a link beside which the other programs do not lie.
    std::os::unix::fs::symlink(in_path.join("postgres"), commands.join("postgres")).expect("writable");
    let mut places = versioned(place.root.join("versions"), "pg-");
    places.path = vec![commands.clone()];
    let found = |places: &SearchPlaces| places.locate(None).expect("found").version;
    assert_eq!(found(&places), "16.2");
    fs::remove_file(commands.join("pg_config")).expect("writable");
    assert_eq!(found(&places), "17.3");
    places.versioned.clear();
    assert_eq!(found(&places), "15.4");
}

#[tokio::test]
async fn says_what_to_do_where_there_is_none() {
    let place = Place::of(people()[0]);
    fake(&place.root.join("13/bin"), "13.5");
    let places = versioned(place.root.clone(), "");
    let error = BuiltinPostgres::start_with(Settings::throwaway(), &places)
        .await
        .expect_err("none");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let sentence = error.to_string();
    for part in [
        "no PostgreSQL 15 or later was found",
        "found only PostgreSQL 13.5",
        "apt install",
        "database.url",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
}

#[cfg(feature = "download")]
#[tokio::test]
async fn says_so_when_none_can_be_fetched() {
    let place = Place::of(people()[0]);
    let in_the_way = place.root.join("file");
    fs::write(&in_the_way, "").expect("writable");
    let places = SearchPlaces {
        download_dir: Some(in_the_way.join("cache")),
        ..SearchPlaces::default()
    };
    let settings = Settings::durable(place.data_dir());
    let sentence = BuiltinPostgres::start_with(settings, &places)
        .await
        .expect_err("none")
        .to_string();
    for part in ["and fetching one failed (", "file/cache", "apt install", "database.url"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[tokio::test]
async fn a_failing_initdb_is_quoted() {
    let place = Place::of(people()[0]);
    let bin_dir = place.root.join("17/bin");
    fake(&bin_dir, "17.1");
    executable(
        &bin_dir.join("initdb"),
        "echo 'initdb: error: the moon is full' >&2; exit 1",
    );
    let error =
        BuiltinPostgres::start_with(Settings::durable(place.data_dir()), &versioned(place.root.clone(), "")).await;
    let sentence = error.expect_err("it fails").to_string();
    assert_eq!(sentence, "initdb failed (exit code 1): initdb: error: the moon is full");
    assert!(!place.data_dir().join("postgres/data").exists());
}

#[test]
fn the_default_folder_is_absolute() {
    let folder = default_data_dir();
    assert!(folder.ends_with("slipway"), "{}", folder.display());
    if i_am_root() {
        assert_eq!(folder, Path::new("/var/lib/slipway"));
    }
}
