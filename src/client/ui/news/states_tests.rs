//! States of conversations, wherever they come from.

use super::{
    super::{
        News,
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
        ui::model::LinkState,
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

#[test]
fn a_list_that_could_not_be_got_is_asked_for_with_the_next_connection() {
    let mut model = nobody();
    connect(&mut model);
    let failed = News::States {
        states: Err("busy\u{7}".into()),
        blocked: None,
    };
    take(&mut model, failed);
    assert_eq!(
        notice(&mut model),
        "The list of conversations may be old: busy␇"
    );
    take(
        &mut model,
        News::Lost {
            retry_at: TimeMs::new(0),
        },
    );
    assert_eq!(connect(&mut model), [Effect::States]);
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
fn an_answer_that_does_not_come_does_no_harm() {
    let mut model = ann();
    for chat in [BOB, "c-new"] {
        quietly(
            &mut model,
            News::State {
                chat: chat.into(),
                state: None,
            },
        );
    }
    assert!(!is_known(&model, "c-new"));
    assert_eq!(chat(&model, BOB).counts(), counts(5, 5));
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
