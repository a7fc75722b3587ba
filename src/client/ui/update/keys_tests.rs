//! Triples: a model, a key, and what is so afterwards; for every action in every context in which it holds.

use super::*;
use crate::{
    client::{
        app::{
            acts::{Act, Deeds},
            ground::Ground,
            transfers::{Far, Job, Moved},
        },
        ui::{
            keymap::action::ACTIONS,
            layout,
            model::{
                chat::Scroll,
                composer::Mode,
                overlay::{Overlay, PickerKind, Then},
            },
            update::{
                Msg,
                support::{
                    ann_with_bob, counts, entered, front, id, is_seen, keys, labels, message,
                    notice, picker, press, search, with_a_file, with_outgoing,
                },
                update,
            },
        },
    },
    domain::conversation::NotifyLevel,
};

#[test]
fn leaving_with_files_on_their_way_is_asked_once() {
    for (count, starts) in [
        (1, "1 transfer is under way;"),
        (2, "2 transfers are under way;"),
    ] {
        let mut model = ann_with_bob();
        model.can_keep = true;
        for _ in 0..count {
            entered(&mut model, "/send a.png");
        }
        let effects = entered(&mut model, "/quit");
        assert!(!effects.contains(&Effect::Quit));
        let Some(Overlay::Ask(question)) = &model.overlay else {
            panic!("{:?}", model.overlay);
        };
        assert!(question.text.starts_with(starts), "{}", question.text);
        assert_eq!(question.then, Then::Quit);
        assert!(question.text.contains(" on with "), "{}", question.text);
        assert!(press(&mut model, "y").contains(&Effect::Quit));
        // What could not be noted is not said to be gone on with.
        let far = Far {
            is_unnoted: true,
            ..Far::default()
        };
        model.transfers.take(count, Moved::On(far));
        for line in ["/quit", "/accounts"] {
            entered(&mut model, line);
            let Some(Overlay::Ask(question)) = &model.overlay else {
                panic!("{:?}", model.overlay);
            };
            assert!(question.text.contains("anew"), "{}", question.text);
            press(&mut model, "n");
        }
        // Who is told to end is asked nothing.
        let ended = update(&mut model, &keys(), Msg::Ended);
        assert!(ended.contains(&Effect::Quit));
    }
    let mut model = ann_with_bob();
    model.can_keep = true;
    assert!(entered(&mut model, "/quit").contains(&Effect::Quit));
}

#[test]
fn another_account_and_a_logout_with_files_on_their_way_are_asked_about() {
    for (line, then, effect, words) in [
        (
            "/accounts",
            Then::Accounts,
            Effect::Accounts,
            "the same command",
        ),
        (
            "/logout",
            Then::LogOut,
            Effect::LogOut,
            "lost with the login",
        ),
    ] {
        let mut model = ann_with_bob();
        assert!(entered(&mut model, line).contains(&effect), "nothing moves");
        let mut model = ann_with_bob();
        entered(&mut model, "/send a.png");
        assert!(!entered(&mut model, line).contains(&effect));
        let Some(Overlay::Ask(question)) = &model.overlay else {
            panic!("{:?}", model.overlay);
        };
        assert!(question.text.contains(words), "{}", question.text);
        assert_eq!(question.then, then);
        assert!(press(&mut model, "y").contains(&effect));
    }
}

type After = fn(&Model, &[Effect]);
/// A text, and where the cursor stands in it.
type Written = (&'static str, usize);

struct Case {
    action: Action,
    contexts: &'static [Context],
    before: fn(&mut Model),
    after: After,
}

const ANY: &[Context] = &Context::ALL;
const WRITE: &[Context] = &[Context::Composer];
const OVER: &[Context] = &[Context::Overlay];
const MESSAGE: &[Context] = &[Context::Messages];
const LIST: &[Context] = &[Context::Sidebar];

/// What each context is tested with: bob in front, message 3 or ops selected, or the switcher over all.
fn model_in(context: Context) -> Model {
    let mut model = ann_with_bob();
    match context {
        Context::Everywhere | Context::Composer => {}
        Context::Messages => model.focus = Focus::Messages(3),
        Context::Sidebar => {
            press(&mut model, "alt+s");
            model.sidebar.selected = Some("c-ops".into());
        }
        Context::Overlay => drop(press(&mut model, "alt+g")),
    }
    model
}

fn nothing(_: &mut Model) {}

fn unread(model: &mut Model) {
    for (id, seq) in [("c-ops", 3), ("c-trip", 2)] {
        let chat = model.chats.get_mut(&id.into()).unwrap();
        chat.take_counts(counts(seq, 0));
    }
}

fn is_front(model: &Model, label: &str) {
    assert_eq!(front(model).room.label(), label);
    assert_eq!(model.overlay, None);
    assert_eq!(model.focus, Focus::Composer);
}

fn write(model: &mut Model, text: &str) {
    model.composer.paste(text);
}

fn text(model: &Model) -> (&str, usize) {
    (model.composer.text(), model.composer.buffer().cursor())
}

fn input(model: &Model) -> (&str, usize) {
    let input = &picker(model).input;
    (input.text(), input.buffer().cursor())
}

/// An action of editing: what becomes of a text with the cursor at a place, in the composer and in an overlay.
fn edits() -> Vec<(Action, Written, Written)> {
    vec![
        (Action::Left, ("one two", 7), ("one two", 6)),
        (Action::Right, ("one two", 0), ("one two", 1)),
        (Action::WordLeft, ("one two", 7), ("one two", 4)),
        (Action::WordRight, ("one two", 0), ("one two", 3)),
        (Action::LineStart, ("one two", 5), ("one two", 0)),
        (Action::LineEnd, ("one two", 5), ("one two", 7)),
        (Action::DeleteLeft, ("one two", 7), ("one tw", 6)),
        (Action::DeleteRight, ("one two", 0), ("ne two", 0)),
        (Action::DeleteWordLeft, ("one two", 7), ("one ", 4)),
        (Action::DeleteWordRight, ("one two", 0), (" two", 0)),
        (Action::DeleteToStart, ("one two", 4), ("two", 0)),
        (Action::DeleteToEnd, ("one two", 3), ("one", 3)),
        (Action::Transpose, ("one two", 7), ("one tow", 7)),
        (Action::ClearOrQuit, ("one two", 7), ("", 0)),
    ]
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let case = |action, contexts, before, after: After| Case { action, contexts, before, after };
    let go: After = |model, effects| {
        assert_eq!(model.overlay, None);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Front(Some(_)))), "{effects:?}");
    };
    let mut all = vec![
        case(Action::Switcher, ANY, nothing, |model, _| {
            assert_eq!(picker(model).kind, PickerKind::Switcher);
            assert_eq!(labels(model), ["#ops", "trip", "carol", "bob"]);
        }),
        case(Action::NextConversation, ANY, nothing, |model, _| is_front(model, "carol")),
        case(Action::PreviousConversation, ANY, nothing, |model, _| is_front(model, "#ops")),
        case(Action::NextUnread, ANY, unread, |model, _| is_front(model, "trip")),
        case(Action::PreviousUnread, ANY, unread, |model, _| is_front(model, "#ops")),
        case(Action::LastConversation, ANY, |model| model.last_front = Some("c-trip".into()), |model, _| {
            is_front(model, "trip");
            assert_eq!(model.last_front, Some("c-bob".into()));
        }),
        case(Action::PageUp, &[Context::Everywhere, Context::Composer, Context::Messages, Context::Sidebar], again, asked_again),
        case(Action::PageDown, &[Context::Everywhere, Context::Composer, Context::Messages, Context::Sidebar], again, asked_again),
        case(Action::PageUp, OVER, |model| { press(model, "ctrl+end"); }, |model, _| {
            assert_eq!(picker(model).chosen, 3_usize.saturating_sub(layout::overlay_rows(model)));
        }),
        case(Action::PageDown, OVER, nothing, |model, _| {
            assert_eq!(picker(model).chosen, layout::overlay_rows(model).min(3));
        }),
        case(Action::Oldest, &[Context::Everywhere, Context::Composer, Context::Messages, Context::Sidebar], nothing, |model, _| {
            assert!(is_seen(model, 1));
        }),
        case(Action::Newest, &[Context::Everywhere, Context::Composer, Context::Messages, Context::Sidebar], scrolled, |model, _| {
            assert_eq!(front(model).scroll(), Scroll::AtEnd);
        }),
        case(Action::Oldest, OVER, |model| { press(model, "ctrl+end"); }, |model, _| assert_eq!(picker(model).chosen, 0)),
        case(Action::Newest, OVER, nothing, |model, _| assert_eq!(picker(model).chosen, 3)),
        case(Action::FirstUnread, ANY, come, |model, _| {
            assert!(is_seen(model, 6));
        }),
        case(Action::Search, ANY, nothing, |model, effects| {
            assert_eq!((search(model).input.text(), effects.len()), ("", 0));
        }),
        case(Action::Palette, ANY, nothing, |model, _| assert_eq!(picker(model).kind, PickerKind::Palette)),
        case(Action::FocusMessages, &[Context::Everywhere, Context::Composer, Context::Sidebar, Context::Overlay], nothing, |model, _| {
            assert_eq!((model.focus, &model.overlay), (Focus::Messages(5), &None));
        }),
        case(Action::FocusMessages, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Messages(5))),
        case(Action::FocusSidebar, ANY, nothing, |model, _| {
            assert_eq!((model.focus, &model.sidebar.selected), (Focus::Sidebar, &Some("c-bob".into())));
        }),
        case(Action::FocusNext, &[Context::Everywhere, Context::Composer, Context::Overlay], nothing, |model, _| {
            assert_eq!((model.focus, &model.overlay), (Focus::Messages(5), &None));
        }),
        case(Action::FocusNext, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Sidebar)),
        case(Action::FocusNext, LIST, nothing, |model, _| assert_eq!(model.focus, Focus::Composer)),
        case(Action::FocusComposer, ANY, nothing, |model, _| {
            assert_eq!((model.focus, &model.overlay), (Focus::Composer, &None));
        }),
        case(Action::ToggleSidebar, ANY, nothing, |model, _| {
            assert!(!model.sidebar.is_shown && model.focus != Focus::Sidebar);
        }),
        case(Action::ToggleMembers, ANY, nothing, |model, effects| {
            assert!(model.members_shown);
            assert_eq!(effects, [Effect::Members("c-bob".into())]);
        }),
        case(Action::Help, ANY, nothing, |model, _| assert_eq!(model.overlay, Some(Overlay::Help { first_row: 0 }))),
        case(Action::Redraw, ANY, nothing, |_, effects| assert_eq!(effects, [Effect::Redraw])),
        case(Action::Suspend, ANY, nothing, |_, effects| assert_eq!(effects.last(), Some(&Effect::Suspend))),
        case(Action::Quit, ANY, |model| { if model.overlay.is_none() { write(model, "draft"); } }, |model, effects| {
            let text = model.composer.text().to_owned();
            assert_eq!(effects, [Effect::KeepDraft { chat: "c-bob".into(), text }, Effect::Quit]);
        }),
        case(Action::Send, WRITE, |model| write(model, "hi\nyou"), |model, effects| {
            let [Effect::Send(sent), Effect::KeepLine { .. }, Effect::KeepDraft { text, .. }] = effects else {
                panic!("{effects:?}");
            };
            assert_eq!((sent.text.as_str(), sent.id, text.as_str()), ("hi\nyou", id(1), ""));
            assert_eq!(model.outgoing.get(id(1)), Some(sent));
            assert!(model.composer.is_empty());
        }),
        case(Action::Newline, WRITE, |model| write(model, "a"), |model, _| assert_eq!(text(model), ("a\n", 2))),
        case(Action::Complete, WRITE, |model| write(model, "@da"), |model, _| assert_eq!(text(model), ("@dan ", 5))),
        case(Action::CompleteBack, WRITE, |model| write(model, "@"), |model, _| {
            let offer = model.composer.offer().unwrap();
            assert_eq!(offer.chosen + 1, offer.candidates.len());
        }),
        case(Action::Complete, OVER, nothing, |model, _| assert_eq!(picker(model).chosen, 1)),
        case(Action::CompleteBack, OVER, nothing, |model, _| assert_eq!(picker(model).chosen, 3)),
        case(Action::UpOrEditLast, WRITE, nothing, |model, _| {
            assert!(matches!(model.composer.mode(), Mode::Edit(quote) if quote.seq == 4));
            assert_eq!(model.composer.text(), "mine");
        }),
        case(Action::DownOrNewer, WRITE, |model| { sent(model); press(model, "ctrl+p"); }, |model, _| assert_eq!(text(model).0, "draft")),
        case(Action::HistoryOlder, WRITE, sent, |model, _| assert_eq!(text(model).0, "two")),
        case(Action::HistoryNewer, WRITE, |model| { sent(model); press(model, "ctrl+p"); }, |model, _| assert_eq!(text(model).0, "draft")),
        case(Action::HistorySearch, WRITE, sent, |model, _| assert_eq!(labels(model), ["two", "one"])),
        case(Action::Cancel, WRITE, |model| { press(model, "up"); }, |model, _| {
            assert_eq!((model.composer.mode(), text(model).0), (&Mode::Write, ""));
        }),
        case(Action::DeleteRightOrQuit, WRITE, |model| { write(model, "ab"); press(model, "home"); }, |model, _| assert_eq!(text(model), ("b", 0))),
        case(Action::DeleteToEndOrSwitch, WRITE, |model| { write(model, "ab"); press(model, "home"); }, |model, _| assert_eq!(text(model), ("", 0))),
        case(Action::Yank, WRITE, |model| { write(model, "ab"); press(model, "ctrl+u"); }, |model, _| assert_eq!(text(model), ("ab", 2))),
        case(Action::Undo, WRITE, |model| { write(model, "ab"); press(model, "ctrl+u"); }, |model, _| assert_eq!(text(model).0, "ab")),
        case(Action::Yank, OVER, |model| { paste(model, "ab"); press(model, "ctrl+u"); }, |model, _| assert_eq!(input(model), ("ab", 2))),
        case(Action::Undo, OVER, |model| { paste(model, "ab"); press(model, "ctrl+u"); }, |model, _| assert_eq!(input(model).0, "ab")),
        case(Action::SelectUp, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Messages(2))),
        case(Action::SelectDown, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Messages(4))),
        case(Action::SelectFirst, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Messages(1))),
        case(Action::SelectLast, MESSAGE, nothing, |model, _| assert_eq!(model.focus, Focus::Messages(5))),
        case(Action::SelectUp, LIST, nothing, |model, _| assert_eq!(model.sidebar.selected, Some("c-trip".into()))),
        case(Action::SelectDown, LIST, nothing, |model, _| assert_eq!(model.sidebar.selected, Some("c-ops".into()), "it is the last")),
        case(Action::SelectFirst, LIST, nothing, |model, _| assert_eq!(model.sidebar.selected, Some("c-bob".into()))),
        case(Action::SelectLast, LIST, |model| model.sidebar.selected = None, |model, _| assert_eq!(model.sidebar.selected, Some("c-ops".into()))),
        case(Action::SelectUp, OVER, |model| { press(model, "ctrl+end"); }, |model, _| assert_eq!(picker(model).chosen, 2)),
        case(Action::SelectDown, OVER, nothing, |model, _| assert_eq!(picker(model).chosen, 1)),
        case(Action::SelectFirst, OVER, |model| { press(model, "ctrl+end"); }, |model, _| assert_eq!(picker(model).chosen, 0)),
        case(Action::SelectLast, OVER, nothing, |model, _| assert_eq!(picker(model).chosen, 3)),
        case(Action::Reply, MESSAGE, nothing, |model, _| {
            assert!(matches!(model.composer.mode(), Mode::Reply(quote) if quote.seq == 3));
            assert_eq!(model.focus, Focus::Composer);
        }),
        case(Action::Edit, MESSAGE, |model| model.focus = Focus::Messages(4), |model, _| {
            assert!(matches!(model.composer.mode(), Mode::Edit(quote) if quote.seq == 4));
            assert_eq!((model.focus, text(model).0), (Focus::Composer, "mine"));
        }),
        case(Action::Delete, MESSAGE, |model| model.focus = Focus::Messages(4), |model, effects| {
            let Some(Overlay::Ask(question)) = &model.overlay else { panic!("{:?}", model.overlay) };
            assert_eq!(question.text, "Delete your message \"mine\" for everybody and for good?");
            assert!(matches!(&question.then, Then::Act(act) if matches!(**act, Act::At(_, Deeds::Delete(4)))));
            assert_eq!(effects, []);
        }),
        case(Action::React, MESSAGE, |model| model.focus = Focus::Messages(5), |model, _| {
            assert!(matches!(picker(model).kind, PickerKind::Emoji { seq: 5, .. }));
            assert_eq!(labels(model)[..3], ["🎉 tada", "👀 eyes", "👍 +1"]);
        }),
        case(Action::Copy, MESSAGE, nothing, |model, effects| {
            assert_eq!(effects, [Effect::Copy("only https://x.org".to_owned())]);
            assert_eq!(notice(model), "The text is copied.");
        }),
        case(Action::OpenLink, MESSAGE, nothing, |_, effects| assert_eq!(effects, [Effect::Open("https://x.org".to_owned())])),
        case(Action::SaveFiles, MESSAGE, |model| with_a_file(model, 3), |_, effects| {
            assert!(matches!(effects, [Effect::Move { job: Job::Save { seq: 3, folder: None, .. }, .. }]), "{effects:?}");
        }),
        case(Action::GoToQuoted, MESSAGE, |model| model.focus = Focus::Messages(5), |model, _| assert_eq!(model.focus, Focus::Messages(2))),
        case(Action::SeenBy, MESSAGE, nothing, |model, effects| {
            assert!(effects.is_empty() && model.notices.shown(model.now).is_some());
        }),
        case(Action::Retry, MESSAGE, |model| { with_outgoing(model); model.focus = Focus::Outgoing(id(7)); }, |model, effects| {
            let again = model.outgoing.get(id(7)).unwrap().clone();
            assert_eq!(effects, [Effect::Send(again)]);
            assert_eq!(model.focus, Focus::Outgoing(id(7)));
        }),
        case(Action::Drop, MESSAGE, |model| { with_outgoing(model); model.focus = Focus::Outgoing(id(7)); }, |model, effects| {
            let Some(Overlay::Ask(question)) = &model.overlay else { panic!("{:?}", model.overlay) };
            assert_eq!((&question.then, effects), (&Then::Drop(id(7)), &[][..]));
        }),
        case(Action::OpenConversation, LIST, nothing, |model, _| is_front(model, "#ops")),
        case(Action::ToggleUnread, LIST, nothing, |model, effects| {
            assert_eq!(effects[0], Effect::KeepUnread("c-ops".into()));
            assert!(matches!(deed(effects), Deeds::Unread(true)));
            assert!(model.chats.get(&"c-ops".into()).unwrap().is_marked_unread());
        }),
        case(Action::ToggleMute, LIST, nothing, |_, effects| {
            assert!(matches!(deed(effects), Deeds::Notify(Some(notify)) if notify.level == NotifyLevel::None));
        }),
        case(Action::Accept, OVER, nothing, |model, _| is_front(model, "#ops")),
        case(Action::CloseOverlay, OVER, nothing, |model, _| assert_eq!(model.overlay, None)),
    ];
    let nth = [
        Action::Conversation1, Action::Conversation2, Action::Conversation3, Action::Conversation4,
    ];
    for action in nth {
        let other: fn(&mut Model) = |model| {
            let focus = model.focus;
            model.open(Some("c-trip".into()));
            model.focus = focus;
        };
        let after: After = match action {
            Action::Conversation3 => |model, _| is_front(model, "trip"),
            _ => go,
        };
        all.push(case(action, &[Context::Everywhere, Context::Composer, Context::Messages, Context::Sidebar, Context::Overlay], other, after));
    }
    for action in [Action::Conversation5, Action::Conversation6, Action::Conversation7, Action::Conversation8, Action::Conversation9] {
        all.push(case(action, ANY, nothing, |model, effects| {
            assert_eq!((effects, notice(model)), (&[][..], "The list has no such place."));
        }));
    }
    all
}

fn again(model: &mut Model) {
    super::super::fill(model);
    model.asked_pages.clear();
    model.chats.front_mut().unwrap().scroll_to(2, 0);
    model.jump = Some(crate::client::ui::model::paging::Jump {
        chat: "c-bob".into(),
        seq: 1,
        to: crate::client::ui::model::paging::JumpTo::Sight,
    });
}

/// How far it goes is the layout's: here it counts that what could not be had may be asked for again.
fn asked_again(model: &Model, effects: &[Effect]) {
    assert_eq!(
        (effects, &model.filled, &model.jump),
        (&[][..], &None, &None)
    );
}

fn come(model: &mut Model) {
    for seq in [6, 7] {
        model.take_message(&"c-bob".into(), message(seq, "bob", "new"));
    }
}

fn scrolled(model: &mut Model) {
    model.chats.front_mut().unwrap().scroll_to(2, 0);
}

fn sent(model: &mut Model) {
    for line in ["one", "two"] {
        model.chats.front_mut().unwrap().history.push(line);
    }
    write(model, "draft");
}

fn paste(model: &mut Model, text: &str) {
    update(model, &Keymap::default(), Msg::Paste(text.to_owned()));
}

fn deed(effects: &[Effect]) -> &Deeds {
    match effects.last() {
        Some(Effect::Act(Act::At(_, deed))) => deed,
        _ => panic!("{effects:?}"),
    }
}

/// Presses a key that does this in this context.
fn done(model: &mut Model, context: Context, action: Action) -> Vec<Effect> {
    let file = format!(
        "[keys.{}]\n\"f12\" = \"{}\"\n",
        context.name(),
        action.name()
    );
    let (keys, faults) = Keymap::from_file(&file);
    assert_eq!(faults, [], "{file}");
    update(model, &keys, Msg::Key(Chord::parse("f12").unwrap()))
}

#[test]
fn every_action_does_what_it_says_in_every_context() {
    let cases = cases();
    let edits = edits();
    for spec in ACTIONS {
        for context in spec.contexts {
            let mut count = 0;
            let fits = |case: &&Case| case.action == spec.action && case.contexts.contains(context);
            for case in cases.iter().filter(fits) {
                let mut model = model_in(*context);
                (case.before)(&mut model);
                let effects = done(&mut model, *context, spec.action);
                (case.after)(&model, &effects);
                count += 1;
            }
            for (_, before, after) in edits.iter().filter(|(action, ..)| *action == spec.action) {
                assert_eq!(
                    edited(*context, spec.action, *before),
                    (after.0.to_owned(), after.1)
                );
                count += 1;
            }
            assert_eq!(
                count, 1,
                "{:?} has no case, or several, in {context:?}",
                spec.action
            );
        }
    }
}

fn edited(context: Context, action: Action, (before, at): (&str, usize)) -> (String, usize) {
    let mut model = model_in(context);
    let is_over = context == Context::Overlay;
    match is_over {
        true => paste(&mut model, before),
        false => write(&mut model, before),
    }
    let cursor = |model: &Model| {
        if is_over {
            input(model).1
        } else {
            text(model).1
        }
    };
    while cursor(&model) > at {
        press(&mut model, "left");
    }
    let effects = done(&mut model, context, action);
    let typing = |effect: &Effect| matches!(effect, Effect::Typing { .. });
    assert!(effects.iter().all(typing), "{effects:?}");
    let (text, at) = if is_over { input(&model) } else { text(&model) };
    (text.to_owned(), at)
}

#[test]
fn keys_that_mean_two_things_mean_the_right_one() {
    let mut model = ann_with_bob();
    assert_eq!(press(&mut model, "ctrl+c").last(), Some(&Effect::Quit));
    assert_eq!(press(&mut model, "ctrl+d").last(), Some(&Effect::Quit));
    press(&mut model, "ctrl+k");
    assert_eq!(picker(&model).kind, PickerKind::Switcher);
    press(&mut model, "esc");
    write(&mut model, "one\ntwo");
    press(&mut model, "up");
    assert_eq!(text(&model), ("one\ntwo", 3), "a line up");
    press(&mut model, "ctrl+k");
    assert_eq!(
        picker(&model).kind,
        PickerKind::Switcher,
        "at the end of a line"
    );
    press(&mut model, "esc");
    press(&mut model, "home");
    press(&mut model, "ctrl+k");
    assert_eq!(text(&model), ("\ntwo", 0));
    assert!(!press(&mut model, "ctrl+d").contains(&Effect::Quit));
    assert_eq!(text(&model).0, "two");
    assert!(!press(&mut model, "ctrl+c").contains(&Effect::Quit));
    assert_eq!(text(&model).0, "");
    press(&mut model, "up");
    assert!(matches!(model.composer.mode(), Mode::Edit(_)));
    assert_eq!(press(&mut model, "ctrl+c"), [], "an edit is left first");
    assert_eq!(model.composer.mode(), &Mode::Write);
    assert_eq!(press(&mut model, "ctrl+c").last(), Some(&Effect::Quit));
}

#[test]
fn up_edits_no_older_message_while_the_last_one_is_on_its_way() {
    let mut model = ann_with_bob();
    crate::client::ui::update::support::typed(&mut model, "the newest");
    press(&mut model, "enter");
    assert_eq!(press(&mut model, "up"), []);
    assert_eq!(model.composer.mode(), &Mode::Write);
    assert_eq!(text(&model).0, "");
    // Its number is enough, its event may be still to come.
    let place = model.place().unwrap();
    let id = model.outgoing.to(&place).next().unwrap().id;
    model.outgoing.sent(id, 900);
    press(&mut model, "up");
    let Mode::Edit(quote) = model.composer.mode() else {
        panic!("nothing is edited");
    };
    assert_eq!((quote.seq, text(&model).0), (900, "the newest"));
}

#[test]
fn letters_are_typed_where_letters_go_and_do_nothing_elsewhere() {
    for (context, is_typed) in [
        (Context::Composer, true),
        (Context::Messages, false),
        (Context::Sidebar, false),
        (Context::Overlay, false),
    ] {
        let mut model = model_in(context);
        assert_eq!(super::context(&model), context);
        press(&mut model, "z");
        assert_eq!(model.composer.text() == "z", is_typed, "{context:?}");
        if context == Context::Overlay {
            assert_eq!(input(&model).0, "z");
        }
    }
}

#[test]
fn a_key_of_elsewhere_leaves_a_question_and_answers_nothing() {
    for (key, is_done) in [
        ("y", true),
        ("shift+y", true),
        ("n", false),
        ("esc", false),
        ("enter", false),
        ("alt+1", false),
        ("up", false),
    ] {
        let mut model = model_in(Context::Messages);
        model.focus = Focus::Messages(4);
        press(&mut model, "d");
        let effects = press(&mut model, key);
        assert_eq!(model.overlay, None, "{key}");
        assert_eq!(!effects.is_empty(), is_done, "{key}: {effects:?}");
        assert_eq!(front(&model).room.label(), "bob", "{key}");
        if is_done {
            assert!(matches!(deed(&effects), Deeds::Delete(4)));
        }
    }
    let mut model = model_in(Context::Messages);
    model.focus = Focus::Messages(4);
    press(&mut model, "d");
    paste(&mut model, "y");
    assert!(model.overlay.is_some(), "a paste is no answer");
}
