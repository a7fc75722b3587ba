//! What came of commands.

use super::{
    super::{
        News,
        support::{BOB, OPS, TRIP, ann, chat, message, newest, notice, page, quietly, room},
        take,
    },
    *,
};
use crate::{
    client::{
        app::{
            acts::MemberLine,
            blocked::Blocked,
            links::{Ends, LinkLine, MarkerLine, Seen, Sought},
            look::{Look, Search},
            parse::Which,
        },
        ui::model::overlay::{Question, Then},
    },
    domain::{
        conversation::{NotifyLevel, NotifySettings},
        role::Role,
        user::Presence,
    },
};

fn at(id: &str, deed: Deeds) -> Act {
    let place = match id {
        BOB => Place::User("bob".parse().unwrap()),
        OPS => Place::Channel("ops".parse().unwrap()),
        id => Place::Group(id.to_owned()),
    };
    let id = Some(id.to_owned());
    Act::At(Spot { place, id }, deed)
}

fn answer(act: Act, outcome: Outcome) -> News {
    News::Acted {
        act: Box::new(act),
        outcome: Ok(Box::new(outcome)),
    }
}

fn line(conversation: &str, seq: u64, sender: &str, text: &str) -> MessageLine {
    MessageLine {
        conversation: conversation.to_owned(),
        seq,
        sender: sender.into(),
        time: TimeMs::new(0),
        text: Some(text.into()),
        files: Vec::new(),
        reply_to: 0,
        is_edited: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    }
}

fn link() -> LinkLine {
    LinkLine {
        id: "i3".into(),
        creator: "bob".into(),
        created: TimeMs::new(0),
        expires: None,
        uses_max: 0,
        uses: 0,
    }
}

fn seen(count: u64) -> Outcome {
    let one = |number: u64| MarkerLine {
        user: format!("n{number}").into(),
        read: number,
        delivered: number,
    };
    Outcome::Seen(Seen {
        message: Sought::Own(2),
        others: (1..=count).map(one).collect(),
    })
}

#[test]
fn what_a_line_tells_is_a_notice_in_the_words_of_the_line_mode() {
    let user = || "bob".parse::<UserName>().unwrap();
    let cases = [
        (
            at(OPS, Deeds::Invite(vec![user()])),
            Outcome::Done,
            "bob is in #ops now.",
        ),
        (
            at(
                OPS,
                Deeds::Remove {
                    user: user(),
                    ban: true,
                },
            ),
            Outcome::Done,
            "bob is banned from #ops; /invite bob lifts that.",
        ),
        (
            at(TRIP, Deeds::SetRole(user(), Role::Admin)),
            Outcome::Done,
            "bob is now admin in trip.",
        ),
        (
            at(OPS, Deeds::Unlink("i3".parse().unwrap())),
            Outcome::Done,
            "Nobody joins #ops by i3 any more.",
        ),
        (
            at(OPS, Deeds::Seen(None)),
            seen(0),
            "Nobody else here shows you that",
        ),
        (
            at(OPS, Deeds::Seen(None)),
            seen(3),
            "Your message [2]: n2 and n3 have read it, n1 not yet.",
        ),
        (
            at(OPS, Deeds::Links),
            Outcome::Links(Vec::new()),
            "There are no invite links here",
        ),
        (
            Act::Presence(Presence::Away),
            Outcome::Presence(Presence::Online),
            "You are away now. Others see you as online",
        ),
        (
            Act::Channels(String::new()),
            Outcome::Channels(Vec::new()),
            "There are none",
        ),
        (
            Act::Blocked,
            Outcome::Blocked(Blocked::default()),
            "You block nobody",
        ),
    ];
    for (act, outcome, told) in cases {
        let mut model = ann();
        assert_eq!(take(&mut model, answer(act.clone(), outcome)), []);
        let notice = notice(&mut model);
        assert!(notice.starts_with(told), "{act:?}: {notice}");
        assert_eq!(model.overlay, None, "{act:?}");
    }
}

#[test]
fn what_is_seen_where_it_was_done_is_not_told() {
    for deed in [
        Deeds::Edit(3, "x".parse().unwrap()),
        Deeds::Delete(3),
        Deeds::React {
            seq: 3,
            emoji: "👍".parse().unwrap(),
            give: true,
        },
    ] {
        quietly(&mut ann(), answer(at(BOB, deed), Outcome::Done));
    }
}

#[test]
fn what_is_a_list_is_a_page() {
    let members = vec![MemberLine {
        name: "b\u{1b}b".into(),
        role: Some(Role::Owner),
    }];
    let mut in_ops = line(OPS, 2, "bob", "two\nlines");
    in_ops.reply_to = 1;
    let cases = [
        (
            Act::Channels(String::new()),
            Outcome::Channels(vec![room(OPS, Kind::Channel, "ops", 3)]),
            ("Channels", vec!["#ops <3 MEMBERS, YOU>"]),
        ),
        (
            at(TRIP, Deeds::Members),
            Outcome::Members(members),
            ("Members of trip", vec!["b␛b <OWNER>"]),
        ),
        (
            at(OPS, Deeds::Links),
            Outcome::Links(vec![link()]),
            (
                "Invite links of #ops",
                vec!["i3 <0 USES> by bob, since 1970-01-01 00:00:00"],
            ),
        ),
        (
            at(OPS, Deeds::Seen(None)),
            seen(4),
            (
                "Your message [2] in #ops",
                vec!["n1 <NOT YET>", "n2 <READ>", "n3 <READ>", "n4 <READ>"],
            ),
        ),
        (
            at(OPS, Deeds::History(Which::Last(1))),
            Outcome::Messages(vec![in_ops]),
            (
                "#ops",
                vec!["> bob: x", "<bob, 1970-01-01 00:00:00> [2] two\n  lines"],
            ),
        ),
        (
            Act::Blocked,
            Outcome::Blocked(Blocked::new(["bob".into()])),
            ("You block", vec!["bob"]),
        ),
    ];
    for (act, outcome, (title, rows)) in cases {
        let mut model = ann();
        quietly(&mut model, answer(act.clone(), outcome));
        let shown = page(&mut model);
        assert_eq!((shown.0.as_str(), shown.1), (title, own(&rows)), "{act:?}");
    }
}

fn own(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|row| (*row).to_owned()).collect()
}

#[test]
fn what_was_found_says_where_it_stands_and_hides_who_is_blocked() {
    let mut model = ann();
    model.set_blocked(Blocked::new(["eve".into()]));
    let one = |message| Found {
        message,
        snippet: Some("*x*".into()),
    };
    let found = [
        line(OPS, 1, "bob", "x"),
        line(BOB, 2, "bob", "x"),
        line(BOB, 3, "ann", "x"),
        line("c-new", 4, "dan", "x"),
        line(OPS, 5, "eve", "secret"),
    ];
    let outcome = Outcome::Found(found.into_iter().map(one).collect(), String::new());
    let search = Act::Search(Box::new(Search {
        look: Look::default(),
        spot: None,
        page: String::new(),
    }));
    quietly(&mut model, answer(search, outcome));
    let time = "1970-01-01 00:00:00";
    assert_eq!(
        page(&mut model).1,
        [
            format!("<bob in #ops, {time}> [1] *x*"),
            format!("<bob, {time}> [2] *x*"),
            format!("<ann to bob, {time}> [3] *x*"),
            format!("<dan in id:c-new, {time}> [4] *x*"),
            format!("<eve in #ops, {time}> [5] (hidden: you have blocked eve; /unblock eve)"),
        ]
    );
    // Nor does an old message show it, or what answers it.
    let said = newest(vec![message(7, "eve", "secret")]);
    model.chats.get_mut(&OPS.into()).unwrap().take_page(said);
    let mut reply = line(OPS, 8, "bob", "no");
    reply.reply_to = 7;
    let history = Outcome::Messages(vec![line(OPS, 7, "eve", "secret"), reply]);
    let deed = Deeds::History(Which::Last(2));
    quietly(&mut model, answer(at(OPS, deed), history));
    let rows = page(&mut model).1;
    assert!(!rows.join(" ").contains("secret"), "{rows:?}");
    assert!(rows.contains(&"> eve: (hidden)".to_owned()), "{rows:?}");
}

#[test]
fn a_list_takes_away_nothing_that_is_typed_or_answered_but_a_code_is_shown_at_once() {
    let mut model = ann();
    let question = Some(Overlay::Ask(Question {
        text: "Leave #ops?".to_owned(),
        then: Then::Quit,
    }));
    model.overlay.clone_from(&question);
    let channels = || Outcome::Channels(vec![room(OPS, Kind::Channel, "ops", 3)]);
    take(&mut model, answer(Act::Channels(String::new()), channels()));
    assert_eq!(model.overlay, question);
    assert_eq!(
        notice(&mut model),
        "Channels: not shown over what is open; close that and ask again."
    );
    // Nor do keys go to a list in the middle of a word; a draft that rests is no word.
    model.overlay = None;
    model.composer.type_in("in the middle of a wor");
    model.wrote = Some(model.now);
    take(&mut model, answer(Act::Channels(String::new()), channels()));
    assert_eq!(model.overlay, None);
    assert_eq!(
        notice(&mut model),
        "Channels: not shown while you write; ask again afterwards."
    );
    model.now = TimeMs::new(model.now.milliseconds() + 3_000);
    quietly(&mut model, answer(Act::Channels(String::new()), channels()));
    assert_eq!(page(&mut model).0, "Channels");
    model.overlay = None;
    let made = Outcome::Link(link(), "tci_x".into());
    quietly(
        &mut model,
        answer(at(OPS, Deeds::Link(Ends::default())), made),
    );
    assert!(matches!(&model.overlay, Some(Overlay::Text(page)) if page.rows[0].contains("tci_x")));
    // One page follows another.
    quietly(&mut model, answer(Act::Channels(String::new()), channels()));
    assert_eq!(page(&mut model).0, "Channels");
}

#[test]
fn pages_and_lists_are_bounded() {
    let mut model = ann();
    let member = |number| MemberLine {
        name: format!("n{number}").into(),
        role: None,
    };
    let many = Outcome::Members((0..2 * ROWS_MAX).map(member).collect());
    quietly(&mut model, answer(at(TRIP, Deeds::Members), many));
    assert_eq!(page(&mut model).1.len(), ROWS_MAX);
    // It is of a moment: the list at the side goes with the events.
    assert_eq!(chat(&model, TRIP).members, None);
}

#[test]
fn what_was_made_or_joined_comes_to_the_front() {
    let new = || room("c-new", Kind::Channel, "new", 2);
    for (act, told) in [
        (
            Act::Create("new".parse().unwrap(), "".parse().unwrap()),
            "#new is made, and you own it.",
        ),
        (
            Act::Join("new".parse().unwrap()),
            "You are in #new, with 2 members in all.",
        ),
        (
            Act::JoinBy("tci_AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap()),
            "You are in #new, with 2 members in all.",
        ),
    ] {
        let mut model = ann();
        take(&mut model, answer(act, Outcome::Room(new())));
        assert_eq!(notice(&mut model), told);
        assert!(model.is_front(&"c-new".into()));
    }
    let wanted = || Wanted::User("bob".parse().unwrap());
    let mut model = ann();
    model.open(None);
    let bob = room(BOB, Kind::Direct, "bob", 2);
    quietly(
        &mut model,
        News::Started {
            wanted: wanted(),
            outcome: Ok(bob),
        },
    );
    assert!(model.is_front(&BOB.into()));
    assert_eq!(chat(&model, BOB).counts().last_seq, 5, "it is as it was");
    take(
        &mut model,
        News::Started {
            wanted: wanted(),
            outcome: Err(StartProblem::UserNotFound),
        },
    );
    assert!(notice(&mut model).contains("The user does not exist!"));
}

#[test]
fn what_was_not_done_says_so_and_is_as_it_was() {
    let mut model = ann();
    let ops = model.chats.get_mut(&OPS.into()).unwrap();
    ops.room.settings.get_or_insert_default().marked_unread = true;
    let failed = News::Acted {
        act: Box::new(at(OPS, Deeds::Unread(true))),
        outcome: Err("no\u{7}".into()),
    };
    assert_eq!(take(&mut model, failed), []);
    assert_eq!(notice(&mut model), "Not done: no␇");
    assert!(!chat(&model, OPS).is_marked_unread());
}

#[test]
fn what_was_done_is_told_and_holds_by_its_event() {
    let bob = || "bob".parse::<UserName>().unwrap();
    let notify = NotifySettings {
        level: NotifyLevel::None,
        until: None,
    };
    let topic = Room {
        topic: "all of it".into(),
        ..room(OPS, Kind::Channel, "ops", 3)
    };
    let tour = room(TRIP, Kind::Group, "tour", 3);
    let ops = || OPS.to_owned();
    for (act, outcome, told) in [
        (
            at(OPS, Deeds::Notify(None)),
            Outcome::Notify(ops(), notify),
            "#ops is muted.",
        ),
        (
            at(OPS, Deeds::Unread(true)),
            Outcome::Aside(ops(), true),
            "#ops is put aside as unread, until you open it again.",
        ),
        (
            at(OPS, Deeds::Topic(None)),
            Outcome::Room(topic),
            "The topic of #ops: all of it",
        ),
        (
            at(TRIP, Deeds::Rename("tour".to_owned())),
            Outcome::Room(tour),
            "trip is called tour now.",
        ),
        (
            Act::Block(bob(), true),
            Outcome::Done,
            &links::block_line(&bob()),
        ),
        (
            Act::Block(bob(), false),
            Outcome::Done,
            &links::unblock_line(&bob()),
        ),
        (
            at(OPS, Deeds::Leave),
            Outcome::Done,
            "You are not in #ops any more.",
        ),
    ] {
        let before = ann();
        let mut model = before.clone();
        assert_eq!(take(&mut model, answer(act.clone(), outcome)), []);
        assert_eq!(notice(&mut model), told);
        assert_eq!(model, before, "{act:?}: an answer may be older than events");
    }
    // Of this there is no event.
    let mut model = ann();
    let presence = Presence::DoNotDisturb;
    take(
        &mut model,
        answer(Act::Presence(presence), Outcome::Presence(presence)),
    );
    assert_eq!(model.presence, presence);
}

#[test]
fn an_answer_that_fits_no_question_does_nothing() {
    let before = ann();
    for (act, outcome) in [
        (Act::Blocked, Outcome::Done),
        (at(OPS, Deeds::Members), Outcome::Links(Vec::new())),
        (at("c-new", Deeds::Notify(None)), Outcome::Done),
        (Act::Join("x".parse().unwrap()), Outcome::Done),
    ] {
        let mut model = before.clone();
        quietly(&mut model, answer(act, outcome));
        assert_eq!(model, before);
    }
}

#[test]
fn everybody_and_the_time_are_shown() {
    let mut model = ann();
    let user = UserLine {
        name: "b\u{1b}b".into(),
        presence: Presence::Away,
    };
    quietly(&mut model, News::Users(Ok(vec![user])));
    assert_eq!(
        page(&mut model),
        ("Everybody".to_owned(), vec!["b␛b <AWAY>".to_owned()])
    );
    for (news, told) in [
        (News::Users(Ok(Vec::new())), "Nobody has registered yet."),
        (News::Users(Err("no".into())), "Not done: no"),
        (
            News::Time(Ok(TimeMs::new(0))),
            "The server's time: 1970-01-01 00:00:00",
        ),
        (News::Time(Err("no".into())), "Cannot tell the time: no"),
        (
            News::Said {
                level: Level::Warning,
                text: "mind the gap".to_owned(),
            },
            "mind the gap",
        ),
    ] {
        assert_eq!(take(&mut model, news), []);
        assert_eq!(notice(&mut model), told);
    }
}

#[test]
fn who_writes_or_is_elsewhere_is_not_taken_away_by_a_late_answer() {
    let wanted = Wanted::Channel("news".parse().unwrap());
    let started = || News::Started {
        wanted: Wanted::Channel("news".parse().unwrap()),
        outcome: Ok(room("c-news", Kind::Channel, "news", 2)),
    };
    let asked = || {
        let mut model = ann();
        model.go_after(Aim::Start(wanted.clone()));
        model
    };
    let mut model = asked();
    take(&mut model, started());
    assert!(model.is_front(&"c-news".into()));
    for change in [
        |model: &mut Model| {
            model.composer.type_in("hel");
        },
        |model: &mut Model| {
            model.open(Some(OPS.into()));
        },
        |model: &mut Model| model.focus = super::super::super::model::Focus::Messages(3),
        |model: &mut Model| model.overlay = Some(Overlay::Help { first_row: 0 }),
        // Another wish came since.
        |model: &mut Model| model.go_after(Aim::Act(Act::Join("x".parse().unwrap()))),
    ] {
        let mut model = asked();
        change(&mut model);
        let before = model.chats.front().map(|chat| chat.id().clone());
        take(&mut model, started());
        assert_eq!(model.chats.front().map(|chat| chat.id().clone()), before);
        assert!(model.chats.get(&"c-news".into()).is_some());
        assert_eq!(notice(&mut model), "#news is there. /start #news opens it.");
    }
    // Nobody asked, as on the command line.
    let mut model = ann();
    take(&mut model, started());
    assert!(model.is_front(&"c-news".into()));
}

#[test]
fn a_wish_ends_with_the_last_answer_to_it() {
    let wanted = || Wanted::Channel("news".parse().unwrap());
    let answer = |outcome| News::Started {
        wanted: wanted(),
        outcome,
    };
    let failed = || answer(Err(StartProblem::NotAMember));
    let found = || answer(Ok(room("c-news", Kind::Channel, "news", 2)));
    let join = || Act::Join("news".parse().unwrap());
    let ann = || {
        let mut model = ann();
        model.open(Some(OPS.into()));
        model
    };
    // It was asked for twice.
    let mut model = ann();
    (0..2).for_each(|_| model.go_after(Aim::Start(wanted())));
    take(&mut model, failed());
    take(&mut model, found());
    assert!(model.is_front(&"c-news".into()));
    for (aim, failed) in [
        (Aim::Start(wanted()), failed()),
        (
            Aim::Act(join()),
            News::Acted {
                act: Box::new(join()),
                outcome: Err("no".into()),
            },
        ),
    ] {
        let mut model = ann();
        model.go_after(aim);
        take(&mut model, failed);
        assert_eq!(model.going, None);
        take(&mut model, found());
        take(
            &mut model,
            News::Acted {
                act: Box::new(join()),
                outcome: Ok(Box::new(Outcome::Room(room(
                    "c-news",
                    Kind::Channel,
                    "news",
                    2,
                )))),
            },
        );
        assert!(model.is_front(&OPS.into()));
    }
}
