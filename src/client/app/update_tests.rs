//! Triples: a model, what happens, and every line and effect that comes of it.

use chrono::FixedOffset;

use super::*;
use crate::{
    client::app::{
        acts::{Act, Deeds},
        line::Zone,
        model::{MessageLine, UserLine},
    },
    domain::{clock::TimeMs, name::UserName},
};

pub(super) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub(in super::super) fn ann() -> Model {
    let zone = Zone::Fixed(FixedOffset::east_opt(3600).unwrap());
    let mut model = Model::new(name("ann"), zone);
    update(&mut model, Msg::Connected);
    update(&mut model, Msg::CaughtUp);
    model
}

pub(in super::super) fn ann_with_bob() -> Model {
    let mut model = ann();
    start(&mut model, "bob", Ok(()));
    model
}

pub(super) fn start(
    model: &mut Model,
    with: &str,
    outcome: Result<(), StartProblem>,
) -> Vec<Effect> {
    let wanted = Wanted::User(name(with));
    assert_eq!(
        update(model, Msg::Typed(format!("/start {with}"))),
        [Effect::Start(wanted.clone())]
    );
    assert!(
        !model.takes_input(),
        "a line waits for the answer before it"
    );
    let room = Room {
        id: format!("c-{with}"),
        name: with.into(),
        ..Room::default()
    };
    let outcome = outcome.map(|()| room);
    let effects = update(model, Msg::Started { wanted, outcome });
    assert!(model.takes_input());
    effects
}

/// What the server knew at the start.
pub(super) fn known(rooms: Vec<Room>) -> Msg {
    let blocked = Some(Blocked::default());
    Msg::Known { rooms, blocked }
}

pub(super) fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    update(model, Msg::Typed(line.to_owned()))
}

pub(super) fn print(text: &str) -> Vec<Effect> {
    vec![Effect::Print(text.to_owned())]
}

fn sent(to: &str, text: &str) -> Vec<Effect> {
    vec![Effect::Send {
        to: Place::User(name(to)),
        text: text.parse().unwrap(),
        reply_to: None,
    }]
}

#[test]
fn the_greeting_comes_once_and_lines_wait_for_what_was_missed() {
    let mut model = Model::new(name("ann"), Zone::Local);
    assert!(!model.takes_input());
    assert_eq!(
        update(&mut model, Msg::Connected),
        print(
            "<> Welcome, ann. /users lists who is here, /start NAME opens a conversation, /help \
             the rest."
        )
    );
    assert!(!model.takes_input());
    assert_eq!(update(&mut model, Msg::CaughtUp), []);
    assert!(model.takes_input());
}

#[test]
fn a_lost_connection_is_told_once_however_often_it_is_tried() {
    let mut model = ann();
    let lost = print("<> Connection lost; trying again.");
    assert_eq!(update(&mut model, Msg::ConnectionLost), lost);
    assert_eq!(update(&mut model, Msg::ConnectionLost), []);
    assert_eq!(
        update(&mut model, Msg::Connected),
        print("<> Connected again.")
    );
    assert_eq!(update(&mut model, Msg::Connected), []);
    assert_eq!(update(&mut model, Msg::ConnectionLost), lost);
}

#[test]
fn start_opens_and_lines_go_there() {
    let mut model = ann();
    assert_eq!(
        start(&mut model, "bob", Ok(())),
        print("<> Conversation with bob is open. Lines you type go to bob; /stop closes it.")
    );
    assert_eq!(typed(&mut model, "hello"), sent("bob", "hello"));
    assert_eq!(typed(&mut model, "//stop"), sent("bob", "/stop"));
    assert_eq!(typed(&mut model, "xSTOP"), sent("bob", "xSTOP"));
    assert_eq!(
        typed(&mut model, " begins with a space"),
        sent("bob", " begins with a space")
    );
    assert_eq!(typed(&mut model, " /stop"), sent("bob", " /stop"));
}

#[test]
fn several_conversations_are_open_at_once() {
    let mut model = ann_with_bob();
    assert_eq!(
        start(&mut model, "carol", Ok(())),
        print(
            "<> Lines you type go to carol now. The conversation with bob stays open: its messages \
             are shown, /start bob returns to it."
        )
    );
    assert_eq!(typed(&mut model, "hi"), sent("carol", "hi"));
    assert_eq!(
        start(&mut model, "bob", Ok(())),
        print(
            "<> Lines you type go to bob again. The conversation with carol stays open: its \
             messages are shown, /start carol returns to it."
        )
    );
    assert_eq!(typed(&mut model, "hi"), sent("bob", "hi"));
    assert_eq!(
        start(&mut model, "bob", Ok(())),
        print("<> Conversation with bob is open already; lines you type go to bob.")
    );
}

#[test]
fn an_unknown_user_keeps_the_sentence_of_the_original() {
    let mut model = ann_with_bob();
    assert_eq!(
        start(&mut model, "nobody", Err(StartProblem::UserNotFound)),
        print(
            "<> Cannot start a conversation with user nobody. The user does not exist! (nobody \
             must register first; /users lists everybody) Lines you type still go to bob."
        )
    );
    assert_eq!(
        typed(&mut model, "still to bob"),
        sent("bob", "still to bob")
    );
}

#[test]
fn notes_to_self_are_a_conversation() {
    let mut model = ann();
    assert_eq!(
        start(&mut model, "ann", Ok(())),
        print("<> Your notes are open. Lines you type go to yourself; /stop closes them.")
    );
}

#[test]
fn stop_says_what_it_did_and_outside_a_conversation_too() {
    let mut model = ann_with_bob();
    assert_eq!(
        typed(&mut model, "/STOP"),
        print(
            "<> Conversation with bob is closed; what bob writes is still shown. /start bob opens \
             it again."
        )
    );
    assert_eq!(
        typed(&mut model, "/stop"),
        print("<> No conversation is open, so there is none to close; /start NAME opens one.")
    );
    assert_eq!(
        typed(&mut model, "hello"),
        print(
            "<> No conversation is open, so nobody got that; /start NAME opens one, /commands \
             lists the commands."
        )
    );
}

#[test]
fn names_of_emoji_are_meant_by_people_and_not_by_programs() {
    let lines = [
        "hi :heart: at 12:30:45",
        "//x :heart:",
        "/reply 3 `:heart:` :heart:",
        "/edit 3 :heart:",
        "/text",
        ":heart:",
        ".",
    ];
    let said = |is_a_person| -> Vec<String> {
        let mut model = ann_with_bob();
        model.is_read_by_a_person = is_a_person;
        let effects = lines.iter().flat_map(|line| typed(&mut model, line));
        let effects: Vec<Effect> = effects.collect();
        let texts = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { text, .. } | Effect::Act(Act::At(_, Deeds::Edit(_, text))) => {
                Some(text.as_str().to_owned())
            }
            _ => None,
        });
        texts.collect()
    };
    assert_eq!(
        said(true),
        ["hi ❤️ at 12:30:45", "/x ❤️", "`:heart:` ❤️", "❤️", "❤️"]
    );
    assert_eq!(
        said(false),
        [
            "hi :heart: at 12:30:45",
            "/x :heart:",
            "`:heart:` :heart:",
            ":heart:",
            ":heart:"
        ]
    );
}

#[test]
fn enter_alone_does_nothing_to_a_person() {
    assert_eq!(typed(&mut ann(), ""), [], "no conversation is open");
    let mut model = ann_with_bob();
    model.is_read_by_a_person = true;
    for nothing in ["", " ", " \t\u{a0}"] {
        assert_eq!(typed(&mut model, nothing), [], "{nothing:?}");
    }
    assert_eq!(model.unsent, 0);
    // A program means what it says.
    model.is_read_by_a_person = false;
    assert!(!typed(&mut model, " ").is_empty());
}

#[test]
fn a_text_that_cannot_be_sent_says_why() {
    let mut model = ann_with_bob();
    assert_eq!(
        typed(&mut model, ""),
        print("<> Not sent: the text is empty; write something to send")
    );
    assert_eq!(
        typed(&mut model, &"x".repeat(16_385)),
        print(&format!(
            "<> Not sent: the text is 16385 bytes long, 16384 are allowed; send it in parts: \
             \"{}…\"",
            "x".repeat(30)
        ))
    );
    assert_eq!(
        typed(&mut model, "a\u{1b}[2J"),
        print(
            "<> Not sent: the text contains the control character \\u{1b}; only newline and tab \
             are allowed: \"a␛[2J\""
        )
    );
    assert_eq!(
        update(&mut model, Msg::TypedUndecodable),
        print("<> Not sent: the line is not UTF-8; set the terminal or the file to UTF-8.")
    );
    assert_eq!(
        update(&mut model, Msg::TypedTooLong),
        print("<> Not sent: the line is longer than any text may be; send it in parts.")
    );
}

#[test]
fn a_refusal_of_the_server_repeats_the_start_of_the_text() {
    let text = "hello".into();
    let problem = "the store is full; try again later\u{7}".into();
    assert_eq!(
        update(&mut ann(), Msg::NotSent { text, problem }),
        print("<> Not sent: the store is full; try again later␇: \"hello\"")
    );
}

#[test]
fn users_are_listed_a_line_each() {
    let mut model = ann();
    assert_eq!(typed(&mut model, "/USERS"), [Effect::ListUsers]);
    assert!(!model.takes_input());
    let user = |name: &str, presence| UserLine {
        name: name.into(),
        presence,
    };
    assert_eq!(
        update(
            &mut model,
            Msg::Users(Ok(vec![
                user("ann", Presence::Online),
                user("bob\n", Presence::Offline),
                user("carol", Presence::Away),
                user("dave", Presence::DoNotDisturb),
            ]))
        ),
        print("ann <ONLINE>\nbob⏎ <OFFLINE>\ncarol <AWAY>\ndave <DND>")
    );
    assert!(model.takes_input());
    assert_eq!(
        update(
            &mut model,
            Msg::Users(Err("cannot reach the server; try again".into()))
        ),
        print("<> Cannot list the users: cannot reach the server; try again")
    );
}

#[test]
fn the_time_is_shown_in_the_zone_of_the_reader() {
    let mut model = ann();
    assert_eq!(typed(&mut model, "/Time"), [Effect::AskTime]);
    assert_eq!(
        update(&mut model, Msg::Time(Ok(TimeMs::new(0)))),
        print("<> 1970-01-01 01:00:00")
    );
}

#[test]
fn a_message_is_shown_whatever_is_in_front() {
    assert_eq!(
        update(
            &mut ann_with_bob(),
            Msg::Message(said("c9", 1, "carol", "hi"))
        ),
        print("<carol, 1970-01-01 01:00:01> hi")
    );
}

#[test]
fn the_ways_to_leave() {
    let mut model = ann();
    let told = |line: &str| match typed(&mut ann(), line).as_slice() {
        [Effect::Print(lines)] => format!("{lines:?}"),
        other => panic!("{other:?}"),
    };
    assert!(told("/accounts").contains("--user NAME"));
    assert!(told("/logout").contains("tinychat-client logout"));
    assert_eq!(typed(&mut model, "/quit"), [Effect::Leave { hurry: true }]);
    assert_eq!(
        update(&mut model, Msg::Interrupted),
        [Effect::Leave { hurry: true }]
    );
    assert_eq!(
        update(&mut model, Msg::InputEnded),
        [Effect::Leave { hurry: false }]
    );
}

#[test]
fn commands_prints_the_table_and_help_explains_it() {
    let mut model = ann();
    assert_eq!(
        typed(&mut model, "/commands"),
        print(&command::list().join("\n"))
    );
    let help = typed(&mut model, "/HELP");
    let [Effect::Print(help)] = help.as_slice() else {
        panic!("{help:?}")
    };
    assert!(help.starts_with(&command::list().join("\n")));
    assert_eq!(help.lines().count(), command::COMMANDS.len() + 8);
}

#[test]
fn lines_typed_while_the_server_is_away_are_kept_and_their_state_is_told() {
    let mut model = ann_with_bob();
    update(&mut model, Msg::ConnectionLost);
    assert_eq!(typed(&mut model, "one"), sent("bob", "one"));
    assert_eq!(
        update(&mut model, Msg::Waits { lost: 0 }),
        print("<> Kept until the server is back; 1 message is waiting.")
    );
    assert_eq!(typed(&mut model, "two"), sent("bob", "two"));
    assert_eq!(
        update(&mut model, Msg::Waits { lost: 2 }),
        print("<> Waits for the server, and only as long as this runs; 2 messages are waiting.")
    );
    assert_eq!(
        update(&mut model, Msg::Waits { lost: 1 }),
        print(
            "<> Kept until the server is back, but for 1 that could not be kept; 2 messages are waiting."
        )
    );
    assert_eq!(
        update(&mut model, Msg::Connected),
        print("<> Connected again; sending 2 messages.")
    );
    assert_eq!(update(&mut model, Msg::Sent), []);
    assert_eq!(
        update(&mut model, Msg::Sent),
        print("<> Nothing waits any more.")
    );
    // What goes at once is nothing to talk about.
    assert_eq!(typed(&mut model, "three"), sent("bob", "three"));
    assert_eq!(update(&mut model, Msg::Sent), []);
}

#[test]
fn a_program_that_starts_without_a_server_can_be_written_to() {
    let mut model = Model::new(name("ann"), Zone::Local);
    let lost = update(&mut model, Msg::ConnectionLost);
    let [Effect::Print(lost)] = lost.as_slice() else {
        panic!("{lost:?}")
    };
    assert!(
        lost.starts_with("<> Welcome, ann. The server cannot be reached"),
        "{lost}"
    );
    assert!(model.takes_input());
    let opened = typed(&mut model, "/start bob");
    assert!(
        matches!(opened.as_slice(), [Effect::Print(text)] if text.contains("nobody was asked")),
        "{opened:?}"
    );
    assert!(model.takes_input(), "nothing is waited for");
    assert_eq!(typed(&mut model, "hi"), sent("bob", "hi"));
    update(&mut model, Msg::Waits { lost: 0 });
    update(&mut model, Msg::Connected);
    let refused = update(
        &mut model,
        Msg::NotSent {
            text: "hi".into(),
            problem: "nobody is called bob".into(),
        },
    );
    let told = [
        print("<> Not sent: nobody is called bob: \"hi\""),
        print("<> Nothing waits any more."),
    ];
    assert_eq!(refused, told.concat());
}

#[test]
fn what_an_earlier_run_left_is_counted() {
    let mut model = ann();
    let left = Msg::Left {
        waiting: 1,
        refused: Vec::new(),
    };
    assert_eq!(
        update(&mut model, left),
        print("<> 1 message of last time is still waiting; sending now.")
    );
    assert_eq!(
        update(&mut model, Msg::Sent),
        print("<> Nothing waits any more.")
    );
}

#[test]
fn who_types_here_is_told_when_that_is_asked() {
    let mut model = ann_with_bob();
    let types = |model: &mut Model, conversation: &str, user: &str| {
        let told = Msg::Typing {
            conversation: conversation.to_owned(),
            user: user.into(),
            is_typing: true,
        };
        assert_eq!(update(model, told), []);
    };
    let told = |model: &mut Model| match typed(model, "/typing").as_slice() {
        [Effect::Print(told)] => told.clone(),
        other => panic!("{other:?}"),
    };
    types(&mut model, "c-carol", "carol");
    types(&mut model, "c-bob", "ann");
    assert_eq!(told(&mut model), "<> Nobody is typing here.");
    types(&mut model, "c-bob", "bob");
    assert_eq!(told(&mut model), "<> bob is typing.");
    update(&mut model, Msg::Message(said("c-bob", 9, "bob", "there")));
    assert_eq!(told(&mut model), "<> Nobody is typing here.");
    types(&mut model, "c-bob", "bob");
    model.now = TimeMs::new(6_000);
    assert_eq!(told(&mut model), "<> Nobody is typing here.");
    types(&mut model, "c-bob", "bob");
    update(&mut model, Msg::ConnectionLost);
    assert_eq!(told(&mut model), "<> Nobody is typing here.");
    model.hears_typing = false;
    assert!(told(&mut model).contains("--json"));
    typed(&mut model, "/stop");
    assert_eq!(told(&mut model), format!("<> {}", acts::nowhere()));
}

pub(in super::super) fn said(
    conversation: &str,
    seq: u64,
    sender: &str,
    text: &str,
) -> MessageLine {
    MessageLine {
        conversation: conversation.to_owned(),
        seq,
        sender: sender.into(),
        time: TimeMs::new(1000),
        text: Some(text.into()),
        files: Vec::new(),
        reply_to: 0,
        is_edited: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    }
}
