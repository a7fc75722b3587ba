//! States of conversations, wherever they come from.

use super::{
    super::{
        News, due,
        support::{
            BOB, OPS, TRIP, ann, chat, counts, is_known, message, newest, nobody, notice, quietly,
            room, said, state,
        },
        take,
    },
    *,
};
use crate::{
    client::{
        app::{
            news::Change,
            room::{Kind, Room},
        },
        ui::model::{LinkState, edit::Edit, markers::Marker, window::Ask},
    },
    domain::{clock::TimeMs, role::Role},
};

fn connect(model: &mut Model) -> Vec<Effect> {
    take(
        model,
        News::Connected {
            my_id: Some("u-ann".to_owned()),
        },
    )
}

fn all(states: Vec<ChatState>) -> News {
    News::States {
        states: Ok(states),
        blocked: Some(Blocked::default()),
    }
}

fn ops() -> Room {
    room(OPS, Kind::Channel, "ops", 3)
}

#[test]
fn all_of_them_are_learned_and_those_that_are_left_out_are_gone() {
    let mut model = nobody();
    let kept = |id: &str| state(room(id, Kind::Group, id, 2), Some(counts(4, 4)));
    take(
        &mut model,
        News::FirstPaint(Box::new(FirstPaint {
            states: vec![kept("c-kept"), kept("c-gone")],
            ..FirstPaint::default()
        })),
    );
    assert_eq!(connect(&mut model), [Effect::States]);
    let new = ChatState {
        my_role: Some(Role::Owner),
        people: vec![("u-dan".to_owned(), "dan".into())],
        ..state(ops(), Some(counts(9, 7)))
    };
    let states = vec![new, kept("c-kept")];
    quietly(
        &mut model,
        News::States {
            states: Ok(states),
            blocked: Some(Blocked::new(["bob".into()])),
        },
    );
    assert!(is_known(&model, "c-kept") && !is_known(&model, "c-gone"));
    let ops = chat(&model, OPS);
    assert_eq!((ops.counts().unread, ops.my_role), (2, Some(Role::Owner)));
    assert_eq!(model.blocked.names().count(), 1);
    assert_eq!(model.people.name("u-dan"), Some(&"dan".into()));
}

#[test]
fn what_an_event_brought_meanwhile_is_not_gone() {
    let mut model = nobody();
    connect(&mut model);
    take(
        &mut model,
        News::Chat(Box::new(state(ops(), Some(counts(3, 3))))),
    );
    take(&mut model, all(Vec::new()));
    assert!(is_known(&model, OPS));
}

#[test]
fn a_stream_that_tells_of_all_leaves_nothing_of_before() {
    let mut model = ann();
    let marker = Marker {
        delivered: 5,
        read: 5,
    };
    model
        .chats
        .get_mut(&OPS.into())
        .unwrap()
        .advance("u-left", marker);
    connect(&mut model);
    quietly(
        &mut model,
        News::Chat(Box::new(state(ops(), Some(counts(5, 5))))),
    );
    take(&mut model, News::CaughtUp);
    assert_eq!(
        notice(&mut model),
        "bob is closed: you are not in it any more."
    );
    assert!(is_known(&model, OPS) && !is_known(&model, TRIP));
    assert_eq!(chat(&model, OPS).markers.iter().count(), 0);
}

#[test]
fn what_was_left_meanwhile_does_not_come_back_by_an_answer() {
    let mut model = nobody();
    take(
        &mut model,
        News::FirstPaint(Box::new(FirstPaint {
            states: vec![state(ops(), Some(counts(3, 3)))],
            ..FirstPaint::default()
        })),
    );
    connect(&mut model);
    take(
        &mut model,
        News::Member {
            chat: OPS.into(),
            user_id: "u-ann".to_owned(),
            user: "ann".into(),
            change: Change::Removed,
            by: "bob".into(),
            members_count: 2,
        },
    );
    take(&mut model, all(vec![state(ops(), Some(counts(3, 3)))]));
    assert!(!is_known(&model, OPS));
    // An event of a new membership does bring it.
    take(
        &mut model,
        News::Chat(Box::new(state(ops(), Some(counts(3, 3))))),
    );
    assert!(is_known(&model, OPS));
}

/// Lets so many milliseconds pass.
fn pass(model: &mut Model, wait_ms: i64) -> Vec<Effect> {
    let now = TimeMs::new(model.now.milliseconds() + wait_ms);
    model.tick(now);
    due(model)
}

#[test]
fn a_list_that_could_not_be_got_is_asked_for_again_and_that_is_said_once() {
    let mut model = nobody();
    connect(&mut model);
    let failed = || News::States {
        states: Err("busy\u{7}".into()),
        blocked: None,
    };
    assert_eq!(take(&mut model, failed()), []);
    assert_eq!(
        notice(&mut model),
        "The list of conversations may be old: busy␇"
    );
    assert_eq!(pass(&mut model, 999), []);
    assert_eq!(pass(&mut model, 1), [Effect::States]);
    quietly(&mut model, failed());
    assert_eq!(pass(&mut model, 1_999), []);
    let lost = News::Lost {
        retry_at: TimeMs::new(0),
    };
    take(&mut model, lost);
    assert_eq!(pass(&mut model, 60_000), [], "there is nobody to ask");
    assert_eq!(connect(&mut model), [Effect::States]);
    quietly(&mut model, all(vec![]));
    assert_eq!(pass(&mut model, 60_000), []);
}

#[test]
fn a_state_that_could_not_be_got_is_asked_for_again_after_a_wait_that_grows() {
    let mut model = ann();
    let failed = |id: &str| News::StateFailed { chat: id.into() };
    let asked = [Effect::State("c-new".into())];
    let news = said("c-new", message(1, "dan", "x"));
    assert_eq!(take(&mut model, news.clone()), asked);
    model.chats.get_mut(&BOB.into()).unwrap().doubt();
    assert_eq!(model.counts_to_ask(), [ChatId::from(BOB)]);
    for wait_ms in [1_000, 2_000, 4_000] {
        for id in ["c-new", BOB] {
            quietly(&mut model, failed(id));
        }
        let again = model.now.milliseconds() + wait_ms;
        assert_eq!(model.next_tick(), Some(TimeMs::new(again)));
        // Whatever comes, the server is left alone.
        take(&mut model, said(BOB, message(9, "bob", "x")));
        assert_eq!(take(&mut model, news.clone()), []);
        assert_eq!(pass(&mut model, wait_ms - 1), []);
        assert_eq!(model.counts_to_ask(), []);
        assert_eq!(pass(&mut model, 1), asked);
        assert_eq!(model.counts_to_ask(), [ChatId::from(BOB)]);
    }
    // What the server would not tell is not asked for again.
    for id in ["c-new", BOB] {
        let chat = id.into();
        assert_eq!(take(&mut model, News::State { chat, state: None }), []);
    }
    assert_eq!(pass(&mut model, 60_000), []);
    assert_eq!(take(&mut model, news), []);
    assert_eq!(model.counts_to_ask(), []);
}

#[test]
fn a_server_that_has_less_than_it_had_is_asked_once_and_its_messages_are_read_anew() {
    let mut model = ann();
    take(&mut model, said(BOB, message(9, "bob", "x")));
    let ask = Ask::Before(9);
    model.ask_page(&BOB.into(), ask);
    assert_eq!(model.counts_to_ask(), [ChatId::from(BOB)]);
    let answer = |last_seq| {
        let room = room(BOB, Kind::Direct, "bob", 2);
        let state = Some(Box::new(state(room, Some(counts(last_seq, last_seq)))));
        let chat = BOB.into();
        News::State { chat, state }
    };
    quietly(&mut model, answer(3));
    assert_eq!(model.counts_to_ask(), []);
    let bob = chat(&model, BOB);
    assert_eq!((bob.counts(), bob.window.len()), (counts(3, 3), 0));
    // A page that was asked for before may hold what is gone.
    let page = Ok(newest(vec![message(8, "bob", "gone")]));
    let late = News::Page {
        chat: BOB.into(),
        ask,
        page,
    };
    quietly(&mut model, late);
    assert!(chat(&model, BOB).window.is_empty());
    take(&mut model, said(BOB, message(4, "bob", "anew")));
    assert_eq!(chat(&model, BOB).counts(), counts(4, 3));
    assert_eq!(model.counts_to_ask(), []);
}

#[test]
fn what_could_not_be_got_before_the_link_was_lost_is_asked_for_with_the_next() {
    let mut model = ann();
    take(&mut model, said("c-new", message(1, "dan", "x")));
    take(
        &mut model,
        News::Lost {
            retry_at: TimeMs::new(0),
        },
    );
    let chat = "c-new".into();
    quietly(&mut model, News::StateFailed { chat });
    assert_eq!(connect(&mut model), [Effect::State("c-new".into())]);
    assert_eq!(pass(&mut model, 60_000), []);
}

#[test]
fn what_all_members_are_told_changes_nothing_of_ones_own() {
    let mut model = ann();
    take(&mut model, said(OPS, message(6, "bob", "x")));
    let before = chat(&model, OPS).counts();
    let renamed = Room {
        name: "news".into(),
        topic: "all of it".into(),
        ..ops()
    };
    quietly(&mut model, News::Chat(Box::new(state(renamed, None))));
    let ops = chat(&model, OPS);
    assert_eq!(ops.counts(), before);
    assert_eq!(ops.room.label(), "#news");
    assert!(!ops.is_unsure());
}

#[test]
fn what_came_of_an_unknown_one_is_there_with_its_answer() {
    let mut model = ann();
    let news = said("c-new", message(1, "dan", "x"));
    let asked = [Effect::State("c-new".into())];
    assert_eq!(take(&mut model, news), asked);
    let dan = room("c-new", Kind::Direct, "dan", 2);
    take(
        &mut model,
        News::State {
            chat: "c-new".into(),
            state: Some(Box::new(state(dan, Some(counts(1, 0))))),
        },
    );
    assert_eq!(chat(&model, "c-new").counts(), counts(1, 0));
}

#[test]
fn an_answer_that_was_not_asked_for_does_no_harm() {
    let mut model = ann();
    let (chat, state) = ("c-new".into(), None);
    quietly(&mut model, News::State { chat, state });
    quietly(&mut model, News::StateFailed { chat: BOB.into() });
    assert!(!is_known(&model, "c-new"));
    assert_eq!(
        super::super::support::chat(&model, BOB).counts(),
        counts(5, 5)
    );
}

#[test]
fn what_the_server_does_not_know_of_this_user_is_gone_unless_an_event_came_since() {
    let mut model = ann();
    let no = |id: &str| News::State {
        chat: id.into(),
        state: None,
    };
    for id in [BOB, OPS] {
        model.chats.get_mut(&id.into()).unwrap().doubt();
    }
    model.counts_to_ask();
    take(
        &mut model,
        News::Chat(Box::new(state(ops(), Some(counts(3, 3))))),
    );
    quietly(&mut model, no(OPS));
    assert_eq!(take(&mut model, no(BOB)), []);
    assert_eq!(
        notice(&mut model),
        "bob is closed: you are not in it any more."
    );
    assert!(is_known(&model, OPS) && !is_known(&model, BOB));
}

#[test]
fn the_cache_paints_the_front_with_its_draft_and_the_newest_first() {
    let mut model = nobody();
    let one = |id: &str, name: &str| {
        let counts = counts(2, 2);
        state(room(id, Kind::Direct, name, 2), Some(counts))
    };
    let paint = FirstPaint {
        states: vec![one(BOB, "bob"), one(TRIP, "carol")],
        front: Some((BOB.into(), newest(vec![message(2, "bob", "x")]))),
        drafts: vec![
            (BOB.into(), "half a".to_owned()),
            ("c-gone".into(), "lost".to_owned()),
        ],
        written: Vec::new(),
        blocked: Blocked::new(["eve".into()]),
    };
    take(&mut model, News::FirstPaint(Box::new(paint)));
    assert_eq!(model.link, LinkState::Starting);
    assert!(model.is_front(&BOB.into()));
    assert_eq!(model.composer.text(), "half a");
    assert!(chat(&model, BOB).window.get(2).is_some());
    let names: Vec<String> = model.chats.names().into_iter().map(|it| it.1).collect();
    assert_eq!(names, ["bob", "carol"]);
    assert_eq!(model.blocked.names().count(), 1);
}

#[test]
fn what_was_typed_before_the_cache_painted_stays() {
    let paint = || {
        let drafts = [BOB, TRIP, OPS].map(|id| (id.into(), "of before".to_owned()));
        News::FirstPaint(Box::new(FirstPaint {
            drafts: drafts.into(),
            ..FirstPaint::default()
        }))
    };
    let mut model = ann();
    model.open(Some(TRIP.into()));
    model.composer.type_in("x");
    model.open(Some(BOB.into()));
    model.composer.type_in("to bob");
    quietly(&mut model, paint());
    assert_eq!(model.composer.text(), "to bob");
    let draft = |model: &Model, id: &str| chat(model, id).draft.text().to_owned();
    assert_eq!(
        (draft(&model, TRIP), draft(&model, OPS)),
        ("x".to_owned(), "of before".to_owned())
    );
    model.composer.edit(Edit::KillAll);
    model.composer.edit(Edit::Yank);
    model.composer.edit(Edit::YankPop);
    assert_eq!(model.composer.text(), "of before", "it is not lost");
    // Where nothing was typed it is there, in front, too.
    let mut model = ann();
    quietly(&mut model, paint());
    assert_eq!(model.composer.text(), "of before");
}
