//! What follows for the screen from what comes.

use super::*;
use crate::client::{
    app::room::{Kind, Wanted},
    ui::{
        model::Focus,
        update::support::{
            ann_with_bob, front, id, message, room, typed, with_outgoing, without_typing,
        },
    },
};

#[test]
fn what_comes_to_the_front_by_an_answer_is_opened_like_any_other() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
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
