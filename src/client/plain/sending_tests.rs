//! What earlier programs left, and what becomes of what is refused: with a link that is never asked to connect.

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    super::{Carrier, Errand, Knows, Leaving, TRANSFER_PATIENCE},
    *,
};
use crate::{
    client::{
        app::{
            line::Zone,
            model::{Effect, Model},
        },
        json::Format,
        lines::Lines,
        net::{
            live::{Link, LinkEvent, LinkOptions},
            outbox::{StoreId, Target},
            session::{Patience, Session},
            tls::Security,
        },
        output::Output,
        paper::{Paper, Sheet},
        progress::Progress,
        transfer::records::Record,
    },
    domain::{ids::ClientMessageId, name::UserName},
};

struct Nowhere;

impl Sheet for Nowhere {
    fn show(&mut self, _text: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

fn server() -> ServerAddress {
    "127.0.0.1:7777".parse().unwrap()
}

pub(in super::super) fn ann() -> UserName {
    "ann".parse().unwrap()
}

/// A line mode that has taken over what was left in a folder, with bob in front.
pub(in super::super) fn plain(folder: &Path, by_a_person: bool) -> Plain {
    let session = Session::open(&server(), &Security::Plaintext).unwrap();
    let (_, typed) = mpsc::channel(1);
    let (address, me) = (server(), ann());
    let of = (&address, Assurance::Plaintext, &me);
    let errand = Errand::new(session.clone(), of, folder, TRANSFER_PATIENCE);
    let mut plain = Plain {
        carrier: Carrier::new(errand),
        model: Model::new(ann(), Zone::Local),
        link: Link::new(session.clone(), LinkOptions::default()),
        asks: JoinSet::new(),
        progress: Progress::default(),
        leaving: Leaving::No,
        me: ann(),
        session,
        kept: Kept::default(),
        lines: Lines::Plain { typed, by_a_person },
        line_is_due: false,
        was_connected: false,
        rooms: Knows::All,
        talk: None,
        answered_talk: None,
        out: Output::new(Format::Text, Paper::on(Nowhere).unwrap()),
    };
    let server = server();
    let server = (&server, Assurance::Plaintext);
    assert!(plain.take_over(folder, server).is_ok());
    plain.model.focus = Some(Place::User("bob".parse().unwrap()));
    plain
}

pub(in super::super) fn message(number: u8, text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::from_bytes([number; 16]),
        target: Target::User("bob".to_owned()),
        text: text.to_owned(),
        attachments: Vec::new(),
        store: None,
    }
}

/// What is in a folder: each text, and why it was refused.
fn left(folder: &Path) -> Vec<(String, Option<String>)> {
    let server = server();
    let (_, left) = Kept::open(folder, (&server, Assurance::Plaintext), &ann()).unwrap();
    let left = left.into_iter().map(|(message, why)| (message.text, why));
    left.collect()
}

/// The first of them. Another test that starts a program at this moment has the file with it, until that has begun.
fn left_one(folder: &Path) -> (String, Option<String>) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(one) = left(folder).into_iter().next() {
            return one;
        }
        assert!(std::time::Instant::now() < until, "nothing is left");
        std::thread::yield_now();
    }
}

pub(in super::super) fn refused() -> ClientError {
    let reason = "TEXT_TOO_LONG".to_owned();
    pb::Error {
        code: 3,
        reason,
        message: "no".to_owned(),
        ..pb::Error::default()
    }
    .into()
}

pub(in super::super) fn typed(plain: &mut Plain, line: &str) {
    assert!(plain.happened(Msg::Typed(line.to_owned())).is_ok());
}

#[tokio::test]
async fn what_was_refused_last_time_is_sent_only_when_that_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let server = server();
    let server = (&server, Assurance::Plaintext);
    let (mut kept, _) = Kept::open(home.path(), server, &ann()).unwrap();
    for (number, text) in [(1, "refused"), (2, "dropped"), (3, "waits")] {
        assert_eq!(kept.add(&message(number, text), true), None);
    }
    for number in [1, 2] {
        let id = message(number, "").id;
        assert_eq!(kept.refused(id, "too late", true), None);
    }
    drop(kept);

    let mut lines = plain(home.path(), true);
    assert_eq!((lines.link.unsent(), lines.model.unsent), (1, 1));
    typed(&mut lines, "/drop");
    assert_eq!(lines.link.unsent(), 1);
    typed(&mut lines, "/retry");
    assert_eq!((lines.link.unsent(), lines.model.unsent), (2, 2));
    typed(&mut lines, "/retry");
    assert_eq!(lines.link.unsent(), 2, "there is none any more");
    // Refused again, it waits again.
    let answered = lines.not_sent(&message(1, "refused"), &refused());
    assert!(answered.is_ok());
    let answered = lines.sent(&message(3, "waits"), &pb::SendResponse::default());
    assert!(answered.is_ok());
    drop(lines);
    let (text, why) = left_one(home.path());
    assert!(text == "refused" && why.is_some_and(|why| why != "too late"));
}

#[tokio::test]
async fn what_a_person_typed_stays_when_it_is_refused_and_what_a_pipe_brought_is_told() {
    for (by_a_person, count) in [(true, 1), (false, 0)] {
        let home = tempfile::tempdir().unwrap();
        let mut lines = plain(home.path(), by_a_person);
        let sent = message(1, "hi");
        assert!(lines.is_sent(&sent).is_ok());
        assert!(lines.not_sent(&sent, &refused()).is_ok());
        drop(lines);
        assert_eq!(left(home.path()).len(), count, "{by_a_person}");
    }
}

#[tokio::test]
async fn what_a_person_typed_is_not_thrown_away_by_a_pipe_that_takes_it_over() {
    let home = tempfile::tempdir().unwrap();
    let mut lines = plain(home.path(), true);
    let typed_once = message(1, "hi");
    assert!(lines.is_sent(&typed_once).is_ok());
    drop(lines);
    let mut lines = plain(home.path(), false);
    assert_eq!(lines.link.unsent(), 1);
    assert!(lines.not_sent(&typed_once, &refused()).is_ok());
    drop(lines);
    let (text, why) = left_one(home.path());
    assert!(text == "hi" && why.is_some());
    // What nobody could send again is no matter of waiting.
    let nowhere = Outgoing {
        target: Target::User("no such name".to_owned()),
        ..message(2, "lost")
    };
    let mut lines = plain(home.path(), true);
    assert!(lines.is_sent(&nowhere).is_ok());
    drop(lines);
    let mut lines = plain(home.path(), true);
    assert!(lines.not_sent(&nowhere, &refused()).is_ok());
    drop(lines);
    assert_eq!(left(home.path()).len(), 1);
}

#[tokio::test]
async fn who_reads_says_how_long_files_are_tried() {
    let mut model = Model::new(ann(), Zone::Local);
    for (is_read_by_a_person, is_endless) in [(true, true), (false, false)] {
        model.is_read_by_a_person = is_read_by_a_person;
        let patience = super::super::patience(&model);
        assert_eq!(matches!(patience, Patience::Endless), is_endless);
    }
}

#[tokio::test]
async fn what_is_tried_again_is_of_the_store_for_which_it_was_written() {
    let home = tempfile::tempdir().unwrap();
    let server = server();
    let server = (&server, Assurance::Plaintext);
    let files = Outgoing {
        attachments: vec!["f1".to_owned()],
        store: StoreId::new("old"),
        ..message(1, "x")
    };
    let (mut kept, _) = Kept::open(home.path(), server, &ann()).unwrap();
    assert_eq!(kept.add(&files, true), None);
    assert_eq!(kept.refused(files.id, "no", true), None);
    drop(kept);
    let mut lines = plain(home.path(), true);
    typed(&mut lines, "/retry");
    assert_eq!(lines.link.unsent(), 1);
    drop(lines);
    let (_, left) = Kept::open(home.path(), server, &ann()).unwrap();
    assert_eq!(left, [(files, None)]);
}

#[tokio::test]
async fn files_of_a_message_are_gone_on_with_until_it_is_on_the_server() {
    use crate::client::app::transfers::Uploaded;
    let home = tempfile::tempdir().unwrap();
    let mut lines = plain(home.path(), true);
    lines.model.is_read_by_a_person = true;
    lines.model.link = LinkState::Up;
    let uploaded = |lines: &mut Plain, number: u8| {
        let id = message(number, "").id;
        let place = lines.model.focus.clone();
        let wish = crate::client::app::transfers::Wish::Send(vec!["a".to_owned()].into());
        assert!(lines.model.transfers.wish(wish, place, None).is_ok());
        lines.carrier.note(id, vec![Record::default()]);
        let files = vec!["f1".to_owned()];
        let moved = Moved::Uploaded(Uploaded { id, files });
        assert!(lines.moved(u32::from(number), moved).is_ok());
        id
    };
    let id = uploaded(&mut lines, 1);
    assert!(lines.carrier.notes(id));
    assert_eq!(lines.link.unsent(), 1);
    let sent = message(1, "");
    assert!(lines.sent(&sent, &pb::SendResponse::default()).is_ok());
    assert!(!lines.carrier.notes(id));
    // Of another store.
    let id = uploaded(&mut lines, 2);
    let files = Outgoing {
        attachments: vec!["f1".to_owned()],
        ..message(2, "")
    };
    assert!(lines.not_sent(&files, &ClientError::OtherStore).is_ok());
    assert!(!lines.carrier.notes(id));
    typed(&mut lines, "/retry");
    // Where no further one is taken nothing is held.
    while lines.link.unsent() < OUTBOX_MESSAGES_MAX {
        lines.link.send_again(message(7, "x"));
    }
    let id = uploaded(&mut lines, 3);
    assert!(!lines.carrier.notes(id));
    assert_eq!(lines.link.unsent(), OUTBOX_MESSAGES_MAX);
}

#[tokio::test]
async fn files_of_a_message_are_gone_on_with_until_it_is_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut lines = plain(home.path(), true);
    let sent = |lines: &mut Plain, number: u8| {
        let id = message(number, "").id;
        lines.carrier.note(id, vec![Record::default()]);
        let again = Refused {
            id,
            to: Place::User("bob".parse().unwrap()),
            text: MessageText::none(),
            attachments: vec!["f1".to_owned()],
            reply_to: None,
        };
        assert!(lines.perform(Effect::SendAgain(again)).is_ok());
        id
    };
    // The server is away, so it is put on the disk itself.
    lines.model.link = LinkState::Down;
    let id = sent(&mut lines, 1);
    assert!(!lines.carrier.notes(id));
    // While it is there the disk is not waited for, and then it goes.
    lines.model.link = LinkState::Up;
    let id = sent(&mut lines, 2);
    assert!(lines.carrier.notes(id));
    let lost = LinkEvent::Disconnected {
        reason: tonic::Status::unavailable("away").into(),
        retry_in: std::time::Duration::ZERO,
    };
    assert!(lines.link_event(lost, &mut Vec::new()).is_ok());
    assert!(!lines.carrier.notes(id));
    // A disk that fails has nothing.
    lines.kept.fail(true);
    let id = sent(&mut lines, 3);
    assert!(lines.carrier.notes(id));
}

#[tokio::test]
async fn at_the_end_what_is_kept_is_told_and_what_is_lost_is_named() {
    let login_ended = || {
        ClientError::from(pb::Error {
            code: 16,
            reason: "TOKEN_ENDED".to_owned(),
            ..pb::Error::default()
        })
    };
    let home = tempfile::tempdir().unwrap();
    let mut lines = plain(home.path(), false);
    assert_eq!(lines.unsent_failure(), None);
    typed(&mut lines, "one");
    let told = |lines: &Plain| lines.unsent_failure().unwrap().to_string();
    assert!(told(&lines).starts_with("1 message was not sent yet and kept"));
    lines.kept.fail(true);
    typed(&mut lines, "two");
    let both = told(&lines);
    assert!(both.starts_with("1 message was not sent yet and kept"));
    assert!(
        both.ends_with("; to bob: \"two\": 1 message was not sent; send again what is missing")
    );
    let ended = lines.ended(Failure::auth("ended")).to_string();
    assert_eq!(
        ended,
        "1 not answered yet and kept for the next login: 1 message was not answered and could not be kept (to bob: \"two\"); \
         send again what is missing: ended"
    );
    let unread = lines.unread(Failure::OutputClosed).to_string();
    assert!(unread.contains("to bob: \"two\""), "{unread}");

    // One that is kept nowhere is not said to be kept for another login.
    lines.kept = Kept::default();
    let mut lost = message(9, "three");
    assert!(lines.is_sent(&lost).is_ok());
    assert!(lines.not_sent(&lost, &login_ended()).is_ok());
    assert_eq!(lines.kept.held(), 0);
    let (kept, _) = Kept::open(
        tempfile::tempdir().unwrap().path(),
        (&server(), Assurance::Plaintext),
        &ann(),
    )
    .unwrap();
    lines.kept = kept;
    lost = message(8, "four");
    assert!(lines.is_sent(&lost).is_ok());
    assert!(lines.not_sent(&lost, &login_ended()).is_ok());
    assert_eq!(lines.kept.held(), 1);
}

/// Keeps what is printed.
struct Seen(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Sheet for Seen {
    fn show(&mut self, text: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(())
    }
}

#[tokio::test]
async fn what_a_login_may_not_send_and_another_store_has_no_place_for_is_told_and_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut lines = plain(home.path(), false);
    let printed = std::sync::Arc::default();
    let sheet = Seen(std::sync::Arc::clone(&printed));
    lines.out = Output::new(Format::Text, Paper::on(sheet).unwrap());
    lines.model.link = LinkState::Up;
    let may_not = pb::Error {
        code: 7,
        reason: "SCOPE_MISSING".to_owned(),
        ..pb::Error::default()
    };
    let to_group = Outgoing {
        target: Target::Conversation("c1".to_owned()),
        ..message(1, "to a group")
    };
    let to_bob = message(2, "to bob");
    for message in [&to_group, &to_bob] {
        lines.model.unsent += 1;
        assert!(lines.is_sent(message).is_ok());
        let error = ClientError::from(may_not.clone());
        assert!(lines.not_sent(message, &error).is_ok());
    }
    assert_eq!((lines.kept.held(), lines.model.unsent), (2, 0));
    let reset = pb::Event {
        body: Some(pb::event::Body::Reset(pb::Reset::default())),
        ..pb::Event::default()
    };
    assert!(
        lines
            .link_event(LinkEvent::Event(reset), &mut Vec::new())
            .is_ok()
    );
    assert_eq!((lines.kept.held(), lines.model.unsent), (1, 0));
    lines.out.flush().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !String::from_utf8_lossy(&printed.lock().unwrap()).contains("\"to a group\"") {
        assert!(std::time::Instant::now() < until, "its text is not told");
        std::thread::yield_now();
    }
    drop(lines);
    assert_eq!(left_one(home.path()), ("to bob".to_owned(), None));
}
