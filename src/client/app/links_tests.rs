//! The same for invite links, for those whom this user blocks, and for how far others have come.

use super::{
    tests::{ann, ann_with_bob, known, print, said, start, typed},
    *,
};
use crate::{
    client::app::{
        acts::{Act, Outcome},
        links::{LinkLine, MarkerLine, Seen, Sought},
        look::Found,
        model::MessageLine,
        news::{Change, News},
        room::Kind,
    },
    domain::clock::TimeMs,
};

const HIDDEN: &str = "(hidden: you have blocked bob; /unblock bob)";

fn ops() -> Room {
    Room {
        id: "c7".to_owned(),
        kind: Kind::Channel,
        name: "ops".into(),
        members_count: 3,
        ..Room::default()
    }
}

fn blocked(names: &[&str]) -> Blocked {
    Blocked::new(names.iter().map(|name| Untrusted::from(*name)))
}

/// Ann, at a terminal, who is in #ops, has a conversation with bob in front, and blocks bob.
fn ann_who_blocks() -> Model {
    let mut model = ann();
    model.is_read_by_a_person = true;
    update(&mut model, known(vec![ops()]));
    start(&mut model, "bob", Ok(()));
    assert_eq!(update(&mut model, Msg::Blocks(blocked(&["bob"]))), []);
    model
}

/// Types an act and answers it.
fn act(model: &mut Model, line: &str, outcome: Result<Outcome, Untrusted>) -> Vec<Effect> {
    let effects = typed(model, line);
    let [Effect::Act(act)] = effects.as_slice() else {
        panic!("{line}: {effects:?}")
    };
    let act = act.clone();
    let effects = update(model, Msg::Acted { act, outcome });
    assert!(model.takes_input());
    effects
}

fn open_ops(model: &mut Model) {
    act(model, "/join #ops", Ok(Outcome::Room(ops())));
    model.own_news.clear();
}

fn link(id: &str) -> LinkLine {
    LinkLine {
        id: id.into(),
        creator: "ann".into(),
        created: TimeMs::new(0),
        expires: None,
        uses_max: 0,
        uses: 2,
    }
}

#[test]
fn links_are_made_listed_and_ended() {
    let mut model = ann();
    open_ops(&mut model);
    let code = "tci_AAAAAAAAAAAAAAAAAAAAAA";
    for (line, outcome, told) in [
        (
            "/link",
            Outcome::Link(link("i3"), code.into()),
            "<> Pass it on: whoever types /join tci_AAAAAAAAAAAAAAAAAAAAAA becomes a member of #ops. The code is not \
             shown again; /unlink i3 makes it void.",
        ),
        (
            "/links",
            Outcome::Links(vec![link("i3"), link("i4\n")]),
            "i3 <2 USES> by ann, since 1970-01-01 01:00:00\ni4⏎ <2 USES> by ann, since 1970-01-01 01:00:00",
        ),
        (
            "/links",
            Outcome::Links(Vec::new()),
            "<> There are no invite links here that you can see; /link makes one.",
        ),
        (
            "/unlink i3",
            Outcome::Done,
            "<> Nobody joins #ops by i3 any more.",
        ),
    ] {
        assert_eq!(act(&mut model, line, Ok(outcome)), print(told), "{line}");
    }
    assert_eq!(
        act(&mut model, "/unlink i9", Err("there is none\n".into())),
        print("<> Not done: there is none⏎")
    );
}

#[test]
fn a_code_leads_into_a_room_whose_news_are_not_told_twice() {
    let mut model = ann();
    let line = "/join tci_AAAAAAAAAAAAAAAAAAAAAA";
    let effects = typed(&mut model, line);
    let [Effect::Act(act)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert!(
        !format!("{act:?}").contains("tci_AAAA"),
        "a code is a secret"
    );
    let room = News::Room {
        room: ops(),
        is_old: false,
    };
    let joined = News::Member {
        conversation: "c7".to_owned(),
        user: "ann".into(),
        change: Change::Joined,
        by: "ann".into(),
        members_count: 3,
    };
    for news in [room, joined] {
        assert_eq!(update(&mut model, Msg::News(news)), []);
    }
    let done = Msg::Acted {
        act: act.clone(),
        outcome: Ok(Outcome::Room(ops())),
    };
    assert_eq!(
        update(&mut model, done),
        print(
            "<> You are in #ops, with 3 members in all. Lines you type go to #ops; /stop closes it."
        )
    );
    assert!(model.own_news.is_empty());
}

#[test]
fn who_joins_where_he_is_a_member_still_hears_of_joining_elsewhere() {
    let mut model = ann();
    let lounge = Room {
        id: "c9".to_owned(),
        name: "lounge".into(),
        ..ops()
    };
    update(&mut model, known(vec![ops(), lounge]));
    act(&mut model, "/join #ops", Ok(Outcome::Room(ops())));
    let joined = |conversation: &str| News::Member {
        conversation: conversation.to_owned(),
        user: "ann".into(),
        change: Change::Joined,
        by: "ann".into(),
        members_count: 3,
    };
    let elsewhere = update(&mut model, Msg::News(joined("c9")));
    assert!(matches!(elsewhere.as_slice(), [Effect::Print(_)]));
    assert_eq!(update(&mut model, Msg::News(joined("c7"))), []);
}

#[test]
fn how_far_others_have_come_is_told() {
    let mut model = ann_with_bob();
    let bob = MarkerLine {
        user: "bob".into(),
        read: 3,
        delivered: 4,
    };
    for (message, told) in [
        (Sought::Own(3), "<> Your message [3]: bob has read it."),
        (Sought::Own(4), "<> Your message [4]: bob has got it."),
        (Sought::Own(5), "<> Your message [5]: bob not yet."),
        (Sought::Nothing, "<> You have said nothing here of late."),
    ] {
        let seen = Seen {
            message,
            others: vec![bob.clone()],
        };
        assert_eq!(
            act(&mut model, "/seen", Ok(Outcome::Seen(seen))),
            print(told)
        );
    }
}

#[test]
fn blocks_are_made_listed_and_ended() {
    let mut model = ann();
    assert_eq!(
        act(&mut model, "/blocked", Ok(Outcome::Blocked(blocked(&[])))),
        print("<> You block nobody; /block USER does that.")
    );
    assert_eq!(
        act(&mut model, "/block Bob", Ok(Outcome::Done)),
        print(
            "<> You have blocked bob: neither of you can write to the other, and what bob says in groups and channels \
             is hidden here. /unblock bob ends that."
        )
    );
    assert_eq!(model.blocked, blocked(&["bob"]));
    assert_eq!(
        act(&mut model, "/block carol", Err("that is you".into())),
        print("<> Not done: that is you")
    );
    assert_eq!(model.blocked, blocked(&["bob"]));
    let all = Outcome::Blocked(blocked(&["bob", "dan"]));
    assert_eq!(act(&mut model, "/blocked", Ok(all)), print("bob\ndan"));
    assert_eq!(model.blocked, blocked(&["bob", "dan"]), "it is what holds");
    assert_eq!(
        act(&mut model, "/unblock dan", Ok(Outcome::Done)),
        print("<> You do not block dan any more; /history shows what was hidden.")
    );
    assert_eq!(model.blocked, blocked(&["bob"]));
}

#[test]
fn what_is_known_at_the_start_holds_until_an_event_says_otherwise() {
    let mut model = ann();
    let start = |blocked| Msg::Known {
        rooms: vec![ops()],
        blocked,
    };
    assert_eq!(update(&mut model, start(Some(blocked(&["bob"])))), []);
    assert_eq!(model.blocked, blocked(&["bob"]));
    // It did not say: what is known stays.
    assert_eq!(
        update(&mut model, start(None)),
        print(
            "<> The server did not say whom you block, so what they say may be shown; /blocked asks again."
        )
    );
    assert_eq!(model.blocked, blocked(&["bob"]));
    update(&mut model, Msg::Blocks(blocked(&["carol"])));
    assert_eq!(model.blocked, blocked(&["carol"]));
    update(&mut model, Msg::Reset);
    assert!(
        model.blocked.is_empty(),
        "another store knows nothing of it"
    );
}

#[test]
fn what_a_blocked_user_says_among_others_is_hidden_and_calls_nobody() {
    let mut model = ann_who_blocks();
    let to_ann = MessageLine {
        mentions: vec!["ann".into()],
        ..said("c7", 5, "bob", "@ann hi")
    };
    assert_eq!(
        update(&mut model, Msg::Message(to_ann.clone())),
        print(&format!("<bob in #ops, 1970-01-01 01:00:01> {HIDDEN}"))
    );
    // Where there are only two, what is there is shown.
    assert_eq!(
        update(&mut model, Msg::Message(said("c-bob", 1, "bob", "old"))),
        print("<bob, 1970-01-01 01:00:01> old")
    );
    let answer = MessageLine {
        reply_to: 5,
        ..said("c7", 6, "carol", "why")
    };
    assert_eq!(
        update(&mut model, Msg::Message(answer.clone())),
        print("> bob: (hidden)\n<carol in #ops, 1970-01-01 01:00:01> why")
    );
    let edited = News::Edited(said("c7", 5, "bob", "ann!"));
    assert_eq!(update(&mut model, Msg::News(edited)), []);
    let reacted = |user: &str| {
        Msg::News(News::Reacted {
            conversation: "c7".to_owned(),
            seq: 5,
            reactions: Vec::new(),
            deed: Some((user.into(), "👍".into(), true)),
        })
    };
    assert_eq!(update(&mut model, reacted("bob")), []);
    assert_eq!(
        update(&mut model, reacted("carol")),
        print("<> carol gave 👍 to [5] in #ops")
    );
    open_ops(&mut model);
    let old = vec![to_ann, answer];
    assert_eq!(
        act(&mut model, "/history", Ok(Outcome::Messages(old.clone()))),
        print(&format!(
            "<bob, 1970-01-01 01:00:01> [5] {HIDDEN}\n> bob: (hidden)\n<carol, 1970-01-01 01:00:01> [6] why"
        ))
    );
    let found = |snippet: &str| Found {
        message: said("c7", 5, "bob", "@ann hi"),
        snippet: Some(snippet.into()),
    };
    let outcome = Ok(Outcome::Found(vec![found("@ann *hi*")], String::new()));
    assert_eq!(
        act(&mut model, "/search hi", outcome),
        print(&format!("<bob in #ops, 1970-01-01 01:00:01> [5] {HIDDEN}"))
    );
    // What was hidden was not lost.
    act(&mut model, "/unblock bob", Ok(Outcome::Done));
    assert_eq!(
        act(&mut model, "/history", Ok(Outcome::Messages(old))),
        print(
            "<bob, 1970-01-01 01:00:01> [5] @ann hi\n> bob: @ann hi\n<carol, 1970-01-01 01:00:01> [6] why"
        )
    );
}

#[test]
fn blocks_need_a_server_and_no_conversation() {
    let mut model = ann();
    assert_eq!(typed(&mut model, "/blocked"), [Effect::Act(Act::Blocked)]);
    model.asking = false;
    for line in ["/link", "/links", "/unlink i1", "/seen"] {
        let told = typed(&mut model, line);
        assert!(
            matches!(told.as_slice(), [Effect::Print(text)] if text.contains("No conversation is open")),
            "{line}: {told:?}"
        );
    }
    update(&mut model, Msg::ConnectionLost);
    let told = typed(&mut model, "/block bob");
    assert!(
        matches!(told.as_slice(), [Effect::Print(text)] if text.starts_with("<> Not done")),
        "{told:?}"
    );
}
