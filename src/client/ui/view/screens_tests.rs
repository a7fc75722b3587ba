//! Screens as people see them, pinned.

use super::models::*;
use crate::{
    client::{
        app::{
            blocked::Blocked,
            look::{Found, Look, Search},
            model::MessageLine,
            room::Kind,
        },
        ui::{
            layout,
            model::{
                Focus, LinkState, Model,
                chat::Scroll,
                composer::{Candidate, Composer, Draft, Quote},
                edit::Edit,
                markers::Marker,
                notices::Level,
                outgoing::State,
                overlay::{
                    Hit, Overlay, PickRow, Picked, Picker, PickerKind, Question, SearchPane,
                    TextPage, Then,
                },
            },
        },
    },
    domain::{clock::TimeMs, ids::ClientMessageId, role::Role, user::Presence},
};

fn quote(seq: u64, sender: &str, text: &str) -> Quote {
    Quote {
        seq,
        sender: sender.into(),
        text: text.into(),
    }
}

fn look(model: &mut Model, scroll: Option<Scroll>) {
    let chat = model.chats.front_mut().unwrap();
    match scroll.unwrap() {
        Scroll::AtEnd => chat.to_end(),
        Scroll::At { seq, hidden_rows } => chat.scroll_to(seq, hidden_rows),
    }
}

pub(super) fn pin(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn an_ordinary_day() {
    let (mut model, _) = office();
    pin("office_80x24", &shown(&mut model, (80, 24), &theme("dark")));
    model.members_shown = true;
    pin(
        "office_120x40",
        &shown(&mut model, (120, 40), &theme("dark")),
    );
    pin("office_60x15", &shown(&mut model, (60, 15), &theme("dark")));
    pin("office_40x12", &shown(&mut model, (40, 12), &theme("dark")));
    pin("office_20x6", &shown(&mut model, (20, 6), &theme("dark")));
    pin("office_10x3", &shown(&mut model, (10, 3), &theme("dark")));
    pin("office_1x1", &shown(&mut model, (1, 1), &theme("dark")));
}

#[test]
fn themes_and_glyphs() {
    let (mut model, ops) = office();
    for name in ["dark", "light", "sixteen", "plain"] {
        let (buffer, _) = drawn(&mut model, (80, 24), &theme(name));
        let rows = [1, 10, 5, 9, 20, 23].map(|row| styles(&buffer, row));
        pin(&format!("styles_{name}"), &rows.join("\n"));
    }
    say_so(
        &mut model,
        &ops,
        "bob",
        at(0, 9, 50),
        "@ann look",
        |message| {
            message.reply_to = 8;
            message.mentions = vec!["ann".into()];
            message.reactions = vec![reaction("+1", 2, true)];
        },
    );
    pin("ascii", &shown(&mut model, (80, 24), &ascii()));
}

#[test]
fn where_nothing_is() {
    let mut model = newcomer();
    pin("welcome", &shown(&mut model, (80, 24), &theme("dark")));
    pin(
        "welcome_40x12",
        &shown(&mut model, (40, 12), &theme("dark")),
    );
    model.link = LinkState::Starting;
    pin("starting", &shown(&mut model, (60, 15), &theme("dark")));
    add(&mut model, Kind::Direct, "bob", at(0, 9, 0));
    model.link = LinkState::CatchingUp;
    pin("nothing_open", &shown(&mut model, (80, 24), &theme("dark")));
    let fresh = add(&mut model, Kind::Channel, "fresh", at(0, 9, 0));
    model.open(Some(fresh));
    model.link = LinkState::Up;
    pin("nothing_said", &shown(&mut model, (80, 24), &theme("dark")));
}

#[test]
fn the_link() {
    let (mut model, ops) = office();
    let retry_at = TimeMs::new(NOW + 11_500);
    model.link_lost(retry_at);
    sends(
        &mut model,
        &ops,
        1,
        "I write this on a train",
        State::Waiting,
    );
    sends(
        &mut model,
        &ops,
        2,
        "and it will be sent when I am back",
        State::Waiting,
    );
    pin("reconnecting", &shown(&mut model, (80, 24), &theme("dark")));
    pin(
        "reconnecting_40x12",
        &shown(&mut model, (40, 12), &theme("dark")),
    );
    let why = "the login has ended; run tinychat-client login";
    model.link = LinkState::Ended { why: why.into() };
    pin("ended", &shown(&mut model, (80, 24), &theme("dark")));
}

#[test]
fn notices() {
    let (mut model, _) = office();
    model.notices.push(Level::Info, "Copied.", model.now);
    pin("notice", &shown(&mut model, (80, 24), &theme("dark")));
    let long = "The message is longer than 16384 bytes and was not sent; send it in parts, or send it as a file.";
    model.notices.push(Level::Error, long, model.now);
    pin("notice_long", &shown(&mut model, (80, 24), &theme("dark")));
    pin(
        "notice_long_40x12",
        &shown(&mut model, (40, 12), &theme("dark")),
    );
}

#[test]
fn what_becomes_of_messages() {
    let (mut model, ops) = office();
    model.blocked = Blocked::new(["eve".into()]);
    say(&mut model, &ops, "eve", at(0, 10, 0), "buy this");
    say_so(
        &mut model,
        &ops,
        "bob",
        at(0, 10, 1),
        "which of the two graphs?",
        |it| {
            it.reply_to = 7;
        },
    );
    say_so(
        &mut model,
        &ops,
        "ann",
        at(0, 10, 2),
        "the left one",
        |it| {
            it.reply_to = 10;
            it.revision = 1;
            it.reactions = vec![reaction("👍", 2, false), reaction("🎉", 1, true)];
        },
    );
    say_so(&mut model, &ops, "carol", at(0, 10, 3), "", |it| {
        it.text = None
    });
    say_so(
        &mut model,
        &ops,
        "carol",
        at(0, 10, 4),
        "@ann and @bob: see @dave",
        |it| {
            it.mentions = vec!["ann".into(), "bob".into()];
        },
    );
    read(&mut model, &ops);
    let why = "bob has blocked you; nothing can be sent there";
    sends(&mut model, &ops, 1, "on its way", State::Sent { seq: 14 });
    sends(
        &mut model,
        &ops,
        2,
        "this was refused",
        State::Failed { why: why.into() },
    );
    sends(&mut model, &ops, 3, "this waits", State::Waiting);
    let text = shown(&mut model, (80, 30), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 30), &theme("dark"));
    pin(
        "states",
        &format!("{text}\n{}\n{}", styles(&buffer, 11), styles(&buffer, 17)),
    );
    model.focus = Focus::Outgoing(ClientMessageId::from_bytes([2; 16]));
    pin(
        "failed_selected",
        &shown(&mut model, (80, 24), &theme("dark")),
    );
}

#[test]
fn unread_and_scrolled() {
    let (mut model, ops) = office();
    model.open(None);
    for minute in 0..3 {
        let text = format!("new message {minute}");
        say(&mut model, &ops, "bob", at(0, 10, minute * 7), &text);
    }
    model.open(Some(ops.clone()));
    pin("unread_line", &shown(&mut model, (80, 24), &theme("dark")));
    model.size = (80, 24);
    let scroll = layout::scrolled(&model, -8);
    look(&mut model, scroll);
    pin("scrolled_up", &shown(&mut model, (80, 24), &theme("dark")));
    say(&mut model, &ops, "carol", at(0, 11, 0), "one more");
    say(&mut model, &ops, "carol", at(0, 11, 0), "and one more");
    pin("new_below", &shown(&mut model, (80, 24), &theme("dark")));
    model
        .composer
        .reply_to(quote(3, "bob", "good morning, is the build green?"));
    pin(
        "new_below_and_reply",
        &shown(&mut model, (60, 15), &theme("dark")),
    );
}

#[test]
fn holes() {
    let (mut model, _) = office();
    let log = add(&mut model, Kind::Channel, "log", at(0, 11, 0));
    earlier(&mut model, &log, 1_000);
    say(&mut model, &log, "bot", at(0, 11, 0), "build 4711 is green");
    read(&mut model, &log);
    model.open(Some(log.clone()));
    pin("hole", &shown(&mut model, (80, 24), &theme("dark")));
    earlier(&mut model, &log, 1_200);
    model.link_lost(TimeMs::new(NOW));
    pin("hole_offline", &shown(&mut model, (80, 24), &theme("dark")));
    chat(&mut model, &log).scroll_to(500, 0);
    pin("hole_only", &shown(&mut model, (60, 15), &theme("dark")));
}

#[test]
fn writing() {
    let (mut model, _) = office();
    model
        .composer
        .reply_to(quote(3, "bob", "good morning, is the build green?"));
    model.composer.type_in(
        "It is, and has been since *nine*. This line is long enough to be wrapped, and it is.",
    );
    model.composer.type_in("\n\nThird line");
    pin("reply", &shown(&mut model, (80, 24), &theme("dark")));
    model.composer.leave_mode();
    model
        .composer
        .edit_message(quote(8, "ann", "thank you!"), "thank you, carol!");
    pin("edit", &shown(&mut model, (80, 24), &theme("dark")));
    pin("edit_20x6", &shown(&mut model, (20, 6), &theme("dark")));
    model.composer.leave_mode();
    model.composer.edit(Edit::KillAll);
    model.composer.type_in("see @ca");
    let candidate = |name: &str, help: &str| Candidate {
        insert: format!("@{name} "),
        label: name.to_owned(),
        help: help.to_owned(),
    };
    let all = [
        candidate("carol", "away"),
        candidate("casper", "offline"),
        candidate("caspar-the-second", "online"),
    ];
    model.composer.set_offer(4, all.to_vec());
    model.composer.choose(true);
    pin("completion", &shown(&mut model, (80, 24), &theme("dark")));
    pin(
        "completion_20x6",
        &shown(&mut model, (20, 6), &theme("dark")),
    );
    model.composer.dismiss();
    model.composer.edit(Edit::KillAll);
    for line in 0..20 {
        model.composer.type_in(&format!("line {line}\n"));
    }
    model.composer.edit(Edit::LineUp);
    model.composer.edit(Edit::LineUp);
    pin(
        "composer_full",
        &shown(&mut model, (80, 24), &theme("dark")),
    );
}

#[test]
fn who_types_and_who_is_there() {
    let (mut model, ops) = office();
    let now = model.now;
    for name in ["bob", "carol"] {
        chat(&mut model, &ops).typing.set(&name.into(), true, now);
    }
    model.presence = Presence::DoNotDisturb;
    model.account = "work".to_owned();
    pin("typing", &shown(&mut model, (80, 24), &theme("dark")));
}

#[test]
fn selecting() {
    let (mut model, ops) = office();
    model.focus = Focus::Messages(6);
    let text = shown(&mut model, (80, 24), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    pin(
        "message_selected",
        &format!("{text}\n{}", styles(&buffer, 12)),
    );
    model.focus = Focus::Messages(4);
    pin(
        "message_selected_plain",
        &shown(&mut model, (80, 24), &theme("plain")),
    );
    let hints = |model: &mut Model| shown(model, (80, 24), &theme("dark"));
    model.chats.front_mut().unwrap().my_role = Some(Role::Member);
    assert!(!hints(&mut model).contains("d delete"), "of another");
    let all = model.chats.front().unwrap().window.all();
    let own = all.filter(|it| it.is_by(&model.me) && it.text.is_some());
    model.focus = Focus::Messages(own.map(|it| it.seq).next().unwrap());
    let own = hints(&mut model);
    assert!(own.contains("e edit") && own.contains("d delete"), "{own}");
    model.focus = Focus::Sidebar;
    model.sidebar.selected = Some("Group trip to Rome".into());
    chat(&mut model, &"Direct dave".into()).draft = Draft::new("I will");
    let text = shown(&mut model, (80, 24), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    pin(
        "sidebar_selected",
        &format!("{text}\n{}", styles(&buffer, 6)),
    );
    pin(
        "sidebar_alone",
        &shown(&mut model, (60, 15), &theme("dark")),
    );
    pin("sidebar_10x3", &shown(&mut model, (10, 3), &theme("dark")));
    model.sidebar.filter = "ra".to_owned();
    pin(
        "sidebar_filter",
        &shown(&mut model, (80, 24), &theme("dark")),
    );
    let _ = ops;
}

#[test]
fn texts_of_all_scripts() {
    let mut model = newcomer();
    let group = add(
        &mut model,
        Kind::Group,
        "家族 👨‍👩‍👧 e\u{301}quipe with a name that is long",
        at(0, 9, 0),
    );
    add(&mut model, Kind::Direct, "שלום", at(0, 9, 0));
    add(
        &mut model,
        Kind::Direct,
        "a-very-long-user-name-0123456789",
        at(0, 9, 0),
    );
    let said = [
        (
            "李雷",
            "今天晚上一起去看电影吗？听说那部新片很好看，我已经买了三张票，你们要来的话请在六点以前告诉我。",
        ),
        ("李雷", "👍🏽👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 ❤️ 🇨🇭"),
        (
            "שלום",
            "שלום לכולם, מתי נפגשים היום? אני יכול להגיע בשמונה ואולי קצת קודם אם צריך",
        ),
        (
            "a-very-long-user-name-0123456789",
            "Z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}alg\u{310}o e\u{301}te\u{301}",
        ),
        (
            "mallory",
            "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}evil\u{202c} tab\there",
        ),
        (
            "mallory",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (
            "ann",
            "```\nfn main() {\n    println!(\"漢字\");\n}\n```\n> quoted\n**bold** _it_ ~~no~~ [docs](https://example.org)",
        ),
    ];
    for (minute, (sender, text)) in (10..).zip(said) {
        say(&mut model, &group, sender, at(0, 9, minute), text);
    }
    begins(&mut model, &group);
    read(&mut model, &group);
    model.open(Some(group));
    pin(
        "scripts_80x30",
        &shown(&mut model, (80, 30), &theme("dark")),
    );
    pin(
        "scripts_30x20",
        &shown(&mut model, (30, 20), &theme("dark")),
    );
}

#[test]
fn a_conversation_of_two() {
    let (mut model, _) = office();
    let bob = "Direct bob".into();
    say(&mut model, &bob, "ann", at(0, 11, 52), "yes! at one?");
    say(&mut model, &bob, "ann", at(0, 11, 58), "or at two");
    let marker = Marker {
        delivered: 3,
        read: 2,
    };
    chat(&mut model, &bob).advance("u2", marker);
    read(&mut model, &bob);
    begins(&mut model, &bob);
    model.open(Some(bob));
    pin("direct", &shown(&mut model, (80, 24), &theme("dark")));
}

#[test]
fn overlays() {
    let (mut model, ops) = office();
    let mut input = Composer::default();
    input.type_in("om");
    let row = |label: &str, marks: &[u32], help: &str| PickRow {
        label: label.to_owned(),
        marks: marks.to_vec(),
        help: help.to_owned(),
        what: Picked::Line(label.to_owned()),
    };
    let rows = vec![
        row("trip to Rome", &[9, 10], "group, 4 unread"),
        row("#random", &[5, 6], "channel, muted"),
        row("tom", &[1, 2], "user, online"),
    ];
    let pick = |kind, rows: &[PickRow], chosen| {
        Overlay::Pick(Picker {
            kind,
            input: input.clone(),
            rows: rows.to_vec(),
            chosen,
        })
    };
    model.overlay = Some(pick(PickerKind::Switcher, &rows, 1));
    let text = shown(&mut model, (80, 24), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    pin("switcher", &format!("{text}\n{}", styles(&buffer, 5)));
    pin(
        "switcher_40x12",
        &shown(&mut model, (40, 12), &theme("dark")),
    );
    pin("switcher_10x3", &shown(&mut model, (10, 3), &theme("dark")));
    let commands: Vec<PickRow> = (0..30)
        .map(|number| {
            row(
                &format!("/command{number} NAME"),
                &[],
                "does something that is worth a line of help",
            )
        })
        .collect();
    model.overlay = Some(pick(PickerKind::Palette, &commands, 20));
    pin("palette", &shown(&mut model, (80, 24), &theme("dark")));
    model.overlay = Some(pick(PickerKind::History, &[], 0));
    pin("picker_empty", &shown(&mut model, (60, 15), &theme("dark")));

    let mut input = Composer::default();
    input.type_in("green build");
    let hit = |seq, sender: &str, snippet: Option<&str>, text: &str| Hit {
        chat: ops.clone(),
        place: "#ops".to_owned(),
        found: Found {
            message: MessageLine {
                conversation: "x".to_owned(),
                seq,
                sender: sender.into(),
                time: at(if seq == 2 { 0 } else { 1 }, 9, 12),
                text: Some(text.into()),
                files: Vec::new(),
                reply_to: 0,
                is_edited: false,
                reactions: Vec::new(),
                mentions: Vec::new(),
                mentions_all: false,
            },
            snippet: snippet.map(Into::into),
        },
    };
    let mut pane = SearchPane {
        input,
        is_here_only: false,
        mentions: None,
        number: 1,
        is_asking: false,
        search: Some(Box::new(Search {
            look: Look::default(),
            spot: None,
            page: String::new(),
        })),
        hits: vec![
            hit(2, "bob", Some("good morning, is the *build* *green*?"), ""),
            hit(1, "ann", None, "the build is **green**\nagain"),
        ],
        next: "x".to_owned(),
        problem: None,
        chosen: 0,
    };
    model.overlay = Some(Overlay::Search(Box::new(pane.clone())));
    let text = shown(&mut model, (80, 24), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    pin("search", &format!("{text}\n{}", styles(&buffer, 5)));
    pin("search_20x6", &shown(&mut model, (20, 6), &theme("dark")));
    pane.mentions = Some(false);
    model.overlay = Some(Overlay::Search(Box::new(pane.clone())));
    pin("mentions", &shown(&mut model, (80, 24), &theme("light")));
    pane.mentions = None;
    pane.hits.clear();
    pane.is_asking = true;
    pane.is_here_only = true;
    model.overlay = Some(Overlay::Search(Box::new(pane.clone())));
    pin("searching", &shown(&mut model, (60, 15), &theme("dark")));
    pane.is_asking = false;
    pane.problem = Some("a query has at least one word of two letters; type more".to_owned());
    model.overlay = Some(Overlay::Search(Box::new(pane)));
    pin(
        "search_problem",
        &shown(&mut model, (60, 15), &theme("dark")),
    );

    model.overlay = Some(Overlay::Help { first_row: 0 });
    pin("help", &shown(&mut model, (80, 24), &theme("dark")));
    model.overlay = Some(Overlay::Help { first_row: 9_999 });
    pin(
        "help_end_40x12",
        &shown(&mut model, (40, 12), &theme("dark")),
    );
    model.overlay = Some(Overlay::Text(TextPage {
        title: "Members of #ops".to_owned(),
        rows: vec![
            "ann  owner".to_owned(),
            "bob  admin".to_owned(),
            "a row that is so long that it does not fit into the width of the page and is wrapped"
                .to_owned(),
        ],
        first_row: 0,
    }));
    pin("text_page", &shown(&mut model, (80, 24), &theme("dark")));
    model.overlay = Some(Overlay::Ask(Question {
        text: "Delete your message \"thank you!\"? Everybody will see that it is gone.".to_owned(),
        then: Then::Quit,
    }));
    pin("question", &shown(&mut model, (80, 24), &theme("dark")));
    pin("question_10x3", &shown(&mut model, (10, 3), &theme("dark")));
}

#[test]
fn titles_tell_how_much_is_unread_and_where() {
    let (mut model, _) = office();
    assert_eq!(super::title(&model), "(99+) TinyChat - #ops");
    model.open(None);
    assert_eq!(super::title(&model), "(99+) TinyChat");
    assert_eq!(super::title(&newcomer()), "TinyChat");
}
