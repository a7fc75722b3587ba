//! The screens before the chat at work, without a terminal: what they ask of files and servers, and what comes of it. And how
//! a login that ends in the chat leads back to them.

use std::{collections::VecDeque, future::pending, time::SystemTime};

use ratatui::{Terminal, backend::TestBackend};
use tokio::{net::TcpListener, sync::mpsc};

use super::*;
use crate::client::{
    app::room::Place,
    net::live::{
        LinkEvent,
        fake_tests::{Stage as Server, welcome},
    },
    state::Remembered,
    ui::{
        effect::Effect,
        model::outgoing::{Outgoing, State},
        runtime::{
            Account as Seated,
            asks::{Answer as Answered, Asked, Learned},
            ledger::Ledger,
            run::{Next, Signals, Ui},
            screen,
            settings::{Settings, Surroundings},
            start,
            terminal::Nowhere,
        },
    },
};
use crate::domain::ids::ClientMessageId;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal with a person who waits for a text, and then does something.
struct Person {
    terminal: Terminal<TestBackend>,
    plan: VecDeque<(&'static str, Heard)>,
}

impl Person {
    fn who(plan: impl IntoIterator<Item = (&'static str, Heard)>) -> Self {
        Self {
            terminal: Terminal::new(TestBackend::new(80, 24)).unwrap(),
            plan: plan.into_iter().collect(),
        }
    }

    /// The words on the screen, as if it were one long row.
    fn shown(&self) -> String {
        let cells = self.terminal.backend().buffer().content.iter();
        let all: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        let words = all.split_whitespace().filter(|word| *word != "│");
        words.collect::<Vec<_>>().join(" ")
    }
}

impl Screen for Person {
    fn size(&self) -> (u16, u16) {
        (80, 24)
    }

    fn draw(&mut self, view: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view).unwrap();
        Ok(())
    }

    fn redraw(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Heard> {
        let shown = self.shown();
        match self.plan.front() {
            Some((text, _)) if shown.contains(text) => {
                Ok(self.plan.pop_front().map_or(Heard::Over, |(_, deed)| deed))
            }
            _ => pending().await,
        }
    }
}

fn key(name: &str) -> Heard {
    Heard::Key(Chord::parse(name).unwrap())
}

fn a_desk(folder: &std::path::Path) -> Desk {
    Desk {
        known: KnownServers::in_folder(folder),
        logins: Logins::in_folder(folder.to_owned()),
        tls: false,
        insecure: false,
        authorities: None,
    }
}

fn begin(server: &ServerAddress) -> Start {
    Start {
        server: server.clone(),
        is_named: true,
        user: None,
        tls: false,
        insecure: false,
        authorities: None,
    }
}

fn ann() -> UserName {
    "ann".parse().unwrap()
}

fn a_login(token: &str) -> Remembered {
    Remembered {
        token: token.to_owned(),
        assurance: Assurance::Plaintext,
    }
}

/// An address at which nobody listens.
async fn nobody() -> ServerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string().parse().unwrap()
}

async fn asked(
    person: &mut Person,
    start: &Start,
    why: &Why,
    desk: &Desk,
) -> Result<Option<Entered>, Failure> {
    let looks = Settings::in_folder(None, &Surroundings::default());
    let all = at_desk(
        person,
        (start, why),
        desk.clone(),
        (&looks.theme, &looks.keys),
    );
    timeout(PATIENCE, all).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_is_told_of_and_leaving_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let away = nobody().await;
    let mut person = Person::who([("Cannot reach", key("ctrl+c"))]);
    let entered = asked(
        &mut person,
        &begin(&away),
        &Why::Start,
        &a_desk(home.path()),
    )
    .await;
    assert!(entered.unwrap().is_none());
    assert!(
        person.shown().contains(away.as_str()),
        "what was given is still there"
    );
}

#[tokio::test]
async fn a_remembered_login_opens_the_chat_without_a_question_while_the_server_is_away() {
    let home = tempfile::tempdir().unwrap();
    let (away, desk) = (nobody().await, a_desk(home.path()));
    desk.logins.keep(&away, &ann(), &a_login("token")).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for file in std::fs::read_dir(home.path()).unwrap() {
        let file = std::fs::File::options()
            .append(true)
            .open(file.unwrap().path());
        file.unwrap().set_modified(long_ago).unwrap();
    }
    let mut person = Person::who([]);
    let entered = asked(&mut person, &begin(&away), &Why::Start, &desk).await;
    let entered = entered.unwrap().unwrap();
    assert_eq!(
        (entered.login.name, entered.login.token.as_str()),
        (ann(), "token")
    );
    assert_eq!(
        (entered.server, entered.assurance),
        (away, Assurance::Plaintext)
    );
    assert_eq!(person.shown(), "", "nothing flashes up");
    // It is the one that was used last.
    let used = desk.logins.all().unwrap()[0].used.unwrap();
    assert!(used > long_ago);
}

#[tokio::test]
async fn a_token_is_not_shown_to_a_server_that_is_known_less() {
    let home = tempfile::tempdir().unwrap();
    let (away, mut desk) = (nobody().await, a_desk(home.path()));
    desk.insecure = true;
    let vouched = Remembered {
        assurance: Assurance::Vouched,
        ..a_login("token")
    };
    desk.logins.keep(&away, &ann(), &vouched).unwrap();
    let mut person = Person::who([("cannot be logged in", key("ctrl+c"))]);
    let entered = asked(&mut person, &begin(&away), &Why::Start, &desk).await;
    assert!(entered.unwrap().is_none());
    assert!(person.shown().contains("its token was not sent"));
    assert!(
        desk.logins.find(&away, &ann()).unwrap().is_some(),
        "it is kept"
    );
}

#[tokio::test]
async fn a_login_that_was_made_by_tls_is_used_by_tls_on_this_machine_too() {
    let home = tempfile::tempdir().unwrap();
    let (away, desk) = (nobody().await, a_desk(home.path()));
    let vouched = Remembered {
        assurance: Assurance::Vouched,
        ..a_login("token")
    };
    desk.logins.keep(&away, &ann(), &vouched).unwrap();
    let mut person = Person::who([("cannot be logged in", key("ctrl+c"))]);
    let entered = asked(&mut person, &begin(&away), &Why::Start, &desk).await;
    let entered = entered.unwrap().expect("it opens the chat");
    assert_eq!(entered.assurance, Assurance::Vouched);
    assert_eq!(entered.login.token, "token");
}

#[tokio::test]
async fn a_login_that_has_ended_is_forgotten_and_another_account_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let (away, desk) = (nobody().await, a_desk(home.path()));
    desk.logins.keep(&away, &ann(), &a_login("void")).unwrap();
    let user = Some(ann());
    let begin = Start {
        user,
        ..begin(&away)
    };
    // The user wants another: not even the only one is taken at once.
    let mut person = Person::who([("another account", key("ctrl+q"))]);
    let another = Why::LoggedOut("bob is logged out".to_owned());
    assert!(
        asked(&mut person, &begin, &another, &desk)
            .await
            .unwrap()
            .is_none()
    );
    assert!(person.shown().contains("Bob is logged out."));
    // The one that was left goes on where nothing else is chosen.
    let mut person = Person::who([("in use", key("esc"))]);
    let another = Why::Another(None);
    let entered = asked(&mut person, &begin, &another, &desk).await.unwrap();
    assert_eq!(entered.unwrap().login.name, ann());
    assert!(desk.logins.find(&away, &ann()).unwrap().is_some());
    // It has ended: why is said, and it is no login any more.
    let ended = |token: &str| Why::Ended {
        why: "it was revoked".to_owned(),
        token: token.to_owned(),
    };
    // One that another program has made since stays.
    let mut person = Person::who([("It was revoked.", key("ctrl+q"))]);
    let older = ended("older");
    assert!(
        asked(&mut person, &begin, &older, &desk)
            .await
            .unwrap()
            .is_none()
    );
    assert!(desk.logins.find(&away, &ann()).unwrap().is_some());
    let mut person = Person::who([
        ("It was revoked.", key("enter")),
        ("Cannot reach", key("ctrl+q")),
    ]);
    let ended = ended("void");
    assert!(
        asked(&mut person, &begin, &ended, &desk)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(desk.logins.find(&away, &ann()), Ok(None));
}

#[test]
fn an_address_needs_no_port() {
    let read = |text: &str| address_of(text).map(|it| it.as_str().to_owned());
    assert_eq!(read("chat.lan").unwrap(), "chat.lan:7777");
    assert_eq!(read("chat.lan:1").unwrap(), "chat.lan:1");
    assert_eq!(read("[::1]").unwrap(), "[::1]:7777");
    for wrong in ["", "chat lan", "chat.lan:", "chat.lan:99999"] {
        let refusal = read(wrong).unwrap_err();
        assert!(!refusal.text.is_empty(), "{wrong:?}");
    }
}

/// The chat of ann.
async fn a_chat(folder: &std::path::Path, server: ServerAddress) -> Ui {
    let account = Seated {
        me: ann(),
        session: Session::open(&server, &Security::Plaintext).unwrap(),
        server,
        assurance: Assurance::Plaintext,
        folder: folder.to_owned(),
        begun: Vec::new(),
    };
    let settings = Settings::in_folder(None, &Surroundings::default());
    let screen = screen::Screen::new((80, 24), Nowhere).unwrap();
    start(account, settings, (screen, (80, 24))).await.unwrap()
}

/// What comes after a chat whose login the server ends.
async fn after_the_end(is_logging_out: bool) -> (Next, Result<(), Failure>) {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::new().await;
    let here = server.address.to_string().parse().unwrap();
    let mut ui = a_chat(home.path(), here).await;
    (ui.may_log_in, ui.is_logging_out) = (true, is_logging_out);
    let (_keys, mut inputs) = mpsc::channel(4);
    let mut signals = Signals::new().unwrap();
    let play = async {
        let door = server.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        let void = tonic::Status::unauthenticated("the token is void; log in again");
        door.out.send(Err(void)).await.unwrap();
    };
    let run = ui.run(&mut inputs, &mut signals);
    let both = async { tokio::join!(run, play) };
    let (outcome, ()) = timeout(PATIENCE, both).await.unwrap();
    let next = ui.next.clone();
    (next, ui.leave(outcome, pending()).await)
}

#[tokio::test]
async fn a_login_that_ends_in_the_chat_leads_to_where_one_logs_in() {
    let (next, left) = after_the_end(false).await;
    let Next::LogIn(why) = next else {
        panic!("{next:?}");
    };
    assert!(why.contains("the token is void"), "{why}");
    // Why is said where one logs in, and once.
    assert_eq!(left, Ok(()));
    // Who logs out is not told so, and has not failed.
    assert_eq!(after_the_end(true).await, (Next::LoggedOut, Ok(())));
}

#[tokio::test]
async fn what_is_lost_with_a_login_is_said_and_what_goes_on_is_not() {
    let home = tempfile::tempdir().unwrap();
    for is_kept in [true, false] {
        let mut ui = a_chat(home.path(), nobody().await).await;
        ui.may_log_in = true;
        if !is_kept {
            ui.ledger = Ledger::default();
        }
        let message = Outgoing {
            id: ClientMessageId::mint(),
            to: Place::User(ann()),
            text: "hello".parse().unwrap(),
            attachments: Vec::new(),
            reply_to: None,
            time: TimeMs::new(0),
            state: State::Waiting,
        };
        ui.perform(Effect::Send(message)).unwrap();
        ui.link_event(LinkEvent::Ended(ClientError::TokenText))
            .unwrap();
        assert!(matches!(ui.next, Next::LogIn(_)));
        let left = ui.leave(Ok(()), pending()).await.err();
        let left = left.map(|failure| failure.to_string());
        let lost = "to ann: \"hello\": 1 message was not sent; send again what is missing";
        assert_eq!(left.as_deref(), (!is_kept).then_some(lost));
    }
}

#[tokio::test]
async fn whoever_leaves_is_not_asked_to_log_in() {
    let home = tempfile::tempdir().unwrap();
    let mut ui = a_chat(home.path(), nobody().await).await;
    ui.may_log_in = true;
    ui.perform(Effect::Quit).unwrap();
    ui.link_event(LinkEvent::Ended(ClientError::TokenText))
        .unwrap();
    assert_eq!(ui.next, Next::Leave);
}

#[tokio::test]
async fn a_login_that_was_given_ends_with_the_program() {
    let home = tempfile::tempdir().unwrap();
    let mut ui = a_chat(home.path(), nobody().await).await;
    ui.link_event(LinkEvent::Ended(ClientError::TokenText))
        .unwrap();
    // Nobody can be asked: why it has ended stays on the screen until the user leaves.
    assert!(!ui.is_over);
    assert_eq!(ui.next, Next::Leave);
    // Nor can another account be chosen.
    ui.perform(Effect::Accounts).unwrap();
    assert!(!ui.is_over);
    let Err(Failure::Told { code: 3, .. }) = ui.leave(Ok(()), pending()).await else {
        panic!("it ends as if nothing had been");
    };
}

#[tokio::test]
async fn a_login_that_could_not_be_ended_goes_on_and_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    let mut ui = a_chat(home.path(), nobody().await).await;
    ui.may_log_in = true;
    let answered = |outcome| Asked {
        era: 0,
        deed: None,
        answer: Answered {
            learned: Learned {
                logged_out: Some(outcome),
                ..Learned::default()
            },
            ..Answered::default()
        },
    };
    ui.is_logging_out = true;
    ui.answered(answered(Err("Not logged out: no".to_owned())))
        .unwrap();
    assert!(!ui.is_over && !ui.is_logging_out);
    ui.answered(answered(Ok(()))).unwrap();
    assert!(ui.is_over);
    assert_eq!(ui.next, Next::LoggedOut);
}

#[tokio::test]
async fn a_defect_at_these_screens_is_a_failure_of_the_program() {
    let home = tempfile::tempdir().unwrap();
    let away = nobody().await;
    let defect = Failure::other("a defect of this program: a panic; please report it");
    let mut person = Person::who([("Cannot reach", Heard::Failed(defect.clone()))]);
    let entered = asked(
        &mut person,
        &begin(&away),
        &Why::Start,
        &a_desk(home.path()),
    )
    .await;
    assert_eq!(entered.err(), Some(defect));
}
