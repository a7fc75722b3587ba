//! Files that are opened, and those that are not whatever they are called.

use super::*;
use crate::client::transfer::fake::{Stage, noise};

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
    let done = fetch_and_open(&stage.session(), &id, folder.clone(), program).await;
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
    remove_old(&own, SystemTime::now());
    assert!(first.is_dir());
    fs::write(first.join("a.txt"), "a").unwrap();
    remove_old(&own, SystemTime::now() + KEPT + Duration::from_secs(60));
    assert!(!first.exists() && !second.exists());
}
