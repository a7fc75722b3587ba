//! No peer and no server writes to the user's terminal: a corpus of escape and bidi tricks, wherever a text of theirs is
//! shown, through the real client in a pseudo-terminal, judged by the parser of a terminal; and a server that says
//! anything, at random.

mod acts;
mod found;
mod links;

use std::{
    fs::File,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use prost::Message as _;
use tinychat::pb::{
    self, CaughtUp, Conversation, ConversationChanged, Event, Gap, GoingAway, Message, ReadMarker,
    Reset, UserRef, Welcome, event::Body, message::Content,
};
use tonic::{Code, Status};

use crate::support::{
    self, PATIENCE,
    evil::{Evil, Script},
    oracle::Oracle,
    rng::Rng,
    terminal::Home,
};

/// A word in every trick, by which it is seen that the trick was shown at all.
const WORD: &str = "needle";

/// What hostile texts are made of; each stands around `WORD`.
fn tricks() -> Vec<String> {
    let before_and_after = [
        // Sequences of control: colour, erase, move, scroll region, modes, reports, keys, mouse, alternate screen.
        ("\u{1b}[31m", "\u{1b}[0m"),
        ("\u{1b}[2J\u{1b}[H", ""),
        ("\u{1b}[1A\u{1b}[2K", ""),
        ("\u{1b}[10;1H", ""),
        ("\u{1b}[1;5r", ""),
        ("\u{1b}[?1049h", "\u{1b}[?1049l"),
        ("\u{1b}[?1000h", ""),
        ("\u{1b}[?2004l", ""),
        ("\u{1b}[?25l", ""),
        ("\u{1b}[6n", ""),
        ("\u{1b}[c", ""),
        ("\u{1b}[>0q", ""),
        ("\u{1b}[21t", ""),
        ("\u{1b}[8;1;1t", ""),
        ("\u{1b}[5i", ""),
        ("\u{1b}[4h", ""),
        ("\u{1b}[8m", ""),
        ("\u{1b}[99999999999999b", ""),
        // Commands to the operating system: title, clipboard, links, colours, working folder, notices.
        ("\u{1b}]0;owned\u{7}", ""),
        ("\u{1b}]2;owned\u{1b}\\", ""),
        ("\u{1b}]52;c;cm0gLXJmIH4K\u{7}", ""),
        ("\u{1b}]52;c;?\u{7}", ""),
        (
            "\u{1b}]8;;http://evil.example\u{1b}\\",
            "\u{1b}]8;;\u{1b}\\",
        ),
        ("\u{1b}]4;1;#ff0000\u{7}", ""),
        ("\u{1b}]7;file:///etc\u{7}", ""),
        ("\u{1b}]9;notice\u{7}", ""),
        ("\u{1b}]1337;File=inline=1:AAAA\u{7}", ""),
        ("\u{1b}]777;notify;a;b\u{7}", ""),
        // Strings of devices, applications, privacy; sequences that are left open.
        ("\u{1b}P$q\"p\u{1b}\\", ""),
        ("\u{1b}Pq#0;2;0;0;0~\u{1b}\\", ""),
        ("\u{1b}_Gf=100;AAAA\u{1b}\\", ""),
        ("\u{1b}^private\u{1b}\\", ""),
        ("\u{1b}Xstart", ""),
        ("\u{1b}[", ""),
        ("\u{1b}]0;", ""),
        ("\u{1b}P", ""),
        // Escapes of one letter: reset, index, character sets, keypad.
        ("\u{1b}c", ""),
        ("\u{1b}D", "\u{1b}M"),
        ("\u{1b}(0", "\u{1b}(B"),
        ("\u{1b}7", "\u{1b}8"),
        ("\u{1b}#8", ""),
        ("\u{1b}=", ""),
        ("\u{1b}\u{1b}", "\u{1b}"),
        // The same by one byte of C1.
        ("\u{9b}31m", ""),
        ("\u{9d}0;owned\u{9c}", ""),
        ("\u{90}q\u{9c}", ""),
        ("\u{9f}G\u{9c}", ""),
        ("\u{84}\u{85}\u{8d}", ""),
        ("\u{80}\u{81}\u{99}", ""),
        // C0: bell, backspace, carriage return, vertical tab, form feed, shifts, enquiry, device controls, NUL, DEL.
        ("\u{7}\u{7}", "\u{7}"),
        ("abc\u{8}\u{8}\u{8}", ""),
        ("hidden\r", ""),
        ("\u{b}\u{c}", ""),
        ("\u{e}", "\u{f}"),
        ("\u{5}\u{11}\u{13}", ""),
        ("\0", "\0"),
        ("\u{7f}\u{7f}", ""),
        ("\u{1a}\u{18}", ""),
        // Lines of somebody else.
        ("x\n<forged, 2026-01-01 00:00:00> ", ""),
        ("x\r\n<forged> ", ""),
        ("x\u{2028}<forged> ", "\u{2029}<> forged"),
        ("x\u{85}<forged> ", ""),
        ("x\n\n\n<> forged ", "\n"),
        // Directions.
        ("\u{202e}", "\u{202c}"),
        ("\u{202d}", ""),
        ("\u{202a}\u{202b}", ""),
        ("\u{2066}\u{2067}\u{2068}", "\u{2069}"),
        ("\u{200f}", "\u{200e}"),
        ("\u{61c}", ""),
        // What is not seen.
        ("\u{200b}\u{2060}\u{feff}", "\u{ad}"),
        ("\u{e0001}\u{e0041}\u{e0042}", "\u{e007f}"),
        ("\u{fff9}a\u{fffa}b\u{fffb}", ""),
        ("\u{180e}\u{2061}\u{206f}", ""),
        // Towers.
        (
            "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}",
            "",
        ),
    ];
    let tower = "\u{489}".repeat(500);
    let wide = format!("{}\u{1b}]0;x\u{7}", "\u{ff21}".repeat(300));
    let more = [(tower.as_str(), ""), (wide.as_str(), "")];
    let all = before_and_after.iter().chain(&more);
    let all = all.map(|(before, after)| format!("{before}{WORD}{after}"));
    let all: Vec<String> = all.collect();
    assert!(all.len() >= 60, "{}", all.len());
    all
}

#[test]
fn the_oracle_sees_every_trick() {
    for trick in tricks() {
        let oracle = Oracle::judge_lines(format!("{trick}\u{1b}\\").as_bytes());
        // What ends the sequences that a trick leaves open is itself an escape: one fault more than that.
        let harmless = Oracle::judge_lines(b"needle\x1b\\").faults.len();
        let seen = oracle.faults.len() > harmless || !oracle.text.contains(WORD);
        assert!(seen, "{trick:?} passes for harmless");
    }
    assert!(
        Oracle::judge_lines("plain é 漢 👩‍👩‍👧\r\n".as_bytes())
            .faults
            .is_empty()
    );
}

fn user(name: &str) -> UserRef {
    UserRef {
        id: "u2".to_owned(),
        name: name.to_owned(),
    }
}

fn event(body: Body) -> Event {
    Event {
        cursor: String::new(),
        body: Some(body),
    }
}

fn message(seq: u64, sender: &str, text: &str) -> Event {
    event(Body::Message(Message {
        conversation_id: "c1".to_owned(),
        seq,
        sender: Some(user(sender)),
        content: Some(Content::Text(text.to_owned())),
        ..Message::default()
    }))
}

/// What each stream says: every trick as a text, as a sender, as a name, as what a server calls itself.
fn frames(tricks: &[String]) -> Vec<Vec<Event>> {
    let mut frames = Vec::new();
    let mut seq = 0;
    for trick in tricks {
        let welcome = Welcome {
            server_version: trick.clone(),
            epoch: trick.clone(),
            ..Welcome::default()
        };
        let conversation = Conversation {
            id: trick.clone(),
            kind: pb::ConversationKind::Direct.into(),
            name: trick.clone(),
            members: vec![user("ann"), user(trick)],
            ..Conversation::default()
        };
        let changed = ConversationChanged {
            conversation: Some(conversation),
        };
        seq += 2;
        frames.push(vec![
            event(Body::Welcome(welcome)),
            event(Body::ConversationChanged(changed)),
            message(seq - 1, "bob", trick),
            message(seq, trick, trick),
        ]);
    }
    frames.push(vec![
        event(Body::CaughtUp(CaughtUp {})),
        message(seq + 1, "bob", "the end"),
    ]);
    frames
}

/// Judges what a client wrote.
#[track_caller]
fn assert_harmless(bytes: &[u8], what: &str) {
    let oracle = Oracle::judge_lines(bytes);
    let shown = oracle.text;
    assert_eq!(oracle.faults, Vec::<String>::new(), "{what}: {shown}");
}

fn words(text: &str) -> usize {
    text.matches(WORD).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_of_a_peer_or_a_server_reaches_the_screen() {
    let tricks = tricks();
    let evil = Evil::start(Script {
        frames: frames(&tricks),
        tricks: tricks.clone(),
        user: "ann".to_owned(),
        ..Script::default()
    })
    .await;
    let home = Home::new();
    let address = evil.address.clone();
    let mut client = home.client_of(&address, &["--user", "ann"]);
    client.wait_for("the end");
    // Once as the text of bob, and once as sender and text.
    let shown = words(&client.transcript());
    assert_eq!(shown, 3 * tricks.len(), "tricks were shown");
    // Names in lists, errors of calls, and errors inside the stream.
    client.line("/users");
    for _ in &tricks {
        client.wait_for(WORD);
    }
    for _ in &tricks {
        client.ask("/start bob", "Cannot start");
        client.wait_for(WORD);
    }
    client.ask("/start open", "is open");
    for _ in &tricks {
        client.ask("a line", "Not sent");
        client.wait_for(WORD);
    }
    client.line("/quit");
    client.ended();
    assert_harmless(&client.bytes(), "in a terminal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_gets_through_a_pipe_either() {
    // Both outputs may end on a terminal.
    let tricks = tricks();
    let evil = Evil::start(Script {
        frames: frames(&tricks),
        tricks: tricks.clone(),
        user: "ann".to_owned(),
        end: Some(Err(Status::permission_denied(&tricks[0]))),
        ..Script::default()
    })
    .await;
    let home = Home::new();
    let run = |arguments: &[&str], code: i32| {
        let output = home.run(&evil.address, arguments, b"/users\n");
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        for bytes in [&output.stdout, &output.stderr] {
            assert_harmless(bytes, &format!("{arguments:?}"));
        }
        [&output.stdout, &output.stderr].map(|bytes| words(&String::from_utf8_lossy(bytes)))
    };
    assert_eq!(run(&["--user", "ann", "users"], 0)[0], tricks.len());
    for _ in &tricks {
        let [out, err] = run(&["--user", "ann", "send", "bob", "text"], 5);
        assert_eq!((out, err), (0, 1), "the refusal is told, and on stderr");
    }
    let [out, err] = run(&["--user", "ann", "watch"], 6);
    assert_eq!((out, err), (3 * tricks.len(), 1));
    let [out, _] = run(&["--user", "ann"], 6);
    assert!(out >= 3 * tricks.len(), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_ends_a_stream_or_a_name_that_is_none_is_told_safely() {
    let codes = [
        (Code::Unauthenticated, 3),
        (Code::FailedPrecondition, 6),
        (Code::InvalidArgument, 6),
        (Code::Unimplemented, 1),
    ];
    for (index, trick) in tricks().into_iter().enumerate() {
        let (code, exit) = codes[index % codes.len()];
        let evil = Evil::start(Script {
            // Said again and again: by the login that is refused, and by the stream that ends.
            tricks: vec![trick.clone()],
            // A server that does not even know the name that it gave.
            user: [trick.as_str(), "ann"][index % 2].to_owned(),
            end: Some(Err(Status::new(code, trick.clone()))),
            ..Script::default()
        })
        .await;
        let home = Home::new();
        let mut client = home.client_of(&evil.address, &["--user", "ann"]);
        client.wait_for(WORD);
        let ended = client.ended();
        assert_harmless(&client.bytes(), &format!("{trick:?}"));
        assert_eq!(ended.code(), Some(exit), "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_told_safely() {
    let home = Home::new();
    for trick in tricks() {
        let evil = Evil::start(Script {
            tricks: vec![trick.clone()],
            // Nobody can log in.
            user: String::new(),
            ..Script::default()
        })
        .await;
        let mut client = home.client_of(&evil.address, &["--user", "ann"]);
        client.wait_for(WORD);
        client.ended();
        assert_harmless(&client.bytes(), &format!("{trick:?}"));
    }
}

/// A random text: of tricks, of any characters, of nothing.
fn text(rng: &mut Rng, tricks: &[String]) -> String {
    match rng.within(0..5) {
        0 => String::new(),
        1 => tricks[rng.within(0..tricks.len() as u64) as usize].clone(),
        2 => (0..rng.within(1..200))
            .filter_map(|_| char::from_u32(rng.next() as u32 % 0x11_0000))
            .collect(),
        3 => "x".repeat(rng.within(1..20_000) as usize),
        _ => ["c1", "c2", "u1", "ann", "bob", "c18446744073709551615"][rng.within(0..6) as usize]
            .to_owned(),
    }
}

fn number(rng: &mut Rng) -> u64 {
    match rng.within(0..4) {
        0 => rng.within(0..5),
        1 => u64::MAX - rng.within(0..3),
        2 => i64::MAX as u64 + rng.within(0..3),
        _ => rng.next(),
    }
}

fn timestamp(rng: &mut Rng) -> Option<prost_types::Timestamp> {
    rng.chance(80).then(|| prost_types::Timestamp {
        seconds: number(rng).cast_signed(),
        nanos: rng.next() as i32,
    })
}

/// A wait that a server may ask for: none, short, or one that no clock knows.
fn wait(rng: &mut Rng) -> Option<prost_types::Duration> {
    let seconds = [0, 0, -1, i64::MIN, i64::MIN + 1][rng.within(0..5) as usize];
    rng.chance(50).then(|| prost_types::Duration {
        seconds,
        nanos: [0, -1, i32::MIN, 1_000_000][rng.within(0..4) as usize],
    })
}

fn random_event(rng: &mut Rng, tricks: &[String]) -> Event {
    let body = match rng.within(0..16) {
        0 => None,
        1 => Some(Body::Welcome(Welcome {
            server_version: text(rng, tricks),
            time: timestamp(rng),
            limits: rng.chance(50).then(|| pb::Limits {
                sends_per_second: rng.next() as u32,
                ..pb::Limits::default()
            }),
            ..Welcome::default()
        })),
        2 => Some(Body::ConversationChanged(ConversationChanged {
            conversation: rng
                .chance(80)
                .then(|| acts::random_conversation(rng, tricks)),
        })),
        3 => Some(Body::ReadMarker(ReadMarker {
            conversation_id: text(rng, tricks),
            user_id: text(rng, tricks),
            read_seq: number(rng),
        })),
        4 => Some(Body::Gap(Gap {
            conversation_id: text(rng, tricks),
            from_seq: number(rng),
            to_seq: number(rng),
        })),
        5 => Some(Body::Reset(Reset {
            reason: rng.next() as i32,
        })),
        6 => Some(Body::CaughtUp(CaughtUp {})),
        7 if rng.chance(10) => Some(Body::GoingAway(GoingAway {
            reason: rng.within(0..5) as i32,
            retry_after: wait(rng),
        })),
        8..=11 => Some(acts::random_act(rng, tricks)),
        _ => Some(Body::Message(acts::random_message(rng, tricks))),
    };
    Event {
        cursor: text(rng, tricks),
        body,
    }
}

/// Less than a client takes in one frame: a larger one breaks the connection, and the client would try for ever.
const FRAME_BYTES: usize = 400 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_server_says_at_random_the_client_survives_it_and_ends_in_order() {
    let tricks = tricks();
    let seeds = if support::long() { 0..200 } else { 0..12 };
    for seed in seeds {
        let mut rng = Rng::new(seed);
        let mut frames: Vec<Vec<Event>> = (0..rng.within(1..60))
            .map(|_| {
                let events = rng.within(0..20);
                let mut bytes = 0;
                (0..events)
                    .map(|_| random_event(&mut rng, &tricks))
                    .take_while(|event| {
                        bytes += event.encoded_len();
                        bytes < FRAME_BYTES
                    })
                    .collect()
            })
            .collect();
        frames.insert(0, vec![event(Body::Welcome(Welcome::default()))]);
        // Ends for good, so that the client has a reason to end.
        let status = Status::new(Code::PermissionDenied, text(&mut rng, &tricks));
        let evil = Evil::start(Script {
            frames,
            tricks: tricks.clone(),
            user: "ann".to_owned(),
            end: Some(Err(status)),
            retry_after: wait(&mut rng),
        })
        .await;
        let home = Home::new();
        for arguments in [&["--user", "ann", "watch", "--ack"][..], &["--user", "ann"]] {
            let input = home.path().join("input");
            std::fs::write(&input, "/users\n/start bob\n/start open\nline\n").unwrap();
            let [out, err] = ["out", "err"].map(|name| home.path().join(name));
            let mut child = Command::new(env!("CARGO_BIN_EXE_tinychat-client"))
                .env_clear()
                .envs(home.environment())
                .args(["--server", &evil.address])
                .args(arguments)
                .stdin(Stdio::from(File::open(&input).unwrap()))
                .stdout(File::create(&out).unwrap())
                .stderr(File::create(&err).unwrap())
                .spawn()
                .unwrap();
            let end = Instant::now() + PATIENCE;
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                if Instant::now() > end {
                    child.kill().ok();
                    child.wait().ok();
                    panic!("seed {seed} {arguments:?}: it hangs");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            let code = status.code();
            let said = std::fs::read_to_string(&err).unwrap();
            assert!(
                code.is_some_and(|code| (0..=6).contains(&code)) && !said.contains("panicked"),
                "seed {seed} {arguments:?}: {status} {said}"
            );
            for file in [&out, &err] {
                let oracle = Oracle::judge_lines(&std::fs::read(file).unwrap());
                assert!(
                    oracle.faults.is_empty(),
                    "seed {seed} {arguments:?}: {:?}",
                    oracle.faults
                );
            }
        }
    }
}
