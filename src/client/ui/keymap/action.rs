//! What a key can do: one table with the name, the contexts and the help of each action.
//!
//! The table drives dispatch, the file of keys, the help overlay and the key table of the README. Knows no keys and
//! does nothing itself: `ui::update` does what an action says.

/// Where the keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Wherever no narrower context has a key for it.
    Everywhere,
    /// The line that is being written.
    Composer,
    /// The messages, one of which is selected.
    Messages,
    /// The list of conversations.
    Sidebar,
    /// What lies over all: switcher, search, palette, help, questions.
    Overlay,
}

impl Context {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Everywhere,
        Self::Composer,
        Self::Messages,
        Self::Sidebar,
        Self::Overlay,
    ];

    /// Returns the word for it in the file of keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Composer => "composer",
            Self::Messages => "messages",
            Self::Sidebar => "sidebar",
            Self::Overlay => "overlay",
        }
    }

    /// Returns the heading for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Composer => "Writing",
            Self::Messages => "On a selected message",
            Self::Sidebar => "In the list of conversations",
            Self::Overlay => "In switcher, search, palette and help",
        }
    }

    /// Returns the context with this word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|context| context.name() == name)
    }

    /// Returns whether letters are typed here, so that none alone can be a key.
    pub const fn takes_text(self) -> bool {
        !matches!(self, Self::Messages | Self::Sidebar)
    }

    /// Returns the actions one of which must have a key here: without it there is no way out.
    pub const fn ways_out(self) -> &'static [Action] {
        use Action::{ClearOrQuit, CloseOverlay, DeleteRightOrQuit, FocusComposer, Quit};
        match self {
            Self::Everywhere => &[Quit],
            Self::Composer => &[Quit, ClearOrQuit, DeleteRightOrQuit],
            Self::Messages | Self::Sidebar => &[FocusComposer],
            Self::Overlay => &[CloseOverlay],
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What is done.
    pub action: Action,
    /// The word for it in the file of keys.
    pub name: &'static str,
    /// The contexts in which a key can do it. What holds everywhere can also have a key of its own in any of them.
    pub contexts: &'static [Context],
    /// What it does, in one line.
    pub doc: &'static str,
}

const ANY: &[Context] = &Context::ALL;
const WRITE: &[Context] = &[Context::Composer];
const EDIT: &[Context] = &[Context::Composer, Context::Overlay];
const MESSAGE: &[Context] = &[Context::Messages];
const LIST: &[Context] = &[Context::Sidebar];
const PICK: &[Context] = &[Context::Messages, Context::Sidebar, Context::Overlay];
const OVER: &[Context] = &[Context::Overlay];

macro_rules! actions {
    ($($action:ident $name:literal $contexts:ident $doc:literal)*) => {
        /// What a key does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = $doc] $action,)*
        }

        /// All actions, in the order in which they are listed.
        pub const ACTIONS: &[Spec] = &[
            $(Spec { action: Action::$action, name: $name, contexts: $contexts, doc: $doc },)*
        ];
    };
}

actions! {
    Switcher "switcher" ANY "find a conversation by a few letters of its name"
    NextConversation "next-conversation" ANY "go to the conversation below"
    PreviousConversation "previous-conversation" ANY "go to the conversation above"
    NextUnread "next-unread" ANY "go to the next unread conversation, mentions first"
    PreviousUnread "previous-unread" ANY "go to the previous unread conversation"
    LastConversation "last-conversation" ANY "go back to where you were before"
    Conversation1 "conversation-1" ANY "go to conversation 1 of the list"
    Conversation2 "conversation-2" ANY "go to conversation 2 of the list"
    Conversation3 "conversation-3" ANY "go to conversation 3 of the list"
    Conversation4 "conversation-4" ANY "go to conversation 4 of the list"
    Conversation5 "conversation-5" ANY "go to conversation 5 of the list"
    Conversation6 "conversation-6" ANY "go to conversation 6 of the list"
    Conversation7 "conversation-7" ANY "go to conversation 7 of the list"
    Conversation8 "conversation-8" ANY "go to conversation 8 of the list"
    Conversation9 "conversation-9" ANY "go to conversation 9 of the list"
    PageUp "page-up" ANY "scroll to older messages"
    PageDown "page-down" ANY "scroll to newer messages"
    Oldest "oldest" ANY "go to the first message of the conversation"
    Newest "newest" ANY "go to the end, where new messages come"
    FirstUnread "first-unread" ANY "go to the first unread message"
    Search "search" ANY "search messages"
    Palette "palette" ANY "run a command from a list with help"
    FocusMessages "focus-messages" ANY "select a message"
    FocusSidebar "focus-sidebar" ANY "go to the list of conversations"
    FocusNext "focus-next" ANY "go to the next pane"
    FocusComposer "focus-composer" ANY "go back to writing"
    ToggleSidebar "toggle-sidebar" ANY "show or hide the list of conversations"
    ToggleMembers "toggle-members" ANY "show or hide the members"
    Help "help" ANY "show the keys"
    Redraw "redraw" ANY "draw the screen anew"
    Suspend "suspend" ANY "go to the shell; fg comes back"
    Quit "quit" ANY "leave; drafts and login are kept"
    Send "send" WRITE "send the message, or the edited text"
    Newline "newline" WRITE "begin a new line"
    Complete "complete" EDIT "complete a name, channel, command or :emoji:; again for the next"
    CompleteBack "complete-back" EDIT "complete with the one before"
    UpOrEditLast "up-or-edit-last" WRITE "one line up; on an empty line edit your last message, in the first one an older text"
    DownOrNewer "down-or-newer" WRITE "one line down; in the last one a newer text"
    HistoryOlder "history-older" WRITE "an older text that you sent here"
    HistoryNewer "history-newer" WRITE "a newer text that you sent here"
    HistorySearch "history-search" WRITE "search the texts that you sent here"
    Cancel "cancel" WRITE "drop the reply or the edit, or leave the completion"
    ClearOrQuit "clear-or-quit" EDIT "clear the line; leave if it is empty"
    Left "left" EDIT "one character left"
    Right "right" EDIT "one character right"
    WordLeft "word-left" EDIT "one word left"
    WordRight "word-right" EDIT "one word right"
    LineStart "line-start" EDIT "to the start of the line"
    LineEnd "line-end" EDIT "to the end of the line"
    DeleteLeft "delete-left" EDIT "delete the character to the left"
    DeleteRight "delete-right" EDIT "delete the character to the right"
    DeleteRightOrQuit "delete-right-or-quit" WRITE "delete the character to the right; leave if the line is empty"
    DeleteWordLeft "delete-word-left" EDIT "cut the word to the left"
    DeleteWordRight "delete-word-right" EDIT "cut the word to the right"
    DeleteToStart "delete-to-start" EDIT "cut to the start of the line"
    DeleteToEnd "delete-to-end" EDIT "cut to the end of the line"
    DeleteToEndOrSwitch "delete-to-end-or-switch" WRITE "cut to the end of the line; at its end open the switcher"
    Yank "yank" EDIT "put in what was cut"
    Transpose "transpose" EDIT "swap two characters"
    Undo "undo" EDIT "undo the last change"
    SelectUp "select-up" PICK "select the one above"
    SelectDown "select-down" PICK "select the one below"
    SelectFirst "select-first" PICK "select the first one"
    SelectLast "select-last" PICK "select the last one"
    Reply "reply" MESSAGE "reply"
    Edit "edit" MESSAGE "edit your message"
    Delete "delete" MESSAGE "delete, after a question"
    React "react" MESSAGE "give an emoji, or take it back"
    Copy "copy" MESSAGE "copy the text"
    OpenLink "open-link" MESSAGE "open a link or a file of the message"
    SaveFiles "save-files" MESSAGE "save the files of the message"
    GoToQuoted "go-to-quoted" MESSAGE "go to the message that is replied to"
    SeenBy "seen-by" MESSAGE "show who has read it"
    Retry "retry" MESSAGE "send again what could not be sent"
    Drop "drop" MESSAGE "drop what could not be sent"
    OpenConversation "open-conversation" LIST "open the conversation and write"
    ToggleUnread "toggle-unread" LIST "put aside as unread, or take up again"
    ToggleMute "toggle-mute" LIST "mute the conversation, or end that"
    Accept "accept" OVER "take what is selected"
    CloseOverlay "close-overlay" OVER "close it"
}

impl Action {
    /// Returns its row. Every action has one: the table makes them.
    pub fn spec(self) -> &'static Spec {
        // The table and the enum are one list, so the place in one is the place in the other.
        &ACTIONS[self as usize]
    }

    /// Returns its name in the file of keys.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns the action with this name.
    pub fn find(name: &str) -> Option<Self> {
        let row = ACTIONS.iter().find(|spec| spec.name == name)?;
        Some(row.action)
    }

    /// Returns whether a key of this context can do it.
    pub fn holds_in(self, context: Context) -> bool {
        self.spec().contexts.contains(&context)
    }

    /// Returns which conversation of the list is meant, from 1, by the actions that go to one by its place.
    pub fn conversation(self) -> Option<usize> {
        self.name().strip_prefix("conversation-")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_action_and_by_its_name() {
        for spec in ACTIONS {
            assert_eq!(spec.action.name(), spec.name);
            assert_eq!(Action::find(spec.name), Some(spec.action), "{}", spec.name);
        }
        assert_eq!(Action::find("frobnicate"), None);
    }

    #[test]
    fn names_are_in_kebab_case_and_docs_fit_a_line() {
        for spec in ACTIONS {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(spec.name.chars().all(plain), "{}", spec.name);
            assert!((3..=90).contains(&spec.doc.len()), "{}", spec.doc);
            assert!(!spec.doc.ends_with('.'), "{}", spec.doc);
            assert_ne!(spec.name, "none", "that word unbinds");
        }
    }

    #[test]
    fn a_way_out_can_have_a_key_where_it_is_needed() {
        for context in Context::ALL {
            assert_eq!(Context::find(context.name()), Some(context));
            for way in context.ways_out() {
                assert!(way.holds_in(context), "{way:?} {context:?}");
            }
        }
    }

    #[test]
    fn nine_actions_go_to_a_conversation_by_its_place() {
        let places = ACTIONS.iter().filter_map(|spec| spec.action.conversation());
        assert_eq!(places.collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    }
}
