//! Folders that may not be written or entered.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::harness::{Person, Place, i_am_root, people, processes_in};

#[tokio::test]
async fn a_folder_that_cannot_be_written_gets_one_sentence() {
    for person in people() {
        let place = Place::of(*person);
        let folder = place.data_dir();
        fs::create_dir(&folder).expect("writable");
        if *person == Person::Myself && !i_am_root() {
            place.mode(&folder, 0o555);
        }
        if *person == Person::Nobody || !i_am_root() {
            for folder in [folder.clone(), folder.join("below")] {
                let sentence = place.refusal(&folder);
                assert!(sentence.contains("Permission denied"), "{sentence}");
                assert!(sentence.contains(folder.to_str().expect("text")), "{sentence}");
                assert!(sentence.contains("choose another data folder"), "{sentence}");
                assert_eq!(sentence.lines().count(), 1, "{sentence}");
            }
        }
        // Nobody can write here, not even root.
        let sentence = place.refusal(Path::new("/proc/slipway"));
        assert!(sentence.starts_with("cannot make /proc/slipway: "), "{sentence}");
        let file = place.root.join("file");
        fs::write(&file, "").expect("writable");
        let sentence = place.refusal(&file);
        assert!(sentence.contains("choose another data folder"), "{sentence}");
        assert_eq!(processes_in(&place.data_dir()), [0_u32; 0]);
    }
}

#[tokio::test]
async fn root_gets_a_sentence_where_the_database_may_not_pass() {
    if !i_am_root() {
        return;
    }
    let place = Place::of(Person::Myself);
    let closed = place.root.join("closed");
    fs::create_dir(&closed).expect("writable");
    place.mode(&closed, 0o700);
    let sentence = place.refusal(&closed.join("data"));
    assert!(sentence.contains("refuses to run as root"), "{sentence}");
    assert!(
        sentence.contains(&format!("may not enter {} (mode 700)", closed.display())),
        "{sentence}"
    );
    assert!(sentence.contains("/var/lib/slipway"), "{sentence}");
    assert_eq!(
        fs::metadata(&closed).expect("it exists").mode() & 0o777,
        0o700,
        "left as it was"
    );

    // The advice of the sentence is true.
    place.mode(&closed, 0o701);
    place.start_in(&closed.join("data")).stop();

    // A closed folder that holds somebody's things is not opened.
    let full = place.root.join("full");
    fs::create_dir(&full).expect("writable");
    fs::write(full.join("letters"), "private").expect("writable");
    place.mode(&full, 0o700);
    for _ in 0..2 {
        let sentence = place.refusal(&full);
        assert!(sentence.contains("may not enter"), "{sentence}");
        assert_eq!(
            fs::metadata(&full).expect("it exists").mode() & 0o777,
            0o700,
            "left as it was"
        );
    }
}

#[tokio::test]
async fn root_can_use_an_empty_closed_folder() {
    if !i_am_root() {
        return;
    }
    let place = Place::of(Person::Myself);
    // As `mktemp -d` makes it.
    fs::create_dir(place.data_dir()).expect("writable");
    place.mode(&place.data_dir(), 0o700);
    place.start().stop();
    assert_eq!(
        fs::metadata(place.data_dir()).expect("it exists").mode() & 0o007,
        0,
        "still closed to others"
    );
    place.start().stop();
}

#[tokio::test]
async fn root_can_use_a_folder_that_was_restored_as_root() {
    if !i_am_root() {
        return;
    }
    let place = Place::of(Person::Myself);
    let holder = place.start();
    holder
        .run("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
        .await;
    holder.stop();
    give_all_to_root(&place.data_dir());
    let holder = place.start();
    assert_eq!(holder.text("SELECT n::text FROM kept").await, "1");
    holder.stop();
}

fn give_all_to_root(path: &Path) {
    chown(path, Some(0), Some(0)).expect("root may");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("readable") {
            give_all_to_root(&entry.expect("readable").path());
        }
    }
}
