//! What the one-shots that move files say and do, some of it against a server that a test plays.

use bytes::Bytes;

use super::{
    super::transfer::fake::{self, noise},
    *,
};

#[test]
fn standard_input_is_read_once() {
    let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert!(check_dashes(&files(&["a", "-"]), false).is_ok());
    assert!(check_dashes(&files(&["a"]), true).is_ok());
    assert!(check_dashes(&files(&["-", "-"]), false).is_err());
    assert!(check_dashes(&files(&["-"]), true).is_err());
}

#[tokio::test]
async fn a_text_beside_files_may_be_nothing_and_must_be_sound() {
    assert_eq!(text_of(None).await, Ok(String::new()));
    assert_eq!(text_of(Some("hi")).await, Ok("hi".to_owned()));
    assert!(text_of(Some("\u{1b}")).await.is_err());
}

#[test]
fn every_failure_has_its_code() {
    let code = |error: TransferError| match told(error, Some("it is kept")) {
        Failure::Told { code, text, .. } => (code, text.ends_with("; it is kept")),
        Failure::OutputClosed => panic!("told"),
    };
    let lost = |status: tonic::Status| TransferError::Client(status.into());
    assert_eq!(code(lost(tonic::Status::unavailable(""))), (4, true));
    assert_eq!(code(lost(tonic::Status::unauthenticated(""))), (3, true));
    assert_eq!(code(lost(tonic::Status::not_found(""))), (5, false));
    assert_eq!(code(TransferError::TooLarge(1)), (6, false));
    assert_eq!(code(TransferError::NotAFile("a folder")), (2, false));
    assert_eq!(code(TransferError::Changed), (1, false));
    assert_eq!(code(TransferError::WrongHash), (1, false));
}

#[tokio::test]
async fn files_that_another_store_calls_something_else_are_not_sent_with_a_message() {
    let stage = fake::Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], noise(1000)).unwrap();
    std::fs::write(&paths[1], noise(8 << 20)).unwrap();
    let login = LoggedIn {
        name: "ann".parse().unwrap(),
        token: String::new(),
        session: stage.session(),
    };
    let state = folder.path().join("state");
    let mover = Mover {
        login: &login,
        server: &"127.0.0.1:1".parse().unwrap(),
        assurance: Assurance::Plaintext,
        folder: state.clone(),
        patience: Patience::For(std::time::Duration::from_secs(20)),
        format: Format::Json,
    };
    let limits = Limits {
        file_bytes: u64::MAX,
        attachments: 10,
    };
    let (given, mut interrupts) = (Given::default(), Interrupts::new().unwrap());
    stage.gate.send_replace(1 << 20);
    let play = async {
        let is_begun = |it: &fake::Begun| !it.is_done && !it.bytes.is_empty();
        while !stage.world().uploads.values().any(is_begun) || stage.world().files.is_empty() {
            tokio::task::yield_now().await;
        }
        let mut world = stage.world();
        let (file, _) = world.files.get_mut("f1").unwrap();
        file.blake3 = Bytes::from_static(&[1; 32]);
        drop(world);
        stage.gate.send_replace(u64::MAX);
    };
    let sending = mover.send_all(&paths, &given, &limits, &mut interrupts);
    let (sent, ()) = tokio::join!(sending, play);
    let Err(Failure::Told { code, text, .. }) = sent else {
        panic!("it is none of this message");
    };
    let why = "the server has another store than when this was sent; the same command sends all of it anew";
    assert_eq!((code, text), (6, format!("{}: {why}", paths[0].display())));
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    // It does.
    let sent = mover
        .send_all(&paths, &given, &limits, &mut interrupts)
        .await;
    let (there, records) = sent.unwrap();
    let ids: Vec<&str> = there.iter().map(|file| file.id.as_str()).collect();
    assert_eq!(ids, ["f3", "f4"]);
    assert_eq!(of_all(&records), AGAIN);
    // One that could not be noted is sent anew.
    let mut some = records;
    some.push(Record::default());
    assert_eq!(of_all(&some), ANEW);
}
