//! The manifests of `deploy/kubernetes`: valid, and the gateway can be started as they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Process, require_tools, workspace};

const SECRETS: &str = "/run/secrets/slipway";

async fn output(command: Command) -> String {
    let shown = format!("{command:?}");
    let ended = Process::start(command).ended_within(Duration::from_secs(240)).await;
    assert_eq!(ended.code, Some(0), "{shown}: {}", ended.stderr);
    ended.stdout.join("\n")
}

/// The programs of the locked Python packages.
async fn python_packages(case: &Case) -> PathBuf {
    let folder = case.path("python");
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(&folder);
    output(create).await;
    let mut install = Command::new(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--no-deps", "-r"]);
    install.arg(workspace().join("tests/tools/kubernetes/requirements.txt"));
    output(install).await;
    folder.join("bin")
}

fn manifests() -> Vec<PathBuf> {
    let files = fs::read_dir(workspace().join("deploy/kubernetes")).expect("it is there");
    let files = files.map(|file| file.expect("a file").path());
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
        .collect()
}

/// What stands at a key within a manifest.
async fn value(bin: &Path, manifest: &str, keys: &str) -> String {
    let mut python = Command::new(bin.join("python"));
    python.args([
        "-c",
        &format!("import sys, yaml; print(yaml.safe_load(open(sys.argv[1])){keys})"),
    ]);
    python.arg(workspace().join("deploy/kubernetes").join(manifest));
    output(python).await
}

#[tokio::test]
async fn the_manifests_are_valid_and_their_configuration_is_taken() {
    require_tools(&["python3"]);
    let case = Case::begin().await;
    let bin = python_packages(&case).await;
    let manifests = manifests();
    assert!(manifests.len() >= 6, "{manifests:?}");
    for manifest in manifests {
        let mut validate = Command::new(bin.join("kubernetes-validate"));
        validate.arg("--strict").arg(manifest);
        output(validate).await;
    }
    let pod = "['spec']['template']['spec']['containers'][0]";
    let image = format!("{pod}['image']");
    let release = value(&bin, "deployment.yaml", &image).await;
    assert_eq!(release, value(&bin, "migrate.yaml", &image).await);
    assert!(
        release.ends_with(&format!(":{}", env!("CARGO_PKG_VERSION"))),
        "{release}"
    );

    let database = TestDatabase::create().await.expect("a database for the test");
    let secrets = case.path("secrets");
    fs::create_dir(&secrets).expect("the case's folder is writable");
    for (name, secret) in [
        ("database-url", database.url.as_str()),
        ("admin-token", "admin-token-of-the-tests"),
        ("cloud66-token", "cloud66-token-of-the-tests"),
        ("scalingo-token", "tk-us-scalingo-token-of-the-tests"),
    ] {
        fs::write(secrets.join(name), secret).expect("the folder is writable");
    }
    let config = value(&bin, "configmap.yaml", "['data']['slipway.toml']").await;
    assert!(config.contains(SECRETS), "{config}");
    let file = case.path("slipway.toml");
    fs::write(&file, config.replace(SECRETS, &secrets.display().to_string())).expect("the folder is writable");
    let arguments = value(&bin, "migrate.yaml", &format!("{pod}['args']")).await;
    assert_eq!(arguments, "['migrate', '--config', '/etc/slipway/slipway.toml']");
    let mut migrate = case.command(&["migrate", "--config"]);
    migrate.arg(&file);
    output(migrate).await;
}
