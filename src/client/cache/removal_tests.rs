//! What goes with a cache, and what stays.

use std::os::unix::fs::symlink;

use super::{
    super::{
        Cache, CacheError, Key,
        tests::{key, message, state},
    },
    *,
};
use crate::{client::net::tls::Assurance, domain::fingerprint::Fingerprint};

fn here() -> ServerAddress {
    key("ann").server
}

fn ann() -> UserName {
    key("ann").user
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn filled(folder: &Path, key: &Key) -> Cache {
    let (cache, _) = Cache::open(folder, key).unwrap();
    cache.apply(vec![state("c1", 1), message("c1", 1)]);
    cache
}

#[test]
fn all_caches_of_an_account_go_and_those_of_others_stay() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    assert_eq!(
        remove(&folder.join("none"), &here(), None).unwrap(),
        Removed::default()
    );
    let pinned = Key {
        assurance: Assurance::Pinned(Fingerprint::of(b"1")),
        ..key("ann")
    };
    let elsewhere = Key {
        server: "127.0.0.1:777".parse().unwrap(),
        ..key("ann")
    };
    for key in [&key("ann"), &pinned, &key("an"), &key("ann2"), &elsewhere] {
        filled(folder, key).close().unwrap();
    }
    for other in [
        "127.0.0.1:7777@@ann.token",
        "127.0.0.1:7777@@ann@@plaintext@@1.outbox",
        "127.0.0.1:7777@@ann@@plain-text.cache",
        "127.0.0.1:7777@@ann@@x@@y.cache",
        "notes.cache",
    ] {
        fs::write(folder.join(other), "kept").unwrap();
    }
    let of_ann = |name: &String| {
        name.starts_with("127.0.0.1:7777@@ann@@p") && name.contains(".cache") && !name.contains('-')
    };
    let mut others = names(folder);
    others.retain(|name| !of_ann(name));
    let removed = remove(folder, &here(), Some(&ann())).unwrap();
    assert_eq!(removed, Removed { count: 2, held: 0 });
    assert_eq!(names(folder), others);
    // The others are whole, and this one begins anew.
    for (key, chats) in [
        (key("an"), 1),
        (key("ann2"), 1),
        (elsewhere, 1),
        (key("ann"), 0),
    ] {
        let (_, paint) = Cache::open(folder, &key).unwrap();
        assert_eq!(paint.chats.len(), chats, "{key:?}");
    }
    assert_eq!(remove(folder, &here(), None).unwrap().count, 3);
}

#[test]
fn a_program_that_has_it_open_goes_on_and_nobody_takes_its_place() {
    let home = tempfile::tempdir().unwrap();
    let cache = filled(home.path(), &key("ann"));
    let removed = remove(home.path(), &here(), Some(&ann())).unwrap();
    assert_eq!(removed, Removed { count: 1, held: 1 });
    assert_eq!(
        names(home.path()),
        ["127.0.0.1:7777@@ann@@plaintext.cache.lock"]
    );
    cache.apply(vec![message("c1", 2)]);
    let second = Cache::open(home.path(), &key("ann")).err();
    assert_eq!(second, Some(CacheError::Held));
    assert_eq!(cache.close(), Ok(()));
    let (_, paint) = Cache::open(home.path(), &key("ann")).unwrap();
    assert_eq!(paint.chats, [], "it is made anew");
}

#[test]
fn one_that_is_just_being_closed_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path(), &key("ann")));
    let removed = remove(home.path(), &here(), Some(&ann())).unwrap();
    assert_eq!(removed, Removed { count: 1, held: 0 });
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn links_go_and_what_they_lead_to_stays() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = elsewhere.path().join("kept");
    fs::write(&kept, "kept").unwrap();
    for ending in [".cache", ".cache-wal", ".cache.lock"] {
        let name = format!("127.0.0.1:7777@@ann@@plaintext{ending}");
        symlink(&kept, home.path().join(name)).unwrap();
    }
    remove(home.path(), &here(), Some(&ann())).unwrap();
    assert_eq!(names(home.path()), [""; 0]);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
}

#[test]
fn what_cannot_be_removed_is_told_and_the_others_go() {
    let home = tempfile::tempdir().unwrap();
    let strange = home.path().join("127.0.0.1:7777@@ann@@a.cache");
    fs::create_dir(&strange).unwrap();
    filled(home.path(), &key("ann")).close().unwrap();
    let error = remove(home.path(), &here(), Some(&ann())).unwrap_err();
    assert!(error.to_string().contains("@@a.cache"), "{error}");
    assert_eq!(names(home.path()), ["127.0.0.1:7777@@ann@@a.cache"]);
}
