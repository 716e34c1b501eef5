//! Killed gateways, killed machines, and what they leave behind.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use slipway_builtin_postgres::locate;

use crate::harness::{Person, Place, is_alive, kill, people, processes_in, wait_until};

#[tokio::test]
async fn after_kill_9_of_the_gateway_the_database_ends_by_itself() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        // A busy client connection must not keep it.
        let mut busy = holder.connect().await;
        let sleeping =
            tokio::spawn(async move { sqlx::raw_sql("SELECT pg_sleep(300)").execute(&mut busy).await.is_err() });
        holder.kill_9();
        wait_until("the database is gone", || processes_in(&place.root).is_empty());
        assert!(sleeping.await.expect("no panic"), "the client saw the end");
        let log = fs::read_to_string(place.data_dir().join("postgres.log")).expect("readable");
        assert!(
            log.contains("database system is shut down"),
            "a clean stop even then: {log}"
        );
        let again = place.start();
        again.stop();
    }
}

#[tokio::test]
async fn after_kill_9_of_the_gateway_the_next_start_works_at_once() {
    for person in people() {
        let place = Place::of(*person);
        let mut holder = place.start();
        holder.run("CREATE TABLE kept (n int)").await;
        for _ in 0..5 {
            holder.run("INSERT INTO kept VALUES (1)").await;
            let old = holder.postgres;
            holder.kill_9();
            holder = place.start();
            assert!(!is_alive(old), "the old server is gone");
        }
        assert_eq!(holder.text("SELECT count(*)::text FROM kept").await, "5");
        holder.stop();
        assert_eq!(processes_in(&place.root), [0_u32; 0]);
    }
}

#[tokio::test]
async fn after_kill_9_of_everything_the_next_start_works_at_once() {
    for person in people() {
        let place = Place::of(*person);
        let mut holder = place.start();
        holder.run("CREATE TABLE kept (n int)").await;
        for _ in 0..5 {
            holder.run("INSERT INTO kept VALUES (1)").await;
            // Stopped first, so that nothing can react to the death of another.
            let everything = processes_in(&place.root);
            assert!(everything.len() > 2, "{everything:?}");
            for signal in [libc::SIGSTOP, libc::SIGKILL] {
                everything.iter().for_each(|pid| kill(*pid, signal));
            }
            holder.kill_9();
            assert!(place.data_dir().join("postgres/data/postmaster.pid").exists());
            holder = place.start();
        }
        assert_eq!(holder.text("SELECT count(*)::text FROM kept").await, "5");
        holder.stop();
    }
}

#[tokio::test]
async fn a_first_start_that_is_killed_does_not_spoil_the_folder() {
    for person in people() {
        let place = Place::of(*person);
        let part = place.data_dir().join("postgres");
        let unfinished = || {
            let entries = fs::read_dir(&part).into_iter().flatten().flatten();
            entries
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("making-"))
                .count()
        };
        for _ in 0..3 {
            let mut launched = place.launch(&place.data_dir());
            wait_until("initdb works", || unfinished() > 1);
            launched.child.kill().expect("it is our child");
            drop(launched);
            wait_until("initdb ends with the gateway", || processes_in(&part).is_empty());
            assert!(!part.join("data").exists());
        }
        place.start().stop();
        assert_eq!(unfinished(), 0, "what it left is removed");
    }
}

#[tokio::test]
async fn a_living_orphan_that_nothing_stopped_is_stopped_by_the_next_start() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        holder
            .run("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
            .await;
        holder.stop();

        let data = place
            .data_dir()
            .canonicalize()
            .expect("it exists")
            .join("postgres/data");
        let mut orphan = server_by_hand(&data);
        let log = place.data_dir().join("postgres/data/postmaster.pid");
        wait_until("the orphan runs", || {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("ready"))
        });

        let holder = place.start();
        wait_until("the orphan is gone", || orphan.try_wait().expect("our child").is_some());
        assert_eq!(holder.text("SELECT n::text FROM kept").await, "1");
        holder.stop();
    }
}

/// A server on this cluster as an operator might start it, named by its working folder alone.
fn server_by_hand(data: &Path) -> Child {
    let owner = fs::metadata(data).expect("it exists");
    let program = locate().expect("the tests need a PostgreSQL").bin_dir.join("postgres");
    let mut command = Command::new(program);
    command
        .env("PGDATA", data)
        .arg("-c")
        .arg("listen_addresses=")
        .arg("-k")
        .arg(data)
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    if crate::harness::i_am_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().expect("the server starts")
}

#[tokio::test]
async fn a_stale_pid_file_is_no_obstacle_whoever_has_the_number_now() {
    for person in people() {
        let place = Place::of(*person);
        place.start().stop();
        let data = place.data_dir().join("postgres/data");
        let owner = fs::metadata(&data).expect("it exists");

        // A stranger of the database's own user: PostgreSQL alone would refuse to start over its number.
        let mut command = Command::new("sleep");
        command.arg("300").stdin(Stdio::null()).current_dir("/");
        if crate::harness::i_am_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let mut stranger = command.spawn().expect("sleep runs");
        let contents = [
            format!("{}\n{}\n1700000000\n5432\n", stranger.id(), data.display()),
            "rubbish".into(),
            "".into(),
        ];
        for content in contents {
            for file in ["data/postmaster.pid", "run/.s.PGSQL.5432.lock"] {
                let file = place.data_dir().join("postgres").join(file);
                fs::write(&file, &content).expect("writable");
                place.give_to_owner_of(&file, &data);
            }
            place.start().stop();
            assert!(
                stranger.try_wait().expect("our child").is_none(),
                "the stranger was left alone"
            );
        }
        stranger.kill().expect("our child");
        stranger.wait().expect("our child");
    }
}

#[tokio::test]
async fn a_killed_throwaway_leaves_nothing() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_builtin-postgres-holder"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the holder runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    let (_, host) = line.split_once("host=").expect("a URL");
    let folder = Path::new(host.split('&').next().expect("one"))
        .ancestors()
        .nth(2)
        .expect("two levels")
        .to_owned();
    assert!(folder.join("gateway.lock").exists());
    child.kill().expect("our child");
    child.wait().expect("our child");
    wait_until("database and folder are gone", || {
        processes_in(&folder).is_empty() && !folder.exists()
    });
}

#[tokio::test]
async fn a_folder_of_an_ordinary_user_survives_a_visit_by_root() {
    if !crate::harness::i_am_root() {
        return;
    }
    let mut place = Place::of(Person::Nobody);
    let holder = place.start();
    holder
        .run("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
        .await;
    holder.kill_9();
    for person in [Person::Myself, Person::Nobody] {
        place.person = person;
        let holder = place.start();
        assert_eq!(holder.text("SELECT n::text FROM kept").await, "1", "{person:?}");
        holder.stop();
    }
}
