//! The same for what calls for this user: searches, mentions, bells, what is put aside, and presence.

use std::time::Duration;

use super::{
    tests::{ann, ann_with_bob, known, name, print, said, start, typed},
    *,
};
use crate::{
    client::app::{
        acts::{Act, Deeds, Outcome, Spot},
        look::Found,
        model::MessageLine,
        news::News,
        parse::{Notify, Which},
        room::Kind,
    },
    domain::{
        clock::TimeMs,
        conversation::{MemberSettings, NotifyLevel, NotifySettings},
    },
};

fn ops() -> Room {
    Room {
        id: "c7".to_owned(),
        kind: Kind::Channel,
        name: "ops".into(),
        settings: Some(MemberSettings::default()),
        ..Room::default()
    }
}

/// Ann, at a terminal, who is in #ops and has a conversation with bob in front.
fn ann_who_reads() -> Model {
    let mut model = ann();
    model.is_read_by_a_person = true;
    update(&mut model, known(vec![ops()]));
    start(&mut model, "bob", Ok(()));
    model
}

/// Types what asks for an act, which is returned with what is done beside.
fn asked(model: &mut Model, line: &str) -> (Act, Vec<Effect>) {
    let mut effects = typed(model, line);
    let Some(Effect::Act(act)) = effects.pop() else {
        panic!("{line}: {effects:?}")
    };
    assert!(!model.takes_input());
    (act, effects)
}

/// The same, and answers it.
fn act(model: &mut Model, line: &str, outcome: Result<Outcome, Untrusted>) -> Vec<Effect> {
    let (act, _) = asked(model, line);
    let effects = update(model, Msg::Acted { act, outcome });
    assert!(model.takes_input());
    effects
}

fn found(conversation: &str, seq: u64, sender: &str, snippet: Option<&str>) -> Found {
    Found {
        message: said(conversation, seq, sender, "the build is green"),
        snippet: snippet.map(Into::into),
    }
}

fn aside(id: &str, is_aside: bool) -> Effect {
    Effect::Aside {
        conversation: id.to_owned(),
        is_aside,
    }
}

fn notify(level: NotifyLevel, until: Option<i64>) -> NotifySettings {
    NotifySettings {
        level,
        until: until.map(TimeMs::new),
    }
}

fn settings(id: &str, notify: NotifySettings, marked_unread: bool) -> Msg {
    Msg::News(News::Settings {
        conversation: id.to_owned(),
        settings: MemberSettings {
            marked_unread,
            notify,
        },
    })
}

#[test]
fn what_is_found_says_where_it_stands_and_more_gets_the_rest() {
    let mut model = ann_who_reads();
    let page = vec![
        found("c7", 9, "bob", Some("the *build* is")),
        found("c-bob", 4, "ann", Some("*build*\u{1b}[2J")),
        found("c-bob", 3, "bob", None),
    ];
    assert_eq!(
        act(
            &mut model,
            "/search build",
            Ok(Outcome::Found(page, "next".to_owned()))
        ),
        print(
            "<bob in #ops, 1970-01-01 01:00:01> [9] the *build* is\n\
             <ann to bob, 1970-01-01 01:00:01> [4] *build*␛[2J\n\
             <bob, 1970-01-01 01:00:01> [3] the build is green\n\
             <> There are more; /more shows them."
        )
    );
    // What was found can be quoted.
    let answer = MessageLine {
        reply_to: 9,
        ..said("c7", 10, "bob", "yes")
    };
    assert_eq!(
        update(&mut model, Msg::Message(answer)),
        print("> bob: the build is green\n<bob in #ops, 1970-01-01 01:00:01> yes")
    );
    let (more, _) = asked(&mut model, "/more");
    let Act::Search(search) = &more else {
        panic!("{more:?}")
    };
    assert_eq!(
        (search.page.as_str(), search.look.words.as_str()),
        ("next", "build")
    );
    let outcome = Ok(Outcome::Found(Vec::new(), String::new()));
    assert_eq!(
        update(&mut model, Msg::Acted { act: more, outcome }),
        print("<> There is no more.")
    );
    assert_eq!(
        typed(&mut model, "/more"),
        print("<> There is no more; /search and /mentions begin anew.")
    );
    assert!(model.takes_input());
}

#[test]
fn what_finds_nothing_says_so() {
    let nothing = || Ok(Outcome::Found(Vec::new(), String::new()));
    for (line, told) in [
        ("/search build", "<> Nothing was found."),
        (
            "/mentions",
            "<> Nothing that is unread mentions you; /mentions all lists the rest.",
        ),
        ("/mentions all", "<> Nothing mentions you."),
    ] {
        assert_eq!(act(&mut ann(), line, nothing()), print(told), "{line}");
    }
    assert_eq!(
        act(&mut ann(), "/search x", Err("too slow\n".into())),
        print("<> Not done: too slow⏎")
    );
}

#[test]
fn a_search_is_asked_for_where_it_was_meant() {
    let mut model = ann_who_reads();
    let trip = |id: &str| Room {
        id: id.to_owned(),
        kind: Kind::Group,
        name: "the trip".into(),
        ..Room::default()
    };
    update(&mut model, known(vec![trip("c8")]));
    let spot_of = |model: &mut Model, line: &str| {
        let (act, _) = asked(model, line);
        model.asking = false;
        match act {
            Act::Search(search) => search.spot,
            other => panic!("{other:?}"),
        }
    };
    let spot = |place: Place, id: Option<&str>| {
        let id = id.map(ToOwned::to_owned);
        Some(Spot { place, id })
    };
    assert_eq!(spot_of(&mut model, "/search x"), None);
    assert_eq!(
        spot_of(&mut model, "/search x in:this"),
        spot(Place::User(name("bob")), Some("c-bob"))
    );
    assert_eq!(
        spot_of(&mut model, "/search x in:carol"),
        spot(Place::User(name("carol")), None)
    );
    assert_eq!(
        spot_of(&mut model, "/search x in:\"the trip\""),
        spot(Place::Group("c8".to_owned()), Some("c8"))
    );
    assert_eq!(
        typed(&mut model, "/search x in:\"no trip\u{7}\""),
        print("<> You are in no group \"no trip␇\".")
    );
    update(&mut model, known(vec![trip("c9")]));
    assert_eq!(
        typed(&mut model, "/search x in:\"the trip\""),
        print("<> You are in several groups of that name; say one of in:id:c8, in:id:c9.")
    );
    typed(&mut model, "/stop");
    let told = typed(&mut model, "/search x in:this");
    assert!(
        matches!(told.as_slice(), [Effect::Print(text)] if text.contains("No conversation is open")),
        "{told:?}"
    );
    update(&mut model, Msg::ConnectionLost);
    let told = typed(&mut model, "/search x");
    assert!(
        matches!(told.as_slice(), [Effect::Print(text)] if text.starts_with("<> Not done")),
        "{told:?}"
    );
}

#[test]
fn a_history_can_lie_anywhere() {
    let mut model = ann_with_bob();
    let which = |model: &mut Model, line: &str| {
        let (act, _) = asked(model, line);
        model.asking = false;
        match act {
            Act::At(_, Deeds::History(which)) => which,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(which(&mut model, "/history [7]"), Which::Around(7));
    let moment = "2026-11-20".parse().unwrap();
    assert_eq!(which(&mut model, "/history 2026-11-20"), Which::At(moment));
}

#[test]
fn what_a_conversation_calls_for_is_told() {
    let (all, mentions, none) = (NotifyLevel::All, NotifyLevel::Mentions, NotifyLevel::None);
    for (line, asks, holds, told) in [
        (
            "/mute",
            Some((none, None)),
            notify(none, None),
            "<> bob is muted.",
        ),
        (
            "/mute 1h",
            Some((none, Some(3600))),
            notify(none, Some(0)),
            "<> bob is muted until 1970-01-01 01:00:00.",
        ),
        (
            "/mute off",
            Some((all, None)),
            notify(all, None),
            "<> bob calls you for all messages.",
        ),
        (
            "/notify mentions",
            Some((mentions, None)),
            notify(mentions, None),
            "<> bob calls you only when you are mentioned.",
        ),
        (
            "/notify",
            None,
            notify(all, None),
            "<> bob calls you for all messages.",
        ),
    ] {
        let mut model = ann_with_bob();
        let (act, beside) = asked(&mut model, line);
        let wish = asks.map(|(level, seconds): (_, Option<u64>)| Notify {
            level,
            lasts: seconds.map(Duration::from_secs),
        });
        let is_it = |act: &Act| matches!(act, Act::At(_, Deeds::Notify(asked)) if *asked == wish);
        assert!(is_it(&act) && beside.is_empty(), "{line}: {act:?}");
        let outcome = Ok(Outcome::Notify("c-bob".to_owned(), holds));
        assert_eq!(
            update(&mut model, Msg::Acted { act, outcome }),
            print(told),
            "{line}"
        );
        let known = model.rooms.get("c-bob").and_then(|room| room.settings);
        assert_eq!(known.unwrap_or_default().notify, holds, "{line}");
    }
}

#[test]
fn a_bell_calls_for_mentions_and_for_two_and_not_where_it_is_muted() {
    let to_ann = || MessageLine {
        mentions: vec!["ann".into()],
        ..said("c7", 1, "bob", "@ann hi")
    };
    let to_all = || MessageLine {
        mentions_all: true,
        ..said("c7", 1, "bob", "@all hi")
    };
    let plain = || said("c7", 1, "bob", "hi");
    let two = || said("c-carol", 1, "carol", "hi");
    let front = || said("c-bob", 1, "bob", "hi");
    let of = |model: &mut Model, message| {
        let effects = update(model, Msg::Message(message));
        effects.contains(&Effect::Ring)
    };
    let mut model = ann_who_reads();
    start(&mut model, "carol", Ok(()));
    start(&mut model, "bob", Ok(()));
    let rings = |model: &mut Model| {
        [to_ann(), to_all(), plain(), two(), front()].map(|message| of(model, message))
    };
    assert_eq!(rings(&mut model), [true, true, false, true, false]);
    // Ended before the message was sent.
    let none = |until| notify(NotifyLevel::None, until);
    for id in ["c7", "c-carol"] {
        update(&mut model, settings(id, none(Some(1000)), false));
    }
    assert_eq!(rings(&mut model), [true, true, false, true, false]);
    for id in ["c7", "c-carol"] {
        update(&mut model, settings(id, none(Some(1001)), false));
    }
    assert_eq!(rings(&mut model), [false; 5]);
    for id in ["c7", "c-carol"] {
        update(
            &mut model,
            settings(id, notify(NotifyLevel::Mentions, None), false),
        );
    }
    assert_eq!(rings(&mut model), [true, true, false, false, false]);
    let own = MessageLine {
        sender: "ann".into(),
        ..to_all()
    };
    assert!(!of(&mut model, own));
    act(
        &mut model,
        "/dnd",
        Ok(Outcome::Presence(Presence::DoNotDisturb)),
    );
    assert_eq!(rings(&mut model), [false; 5]);
    model.presence = Presence::Away;
    for msg in [Msg::ConnectionLost, Msg::Connected] {
        update(&mut model, msg);
        assert_eq!(rings(&mut model), [false; 5], "what was missed is quiet");
    }
    update(&mut model, Msg::CaughtUp);
    assert_eq!(rings(&mut model), [true, true, false, false, false]);
    model.is_read_by_a_person = false;
    assert_eq!(rings(&mut model), [false; 5], "a program hears nothing");
}

#[test]
fn a_mention_is_pointed_out_to_people_and_lines_stay_as_they_are() {
    let mut model = ann_who_reads();
    let to_ann = |conversation: &str| MessageLine {
        mentions: vec!["carol".into(), "ann".into()],
        ..said(conversation, 5, "bob", "@ann hi")
    };
    let shown = |text: &str| vec![Effect::Ring, Effect::Print(text.to_owned())];
    assert_eq!(
        update(&mut model, Msg::Message(to_ann("c7"))),
        shown(
            "<bob in #ops, 1970-01-01 01:00:01> @ann hi\n<> bob mentions you in message [5] of #ops."
        )
    );
    assert_eq!(
        update(&mut model, Msg::Message(to_ann("c-bob"))),
        shown("<bob, 1970-01-01 01:00:01> @ann hi\n<> bob mentions you in message [5].")
    );
    model.is_read_by_a_person = false;
    assert_eq!(
        update(&mut model, Msg::Message(to_ann("c7"))),
        print("<bob in #ops, 1970-01-01 01:00:01> @ann hi")
    );
}

#[test]
fn what_is_put_aside_is_not_marked_read_until_it_is_taken_up() {
    let mut model = ann_with_bob();
    let (unread, beside) = asked(&mut model, "/unread");
    assert_eq!(beside, [aside("c-bob", true)], "at once");
    let outcome = Err("no".into());
    let failed = Msg::Acted {
        act: unread.clone(),
        outcome,
    };
    assert_eq!(
        update(&mut model, failed),
        [vec![aside("c-bob", false)], print("<> Not done: no")].concat()
    );
    let outcome = Ok(Outcome::Aside("c-bob".to_owned(), true));
    assert_eq!(
        act(&mut model, "/unread", outcome),
        [
            vec![aside("c-bob", true)],
            print(
                "<> bob is put aside as unread; what is said there is shown and stays unread until \
                 /unread off or /start."
            )
        ]
        .concat()
    );
    let outcome = Ok(Outcome::Aside("c-bob".to_owned(), false));
    assert_eq!(
        act(&mut model, "/unread off", outcome),
        [
            vec![aside("c-bob", false)],
            print("<> bob is not put aside any more.")
        ]
        .concat()
    );
    // By another device, and by what is known at the start.
    let none = NotifySettings::default();
    assert_eq!(
        update(&mut model, settings("c-bob", none, true)),
        [aside("c-bob", true)]
    );
    assert_eq!(
        update(&mut model, settings("c-bob", none, false)),
        [aside("c-bob", false)]
    );
    // Also of one that is not known.
    assert_eq!(
        update(&mut model, settings("c99", none, true)),
        [aside("c99", true)]
    );
    let marked = Room {
        settings: Some(MemberSettings {
            marked_unread: true,
            notify: none,
        }),
        ..ops()
    };
    assert_eq!(
        update(&mut model, known(vec![marked.clone()])),
        [aside("c7", true)]
    );
    // To open it takes it up.
    let effects = typed(&mut model, "/start #ops");
    let [Effect::Start(wanted)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let started = Msg::Started {
        wanted: wanted.clone(),
        outcome: Ok(marked),
    };
    let effects = update(&mut model, started);
    assert_eq!(effects[0], Effect::TakeUp("c7".to_owned()));
    assert_eq!(update(&mut model, Msg::Settled(Ok(()))), []);
    assert_eq!(
        update(&mut model, Msg::Settled(Err("no".into()))),
        print("<> Not done: no")
    );
    // Another store knows nothing of it.
    assert_eq!(update(&mut model, Msg::Reset)[0], aside("c7", false));
}

#[test]
fn presence_is_told_and_said_again_after_a_break() {
    let mut model = ann();
    assert_eq!(
        typed(&mut model, "/away"),
        [Effect::Act(Act::Presence(Presence::Away))]
    );
    model.asking = false;
    for (line, seen, told) in [
        ("/away", Presence::Away, "<> You are away now."),
        (
            "/dnd",
            Presence::DoNotDisturb,
            "<> You are not to be disturbed now.",
        ),
        ("/online", Presence::Online, "<> You are online now."),
        (
            "/away",
            Presence::Online,
            "<> You are away now. Others see you as online, by another of your devices.",
        ),
    ] {
        assert_eq!(
            act(&mut model, line, Ok(Outcome::Presence(seen))),
            print(told),
            "{line}"
        );
    }
    update(&mut model, Msg::ConnectionLost);
    assert_eq!(
        update(&mut model, Msg::Connected),
        [
            print("<> Connected again."),
            vec![Effect::StayAs(Presence::Away)]
        ]
        .concat()
    );
}
