//! What cannot be done with the message that is selected is said; the rest is among the cases of `keys`.

use super::{
    super::support::{
        ann_with_bob, id, message, notice, press, typed, with_outgoing, without_typing,
    },
    *,
};
use crate::{
    client::{
        app::file::tests::file,
        ui::model::{composer::Mode, message::Change},
    },
    domain::role::Role,
};

fn on(model: &mut Model, focus: Focus, key: &str) -> Vec<Effect> {
    model.focus = focus;
    press(model, key)
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut model = ann_with_bob();
    let (refused, waits) = with_outgoing(&mut model);
    model.take_message(&"c-bob".into(), message(6, "bob", "gone"));
    let deleted = Change::Deleted {
        seq: 6,
        revision: 2,
    };
    let front = model.chats.front_mut().unwrap();
    front.window.change(deleted);
    let waits = Focus::Outgoing(waits.id);
    let refused = Focus::Outgoing(refused.id);
    for (focus, key, said) in [
        (
            Focus::Messages(3),
            "e",
            "Only your own messages can be edited; answer it instead.",
        ),
        (
            Focus::Messages(3),
            "d",
            "Only your own messages can be deleted here; owners and admins of a group or channel delete those of others.",
        ),
        (
            Focus::Messages(1),
            "o",
            "There is neither a link nor a file in that message.",
        ),
        (Focus::Messages(1), "q", "That message answers no other."),
        (
            Focus::Messages(1),
            "t",
            "That message is sent; only one that was refused can be sent again or dropped.",
        ),
        (Focus::Messages(6), "r", GONE),
        (Focus::Messages(6), "d", GONE),
        (waits, "r", NOT_YET),
        (waits, "e", NOT_YET),
        (waits, "+", NOT_YET),
        (
            waits,
            "x",
            "That message is on its way; only one that was refused can be sent again or dropped.",
        ),
        (refused, "s", NOT_YET),
        (Focus::Messages(77), "r", "No message is selected."),
    ] {
        model.notices = Default::default();
        assert_eq!(on(&mut model, focus, key), [], "{key}");
        assert_eq!(notice(&model), said, "{key} on {focus:?}");
        assert_eq!((&model.overlay, model.focus), (&None, focus));
    }
}

#[test]
fn who_runs_a_group_deletes_the_messages_of_others_there() {
    let mut model = ann_with_bob();
    model.open(Some("c-trip".into()));
    model.take_message(&"c-trip".into(), message(1, "bob", "oops"));
    for (role, may) in [
        (Some(Role::Member), false),
        (Some(Role::Admin), true),
        (None, true),
    ] {
        model.overlay = None;
        model.chats.front_mut().unwrap().my_role = role;
        on(&mut model, Focus::Messages(1), "d");
        assert_eq!(model.overlay.is_some(), may, "{role:?}");
    }
}

#[test]
fn what_was_refused_can_be_written_anew() {
    let mut model = ann_with_bob();
    let (refused, _) = with_outgoing(&mut model);
    let focus = Focus::Outgoing(refused.id);
    model.composer.paste("begun");
    assert_eq!(on(&mut model, focus, "e"), []);
    assert!(notice(&model).starts_with("You are writing already"));
    press(&mut model, "esc");
    press(&mut model, "ctrl+u");
    assert_eq!(
        without_typing(on(&mut model, focus, "e")),
        [Effect::Drop(id(7))]
    );
    assert_eq!(
        (model.composer.text(), model.composer.mode()),
        ("refused", &Mode::Write)
    );
    assert_eq!(model.outgoing.get(id(7)), None);
}

#[test]
fn a_message_of_nothing_but_files_is_answered_by_their_names_and_has_no_text_to_copy() {
    let mut model = ann_with_bob();
    let files = vec![file("f12", "notes.txt", "text/plain")];
    for (seq, sender) in [(6, "bob"), (7, "ann")] {
        let shared = Message {
            files: files.clone(),
            ..message(seq, sender, "")
        };
        model.take_message(&"c-bob".into(), shared);
    }
    assert_eq!(on(&mut model, Focus::Messages(6), "y"), []);
    assert_eq!(notice(&model), NO_TEXT);
    on(&mut model, Focus::Messages(7), "d");
    let Some(Overlay::Ask(question)) = &model.overlay else {
        panic!("no question")
    };
    assert!(
        question.text.contains("\"[file notes.txt]\""),
        "{}",
        question.text
    );
    model.overlay = None;
    on(&mut model, Focus::Messages(6), "r");
    let Mode::Reply(quote) = model.composer.mode() else {
        panic!("no reply")
    };
    assert_eq!((quote.seq, &quote.text), (6, &"[file notes.txt]".into()));
    press(&mut model, "esc");
    // It gets a text, and keeps its files.
    on(&mut model, Focus::Messages(7), "e");
    typed(&mut model, "see");
    let effects = without_typing(press(&mut model, "enter"));
    assert!(
        effects.iter().any(|it| matches!(it, Effect::Act(_))),
        "{effects:?}"
    );
    let edited = Message {
        revision: 1,
        files: files.clone(),
        ..message(7, "ann", "see")
    };
    let front = model.chats.front_mut().unwrap();
    front.window.change(Change::Edited(Box::new(edited)));
    let known = front.window.get(7).unwrap();
    assert_eq!((&known.text, &known.files), (&Some("see".into()), &files));
}

#[test]
fn what_was_refused_with_files_is_sent_again_or_dropped_but_not_written_anew() {
    let mut model = ann_with_bob();
    let (refused, _) = with_outgoing(&mut model);
    let with_files = Outgoing {
        id: id(9),
        text: crate::domain::text::MessageText::none(),
        attachments: vec!["f1".to_owned(), "f2".to_owned()],
        ..refused
    };
    model.outgoing.push(with_files.clone()).unwrap();
    let focus = Focus::Outgoing(id(9));
    for (key, said) in [("e", "Its files would be lost"), ("y", NO_TEXT)] {
        model.notices = Default::default();
        assert_eq!(on(&mut model, focus, key), []);
        assert!(notice(&model).starts_with(said), "{}", notice(&model));
    }
    on(&mut model, focus, "x");
    let Some(Overlay::Ask(question)) = &model.overlay else {
        panic!("no question")
    };
    assert_eq!(
        question.text,
        "Drop \"[2 files]\", which could not be sent?"
    );
    model.overlay = None;
    let effects = on(&mut model, focus, "t");
    let [Effect::Send(again)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(again.attachments, with_files.attachments);
}

#[test]
fn what_was_refused_with_files_by_a_conversation_that_is_gone_can_be_dropped() {
    let mut model = ann_with_bob();
    let (refused, _) = with_outgoing(&mut model);
    let refused = Outgoing {
        id: id(9),
        text: crate::domain::text::MessageText::none(),
        attachments: vec!["f1".to_owned()],
        ..refused
    };
    model.outgoing.push(refused.clone()).unwrap();
    model.forget(&"c-bob".into());
    super::super::support::open_overlay(&mut model, "f2");
    let labels = super::super::support::labels(&model);
    assert!(
        labels.iter().any(|it| it.starts_with("not sent: [1 file]")),
        "{labels:?}"
    );
    model.overlay = None;
    assert_eq!(
        take_back(&mut model, refused.id),
        [Effect::Drop(refused.id)]
    );
}

#[test]
fn links_of_a_message_are_each_there_once() {
    let text =
        "https://a.org, <https://b.org> [x](https://c.org) `https://d.org` https://a.org \u{1b}";
    let links = links_of(&text.into());
    assert_eq!(
        links[..3],
        ["https://a.org", "https://b.org", "https://c.org"]
    );
    assert!(links.iter().all(|link| !link.contains('\u{1b}')));
}

#[test]
fn who_has_read_a_message_is_told_of_that_message() {
    let mut model = ann_with_bob();
    model.take_message(&"c-bob".into(), message(6, "ann", "newer"));
    let front = model.chats.front_mut().unwrap();
    let marker = Marker {
        delivered: 6,
        read: 4,
    };
    front.advance("u-bob", marker);
    model.focus = Focus::Messages(4);
    assert_eq!(act(&mut model, Action::SeenBy), []);
    assert_eq!(notice(&model), "Your message [4]: bob has read it.");
    model.focus = Focus::Messages(6);
    act(&mut model, Action::SeenBy);
    assert_eq!(notice(&model), "Your message [6]: bob has got it.");
    model.focus = Focus::Messages(5);
    act(&mut model, Action::SeenBy);
    assert!(notice(&model).starts_with("Only of your own messages"));
}

#[test]
fn what_was_refused_by_a_conversation_that_is_gone_can_be_taken_back() {
    let mut model = ann_with_bob();
    let (refused, _) = with_outgoing(&mut model);
    model.forget(&"c-bob".into());
    super::super::support::open_overlay(&mut model, "f2");
    let row = super::super::support::labels(&model)[0].to_owned();
    assert_eq!(row, "not sent: refused");
    assert_eq!(press(&mut model, "enter"), [Effect::Drop(refused.id)]);
    assert_eq!(
        (model.composer.text(), model.focus),
        ("refused", Focus::Composer)
    );
    assert!(model.outgoing.get(refused.id).is_none());
}

#[test]
fn what_was_refused_is_not_put_into_what_was_written_before_an_edit() {
    let mut model = ann_with_bob();
    let (refused, _) = with_outgoing(&mut model);
    typed(&mut model, "draft");
    on(&mut model, Focus::Messages(4), "e");
    press(&mut model, "ctrl+u");
    assert_eq!(model.composer.text(), "");
    let effects = on(&mut model, Focus::Outgoing(refused.id), "e");
    assert_eq!(effects, []);
    model.focus = Focus::Composer;
    press(&mut model, "esc");
    assert_eq!(model.composer.text(), "draft");
    assert!(model.outgoing.get(refused.id).is_some());
}
