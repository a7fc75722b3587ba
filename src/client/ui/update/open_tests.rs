//! What follows when a conversation comes to the front or goes.

use super::{
    super::{
        Msg,
        support::{ann_with_bob, entered, front, keys, press, room, typed, without_typing},
        update,
    },
    *,
};
use crate::{
    client::{
        app::acts::Act,
        ui::{
            effect::Effect,
            model::{Focus, overlay::Overlay},
        },
    },
    domain::conversation::MemberSettings,
};

fn id(name: &str) -> ChatId {
    ChatId::from(name)
}

#[test]
fn opening_keeps_the_draft_and_asks_for_what_is_shown() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    model.members_shown = true;
    let effects = open(&mut model, id("c-carol"));
    assert_eq!(
        effects,
        [
            Effect::Typing {
                chat: id("c-bob"),
                is_typing: false
            },
            Effect::KeepDraft {
                chat: id("c-bob"),
                text: "draft".to_owned()
            },
            Effect::Front(Some(id("c-carol"))),
            Effect::Markers(id("c-carol")),
            Effect::Members(id("c-carol")),
        ]
    );
    assert_eq!(open(&mut model, id("c-carol")), [], "it is there already");
    assert_eq!(open(&mut model, id("c-none")), []);
    open(&mut model, id("c-bob"));
    assert_eq!(
        (front(&model).id(), model.composer.text()),
        (&id("c-bob"), "draft")
    );
}

#[test]
fn markers_are_those_of_few_and_nothing_is_asked_of_a_server_that_is_away() {
    for (kind, count, is_up, has) in [
        (Kind::Direct, 2, true, true),
        (Kind::Group, 50, true, true),
        (Kind::Group, 51, true, false),
        (Kind::Channel, 3, true, false),
        (Kind::Direct, 2, false, false),
    ] {
        let mut model = ann_with_bob();
        let new = crate::client::app::room::Room {
            members_count: count,
            ..room("c-new", kind, "new")
        };
        model.chats.learn(new, None);
        if !is_up {
            model.link = LinkState::CatchingUp;
        }
        let effects = open(&mut model, id("c-new"));
        assert_eq!(
            effects.contains(&Effect::Markers(id("c-new"))),
            has,
            "{kind:?} {count}"
        );
    }
}

#[test]
fn coming_to_what_was_put_aside_takes_it_up() {
    let mut model = ann_with_bob();
    let settings = MemberSettings {
        marked_unread: true,
        ..MemberSettings::default()
    };
    model
        .chats
        .get_mut(&id("c-ops"))
        .unwrap()
        .set_settings(settings);
    let effects = open(&mut model, id("c-ops"));
    assert!(matches!(
        effects.last(),
        Some(Effect::Act(Act::At(_, Deeds::Unread(false))))
    ));
}

#[test]
fn leaving_the_front_leaves_nothing_in_it() {
    let mut model = ann_with_bob();
    let effects = entered(&mut model, "/stop");
    assert!(effects.contains(&Effect::Front(None)));
    assert!(model.chats.front().is_none());
    press(&mut model, "alt+down");
    assert_eq!(front(&model).id(), &id("c-bob"));
}

#[test]
fn what_is_written_is_kept_before_it_goes_out_of_sight() {
    let keep = |text: &str| Effect::KeepDraft {
        chat: id("c-bob"),
        text: text.to_owned(),
    };
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    assert_eq!(
        update(&mut model, &keys(), Msg::Focused(false)),
        [keep("draft")]
    );
    assert_eq!(update(&mut model, &keys(), Msg::Focused(true)), []);
    assert!(model.is_focused);
    let effects = without_typing(update(&mut model, &keys(), Msg::Ended));
    assert_eq!(effects, [keep("draft"), Effect::Quit]);
    press(&mut model, "ctrl+u");
    assert_eq!(update(&mut model, &keys(), Msg::Focused(false)), [keep("")]);
    update(&mut model, &keys(), Msg::Resized(120, 40));
    assert_eq!(model.size, (120, 40));
    // A paste over the messages goes to what is written; over an overlay to its line.
    model.focus = Focus::Messages(3);
    update(&mut model, &keys(), Msg::Paste("x".to_owned()));
    assert_eq!((model.focus, model.composer.text()), (Focus::Composer, "x"));
    press(&mut model, "alt+g");
    update(&mut model, &keys(), Msg::Paste("y".to_owned()));
    assert_eq!(model.composer.text(), "x");
    assert!(matches!(&model.overlay, Some(Overlay::Pick(picker)) if picker.input.text() == "y"));
}

#[test]
fn what_is_begun_anew_while_nothing_is_open_is_nobodys() {
    let mut model = ann_with_bob();
    typed(&mut model, "to bob");
    model.forget(&id("c-bob"));
    assert_eq!(model.composer.text(), "to bob");
    press(&mut model, "ctrl+u");
    typed(&mut model, "to whom it may concern");
    open(&mut model, id("c-carol"));
    assert_eq!(model.composer.text(), "to whom it may concern");
}
