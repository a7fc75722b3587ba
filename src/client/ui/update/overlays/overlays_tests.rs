//! What is listed for what is typed, and what picking it does.

use super::{
    super::{
        super::model::{
            Focus, LinkState,
            overlay::{Overlay, Picked, PickerKind, TextPage},
        },
        Msg,
        support::{
            ann_with_bob, front, keys, labels, notice, open_overlay, picker, press, typed,
            without_typing,
        },
        update,
    },
    *,
};
use crate::{
    client::app::{
        acts::{Act, Deeds},
        emoji,
        room::Wanted,
    },
    domain::ids::ClientMessageId,
};

fn emoji_deed(effects: &[Effect]) -> (u64, String, bool) {
    match effects {
        [Effect::Act(Act::At(spot, Deeds::React { seq, emoji, give }))] => {
            assert_eq!(spot.id.as_deref(), Some("c-bob"));
            (*seq, emoji.as_str().to_owned(), *give)
        }
        _ => panic!("{effects:?}"),
    }
}

#[test]
fn the_switcher_finds_conversations_then_people_then_what_could_be() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "alt+g");
    typed(&mut model, "o");
    assert_eq!(labels(&model), ["#ops", "carol", "bob", "o"]);
    press(&mut model, "backspace");
    typed(&mut model, "#new");
    assert_eq!(labels(&model), ["#new"]);
    let effects = press(&mut model, "enter");
    assert_eq!(
        effects,
        [Effect::Act(Act::Join("new".parse().unwrap()))],
        "a channel that is not known is joined"
    );
    open_overlay(&mut model, "alt+g");
    typed(&mut model, "da");
    assert_eq!(labels(&model), ["dan", "da"]);
    let effects = press(&mut model, "enter");
    assert_eq!(
        effects,
        [Effect::Start(Wanted::User("dan".parse().unwrap()))]
    );
    model.link = LinkState::Starting;
    open_overlay(&mut model, "alt+g");
    typed(&mut model, "dan");
    assert_eq!(press(&mut model, "enter"), []);
    assert!(notice(&model).contains("while the server is away"));
    open_overlay(&mut model, "alt+g");
    typed(&mut model, "?!");
    assert_eq!(labels(&model), Vec::<&str>::new());
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(picker(&model).input.text(), "?!", "it can be corrected");
}

#[test]
fn who_was_elsewhere_before_is_back_with_two_keys() {
    let mut model = ann_with_bob();
    for expected in ["#ops", "bob", "#ops"] {
        open_overlay(&mut model, "alt+g");
        press(&mut model, "enter");
        assert_eq!(front(&model).room.label(), expected);
    }
}

#[test]
fn the_palette_runs_what_is_whole_and_writes_what_needs_more() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    open_overlay(&mut model, "f2");
    typed(&mut model, "mem");
    assert_eq!(labels(&model)[..2], ["/members", "toggle-members"]);
    let effects = press(&mut model, "enter");
    assert!(matches!(
        effects.as_slice(),
        [Effect::Act(Act::At(_, Deeds::Members))]
    ));
    assert_eq!(model.composer.text(), "draft");
    open_overlay(&mut model, "f2");
    typed(&mut model, "/leave");
    assert_eq!(
        press(&mut model, "enter").len(),
        0,
        "it is not done by mistake"
    );
    assert_eq!(model.composer.text(), "/leave ");
    press(&mut model, "ctrl+_");
    open_overlay(&mut model, "f2");
    typed(&mut model, "toggle-mem");
    press(&mut model, "enter");
    assert!(model.members_shown);
    open_overlay(&mut model, "f2");
    typed(&mut model, "bold");
    press(&mut model, "ctrl+u");
    typed(&mut model, "swit");
    assert_eq!(
        picker(&model).rows[0].what,
        Picked::Action(Action::Switcher)
    );
    assert!(picker(&model).rows[0].help.ends_with("(ctrl+k, alt+g)"));
    press(&mut model, "enter");
    assert_eq!(picker(&model).kind, PickerKind::Switcher);
}

#[test]
fn the_palette_completes_arguments_with_their_help() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f2");
    typed(&mut model, "mute 2");
    assert_eq!(labels(&model), ["/mute 2h", "/mute 2"]);
    assert!(picker(&model).rows[1].help.contains("a length of time"));
    let effects = press(&mut model, "enter");
    assert!(matches!(
        effects.as_slice(),
        [Effect::Act(Act::At(_, Deeds::Notify(Some(_))))]
    ));
    open_overlay(&mut model, "f2");
    typed(&mut model, "kick ca");
    assert_eq!(labels(&model), ["/kick ca", "/kick carol"]);
    press(&mut model, "tab");
    let effects = press(&mut model, "enter");
    assert!(
        matches!(effects.as_slice(), [Effect::Act(Act::At(_, Deeds::Remove { user, .. }))] if user.as_str() == "carol")
    );
    open_overlay(&mut model, "f2");
    typed(&mut model, "role carol ");
    assert!(labels(&model).contains(&"/role carol read-only"));
}

#[test]
fn an_emoji_is_given_or_taken_back() {
    let mut model = ann_with_bob();
    let react = |model: &mut Model, typed_in: &str, row: usize| {
        model.focus = Focus::Messages(5);
        open_overlay(model, "+");
        typed(model, typed_in);
        for _ in 0..row {
            press(model, "down");
        }
        emoji_deed(&press(model, "enter"))
    };
    assert_eq!(
        react(&mut model, "", 0),
        (5, "🎉".to_owned(), false),
        "it is ann's"
    );
    assert_eq!(react(&mut model, "", 1), (5, "👀".to_owned(), true));
    assert_eq!(react(&mut model, ":rocket", 0), (5, "🚀".to_owned(), true));
    // As names are completed: itself, what is given most, the letters.
    assert_eq!(react(&mut model, "art", 0).1, "🎨");
    for typed_in in ["hea", "roc", "flower"] {
        let completed = emoji::complete(typed_in, 9).into_iter();
        for (row, (name, sign)) in completed.take(2).enumerate() {
            assert_eq!(
                react(&mut model, typed_in, row).1,
                sign,
                "{typed_in} {name}"
            );
        }
    }
    model.focus = Focus::Messages(5);
    open_overlay(&mut model, "+");
    let sign = "🪿".to_owned();
    without_typing(update(&mut model, &keys(), Msg::Paste(sign.clone())));
    assert_eq!(emoji_deed(&press(&mut model, "enter")), (5, sign, true));
    assert_eq!(
        model.focus,
        Focus::Messages(5),
        "the message stays selected"
    );
}

#[test]
fn one_of_several_links_is_picked() {
    let mut model = ann_with_bob();
    model.focus = Focus::Messages(2);
    press(&mut model, "o");
    assert_eq!(labels(&model), ["https://x.org", "https://y.org"]);
    press(&mut model, "down");
    assert_eq!(
        press(&mut model, "enter"),
        [Effect::Open("https://y.org".to_owned())]
    );
}

#[test]
fn what_was_sent_before_is_found_and_written_again() {
    let mut model = ann_with_bob();
    press(&mut model, "ctrl+r");
    assert_eq!(
        notice(&model),
        "Nothing was sent here from this machine yet."
    );
    for (number, line) in ["one", "two\nlines", "one"].into_iter().enumerate() {
        model.fresh_id = ClientMessageId::from_bytes([u8::try_from(number).unwrap() + 50; 16]);
        model.composer.paste(line);
        press(&mut model, "enter");
    }
    press(&mut model, "ctrl+r");
    assert_eq!(labels(&model), ["one", "two⏎lines"]);
    typed(&mut model, "tw");
    press(&mut model, "enter");
    assert_eq!(model.composer.text(), "two\nlines");
}

#[test]
fn help_and_pages_scroll_to_their_ends_and_close() {
    let mut model = ann_with_bob();
    let first = |model: &Model| match &model.overlay {
        Some(Overlay::Help { first_row }) => *first_row,
        Some(Overlay::Text(page)) => page.first_row,
        other => panic!("{other:?}"),
    };
    open_overlay(&mut model, "f1");
    press(&mut model, "down");
    press(&mut model, "pgdn");
    typed(&mut model, " ");
    let page = layout::overlay_rows(&model);
    assert_eq!(first(&model), 1 + 2 * page);
    press(&mut model, "up");
    assert_eq!(first(&model), 2 * page);
    press(&mut model, "ctrl+end");
    let end = first(&model);
    press(&mut model, "down");
    assert!(first(&model) == end && end > 2 * page);
    press(&mut model, "ctrl+home");
    assert_eq!(first(&model), 0);
    press(&mut model, "f1");
    assert_eq!(model.overlay, None);
    model.overlay = Some(Overlay::Text(TextPage {
        title: String::new(),
        rows: vec!["x ".repeat(100); 20],
        first_row: 0,
    }));
    update(
        &mut model,
        &keys(),
        Msg::Mouse {
            deed: super::super::Mouse::ScrollDown,
            column: 1,
            row: 1,
        },
    );
    assert_eq!(first(&model), 3);
    press(&mut model, "ctrl+end");
    assert!(first(&model) > 30, "wide rows are several");
    typed(&mut model, "q");
    assert_eq!(model.overlay, None);
    open_overlay(&mut model, "f1");
    press(&mut model, "enter");
    assert_eq!(model.overlay, None);
}

#[test]
fn what_leads_elsewhere_closes_what_lies_over() {
    let mut model = ann_with_bob();
    for open in ["alt+g", "f1", "f2", "f3"] {
        open_overlay(&mut model, open);
        press(&mut model, "alt+l");
        press(&mut model, "alt+2");
        assert_eq!(model.overlay, None, "{open}");
        assert_eq!(front(&model).room.label(), "carol");
        open_overlay(&mut model, open);
        assert_eq!(press(&mut model, "ctrl+l"), [Effect::Redraw]);
        assert!(model.overlay.is_some());
        press(&mut model, "esc");
        assert_eq!(model.overlay, None);
    }
}

#[test]
fn a_line_is_one_line_and_clearing_it_twice_closes() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "alt+g");
    update(&mut model, &keys(), Msg::Paste("a\nb\u{1b}".to_owned()));
    assert_eq!(picker(&model).input.text(), "a b");
    let keymap = |model: &mut Model| dispatch::act(model, &keys(), Action::ClearOrQuit);
    assert_eq!(keymap(&mut model), []);
    assert_eq!(picker(&model).input.text(), "");
    assert_eq!(keymap(&mut model), []);
    assert_eq!(model.overlay, None);
}

#[test]
fn a_refused_message_is_dropped_by_the_answer_alone() {
    let mut model = ann_with_bob();
    let (refused, _) = super::super::support::with_outgoing(&mut model);
    model.focus = Focus::Outgoing(refused.id);
    press(&mut model, "x");
    assert_eq!(press(&mut model, "n"), []);
    assert!(model.outgoing.get(refused.id).is_some());
    press(&mut model, "x");
    assert_eq!(press(&mut model, "y"), [Effect::Drop(refused.id)]);
    assert!(model.outgoing.get(refused.id).is_none());
    assert_eq!(model.focus, Focus::Messages(5), "its neighbour is selected");
}

#[test]
fn the_question_whether_to_leave_is_answered_by_y() {
    let mut model = ann_with_bob();
    model.overlay = Some(Overlay::Ask(Question {
        text: "Leave?".to_owned(),
        then: Then::Quit,
    }));
    assert_eq!(press(&mut model, "y").last(), Some(&Effect::Quit));
}
