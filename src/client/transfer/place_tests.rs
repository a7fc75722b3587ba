//! A download never leaves its folder, follows no link and writes over nothing.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink};

use super::*;
use crate::client::transfer::{
    name::tests::{HOSTILE, assert_safe},
    sink::{Sink, To},
};

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    entries.map(name).collect()
}

fn put(to: To, name: &str, bytes: &[u8]) -> PathBuf {
    let hash = ContentHash::of(bytes);
    let mut sink = Sink::open(to, name, bytes.len() as u64, hash).unwrap();
    sink.write(bytes).unwrap();
    assert!(sink.is(hash));
    sink.settle().unwrap().unwrap()
}

#[test]
fn hostile_names_end_inside_the_folder_each_under_its_own() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("a/b/c");
    fs::create_dir_all(&folder).unwrap();
    let long = [
        "x".repeat(300),
        format!("{}.png", "ü".repeat(200)),
        "../".repeat(100) + "etc/passwd",
        "\u{202e}".repeat(300),
        format!("a.{}", "y".repeat(300)),
        "😀".repeat(100),
    ];
    let all: Vec<&str> = HOSTILE
        .iter()
        .copied()
        .chain(long.iter().map(String::as_str))
        .collect();
    for (index, name) in all.iter().enumerate() {
        let bytes = index.to_string();
        let path = put(To::Folder(folder.clone()), name, bytes.as_bytes());
        assert_eq!(path.parent(), Some(folder.as_path()), "{name:?}");
        assert_safe(path.file_name().unwrap().to_str().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), bytes, "{name:?}");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }
    assert_eq!(
        names(&folder).len(),
        all.len(),
        "none was written over another"
    );
    assert_eq!(names(outside.path()), ["a".to_owned()].into());
}

#[test]
fn what_is_there_is_not_written_over_and_no_link_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("in");
    fs::create_dir(&folder).unwrap();
    let precious = outside.path().join("precious");
    fs::write(&precious, b"precious").unwrap();
    fs::write(folder.join("a.txt"), b"mine").unwrap();
    symlink(&precious, folder.join("a (2).txt")).unwrap();
    symlink("nowhere", folder.join("a (3).txt")).unwrap();
    fs::create_dir(folder.join("a (4).txt")).unwrap();
    let hash = ContentHash::of(b"new");
    // Not where the part goes either: a link, a folder, a second name of a file.
    symlink(&precious, folder.join(part_name("a.txt", hash, 1))).unwrap();
    fs::create_dir(folder.join(part_name("a.txt", hash, 2))).unwrap();
    fs::hard_link(&precious, folder.join(part_name("a.txt", hash, 3))).unwrap();
    let path = put(To::Folder(folder.clone()), "a.txt", b"new");
    assert_eq!(path, folder.join("a (5).txt"));
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    assert_eq!(fs::read(folder.join("a.txt")).unwrap(), b"mine");
    // A path that was given is as little written over.
    let path = put(To::path(folder.join("a.txt")), "other", b"newer");
    assert_eq!(path, folder.join("a (6).txt"));
    let path = put(To::path(folder.join("own name")), "other", b"newer");
    assert_eq!(path, folder.join("own name"));
    assert!(matches!(To::path(folder.join("x/")), To::Folder(_)));
    assert!(matches!(To::path(PathBuf::from("..")), To::Folder(_)));
    let nowhere = Sink::open(To::path(folder.join("x/y")), "z", 3, hash);
    assert!(matches!(nowhere.err(), Some(TransferError::Place { .. })));
}

#[test]
fn a_part_is_gone_on_with_by_the_next_program_and_by_nobody_else_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let hash = ContentHash::of(b"hello world");
    let open = || Sink::open(To::Folder(folder.path().to_owned()), "a", 11, hash).unwrap();
    let mut first = open();
    first.write(b"hello ").unwrap();
    let second = open();
    assert_eq!(second.at(), 0, "it has a part of its own");
    second.remove();
    drop((first, second));
    let mut third = open();
    assert_eq!(third.at(), 6);
    third.write(b"world").unwrap();
    assert!(third.is(hash));
    third.settle().unwrap();
    assert_eq!(names(folder.path()), ["a".to_owned()].into());
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"hello world");
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let hash = ContentHash::of(b"hello");
    let mut sink = Sink::open(To::Folder(folder.path().to_owned()), "a", 5, hash).unwrap();
    sink.write(b"he").unwrap();
    sink.fail();
    assert!(sink.write(b"llo").is_err());
    sink.remove();
    assert_eq!(names(folder.path()), BTreeSet::new());
}

#[test]
fn a_part_that_got_its_name_in_the_last_moment_is_no_part() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("part"), b"whole").unwrap();
    let file = File::open(at("part")).unwrap();
    let folder = OwnedFd::from(File::open(place.path()).unwrap());
    assert!(is_called(&folder, "part", &file));
    fs::rename(at("part"), at("whole")).unwrap();
    assert!(!is_called(&folder, "part", &file), "nothing is called so");
    symlink("whole", at("part")).unwrap();
    assert!(!is_called(&folder, "part", &file), "a link to it is not it");
    fs::remove_file(at("part")).unwrap();
    fs::write(at("part"), b"whole").unwrap();
    assert!(!is_called(&folder, "part", &file), "something else is");
}
