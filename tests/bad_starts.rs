//! Starts of the server that cannot succeed: each ends before it listens, with a sentence that names the mend.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use super::support::Server;

/// Starts the server where it must not come up; returns its exit code and what it said, without its logs.
fn refused(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tinychat-server"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "it listened: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let sentences = said.lines().filter(|line| !line.starts_with('{'));
    let said = sentences.collect::<Vec<_>>().join("\n");
    (
        output.status.code().unwrap(),
        said.replace(&data.display().to_string(), "DIR"),
    )
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let (code, said) = refused(data.path(), &["--listen", &address]);
    let said = said.replace(&address, "ADDRESS");
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "tinychat-server: cannot listen on ADDRESS: Address already in use (os error 98); stop what \
         listens there, or choose another with --listen"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let (code, said) = refused(&file.join("data"), &[]);
    assert_eq!(code, 1);
    assert!(
        said.contains("the data folder DIR cannot be used: ")
            && said.ends_with("give a folder that you may write with --data"),
        "{said}"
    );
}

#[test]
fn a_folder_that_another_server_holds_is_named() {
    let server = Server::start();
    let (code, said) = refused(server.again().data(), &["--auth", "trust"]);
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "tinychat-server: the data folder DIR is held by another tinychat-server; stop that one, or \
         give another folder with --data"
    );
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let mut server = Server::start();
    assert!(server.terminate().status.success());
    let start = server.again();
    let database = rusqlite::Connection::open(start.data().join("tinychat.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let (code, said) = refused(start.data(), &["--auth", "trust"]);
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "tinychat-server: the store DIR/tinychat.db has schema 99, this tinychat-server knows up to \
         6; start it with the newer tinychat-server that wrote it"
    );
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("tinychat.db");
    let content = "this is a letter, not a database. ".repeat(100);
    fs::write(&file, &content).unwrap();
    let (code, said) = refused(data.path(), &[]);
    assert_eq!(code, 1);
    assert!(
        said.contains("cannot be opened") && said.contains("; if the disk is full"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), content);
}

#[tokio::test]
async fn a_store_made_in_the_other_auth_mode_is_refused() {
    let mut server = Server::start();
    super::support::Account::login(&server, "ann").await;
    assert!(server.terminate().status.success());
    let (code, said) = refused(server.again().data(), &["--auth", "password"]);
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "tinychat-server: the accounts of this store were made with --auth trust, not password; start \
         with --auth trust, or give another folder with --data"
    );
}

#[test]
fn beyond_this_machine_it_listens_only_when_told() {
    let data = tempfile::tempdir().unwrap();
    let (code, said) = refused(data.path(), &["--listen", "0.0.0.0:0"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("nothing would be encrypted") && said.contains("--insecure"),
        "{said}"
    );
    let (code, said) = refused(data.path(), &["--listen", "0.0.0.0:0", "--auth", "trust"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("anybody could take any name") && said.contains("--insecure"),
        "{said}"
    );
}

#[test]
fn wrong_flags_are_named_with_what_is_right() {
    let data = tempfile::tempdir().unwrap();
    for (flags, mend) in [
        (
            ["--rate", "fast"],
            "use a number of sends such as 20/s, or off",
        ),
        (["--drain-timeout", "soon"], "use 10s, 500ms, 2m or 24h"),
        (["--auth", "magic"], "use password or trust"),
        (["--store", "paper"], "sqlite, memory"),
        (["--durability", "maybe"], "full, relaxed"),
    ] {
        let (code, said) = refused(data.path(), &flags);
        assert_eq!(code, 2, "{flags:?}");
        assert!(said.contains(mend), "{flags:?}: {said}");
    }
}
