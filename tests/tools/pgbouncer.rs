//! The gateway behind `PgBouncer`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, Process, ServeOptions, SimulateOptions, Simulators, Wire, require_tools, until};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// How backends are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sessions,
    Transactions,
    /// As all did before 1.21.
    TransactionsWithoutStatements,
}

/// Its folder of programs and the version that it tells, such as 1.18.
async fn installed() -> (PathBuf, (u32, u32)) {
    let mut find = Command::new("sh");
    find.args(["-c", "command -v pgbouncer"]);
    let program = PathBuf::from(&Process::start(find).ended().await.stdout[0]);
    let mut ask = command(&program);
    ask.arg("--version");
    let told = Process::start(ask).ended().await;
    let version = told.stdout.first().and_then(|line| {
        let mut numbers = line.strip_prefix("PgBouncer ")?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    });
    let version = version.unwrap_or_else(|| panic!("a version: {:?} {}", told.stdout, told.stderr));
    (program, version)
}

/// `PgBouncer`, which may lie unpacked beside the libraries that it needs.
fn command(program: &Path) -> Command {
    let root = program.ancestors().nth(2).expect("it lies in bin or sbin");
    let libraries = fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    let libraries = libraries
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    let mut command = Command::new(program);
    command.envs(libraries.map(|path| ("LD_LIBRARY_PATH", path)));
    command
}

/// One before the database at this URL, and the URL that leads through it.
fn start(case: &Case, program: &Path, version: (u32, u32), database: &str, mode: Mode) -> (Process, String) {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = unused.expect("a free port");
    let url: Url = database.parse().expect("a URL");
    let (name, user) = (url.path().trim_start_matches('/'), url.username());
    let [pool_mode, statements] = match mode {
        Mode::Sessions => ["session", ""],
        Mode::Transactions => ["transaction", "max_prepared_statements = 100\n"],
        Mode::TransactionsWithoutStatements if version < (1, 21) => ["transaction", ""],
        Mode::TransactionsWithoutStatements => ["transaction", "max_prepared_statements = 0\n"],
    };
    let settings = format!(
        "[databases]\n{name} = host={} port={} dbname='{name}' user='{user}' password='{}'\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = {pool_mode}\ndefault_pool_size = 40\nignore_startup_parameters = extra_float_digits\n{statements}",
        url.host_str().expect("a host"),
        url.port().expect("a port"),
        url.password().unwrap_or_default(),
        address.port(),
    );
    let file = case.path(&format!("pgbouncer-{mode:?}.ini"));
    fs::write(&file, settings).expect("the case's folder is writable");
    let mut command = command(program);
    command.arg(&file);
    // As the database, it refuses to be root.
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    (Process::start(command), format!("postgres://{user}@{address}/{name}"))
}

/// A deployment that begins now is told to who follows, so hints and statements come through.
async fn works(gateway: &Gateway, simulators: &Simulators) {
    gateway.wait_until_synced().await;
    let mut stream = gateway.api.stream(None).await;
    simulators.control.deploy("scalingo", "success", 1).await;
    let told = stream.next_event(Duration::from_secs(60)).await;
    assert!(told.is_some(), "an event comes");
    assert!(!gateway.api.deployments("").await.is_empty());
}

#[tokio::test]
async fn a_pooler_is_worked_through_or_refused_in_one_sentence() {
    require_tools(&["pgbouncer"]);
    let (program, version) = installed().await;
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    // It runs as another user, who may not come to the database's socket.
    let wire = Wire::to(&database).await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;

    let (_sessions, through) = start(&case, &program, version, &wire.url, Mode::Sessions);
    let options = ServeOptions {
        database_url: Some(through.clone()),
        ..ServeOptions::default()
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    works(&gateway, &simulators).await;
    gateway.kill_9().await;
    let good = fs::read_to_string(Gateway::config_file(&case, &options)).expect("the configuration");
    let direct = format!("url = '{through}'\ndirect_url = '{}'", database.url);
    assert_eq!(check(&case, &good).await["database"]["behind_pooler"], false);

    let (_forgetful, forgetful) = start(&case, &program, version, &wire.url, Mode::TransactionsWithoutStatements);
    let config = good
        .replace(&format!("url = '{through}'"), &direct)
        .replace(&through, &forgetful);
    let file = case.path("forgetful.toml");
    fs::write(&file, &config).expect("the case's folder is writable");
    // Each connection that came before has left statements of other texts behind: it is refused all the same.
    for _ in 0..3 {
        let mut serve = case.command(&["serve", "--config"]);
        serve.arg(&file);
        let ended = Process::start(serve).ended().await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("max_prepared_statements"), "{}", ended.stderr);
    }
    let found = check(&case, &config).await;
    assert!(
        found["faults"].to_string().contains("max_prepared_statements"),
        "{found}"
    );
    assert_eq!(found["is_good"], false);

    if version < (1, 21) {
        return;
    }
    let (_transactions, through) = start(&case, &program, version, &wire.url, Mode::Transactions);
    let config = config.replace(&forgetful, &through);
    let found = check(&case, &config).await;
    assert_eq!(
        (&found["database"]["behind_pooler"], &found["warnings"]),
        (&true.into(), &Value::Array(Vec::new()))
    );
    let options = ServeOptions {
        database_url: Some(through),
        ..ServeOptions::default().with_environment("SLIPWAY_DATABASE__DIRECT_URL", &database.url)
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    works(&gateway, &simulators).await;
}

async fn check(case: &Case, config: &str) -> Value {
    let file = case.path("checked.toml");
    fs::write(&file, config).expect("the case's folder is writable");
    // The pooler may not listen yet.
    until("the check looks at the database", async || {
        let mut command = case.command(&["check", "--json", "--config"]);
        command.arg(&file);
        let ended = Process::start(command).ended().await;
        let report: Value = serde_json::from_str(ended.stdout.first()?).expect("one JSON object");
        (report["database"].is_object()).then_some(report)
    })
    .await
}
