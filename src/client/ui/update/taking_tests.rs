//! What follows for the screen from what comes.

use super::*;
use crate::{
    client::{
        app::{
            acts::Deeds,
            room::{Kind, Room, Wanted},
        },
        ui::{
            model::{Focus, paging::Aim, window::Ask},
            news::{ChatState, FirstPaint},
            update::support::{
                ann, ann_with_bob, counts, front, id, message, page, room, typed, with_outgoing,
                without_typing,
            },
        },
    },
    domain::conversation::MemberSettings,
};

#[test]
fn what_comes_to_the_front_by_an_answer_is_opened_like_any_other() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    model.go_after(Aim::Start(Wanted::User("dan".parse().unwrap())));
    let started = News::Started {
        wanted: Wanted::User("dan".parse().unwrap()),
        outcome: Ok(room("c-dan", Kind::Direct, "dan")),
    };
    let effects = without_typing(take(&mut model, started));
    assert_eq!(front(&model).room.label(), "dan");
    for expected in [
        Effect::KeepDraft {
            chat: "c-bob".into(),
            text: "draft".to_owned(),
        },
        Effect::Front(Some("c-dan".into())),
        Effect::Markers("c-dan".into()),
    ] {
        let count = effects.iter().filter(|it| **it == expected).count();
        assert_eq!(count, 1, "{expected:?} in {effects:?}");
    }
}

#[test]
fn what_is_shown_is_asked_for_when_the_link_is_there() {
    let mut model = ann_with_bob();
    model.link = LinkState::CatchingUp;
    model.members_shown = true;
    let effects = take(&mut model, News::CaughtUp);
    for expected in [
        Effect::Markers("c-bob".into()),
        Effect::Members("c-bob".into()),
    ] {
        let count = effects.iter().filter(|it| **it == expected).count();
        assert_eq!(count, 1, "{expected:?} in {effects:?}");
    }
}

#[test]
fn what_is_selected_stays_selected_as_it_arrives() {
    let mut model = ann_with_bob();
    with_outgoing(&mut model);
    model.focus = Focus::Outgoing(id(8));
    let message = crate::client::ui::model::message::Message {
        client_id: Some(id(8)),
        ..message(6, "ann", "waits")
    };
    take(
        &mut model,
        News::Message {
            chat: "c-bob".into(),
            sender_id: "u-ann".to_owned(),
            message: Box::new(message),
        },
    );
    assert_eq!(model.focus, Focus::Messages(6));
}

fn aside(is_aside: bool) -> News {
    News::Settings {
        chat: "c-ops".into(),
        settings: MemberSettings {
            marked_unread: is_aside,
            ..MemberSettings::default()
        },
    }
}

fn taken_up(effects: &[Effect]) -> bool {
    let is_it = |effect: &Effect| {
        matches!(effect, Effect::Act(Act::At(spot, Deeds::Unread(false)))
            if spot.id.as_deref() == Some("c-ops"))
    };
    effects.iter().any(is_it)
}

#[test]
fn what_was_put_aside_and_opened_without_a_connection_is_taken_up_with_it() {
    let mut model = ann_with_bob();
    take(&mut model, aside(true));
    model.link = LinkState::Starting;
    assert!(!taken_up(&open::open(&mut model, "c-ops".into())));
    model.link = LinkState::CatchingUp;
    assert!(taken_up(&take(&mut model, News::CaughtUp)));
    // Not once more, as when it is put aside again while it is in front.
    model.link = LinkState::CatchingUp;
    assert!(!taken_up(&take(&mut model, News::CaughtUp)));

    for is_left in [true, false] {
        let mut model = ann_with_bob();
        take(&mut model, aside(true));
        model.link = LinkState::Starting;
        open::open(&mut model, "c-ops".into());
        match is_left {
            true => {
                open::open(&mut model, "c-bob".into());
            }
            // It was taken up elsewhere, and put aside since.
            false => {
                take(&mut model, aside(false));
                take(&mut model, aside(true));
            }
        }
        model.link = LinkState::CatchingUp;
        assert!(!taken_up(&take(&mut model, News::CaughtUp)), "{is_left}");
    }
}

#[test]
fn what_the_cache_brings_to_the_front_is_taken_up_if_it_was_put_aside() {
    let mut model = ann();
    model.link = LinkState::Starting;
    let settings = Some(MemberSettings {
        marked_unread: true,
        ..MemberSettings::default()
    });
    let state = ChatState {
        room: Room {
            settings,
            ..room("c-ops", Kind::Channel, "ops")
        },
        my_role: None,
        counts: Some(counts(5, 5)),
        said: None,
        people: Vec::new(),
    };
    let paint = FirstPaint {
        states: vec![state],
        front: Some(("c-ops".into(), page(Ask::Newest, Vec::new(), 5))),
        ..FirstPaint::default()
    };
    assert!(!taken_up(&take(
        &mut model,
        News::FirstPaint(Box::new(paint))
    )));
    take(&mut model, News::Connected { my_id: None });
    assert!(taken_up(&take(&mut model, News::CaughtUp)));
}
