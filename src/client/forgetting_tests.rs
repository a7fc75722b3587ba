//! What goes with a login, and what is told of what stays.

use std::fs;

use super::*;
use crate::{
    client::{
        app::written::{To, Written},
        cache::{Cache, Key},
        journal::Journal,
        net::{
            outbox::{Outgoing, Target},
            tls::Assurance,
        },
        state::Remembered,
        transfer::{records::Records, source::Source},
    },
    domain::ids::ClientMessageId,
};

fn here() -> ServerAddress {
    "127.0.0.1:7777".parse().unwrap()
}

fn name(user: &str) -> UserName {
    user.parse().unwrap()
}

/// A folder with a login, a cache and an unsent message of each of these.
fn home(users: &[&str]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for user in users {
        let user = name(user);
        let login = Remembered {
            token: format!("of {user}"),
            assurance: Assurance::Plaintext,
        };
        let logins = Logins::in_folder(home.path().to_owned());
        logins.keep(&here(), &user, &login).unwrap();
        let key = Key {
            server: here(),
            assurance: Assurance::Plaintext,
            user: user.clone(),
        };
        Cache::open(home.path(), &key).unwrap().0.close().unwrap();
        let (mut journal, _) =
            Journal::open(home.path(), &here(), Assurance::Plaintext, &user).unwrap();
        let message = Outgoing {
            id: ClientMessageId::mint(),
            target: Target::User("bob".to_owned()),
            text: "later".to_owned(),
            attachments: Vec::new(),
            store: None,
        };
        journal.add(&message).unwrap();
    }
    home
}

fn files_of(home: &Path, user: &str) -> Vec<String> {
    let entries = fs::read_dir(home).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let endings = names.filter(|name| name.contains(&format!("@@{user}")));
    let mut endings: Vec<String> = endings
        .map(|name| name.rsplit('.').next().unwrap_or_default().to_owned())
        .collect();
    endings.sort();
    endings
}

#[test]
fn the_messages_of_others_go_with_a_login_and_what_is_not_sent_stays() {
    let home = home(&["ann", "bob"]);
    let forgotten = logged_out(home.path(), (&here(), &name("ann")), "of ann").unwrap();
    let told = forgotten.ending("done".to_owned()).unwrap();
    assert_eq!(
        told,
        "done; 1 message was not sent and kept for the next login of ann there; tinychat-client --server 127.0.0.1:7777 \
         forget drops that, with all that is known of 127.0.0.1:7777"
    );
    assert_eq!(files_of(home.path(), "ann"), ["outbox"]);
    assert_eq!(
        files_of(home.path(), "bob"),
        ["cache", "lock", "outbox", "token"]
    );
}

#[test]
fn what_was_begun_and_stands_in_the_journal_goes_too() {
    let home = home(&["ann", "bob"]);
    for user in ["ann", "bob"] {
        let user = name(user);
        let (mut journal, _) =
            Journal::open(home.path(), &here(), Assurance::Plaintext, &user).unwrap();
        let text = Written {
            to: To::Nobody,
            text: format!("secret of {user}"),
        };
        journal.set_texts(vec![text]).unwrap();
    }
    let forgotten = logged_out(home.path(), (&here(), &name("ann")), "of ann").unwrap();
    assert!(
        forgotten.told[0].starts_with("1 message was not sent and kept"),
        "{forgotten:?}"
    );
    let entries = fs::read_dir(home.path()).unwrap();
    let entries = entries.map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let all: Vec<u8> = entries.flatten().collect();
    let all = String::from_utf8_lossy(&all);
    assert!(!all.contains("secret of ann") && all.contains("secret of bob"));
}

#[test]
fn with_another_login_of_the_same_account_all_of_it_stays() {
    let home = home(&["ann"]);
    let forgotten = logged_out(home.path(), (&here(), &name("ann")), "of a bot").unwrap();
    assert_eq!(forgotten, Forgotten::default());
    assert_eq!(
        files_of(home.path(), "ann"),
        ["cache", "lock", "outbox", "token"]
    );
}

#[test]
fn what_could_not_be_removed_is_a_failure_and_a_program_that_runs_is_told_of() {
    let folder = home(&["ann"]);
    fs::create_dir(folder.path().join("127.0.0.1:7777@@ann@@a.cache")).unwrap();
    let forgotten = logged_out(folder.path(), (&here(), &name("ann")), "of ann").unwrap();
    let failure = forgotten.ending("done".to_owned()).unwrap_err().to_string();
    assert!(
        failure.starts_with("done; cannot remove the messages"),
        "{failure}"
    );

    let folder = home(&["ann"]);
    let key = Key {
        server: here(),
        assurance: Assurance::Plaintext,
        user: name("ann"),
    };
    let (_cache, _) = Cache::open(folder.path(), &key).unwrap();
    let forgotten = logged_out(folder.path(), (&here(), &name("ann")), "of ann").unwrap();
    assert!(
        forgotten.told[0].starts_with("another tinychat-client"),
        "{forgotten:?}"
    );
    assert_eq!(files_of(folder.path(), "ann"), ["lock", "outbox"]);
}

#[test]
fn uploads_that_a_logout_cut_are_to_be_cancelled_by_the_next_login() {
    let home = home(&["ann", "bob"]);
    let source = Source::bytes("a".parse().unwrap(), "1".into());
    let records_of =
        |user: &str| Records::new(home.path(), &here(), Assurance::Plaintext, &name(user));
    for user in ["ann", "bob"] {
        records_of(user).take(&source, None).unwrap().keep("p1");
    }
    logged_out(home.path(), (&here(), &name("ann")), "of ann").unwrap();
    let left = ["ann", "bob"].map(|user| records_of(user).cancelled(9).len());
    assert_eq!(left, [1, 0]);
}
