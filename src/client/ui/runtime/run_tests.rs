//! The loop without a terminal, against a server that plays a part.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::timeout;

use super::*;
use crate::{
    client::{
        app::room::Place,
        net::{
            live::fake_tests::{Door, Stage, caught_up, said, welcome},
            session::Session,
            tls::{Assurance, Security},
        },
        paper::Sheet,
        ui::{
            model::{
                intake::Intake,
                notices::Notices,
                outgoing::{Outgoing, State},
            },
            runtime::{
                Account,
                settings::{Settings, Surroundings},
                start,
            },
            translate as wire,
        },
    },
    domain::clock::TimeMs,
    pb::{self, chat_request::Request},
};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal without a person. It stands still while somebody holds its gate.
struct Fake {
    screen: Arc<Mutex<vt100::Parser>>,
    gate: Gate,
}

pub(super) type Gate = Arc<tokio::sync::Mutex<()>>;

impl Sheet for Fake {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        let _open = self.gate.blocking_lock();
        self.screen.lock().unwrap().process(text);
        Ok(())
    }
}

/// The UI of ann, without a terminal.
pub(super) struct Seat {
    pub ui: Ui,
    keys: mpsc::Sender<Input>,
    inputs: mpsc::Receiver<Input>,
    screen: Arc<Mutex<vt100::Parser>>,
    gate: Gate,
}

pub(super) async fn seat(folder: &std::path::Path, address: SocketAddr) -> Seat {
    let here = address.to_string().parse().unwrap();
    let account = Account {
        me: "ann".parse().unwrap(),
        session: Session::open(&here, &Security::Plaintext).unwrap(),
        // The same one, whichever port it has in a test.
        server: "127.0.0.1:7777".parse().unwrap(),
        assurance: Assurance::Plaintext,
        folder: folder.to_owned(),
    };
    let settings = Settings::in_folder(None, &Surroundings::default());
    let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
    let gate = Gate::default();
    let sheet = Fake {
        screen: Arc::clone(&screen),
        gate: Arc::clone(&gate),
    };
    let drawn = Screen::new((80, 24), sheet).unwrap();
    let ui = start(account, settings, (drawn, (80, 24))).await.unwrap();
    let (keys, inputs) = mpsc::channel(16);
    Seat {
        ui,
        keys,
        inputs,
        screen,
        gate,
    }
}

impl Seat {
    /// Runs the loop while something is played, then the terminal goes.
    pub async fn run<T>(&mut self, play: impl Future<Output = T>) -> T {
        let mut signals = Signals::new().unwrap();
        let keys = self.keys.clone();
        let play = async {
            let played = play.await;
            keys.send(Input::Gone).await.unwrap();
            played
        };
        let run = self.ui.run(&mut self.inputs, &mut signals);
        let both = async { tokio::join!(run, play) };
        let (outcome, played) = timeout(PATIENCE, both).await.unwrap();
        outcome.unwrap();
        played
    }
}

/// The next cursor that is acknowledged.
pub(super) async fn acknowledged(door: &mut Door) -> String {
    loop {
        let frame = door.inbound.message().await.unwrap().unwrap();
        if let Some(Request::Acknowledge(acknowledge)) = frame.request {
            return acknowledge.cursor;
        }
    }
}

/// The next conversation that is marked read, and how far.
async fn marked(door: &mut Door) -> (String, u64) {
    loop {
        let frame = door.inbound.message().await.unwrap().unwrap();
        if let Some(Request::MarkRead(mark)) = frame.request {
            return (mark.conversation_id, mark.read_seq);
        }
    }
}

pub(super) fn nobody() -> SocketAddr {
    // The port of a listener that is gone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn what_is_stored_is_acknowledged_and_the_next_start_resumes_there() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let address = stage.address;
    let mut first = seat(home.path(), address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor, None);
        assert!(door.hello.ephemeral_events);
        door.give([welcome(), said(1), said(2), caught_up()]).await;
        assert_eq!(acknowledged(&mut door).await, "2");
        door.give([said(3)]).await;
        assert_eq!(acknowledged(&mut door).await, "3");
        door
    };
    let door = first.run(play).await;
    drop(door);
    assert_eq!(first.ui.leave(Ok(()), pending()).await, Ok(()));

    let mut second = seat(home.path(), address).await;
    let screen = Arc::clone(&second.screen);
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor.as_deref(), Some("3"));
        // Something is shown, although the server has not said a word.
        while screen.lock().unwrap().screen().contents().trim().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    second.run(play).await;
}

/// Lets some time pass in which everything there is to be drawn is drawn.
async fn drawn() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn without_a_cache_only_what_was_on_the_screen_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    // Another program has the cache.
    let holder = seat(home.path(), nobody()).await;
    assert!(holder.ui.cache.is_some());
    let mut seat = seat(home.path(), stage.address).await;
    assert!(seat.ui.cache.is_none());
    let (gate, keys) = (Arc::clone(&seat.gate), seat.keys.clone());
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        drawn().await;
        let still = gate.lock().await;
        door.give([said(1), said(2)]).await;
        let early = timeout(Duration::from_millis(300), acknowledged(&mut door));
        assert!(early.await.is_err(), "the terminal stands still");
        // As if all keys were pressed: nothing is held up by it.
        for _ in 0..50 {
            let focus = Input::Msg(Msg::Focused(true));
            keys.send(focus).await.unwrap();
        }
        drop(still);
        assert_eq!(acknowledged(&mut door).await, "2");
    };
    seat.run(play).await;
    assert_eq!(holder.ui.leave(Ok(()), pending()).await, Ok(()));
}

#[tokio::test]
async fn only_what_was_on_the_screen_is_marked_read() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let state = pb::Conversation {
        id: "c1".to_owned(),
        notify: Some(pb::NotifySettings::default()),
        ..pb::Conversation::default()
    };
    let me = seat.ui.model.me.clone();
    let state = News::Chat(Box::new(wire::state(state, &me)));
    seat.ui.take(state).unwrap();
    assert!(seat.ui.model.open(Some("c1".into())));
    let gate = Arc::clone(&seat.gate);
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        drawn().await;
        let still = gate.lock().await;
        door.give([said(1), said(2)]).await;
        let early = timeout(Duration::from_millis(300), marked(&mut door));
        assert!(early.await.is_err(), "the terminal stands still");
        drop(still);
        assert_eq!(marked(&mut door).await, ("c1".to_owned(), 2));
        // What comes a moment later is marked with the next second.
        door.give([said(3)]).await;
        door.give([said(4)]).await;
        assert_eq!(marked(&mut door).await, ("c1".to_owned(), 4));
    };
    seat.run(play).await;
    let counts = seat.ui.model.chats.front().unwrap().counts();
    assert_eq!((counts.read_seq, counts.unread), (4, 0));
}

#[tokio::test]
async fn nothing_happens_while_nothing_happens() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        door
    };
    let _door = seat.run(play).await;
    // This server knows of no conversations, which is said for some seconds, and asked again after a while.
    seat.ui.model.notices = Notices::default();
    seat.ui.model.intake = Intake::default();
    seat.ui.drawn.is_dirty = false;
    assert_eq!(seat.ui.wake_at(), None, "no timer");
    let shown = seat.ui.screen.shown();
    assert!((1..10).contains(&shown), "{shown} frames");
}

#[tokio::test]
async fn while_the_server_is_away_a_frame_is_drawn_when_a_second_has_passed() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let wait = tokio::time::sleep(Duration::from_millis(1_500));
    seat.run(wait).await;
    assert!(matches!(seat.ui.model.link, LinkState::Down { .. }));
    let shown = seat.ui.screen.shown();
    // Each attempt that fails is another one, and the first come fast.
    assert!((1..30).contains(&shown), "{shown} frames");
}

#[tokio::test]
async fn what_is_sent_while_the_server_is_away_is_kept_and_sent_by_the_next_program() {
    let home = tempfile::tempdir().unwrap();
    let mut away = seat(home.path(), nobody()).await;
    let message = Outgoing {
        id: ClientMessageId::mint(),
        to: Place::User("bob".parse().unwrap()),
        text: "are you there?".parse().unwrap(),
        reply_to: Some(7),
        time: TimeMs::new(0),
        state: State::Waiting,
    };
    away.ui.perform(Effect::Send(message.clone())).unwrap();
    away.run(async {}).await;
    let failure = away
        .ui
        .leave(Ok(()), pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        failure.contains("1 message was not sent yet and kept"),
        "{failure}"
    );

    let mut stage = Stage::new().await;
    let mut back = seat(home.path(), stage.address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        loop {
            let frame = door.inbound.message().await.unwrap().unwrap();
            if let Some(Request::Send(send)) = frame.request {
                return (send.client_message_id, send.text, send.reply_to_seq);
            }
        }
    };
    let sent = back.run(play).await;
    assert_eq!(
        sent,
        (message.id.to_string(), "are you there?".to_owned(), 7)
    );
}

#[tokio::test]
async fn that_somebody_types_goes_out_at_once_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let typing = |id: &str, is_typing| Effect::Typing {
        chat: id.into(),
        is_typing,
    };
    // There is no stream yet.
    seat.ui.perform(typing("early", true)).unwrap();
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), said(1), caught_up()]).await;
        acknowledged(&mut door).await;
        door
    };
    let mut door = seat.run(play).await;
    seat.ui.perform(typing("c1", true)).unwrap();
    seat.ui.perform(typing("c1", false)).unwrap();
    seat.ui.is_over = false;
    let play = async {
        let mut told = Vec::new();
        while told.len() < 2 {
            let frame = door.inbound.message().await.unwrap().unwrap();
            if let Some(Request::SetTyping(typing)) = frame.request {
                told.push((typing.conversation_id, typing.typing));
            }
        }
        told
    };
    let told = seat.run(play).await;
    assert_eq!(told, [("c1".to_owned(), true), ("c1".to_owned(), false)]);
}

#[tokio::test]
async fn an_ended_login_is_told_with_what_stays_kept() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        let ended = tonic::Status::unauthenticated("this login was ended; log in again");
        door.out.send(Err(ended)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // The screen stays until the user leaves.
    seat.run(play).await;
    let failure = seat.ui.leave(Ok(()), pending()).await.unwrap_err();
    let Failure::Told { code, text, .. } = failure else {
        panic!("told");
    };
    assert_eq!(
        (code, text.as_str()),
        (3, "this login was ended; log in again")
    );
}
