//! The same for groups, channels, and what is done to messages.

use super::{
    tests::{ann, ann_with_bob, name, print, said, start, typed},
    *,
};
use crate::{
    client::app::{
        acts::{Act, Deeds, MemberLine, Outcome, Spot},
        model::MessageLine,
        news::{Change, News},
        room::Kind,
    },
    domain::role::Role,
};

fn ops() -> Room {
    Room {
        id: "c7".to_owned(),
        kind: Kind::Channel,
        name: "ops".into(),
        members_count: 2,
        is_mine: true,
        ..Room::default()
    }
}

fn trip() -> Room {
    Room {
        id: "c8".to_owned(),
        kind: Kind::Group,
        name: "the trip".into(),
        ..ops()
    }
}

fn ops_place() -> Place {
    Place::Channel("ops".parse().unwrap())
}

/// Ann, who has just joined #ops.
fn ann_in_ops() -> Model {
    let mut model = ann();
    let told = act(&mut model, "/join #ops", Ok(Outcome::Room(ops())));
    assert_eq!(
        told,
        print(
            "<> You are in #ops, with 2 members in all. Lines you type go to #ops; /stop closes it."
        )
    );
    model.own_news.clear();
    model
}

/// Types an act and answers it.
fn act(model: &mut Model, line: &str, outcome: Result<Outcome, Untrusted>) -> Vec<Effect> {
    let effects = typed(model, line);
    let [Effect::Act(act)] = effects.as_slice() else {
        panic!("{line}: {effects:?}")
    };
    assert!(!model.takes_input());
    let act = act.clone();
    update(model, Msg::Acted { act, outcome })
}

fn news(model: &mut Model, news: News) -> Vec<Effect> {
    update(model, Msg::News(news))
}

fn member(user: &str, change: Change, by: &str) -> News {
    News::Member {
        conversation: "c7".to_owned(),
        user: user.into(),
        change,
        by: by.into(),
        members_count: 3,
    }
}

#[test]
fn every_act_is_asked_for_and_its_answer_told() {
    let done = || Ok(Outcome::Done);
    let room = |name: &str, topic: &str| {
        Ok(Outcome::Room(Room {
            name: name.into(),
            topic: topic.into(),
            ..ops()
        }))
    };
    let member = |name: &str, role| MemberLine {
        name: name.into(),
        role,
    };
    let members = vec![member("ann", Some(Role::Owner)), member("bob\n", None)];
    let busy = Room {
        topic: "all of it".into(),
        members_count: 1,
        ..ops()
    };
    for (line, outcome, told) in [
        (
            "/members",
            Ok(Outcome::Members(members)),
            "ann <OWNER>\nbob⏎ <?>",
        ),
        (
            "/members",
            Ok(Outcome::Members(Vec::new())),
            "<> Nobody is here.",
        ),
        (
            "/channels",
            Ok(Outcome::Channels(vec![busy])),
            "#ops <1 MEMBER, YOU> all of it",
        ),
        (
            "/channels",
            Ok(Outcome::Channels(Vec::new())),
            "<> There are no channels yet; /create #NAME makes one.",
        ),
        (
            "/channels x",
            Ok(Outcome::Channels(Vec::new())),
            "<> No channel has that in its name; /channels lists all.",
        ),
        ("/invite bob", done(), "<> bob is in #ops now."),
        (
            "/invite bob carol",
            done(),
            "<> bob, carol are in #ops now.",
        ),
        ("/kick bob", done(), "<> bob is not in #ops any more."),
        (
            "/ban bob",
            done(),
            "<> bob is banned from #ops; /invite bob lifts that.",
        ),
        ("/role bob admin", done(), "<> bob is now admin in #ops."),
        (
            "/topic",
            room("ops", "lunch\u{7}"),
            "<> The topic of #ops: lunch␇",
        ),
        ("/topic", room("ops", ""), "<> #ops has no topic."),
        (
            "/topic dinner",
            room("ops", "dinner"),
            "<> The topic of #ops: dinner",
        ),
        (
            "/rename #news",
            room("news", ""),
            "<> #ops is called #news now.",
        ),
        (
            "/history",
            Ok(Outcome::Messages(Vec::new())),
            "<> Nothing was said here yet.",
        ),
        ("/edit 3 better", done(), "<> Message [3] has the new text."),
        ("/delete 3", done(), "<> Message [3] is deleted."),
        ("/react 3 👍", done(), "<> You gave 👍 to [3]."),
        ("/unreact 3 👍", done(), "<> You took 👍 back from [3]."),
        (
            "/kick bob",
            Err("only owners and admins do that; ask one\n".into()),
            "<> Not done: only owners and admins do that; ask one⏎",
        ),
        (
            "/create #news the news",
            room("news", "the news"),
            "<> #news is made, and you own it. Lines you type go to #news; /stop closes it.",
        ),
        (
            "/group \"the trip\" bob",
            Ok(Outcome::Room(trip())),
            "<> the trip is made, and you own it. Lines you type go to the trip; /stop closes it.",
        ),
    ] {
        let mut model = ann_in_ops();
        assert_eq!(act(&mut model, line, outcome), print(told), "{line}");
        assert!(model.takes_input());
    }
}

#[test]
fn an_act_goes_to_the_conversation_in_front_by_its_id() {
    let mut model = ann_in_ops();
    let spot = Spot {
        place: ops_place(),
        id: Some("c7".to_owned()),
    };
    assert_eq!(
        typed(&mut model, "/rename #news"),
        [Effect::Act(Act::At(spot, Deeds::Rename("news".to_owned())))]
    );
    let mut model = ann();
    assert_eq!(
        typed(&mut model, "/members"),
        print(
            "<> No conversation is open, so there is none to do that in; /start NAME opens one, \
             /join #NAME a channel."
        )
    );
    update(&mut model, Msg::ConnectionLost);
    assert_eq!(
        typed(&mut model, "/join #ops"),
        print(
            "<> Not done: the server is away, and only texts wait for it; try again when it is back."
        )
    );
    assert!(model.takes_input());
}

#[test]
fn lines_and_answers_go_to_a_channel_by_name_and_to_a_group_by_id() {
    let sent = |to: &Place, text: &str, reply_to| {
        let to = to.clone();
        let text = text.parse().unwrap();
        vec![Effect::Send { to, text, reply_to }]
    };
    let mut model = ann_in_ops();
    assert_eq!(typed(&mut model, "hi"), sent(&ops_place(), "hi", None));
    assert_eq!(
        typed(&mut model, "/reply 3 yes"),
        sent(&ops_place(), "yes", Some(3))
    );
    assert_eq!(model.unsent, 2);
    act(&mut model, "/group x", Ok(Outcome::Room(trip())));
    let group = Place::Group("c8".to_owned());
    assert_eq!(typed(&mut model, "hi"), sent(&group, "hi", None));
    assert_eq!(
        typed(&mut model, "/stop"),
        print(
            "<> the trip is closed; what is said there is still shown. /start \"the trip\" opens it again."
        )
    );
    assert_eq!(
        typed(&mut model, "/reply 3 yes"),
        print(
            "<> No conversation is open, so nobody got that; /start NAME opens one, /commands \
             lists the commands."
        )
    );
}

#[test]
fn start_opens_channels_and_groups_that_one_is_in() {
    let mut model = ann_with_bob();
    let mut start = |line: &str, outcome| {
        let effects = typed(&mut model, line);
        let [Effect::Start(wanted)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        let wanted = wanted.clone();
        update(&mut model, Msg::Started { wanted, outcome })
    };
    assert_eq!(
        start("/start #ops", Err(StartProblem::NotAMember)),
        print(
            "<> You are not in #ops; /join #ops makes you a member, /channels lists all. Lines you \
             type still go to bob."
        )
    );
    assert_eq!(
        start("/start #ops", Ok(ops())),
        print(
            "<> Lines you type go to #ops now. The conversation with bob stays open: its messages \
             are shown, /start bob returns to it."
        )
    );
    assert_eq!(
        start("/start \"the trip\"", Ok(trip())),
        print(
            "<> Lines you type go to the trip now. #ops stays open: its messages are shown, /start \
             #ops returns to it."
        )
    );
    assert_eq!(
        start("/start id:c8", Ok(trip())),
        print("<> the trip is open already; lines you type go to the trip.")
    );
    assert_eq!(
        start(
            "/start \"x\"",
            Err(StartProblem::Several(vec![ops(), trip()]))
        ),
        print(
            "<> You are in several groups like the group \"x\"; /start one of id:c7, id:c8. Lines you \
             type still go to the trip."
        )
    );
    assert_eq!(
        start("/start id:c9", Err(StartProblem::NotAMember)),
        print(
            "<> You are not in c9; whoever is there can /invite you. Lines you type still go to the trip."
        )
    );
    assert_eq!(
        start("/start #ops", Err(StartProblem::Other("try again".into()))),
        print("<> Cannot open #ops: try again Lines you type still go to the trip.")
    );
}

#[test]
fn what_is_known_opens_while_the_server_is_away() {
    let mut model = ann();
    news(
        &mut model,
        News::Room {
            room: trip(),
            is_old: true,
        },
    );
    update(&mut model, Msg::ConnectionLost);
    let told = typed(&mut model, "/start \"the trip\"");
    assert!(
        matches!(told.as_slice(), [Effect::Print(text)] if text.contains("whether you are a member")),
        "{told:?}"
    );
    assert_eq!(model.focus, Some(Place::Group("c8".to_owned())));
    typed(&mut model, "/start #ops");
    assert_eq!(model.focus, Some(ops_place()));
    let told = typed(&mut model, "/start \"other\"");
    assert_eq!(
        told,
        print(
            "<> Cannot open the group \"other\" while the server is away: it is not known here; try \
             again when it is back. Lines you type still go to #ops."
        )
    );
}

#[test]
fn messages_of_rooms_say_where_and_answers_quote() {
    let mut model = ann_in_ops();
    let first = said("c7", 1, "bob", "lunch?\nI am hungry");
    assert_eq!(
        update(&mut model, Msg::Message(first)),
        print("<bob in #ops, 1970-01-01 01:00:01> lunch?\n  I am hungry")
    );
    assert_eq!(
        update(&mut model, Msg::Echo(said("c7", 2, "ann", "yes"))),
        []
    );
    let answer = |seq, reply_to| MessageLine {
        reply_to,
        ..said("c7", seq, "bob", "good")
    };
    assert_eq!(
        update(&mut model, Msg::Message(answer(3, 2))),
        print("> ann: yes\n<bob in #ops, 1970-01-01 01:00:01> good")
    );
    assert_eq!(
        update(&mut model, Msg::Message(answer(4, 99))),
        print("> message [99]\n<bob in #ops, 1970-01-01 01:00:01> good")
    );
    let deleted = MessageLine {
        text: None,
        ..said("c7", 5, "bob", "")
    };
    assert_eq!(
        update(&mut model, Msg::Message(deleted)),
        print("<bob in #ops, 1970-01-01 01:00:01> (deleted)")
    );
}

#[test]
fn history_numbers_messages_and_quotes_what_it_shows() {
    let mut model = ann_in_ops();
    let second = MessageLine {
        reply_to: 1,
        is_edited: true,
        reactions: vec![("👍".into(), 2)],
        ..said("c7", 2, "ann", "yes")
    };
    let messages = vec![said("c7", 1, "bob", "lunch?"), second];
    assert_eq!(
        act(&mut model, "/history 2", Ok(Outcome::Messages(messages))),
        print(
            "<bob, 1970-01-01 01:00:01> [1] lunch?\n> bob: lunch?\n<ann, 1970-01-01 01:00:01> [2] yes \
             (edited) {👍 2}"
        )
    );
}

#[test]
fn news_of_rooms_are_told() {
    let mut model = ann_in_ops();
    update(&mut model, Msg::Message(said("c7", 1, "bob", "lunch?")));
    let edited = || {
        News::Edited(MessageLine {
            is_edited: true,
            ..said("c7", 1, "bob", "dinner?\n<> x")
        })
    };
    let deleted = |by: &str| News::Deleted {
        conversation: "c7".to_owned(),
        seq: 1,
        by: by.into(),
    };
    let reacted = |user: &str, added| News::Reacted {
        conversation: "c7".to_owned(),
        seq: 1,
        reactions: vec![("👍".into(), 1)],
        deed: Some((user.into(), "👍".into(), added)),
    };
    let replayed = |reactions: Vec<(Untrusted, u32)>| News::Reacted {
        conversation: "c7".to_owned(),
        seq: 1,
        reactions,
        deed: None,
    };
    let room = |name: &str, topic: &str| News::Room {
        room: Room {
            name: name.into(),
            topic: topic.into(),
            ..ops()
        },
        is_old: false,
    };
    let trip = News::Room {
        room: trip(),
        is_old: false,
    };
    for (it, told) in [
        (
            reacted("bob", true),
            "<> bob gave 👍 to [1] in #ops: \"lunch?\"",
        ),
        (
            reacted("bob", false),
            "<> bob took 👍 back from [1] in #ops: \"lunch?\"",
        ),
        (
            replayed(vec![("👍".into(), 1)]),
            "<> Message [1] in #ops has {👍 1}: \"lunch?\"",
        ),
        (
            replayed(Vec::new()),
            "<> Message [1] in #ops has no reactions any more: \"lunch?\"",
        ),
        (edited(), "<> bob edited [1] in #ops: dinner?\n  <> x"),
        (
            reacted("bob", true),
            "<> bob gave 👍 to [1] in #ops: \"dinner?⏎<> x\"",
        ),
        (deleted("carol"), "<> carol deleted message [1] in #ops"),
        (reacted("bob", true), "<> bob gave 👍 to [1] in #ops"),
        (member("bob", Change::Joined, "bob"), "<> bob joined #ops"),
        (
            member("bob", Change::Added, "carol"),
            "<> bob was added to #ops by carol",
        ),
        (member("bob", Change::Left, "bob"), "<> bob left #ops"),
        (
            member("bob", Change::Removed, "carol"),
            "<> bob was removed from #ops by carol",
        ),
        (
            member("bob", Change::Banned, "carol"),
            "<> bob was banned from #ops by carol",
        ),
        (
            member("bob", Change::Role(Role::Admin), "carol"),
            "<> bob is now admin in #ops (by carol)",
        ),
        (
            trip,
            "<> You are in the trip now; /start \"the trip\" opens it.",
        ),
        (room("ops", "lunch"), "<> The topic of #ops: lunch"),
        (room("news", "lunch"), "<> #ops is called #news now."),
    ] {
        assert_eq!(news(&mut model, it), print(told));
    }
    assert_eq!(
        news(&mut model, room("news", "lunch")),
        [],
        "nothing is new"
    );
    let news_place = Place::Channel("news".parse().unwrap());
    assert_eq!(model.focus, Some(news_place), "lines follow the name");
}

#[test]
fn what_was_done_here_is_told_once_whichever_comes_first() {
    let mut model = ann_in_ops();
    let deleted = || News::Deleted {
        conversation: "c7".to_owned(),
        seq: 1,
        by: "ann".into(),
    };
    // The answer, then the event.
    act(&mut model, "/delete 1", Ok(Outcome::Done));
    assert_eq!(news(&mut model, deleted()), []);
    // The event, then the answer.
    typed(&mut model, "/kick bob");
    assert_eq!(news(&mut model, member("bob", Change::Removed, "ann")), []);
    // From elsewhere, or what another does: told.
    assert_eq!(
        news(&mut model, deleted()),
        print("<> You deleted message [1] in #ops")
    );
    model.asking = false;
    act(&mut model, "/react 1 👍", Err("no".into()));
    let reacted = News::Reacted {
        conversation: "c7".to_owned(),
        seq: 1,
        reactions: Vec::new(),
        deed: Some(("ann".into(), "👍".into(), true)),
    };
    assert_eq!(
        news(&mut model, reacted),
        print("<> You gave 👍 to [1] in #ops"),
        "what failed here was done elsewhere"
    );
    // A new topic of one's own.
    let lunch = || Room {
        topic: "lunch".into(),
        ..ops()
    };
    typed(&mut model, "/topic lunch");
    let room = News::Room {
        room: lunch(),
        is_old: false,
    };
    assert_eq!(news(&mut model, room), []);
    // Lines follow a new name of one's own, even if its event comes before the answer.
    model.asking = false;
    let effects = typed(&mut model, "/rename lunch");
    let [Effect::Act(act)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let room = Room {
        name: "lunch".into(),
        ..lunch()
    };
    let event = News::Room {
        room: room.clone(),
        is_old: false,
    };
    assert_eq!(news(&mut model, event), []);
    let (act, outcome) = (act.clone(), Ok(Outcome::Room(room)));
    assert_eq!(
        update(&mut model, Msg::Acted { act, outcome }),
        print("<> #ops is called #lunch now.")
    );
    assert_eq!(model.focus, Some(Place::Channel("lunch".parse().unwrap())));
}

#[test]
fn who_is_no_member_any_more_types_to_nobody() {
    let mut model = ann_in_ops();
    let told = news(&mut model, member("ann", Change::Banned, "bob"));
    // What was put aside goes with the membership.
    let taken_up = || vec![super::news::taken_up("c7")];
    let expected = [
        print("<> You were banned from #ops by bob"),
        taken_up(),
        print(
            "<> No conversation is open any more: what you type would not reach #ops. /start NAME \
             opens one.",
        ),
    ];
    assert_eq!(told, expected.concat());
    assert_eq!(model.focus, None);
    let mut model = ann_in_ops();
    let gone = "<> You are not in #ops any more. No conversation is open; /start NAME opens one.";
    assert_eq!(
        act(&mut model, "/leave", Ok(Outcome::Done)),
        [taken_up(), print(gone)].concat()
    );
    assert_eq!(news(&mut model, member("ann", Change::Left, "ann")), []);
    // The event first, then the answer.
    let mut model = ann_in_ops();
    let asked = typed(&mut model, "/leave");
    assert_eq!(news(&mut model, member("ann", Change::Left, "ann")), []);
    let [Effect::Act(left)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let acted = Msg::Acted {
        act: left.clone(),
        outcome: Ok(Outcome::Done),
    };
    assert_eq!(
        update(&mut model, acted),
        [taken_up(), print(gone)].concat()
    );
    let mut model = ann_in_ops();
    start(&mut model, "bob", Ok(()));
    assert_eq!(
        act(&mut model, "/leave #ops", Ok(Outcome::Done)),
        [taken_up(), print("<> You are not in #ops any more.")].concat()
    );
    assert_eq!(model.focus, Some(Place::User(name("bob"))));
}
