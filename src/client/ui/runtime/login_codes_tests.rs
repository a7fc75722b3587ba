//! The screens before the chat, before the same judge as the chat: names of files, fingerprints, what servers say and what is
//! pasted, in any order and at any size, bring nothing but our own codes to the terminal, which shows what was drawn.

use std::{
    io,
    sync::{Arc, Mutex},
};

use proptest::{prelude::*, sample::Index};
use ratatui::{Frame, buffer::Buffer};
use tokio::runtime::Runtime;

use super::{
    codes_tests::{chords, theme},
    hostile::{PIECES, Says, long_words, says, words},
    judge::{Judge, May, differences, for_emulator},
    screen::Screen,
};
use crate::{
    client::{
        app::line::Zone,
        exit::Failure,
        net::{connect::ServerAddress, error::ClientError},
        paper::Sheet,
        state::Logins,
        translate,
        ui::{
            keymap::{Chord, Keymap},
            login::{Account, Answer, Login, Met, Msg, Opening, Refusal, ask::Known, draw, update},
            theme::Theme,
        },
    },
    domain::{clock::TimeMs, fingerprint::Fingerprint},
};

/// What was written, as it was handed over.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Sheet for Tape {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(())
    }
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Answer(Says),
    Paste(String),
    Key(Index),
    Keys(&'static [&'static str]),
    Resize(u16, u16),
}

/// What leads from one screen to the next.
const WAYS: &[&[&str]] = &[
    &["enter"],
    &["down", "enter"],
    &["end", "enter"],
    &["y", "enter"],
    &["n", "enter"],
    &["esc"],
    &["ctrl+u", "b", "enter"],
    &["b", "o", "b", "enter"],
    &["pgdn"],
    &["down"],
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => says().prop_map(Step::Answer),
        2 => long_words().prop_map(Step::Paste),
        1 => any::<Index>().prop_map(Step::Key),
        6 => prop::sample::select(WAYS).prop_map(Step::Keys),
        1 => prop_oneof![(1_u16..120, 1_u16..40), (1_u16..25, 1_u16..8)].prop_map(|(w, h)| Step::Resize(w, h)),
    ];
    prop::collection::vec(step, 1..24)
}

/// A name as an address can have it: whatever is no address is none here, too.
fn server(text: &str) -> String {
    let host = text
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace());
    let host: String = host.filter(|c| !"/@?#\\:[]".contains(*c)).collect();
    let address: Result<ServerAddress, _> = format!("{host}:1").parse();
    address.map_or_else(|_| "chat.lan:1".to_owned(), |it| it.as_str().to_owned())
}

/// The logins of which files with such names tell.
fn accounts(names: &[String]) -> Vec<Account> {
    let home = tempfile::tempdir().unwrap();
    for (number, name) in names.iter().enumerate() {
        // A name of a file has no more than 255 bytes.
        let start: String = name.chars().take(40).collect();
        for place in [server(&start), start] {
            let file = home.path().join(format!("{place}@@ann{number}.token"));
            let _ = std::fs::write(file, "token");
        }
    }
    let all = Logins::in_folder(home.path().to_owned()).all().unwrap();
    let account = |it: crate::client::state::LoginPlace| Account {
        server: it.server.as_str().to_owned(),
        name: it.user,
        used: Some(TimeMs::new(1_000)),
    };
    all.into_iter().map(account).collect()
}

/// What is brought of what a server says.
fn answer(says: &Says) -> Answer {
    let (server, fingerprint) = (server(&says.name), Fingerprint::of(says.text.as_bytes()));
    let met = Met {
        server: server.clone(),
        known: [Known::Here, Known::Plaintext, Known::Vouched, Known::Pinned]
            [usize::from(says.kind) % 4],
        is_trusting: says.seq.is_multiple_of(2),
    };
    match says.kind % 8 {
        0 | 1 => Answer::Connected(met),
        2 => Answer::Unknown {
            server,
            fingerprint,
        },
        3 => Answer::Changed {
            server,
            shown: fingerprint,
            pinned: Fingerprint::of(b"1"),
        },
        4 => Answer::Ended(met),
        5 => {
            let address: Result<ServerAddress, _> = says.text.parse();
            let error = address.err().map(ClientError::Address);
            Answer::Refused(error.map_or_else(Refusal::default, Refusal::from))
        }
        6 => Answer::Refused(Refusal::from(
            Failure::from(says.error()).within("not done"),
        )),
        _ => Answer::Refused(Refusal::from(says.error())),
    }
}

/// These screens with all that is written for the terminal, and who reads it.
struct Seat {
    login: Login,
    keys: Keymap,
    theme: Theme,
    screen: Screen,
    tape: Tape,
    judge: Judge,
    terminal: vt100::Parser,
    runtime: Runtime,
}

impl Seat {
    fn new(opening: Opening, theme: Theme) -> Self {
        let size = opening.size;
        let runtime = tokio::runtime::Builder::new_current_thread();
        let tape = Tape::default();
        Self {
            login: Login::open(opening).0,
            keys: Keymap::default(),
            theme,
            screen: Screen::new(size, tape.clone()).unwrap(),
            tape,
            judge: Judge::new(size),
            terminal: vt100::Parser::new(size.1, size.0, 0),
            runtime: { runtime }.enable_all().build().unwrap(),
        }
    }

    /// Draws a frame, reads it as a terminal does, and looks at what that shows.
    fn frame(&mut self) -> Result<(), TestCaseError> {
        let (login, theme, keys) = (&self.login, &self.theme, &self.keys);
        let mut drawn = Buffer::default();
        let view = |frame: &mut Frame<'_>| {
            draw(login, theme, keys, frame);
            drawn = frame.buffer_mut().clone();
        };
        prop_assert!(self.screen.draw(view).unwrap().is_some());
        while !self.screen.is_free() {
            let more = self.screen.more_is_shown();
            self.runtime.block_on(more).unwrap();
        }
        let written = std::mem::take(&mut *self.tape.0.lock().unwrap());
        let wrong = self.judge.read(May::Draw, &written);
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
        self.terminal.process(&for_emulator(&written));
        let wrong = differences(self.terminal.screen(), &drawn);
        prop_assert!(wrong.is_empty(), "{:#?}", wrong);
        Ok(())
    }

    fn happened(&mut self, msg: Msg) {
        update(&mut self.login, &self.keys, msg);
    }

    fn step(&mut self, step: Step, chords: &[Chord]) {
        match step {
            Step::Answer(says) => self.happened(Msg::Answer(answer(&says))),
            Step::Paste(text) => self.happened(Msg::Paste(text)),
            Step::Key(at) => self.happened(Msg::Key(*at.get(chords))),
            Step::Keys(keys) => {
                for key in keys {
                    self.happened(Msg::Key(Chord::parse(key).unwrap()));
                }
            }
            Step::Resize(columns, rows) => {
                self.terminal.screen_mut().set_size(rows, columns);
                self.judge.resize((columns, rows));
                self.screen.resize((columns, rows)).unwrap();
                self.happened(Msg::Resized(columns, rows));
            }
        }
    }
}

fn opening(names: &[String], said: Option<&Says>, size: (u16, u16)) -> Opening {
    let accounts = accounts(names);
    // What has ended is told as the chat tells it.
    let why = said.map(|says| translate::problem(&says.error()).render_line());
    Opening {
        server: names
            .first()
            .map_or("127.0.0.1:7777".to_owned(), |name| server(name)),
        is_named: false,
        user: why.is_some().then(|| "ann0".parse().unwrap()),
        is_another: false,
        in_use: None,
        ended: why.clone(),
        told: why,
        accounts,
        size,
        now: TimeMs::new(500_000_000),
        zone: Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap()),
    }
}

proptest! {
    // One that fails is made smaller, but not for ever: some lines are of 100 KiB.
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn only_our_own_codes_reach_the_terminal_before_the_chat(
        names in prop::collection::vec(words(), 0..5),
        ended in prop::option::of(says()),
        steps in steps(),
        look in 0_usize..4,
        size in (20_u16..100, 6_u16..30),
    ) {
        let chords = chords();
        let mut seat = Seat::new(opening(&names, ended.as_ref(), size), theme(look));
        seat.frame()?;
        for step in steps {
            seat.step(step, &chords);
            seat.frame()?;
        }
    }
}

/// Each piece in the names of servers of the list, in what a server says, and in the field.
#[test]
fn each_piece_leaves_what_stands_beside_it_where_it_is_before_the_chat() {
    let mut wrong = Vec::new();
    for piece in PIECES {
        let says = |kind, text: &str| Says {
            kind,
            chat: 0,
            seq: 1,
            name: format!("b{piece}b"),
            text: text.to_owned(),
        };
        let said = says(7, &format!("t{piece}t{piece}{piece}|{piece}"));
        let names = [format!("a{piece}b|{piece}{piece}"), piece.repeat(9)];
        let mut seat = Seat::new(opening(&names, Some(&said), (80, 24)), theme(0));
        let steps = [
            Step::Keys(&["esc"]),
            Step::Keys(&["end", "enter"]),
            Step::Paste(format!("{piece}x|{piece}{piece}|y{piece}")),
            Step::Keys(&["enter"]),
            Step::Answer(said),
            Step::Keys(&["enter"]),
            Step::Answer(says(2, "x")),
            Step::Keys(&["y", "enter"]),
            Step::Answer(says(3, "x")),
        ];
        let done = steps.into_iter().map(|step| {
            seat.step(step, &[]);
            seat.frame()
        });
        if let Err(error) = done.collect::<Result<(), _>>() {
            wrong.push(format!("{piece:?}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
