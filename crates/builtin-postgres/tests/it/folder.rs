//! Data folders in every state: held, old, damaged, oddly named, without password.

use std::fs;
use std::time::{Duration, Instant};

use slipway_builtin_postgres::locate;

use crate::harness::{Place, people, processes_in, wait_until};

#[tokio::test]
async fn a_second_process_gets_one_sentence_and_does_no_harm() {
    for person in people() {
        let place = Place::of(*person);
        let holder = place.start();
        let begin = Instant::now();
        let sentence = place.refusal(&place.data_dir());
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "it does not wait for the other: {:?}",
            begin.elapsed()
        );
        assert!(
            sentence.contains(&format!("in use by process {}", holder.pid())),
            "{sentence}"
        );
        assert!(sentence.contains("database.url"), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        assert_eq!(holder.text("SELECT 'unharmed'").await, "unharmed");
        holder.kill_9();
        place.start().stop();
    }
}

#[tokio::test]
async fn many_at_once_and_only_one_gets_the_folder() {
    for person in people() {
        let place = Place::of(*person);
        let folder = place.data_dir();
        let launched: Vec<_> = (0..4).map(|_| place.launch(&folder)).collect();
        let results: Vec<_> = launched
            .into_iter()
            .map(crate::harness::Launched::wait_until_ready)
            .collect();
        let (held, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(held.len(), 1);
        for result in refused {
            let sentence = result.err().expect("partitioned");
            assert!(sentence.contains("in use by"), "{sentence}");
        }
        for holder in held.into_iter().flatten() {
            assert_eq!(holder.text("SELECT 'alone'").await, "alone");
            holder.stop();
        }
    }
}

#[tokio::test]
async fn a_folder_of_another_major_version_is_named_and_left_alone() {
    for person in people() {
        let place = Place::of(*person);
        place.start().stop();
        let installed = locate().expect("the tests need a PostgreSQL");
        let file = place.data_dir().join("postgres/data/PG_VERSION");
        let own = fs::read_to_string(&file).expect("readable");
        for other in ["9.6", "14", "99"] {
            fs::write(&file, format!("{other}\n")).expect("writable");
            let sentence = place.refusal(&place.data_dir());
            assert!(sentence.contains(&format!("made by PostgreSQL {other}")), "{sentence}");
            assert!(
                sentence.contains(&format!("PostgreSQL {}", installed.version)),
                "{sentence}"
            );
            assert!(sentence.contains("pg_upgrade"), "{sentence}");
        }
        for rubbish in ["", "fifteen", "\u{0}\u{1}"] {
            fs::write(&file, rubbish).expect("writable");
            let sentence = place.refusal(&place.data_dir());
            assert!(
                sentence.contains("PG_VERSION") && sentence.contains("backup"),
                "{sentence}"
            );
        }
        fs::remove_file(&file).expect("ours or root's");
        let sentence = place.refusal(&place.data_dir());
        assert!(
            sentence.contains("backup"),
            "a damaged folder is not initialised anew: {sentence}"
        );
        fs::write(&file, own).expect("writable");
        place.give_to_owner_of(&file, &place.data_dir().join("postgres/data"));
        place.start().stop();
    }
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_works() {
    for person in people() {
        let place = Place::of(*person);
        let folder = place.root.join("x".repeat(90)).join("y".repeat(60));
        let holder = place.start_in(&folder);
        let short = holder.socket_dir();
        assert!(
            short.as_os_str().len() < 90 && !short.starts_with(&place.root),
            "{}",
            short.display()
        );
        assert_eq!(holder.text("SELECT 'works'").await, "works");
        holder.kill_9();

        let holder = place.start_in(&folder);
        assert!(!short.exists(), "what a killed run left is removed");
        let short = holder.socket_dir();
        assert_eq!(holder.text("SELECT 'works'").await, "works");
        holder.stop();
        assert!(!short.exists(), "a clean stop leaves nothing outside the folder");
    }
}

#[tokio::test]
async fn an_odd_path_works() {
    for person in people() {
        let place = Place::of(*person);
        let folder = place.root.join("a b,'c' \"d\" %20 ü#?&");
        let holder = place.start_in(&folder);
        assert_eq!(holder.text("SELECT 'works'").await, "works");
        holder.stop();
    }
}

#[tokio::test]
async fn a_lost_password_is_replaced_and_a_changed_one_explained() {
    for person in people() {
        let place = Place::of(*person);
        let file = place.data_dir().join("postgres-password");
        let holder = place.start();
        holder
            .run("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
            .await;
        holder.stop();

        fs::remove_file(&file).expect("ours or root's");
        let holder = place.start();
        assert_eq!(holder.text("SELECT n::text FROM kept").await, "1");
        holder.stop();

        fs::write(&file, "not the password").expect("writable");
        let sentence = place.refusal(&place.data_dir());
        assert!(
            sentence.contains("postgres-password") && sentence.contains("delete that file"),
            "{sentence}"
        );
        wait_until("the failed start leaves no process", || {
            processes_in(&place.root).is_empty()
        });

        fs::remove_file(&file).expect("ours or root's");
        place.start().stop();
    }
}

#[tokio::test]
async fn a_big_log_is_put_aside() {
    let place = Place::of(people()[0]);
    place.start().stop();
    let log = place.data_dir().join("postgres.log");
    fs::write(&log, vec![b'x'; 11 * 1024 * 1024]).expect("writable");
    place.start().stop();
    assert!(fs::metadata(&log).expect("a new log").len() < 1024 * 1024);
    assert!(place.data_dir().join("postgres.log.1").exists());
}

#[tokio::test]
async fn a_missing_database_is_made() {
    let place = Place::of(people()[0]);
    let holder = place.start();
    let options: sqlx::postgres::PgConnectOptions = holder.url.parse().expect("a URL");
    let mut other = sqlx::ConnectOptions::connect(&options.database("postgres"))
        .await
        .expect("it connects");
    // As if a first start had been killed between the cluster and its database.
    sqlx::raw_sql("DROP DATABASE slipway WITH (FORCE)")
        .execute(&mut other)
        .await
        .expect("dropped");
    drop(other);
    holder.kill_9();
    let holder = place.start();
    assert_eq!(holder.text("SELECT current_database()::text").await, "slipway");
    holder.stop();
}
