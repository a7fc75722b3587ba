//! Files that are opened, and those that are not whatever they are called.

use super::*;
use crate::{
    client::transfer::fake::{Stage, noise},
    domain::file::ContentHash,
};

/// Returns whether it was opened, and what is left in the folder.
async fn opened(
    name: &str,
    bytes: &[u8],
    program: &'static str,
) -> (Result<(), String>, Vec<PathBuf>) {
    let stage = Stage::new().await;
    let id = stage.world().add_file(name, &bytes.to_vec().into());
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("opened");
    let file = File {
        id,
        size_bytes: bytes.len() as u64,
        hash: Some(ContentHash::of(bytes)),
        ..File::default()
    };
    let done = fetch_and_open(&stage.session(), &file, folder.clone(), program).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut left = Vec::new();
    for own in fs::read_dir(&folder).unwrap() {
        let own = own.unwrap().path();
        assert_eq!(mode(&own), 0o700);
        left.extend(fs::read_dir(&own).unwrap().map(|it| it.unwrap().path()));
    }
    for path in &left {
        assert_eq!(mode(path), 0o600);
    }
    (done, left)
}

#[tokio::test]
async fn a_file_comes_into_a_folder_of_this_user_alone_and_is_given_to_the_program() {
    let bytes = noise(1_000);
    let (done, left) = opened("../../a b;reboot.txt", &bytes, "/usr/bin/test").await;
    // `test` says yes to one word that is not empty.
    assert_eq!(done, Ok(()));
    assert_eq!(left.len(), 1);
    assert_eq!(
        left[0].file_name().unwrap().to_str(),
        Some("a b;reboot.txt")
    );
    let (done, _) = opened("a.txt", &bytes, "/usr/bin/false").await;
    assert!(done.unwrap_err().contains("could not open it"));
    let (done, _) = opened("a.txt", &bytes, "/no/such/program").await;
    assert!(done.is_err());
}

#[tokio::test]
async fn what_begins_as_a_program_is_removed_and_not_opened() {
    for (name, bytes) in [
        ("a.txt", &b"#!/bin/sh\nreboot\n"[..]),
        ("a.png", b"\x7fELF\x02\x01"),
        ("a.md", b"\n[Desktop Entry]\nExec=reboot\n"),
        ("a.txt", b"<html><script>"),
        // The server calls it otherwise than the message did.
        ("a.desktop", b"text"),
        ("a.png\u{200b}", b"\x89PNG\r\n\x1a\n"),
    ] {
        let (done, left) = opened(name, bytes, "/usr/bin/true").await;
        assert!(done.is_err(), "{name}");
        assert_eq!(left, Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn nothing_is_fetched_of_another_file_than_the_one_that_was_asked_about() {
    let stage = Stage::new().await;
    let bytes = noise(1_000);
    let id = stage.world().add_file("a.txt", &bytes);
    let home = tempfile::tempdir().unwrap();
    let asked = File {
        id,
        size_bytes: 1_000,
        hash: Some(ContentHash::of(&bytes)),
        ..File::default()
    };
    // The server has more under this id than the message said, other bytes, or the message did not say which.
    let small = File {
        size_bytes: 999,
        ..asked.clone()
    };
    let other = File {
        hash: Some(ContentHash([1; 32])),
        ..asked.clone()
    };
    let unsaid = File {
        hash: None,
        ..asked.clone()
    };
    for file in [small, other, unsaid] {
        let folder = home.path().join("opened");
        let done = fetch_and_open(&stage.session(), &file, folder, "/usr/bin/true").await;
        let why = done.unwrap_err();
        assert!(why.contains("another file"), "{why}");
    }
    assert_eq!(stage.world().count("download"), 0);
    let folder = home.path().join("opened");
    let done = fetch_and_open(&stage.session(), &asked, folder, "/usr/bin/true").await;
    assert_eq!(done, Ok(()));
}

#[test]
fn a_folder_that_others_can_write_or_that_is_a_link_is_not_used_and_old_ones_go() {
    let home = tempfile::tempdir().unwrap();
    let open = home.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert!(new_folder(&open).is_err());
    let link = home.path().join("link");
    std::os::unix::fs::symlink(&open, &link).unwrap();
    assert!(new_folder(&link).is_err());
    let own = home.path().join("own");
    let first = new_folder(&own).unwrap();
    let second = new_folder(&own).unwrap();
    assert!(first != second && first.is_dir());
    remove_old(&own);
    assert!(first.is_dir());
    // Nothing is removed from elsewhere, however old.
    let old = open.join("old");
    fs::create_dir(&old).unwrap();
    let long_ago = SystemTime::now() - 2 * KEPT;
    fs::File::open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o700)).unwrap();
    remove_old(&link);
    assert!(old.is_dir());
    remove_old(&open);
    assert!(!old.exists());
    fs::write(first.join("a.txt"), "a").unwrap();
    remove_older(&own, SystemTime::now() + KEPT + Duration::from_secs(60));
    assert!(!first.exists() && !second.exists());
}
