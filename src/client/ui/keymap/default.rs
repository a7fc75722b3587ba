//! The keys as they are when no file says otherwise: readline's for editing, those of other chats for the rest.
//!
//! Promises that each chord stands once in a context, can be typed in any terminal, and that every context has a way
//! out; tests hold it. Knows only names: what they mean is in [`action`](super::action).

use super::action::{
    Action::{self, *},
    Context::{self, *},
};

/// An action and its chords.
type Row = (Action, &'static [&'static str]);

/// The keys of each context: the action and its chords, the one for people first.
pub(super) const DEFAULTS: [(Context, &[Row]); 5] = [
    (Everywhere, EVERYWHERE),
    (Composer, COMPOSER),
    (Messages, MESSAGES),
    (Sidebar, SIDEBAR),
    (Overlay, OVERLAY),
];

const EVERYWHERE: &[Row] = &[
    (Switcher, &["ctrl+k", "alt+g"]),
    (NextConversation, &["alt+down"]),
    (PreviousConversation, &["alt+up"]),
    (NextUnread, &["alt+a"]),
    (PreviousUnread, &["alt+shift+a"]),
    (LastConversation, &["alt+l"]),
    (Conversation1, &["alt+1"]),
    (Conversation2, &["alt+2"]),
    (Conversation3, &["alt+3"]),
    (Conversation4, &["alt+4"]),
    (Conversation5, &["alt+5"]),
    (Conversation6, &["alt+6"]),
    (Conversation7, &["alt+7"]),
    (Conversation8, &["alt+8"]),
    (Conversation9, &["alt+9"]),
    (PageUp, &["pgup"]),
    (PageDown, &["pgdn"]),
    (Oldest, &["ctrl+home"]),
    (Newest, &["ctrl+end"]),
    (FirstUnread, &["alt+u"]),
    (Search, &["alt+/", "f3"]),
    (Palette, &["alt+x", "f2"]),
    // Some desktops keep ctrl with arrows to themselves.
    (FocusMessages, &["alt+v", "ctrl+up"]),
    (FocusSidebar, &["alt+s"]),
    (FocusNext, &["f6"]),
    (ToggleSidebar, &["f5"]),
    (ToggleMembers, &["alt+m", "f4"]),
    (Help, &["f1"]),
    (Redraw, &["ctrl+l"]),
    (Suspend, &["ctrl+z"]),
    (Quit, &["ctrl+q", "ctrl+c"]),
];

const COMPOSER: &[Row] = &[
    (Send, &["enter"]),
    (Newline, &["alt+enter", "ctrl+j"]),
    (Complete, &["tab"]),
    (CompleteBack, &["shift+tab"]),
    (UpOrEditLast, &["up"]),
    (DownOrNewer, &["down"]),
    (HistoryOlder, &["ctrl+p"]),
    (HistoryNewer, &["ctrl+n"]),
    (HistorySearch, &["ctrl+r"]),
    (Cancel, &["esc"]),
    (ClearOrQuit, &["ctrl+c"]),
    (Left, &["left", "ctrl+b"]),
    (Right, &["right", "ctrl+f"]),
    (WordLeft, &["alt+b", "ctrl+left", "alt+left"]),
    (WordRight, &["alt+f", "ctrl+right", "alt+right"]),
    (LineStart, &["ctrl+a", "home"]),
    (LineEnd, &["ctrl+e", "end"]),
    (DeleteLeft, &["backspace"]),
    (DeleteRight, &["delete"]),
    (DeleteRightOrQuit, &["ctrl+d"]),
    (DeleteWordLeft, &["ctrl+w", "alt+backspace"]),
    (DeleteWordRight, &["alt+d", "ctrl+delete"]),
    (DeleteToStart, &["ctrl+u"]),
    (DeleteToEnd, &["alt+k"]),
    // Readline and the switcher both want this key: where there is nothing to cut, it is the switcher's.
    (DeleteToEndOrSwitch, &["ctrl+k"]),
    (Yank, &["ctrl+y"]),
    (Transpose, &["ctrl+t"]),
    (Undo, &["ctrl+_"]),
];

const MESSAGES: &[Row] = &[
    (SelectUp, &["up", "k"]),
    (SelectDown, &["down", "j"]),
    (SelectFirst, &["home", "g"]),
    (SelectLast, &["end", "shift+g"]),
    (Reply, &["r"]),
    (Edit, &["e"]),
    (Delete, &["d", "delete"]),
    (React, &["+"]),
    (Copy, &["y", "c"]),
    (OpenLink, &["o", "enter"]),
    (SaveFiles, &["w"]),
    (GoToQuoted, &["q"]),
    (SeenBy, &["s"]),
    (Retry, &["t"]),
    (Drop, &["x"]),
    (Search, &["/"]),
    (Help, &["?"]),
    (FocusNext, &["tab"]),
    (FocusComposer, &["esc", "i"]),
];

const SIDEBAR: &[Row] = &[
    (SelectUp, &["up", "k"]),
    (SelectDown, &["down", "j"]),
    (SelectFirst, &["home", "g"]),
    (SelectLast, &["end", "shift+g"]),
    (OpenConversation, &["enter", "right"]),
    (ToggleUnread, &["u"]),
    (ToggleMute, &["m"]),
    (Switcher, &["/"]),
    (Help, &["?"]),
    (FocusNext, &["tab"]),
    (FocusComposer, &["esc", "i"]),
];

const OVERLAY: &[Row] = &[
    (SelectUp, &["up", "ctrl+p"]),
    (SelectDown, &["down", "ctrl+n"]),
    (SelectFirst, &["ctrl+home"]),
    (SelectLast, &["ctrl+end"]),
    (Accept, &["enter"]),
    (CloseOverlay, &["esc", "ctrl+c", "ctrl+g"]),
    (Complete, &["tab"]),
    (CompleteBack, &["shift+tab"]),
    (Left, &["left", "ctrl+b"]),
    (Right, &["right", "ctrl+f"]),
    (WordLeft, &["alt+b", "ctrl+left", "alt+left"]),
    (WordRight, &["alt+f", "ctrl+right", "alt+right"]),
    (LineStart, &["ctrl+a", "home"]),
    (LineEnd, &["ctrl+e", "end"]),
    (DeleteLeft, &["backspace"]),
    (DeleteRight, &["delete", "ctrl+d"]),
    (DeleteWordLeft, &["ctrl+w", "alt+backspace"]),
    (DeleteWordRight, &["alt+d", "ctrl+delete"]),
    (DeleteToStart, &["ctrl+u"]),
    (DeleteToEnd, &["ctrl+k", "alt+k"]),
    (Yank, &["ctrl+y"]),
    (Transpose, &["ctrl+t"]),
    (Undo, &["ctrl+_"]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::action::ACTIONS, super::keys::Chord, *};

    fn all() -> impl Iterator<Item = (Context, Action, &'static str)> {
        DEFAULTS.into_iter().flat_map(|(context, rows)| {
            rows.iter().flat_map(move |(action, chords)| {
                chords.iter().map(move |chord| (context, *action, *chord))
            })
        })
    }

    #[test]
    fn every_chord_can_be_typed_and_is_written_as_it_is_printed() {
        for (_, action, chord) in all() {
            let read = Chord::parse(chord).map(|chord| chord.to_string());
            assert_eq!(read.as_deref(), Ok(chord), "{action:?}");
        }
    }

    #[test]
    fn a_chord_stands_once_in_a_context_and_does_what_holds_there() {
        let mut seen = HashSet::new();
        for (context, action, chord) in all() {
            assert!(
                seen.insert((context, chord)),
                "{chord} twice in {context:?}"
            );
            assert!(action.holds_in(context), "{action:?} in {context:?}");
        }
    }

    #[test]
    fn no_letter_alone_is_a_key_where_letters_are_typed() {
        for (context, action, chord) in all() {
            let typed = Chord::parse(chord).ok().and_then(Chord::typed);
            assert!(
                typed.is_none() || !context.takes_text(),
                "{action:?} {chord}"
            );
        }
    }

    #[test]
    fn every_action_has_a_key_somewhere() {
        let bound: HashSet<Action> = all().map(|(_, action, _)| action).collect();
        for spec in ACTIONS {
            assert!(bound.contains(&spec.action), "{}", spec.name);
        }
    }
}
