//! What the tests of the loop begin with: a seat of ann without a terminal, and a server that plays a part.

use std::{
    io,
    net::SocketAddr,
    path::Path,
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
            model::outgoing::{Outgoing, State},
            runtime::{
                Account,
                settings::{Settings, Surroundings},
                start,
            },
            translate as wire,
        },
    },
    domain::{clock::TimeMs, ids::ClientMessageId},
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
    pub keys: mpsc::Sender<Input>,
    inputs: mpsc::Receiver<Input>,
    pub screen: Arc<Mutex<vt100::Parser>>,
    pub gate: Gate,
}

pub(super) async fn seat(folder: &Path, address: SocketAddr) -> Seat {
    let here = address.to_string().parse().unwrap();
    let account = Account {
        me: "ann".parse().unwrap(),
        session: Session::open(&here, &Security::Plaintext).unwrap(),
        // The same one, whichever port it has in a test.
        server: "127.0.0.1:7777".parse().unwrap(),
        assurance: Assurance::Plaintext,
        folder: folder.to_owned(),
        begun: Vec::new(),
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

    /// Ends it; returns what is told.
    pub async fn left(mut self) -> Result<(), String> {
        let left = self.ui.leave(Ok(()), pending()).await;
        left.map_err(|failure| failure.to_string())
    }

    /// The same, where something is to be told.
    pub async fn told(self) -> String {
        self.left().await.unwrap_err()
    }

    /// Brings a conversation to the front of which nothing else is known.
    pub fn open(&mut self, id: &str) {
        let state = pb::Conversation {
            id: id.to_owned(),
            notify: Some(pb::NotifySettings::default()),
            ..pb::Conversation::default()
        };
        let kept = self.ui.memory.states(std::slice::from_ref(&state));
        self.ui.changes.extend(kept);
        let state = wire::state(state, &self.ui.model.me);
        self.ui.take(News::Chat(Box::new(state))).unwrap();
        assert!(self.ui.model.open(Some(id.into())));
    }
}

/// A seat that is connected, and the server's side. There was a message with this number.
pub(super) async fn up(folder: &Path, stage: &mut Stage, seq: u64) -> (Seat, Door) {
    let mut seat = seat(folder, stage.address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), said(seq), caught_up()]).await;
        acknowledged(&mut door).await;
        door
    };
    let door = seat.run(play).await;
    seat.ui.is_over = false;
    (seat, door)
}

/// A message to bob.
pub(super) fn message(text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::mint(),
        to: Place::User("bob".parse().unwrap()),
        text: text.parse().unwrap(),
        attachments: Vec::new(),
        reply_to: None,
        time: TimeMs::new(0),
        state: State::Waiting,
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
pub(super) async fn marked(door: &mut Door) -> (String, u64) {
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
