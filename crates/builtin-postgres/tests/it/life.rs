//! A database's ordinary life: start, use, stop, and the promises about what is open and who runs it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use slipway_builtin_postgres::{BuiltinPostgres, Error, Settings};
use sqlx::{ConnectOptions, Connection};

use crate::harness::{Place, i_am_root, is_alive, kill, people, processes_in, wait_until};

#[tokio::test]
async fn keeps_what_was_written_over_a_clean_stop() {
    for person in people() {
        let place = Place::of(*person);
        let first = place.start();
        first
            .run("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
            .await;
        let password = fs::read_to_string(place.data_dir().join("postgres-password")).expect("readable");
        assert!(first.url.contains(password.trim()), "the URL has the stored password");
        first.stop();
        assert_eq!(processes_in(&place.root), [0_u32; 0], "a clean stop leaves no process");

        let second = place.start();
        assert_eq!(second.text("SELECT n::text FROM kept").await, "42");
        assert!(second.url.contains(password.trim()), "the password stays the same");
        second.stop();
        let log = fs::read_to_string(place.data_dir().join("postgres.log")).expect("readable");
        assert!(!log.contains("not properly shut down"), "{log}");
    }
}

#[tokio::test]
async fn is_durable_and_open_to_nobody_else() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        assert_eq!(holder.text("SHOW fsync").await, "on");
        assert_eq!(holder.text("SHOW full_page_writes").await, "on");
        assert_eq!(holder.text("SHOW synchronous_commit").await, "on");
        assert_eq!(holder.text("SHOW data_checksums").await, "on");
        assert_eq!(holder.text("SHOW server_encoding").await, "UTF8");
        assert_eq!(holder.text("SHOW listen_addresses").await, "");
        assert_eq!(
            holder.text("SELECT current_user || ' ' || current_database()").await,
            "slipway slipway"
        );
        assert_eq!(tcp_listeners_of(holder.postgres), 0);

        let socket_dir = holder.socket_dir();
        assert_eq!(fs::metadata(&socket_dir).expect("it exists").mode() & 0o777, 0o700);
        for file in ["postgres-password", "postgres.log", "gateway.lock"] {
            let mode = fs::metadata(place.data_dir().join(file)).expect(file).mode() & 0o777;
            assert_eq!(mode, 0o600, "{file}");
        }
        assert_eq!(
            fs::metadata(place.data_dir()).expect("it exists").mode() & 0o007,
            0,
            "closed to others"
        );

        // Not even who reaches the socket gets in without the password.
        let options: sqlx::postgres::PgConnectOptions = holder.url.parse().expect("a URL");
        let refused = options.password("wrong").connect().await.expect_err("a wrong password");
        let code = refused
            .as_database_error()
            .and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("28P01"));
        holder.stop();
    }
}

/// How many of the listening TCP sockets of this machine the process holds.
fn tcp_listeners_of(pid: u32) -> usize {
    let held: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the process lives and may be looked at")
        .flatten()
        .filter_map(|fd| fs::read_link(fd.path()).ok()?.to_str().map(str::to_owned))
        .collect();
    assert!(
        held.iter().any(|link| link.starts_with("socket:")),
        "its Unix socket is seen: {held:?}"
    );
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|file| {
            fs::read_to_string(file)
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter_map(|line| line.split_whitespace().nth(9).map(|inode| format!("socket:[{inode}]")))
        .filter(|socket| held.contains(socket))
        .count()
}

#[tokio::test]
async fn runs_the_server_as_an_ordinary_user() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        let status = fs::read_to_string(format!("/proc/{}/status", holder.postgres)).expect("it lives");
        for key in ["Uid:", "Gid:"] {
            let line = status.lines().find(|line| line.starts_with(key)).expect(key);
            assert!(!line.split_whitespace().skip(1).any(|id| id == "0"), "{line}");
        }
        let groups = status.lines().find(|line| line.starts_with("Groups:")).expect("Groups");
        if i_am_root() {
            assert!(!groups.split_whitespace().skip(1).any(|id| id == "0"), "{groups}");
        }
        holder.stop();
    }
}

#[tokio::test]
async fn ctrl_c_reaches_the_gateway_first_and_stops_the_database_cleanly() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        let session = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
            let fields: Vec<String> = stat
                .rsplit(')')
                .next()
                .expect("one")
                .split_whitespace()
                .map(str::to_owned)
                .collect();
            (fields[2].clone(), fields[3].clone())
        };
        let (gateway, database) = (session(holder.pid()), session(holder.postgres));
        assert_ne!(gateway.0, database.0, "another process group");
        assert_ne!(gateway.1, database.1, "another session");
        holder.interrupt_group();
        assert!(holder.ended(), "a clean stop");
        assert_eq!(processes_in(&place.root), [0_u32; 0]);
        let log = fs::read_to_string(place.data_dir().join("postgres.log")).expect("readable");
        assert!(log.contains("database system is shut down"), "{log}");
    }
}

#[tokio::test]
async fn a_throwaway_goes_away_with_its_folder() {
    let database = BuiltinPostgres::start(Settings::throwaway()).await.expect("it starts");
    let pid = database.pid();
    let mut connection = database
        .connect_options()
        .connect()
        .await
        .expect("it takes connections");
    let fsync: String = sqlx::query_scalar("SHOW fsync")
        .fetch_one(&mut connection)
        .await
        .expect("a query");
    assert_eq!(fsync, "off");
    let data: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut connection)
        .await
        .expect("a query");
    let folder = std::path::Path::new(&data)
        .ancestors()
        .nth(2)
        .expect("two levels")
        .to_owned();
    assert!(folder.exists());
    // An open connection does not hold up the stop.
    database.stop().await.expect("it stops");
    assert!(!is_alive(pid) && !folder.exists());
    drop(connection.close().await);

    let settings = Settings::throwaway();
    let folder = settings.data_dir.clone();
    let database = BuiltinPostgres::start(settings).await.expect("it starts");
    let pid = database.pid();
    drop(database);
    assert!(!is_alive(pid) && !folder.exists(), "a drop does the same");
}

#[tokio::test]
async fn takes_settings_and_refuses_those_that_hold_its_promises() {
    let mut settings = Settings::throwaway();
    settings.max_connections = 17;
    settings.options.push(("work_mem".to_owned(), "5MB".to_owned()));
    let database = BuiltinPostgres::start(settings).await.expect("it starts");
    let mut connection = database
        .connect_options()
        .connect()
        .await
        .expect("it takes connections");
    for (name, value) in [("max_connections", "17"), ("work_mem", "5MB")] {
        let sql = format!("SHOW {name}");
        let shown: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut connection)
            .await
            .expect("a query");
        assert_eq!(shown, value, "{name}");
    }
    database.stop().await.expect("it stops");

    for name in ["fsync", "Listen_Addresses", "unix_socket_directories", "hba_file"] {
        let mut settings = Settings::throwaway();
        settings.options.push((name.to_owned(), "x".to_owned()));
        let error = BuiltinPostgres::start(settings).await.expect_err(name);
        assert!(matches!(error, Error::OptionReserved(_)), "{error}");
    }
    let mut settings = Settings::throwaway();
    settings.options.push(("a=b -c fsync".to_owned(), "off".to_owned()));
    let error = BuiltinPostgres::start(settings).await.expect_err("no name");
    assert!(matches!(error, Error::OptionName(_)), "{error}");
}

#[tokio::test]
async fn a_failed_start_quotes_the_servers_own_words() {
    let mut settings = Settings::throwaway();
    let folder = settings.data_dir.clone();
    settings
        .options
        .push(("shared_buffers".to_owned(), "nonsense".to_owned()));
    let error = BuiltinPostgres::start(settings)
        .await
        .expect_err("nonsense")
        .to_string();
    assert!(
        error.contains("invalid value for parameter \"shared_buffers\": \"nonsense\""),
        "{error}"
    );
    assert!(error.contains("postgres.log"), "{error}");
    assert!(!folder.exists(), "a throwaway folder goes away even then");
}

#[tokio::test]
async fn says_when_the_server_ends_by_itself_and_starts_it_anew() {
    let place = Place::of(people()[0]);
    let mut database = BuiltinPostgres::start(Settings::durable(place.data_dir()))
        .await
        .expect("it starts");
    let options = database.connect_options();
    let mut connection = options.connect().await.expect("it takes connections");
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        .execute(&mut connection)
        .await
        .expect("SQL");
    for signal in [libc::SIGKILL, libc::SIGINT, libc::SIGKILL] {
        let old = database.pid();
        kill(old, signal);
        let exit = tokio::time::timeout(Duration::from_secs(30), database.exited())
            .await
            .expect("its end is seen");
        match signal {
            libc::SIGKILL => assert_eq!((exit.signal, exit.to_string().as_str()), (Some(9), "ended by signal 9")),
            _ => assert_eq!(exit.code, Some(0)),
        }
        database.restart().await.expect("it starts anew");
        assert_ne!(database.pid(), old);
        let mut connection = options.connect().await.expect("the same way to connect");
        let kept: i32 = sqlx::query_scalar("SELECT n FROM kept")
            .fetch_one(&mut connection)
            .await
            .expect("a query");
        assert_eq!(kept, 7);
    }
    database
        .restart()
        .await
        .expect("a running server is stopped and started");
    database.stop().await.expect("it stops");
    assert_eq!(processes_in(&place.root), [0_u32; 0]);
}

#[tokio::test]
async fn a_server_that_does_not_stop_is_ended_in_bounded_time() {
    let place = Place::of(people()[0]);
    let database = BuiltinPostgres::start(Settings::durable(place.data_dir()))
        .await
        .expect("it starts");
    kill(database.pid(), libc::SIGSTOP);
    let begin = Instant::now();
    database
        .stop_within(Duration::from_millis(200))
        .await
        .expect("it is ended");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    wait_until("its helpers are gone too", || processes_in(&place.root).is_empty());
}
