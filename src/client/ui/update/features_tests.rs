//! What a person can do, in one table: the line for it, which the line mode and the UI both take, and the keys of the UI.
//!
//! `features_walk_tests` walks it over both. What is not in it is of the screen only, with the reason.

use super::super::keymap::Action::{self, *};

/// How the two must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// The same is asked of the server, or sent, by the line and by the keys.
    Call,
    /// The same is asked by the line; by the keys it is asked, or shown from what is known already.
    CallOrShown,
    /// The line mode asks for what the UI has already: it goes there, or shows it.
    There,
    /// Both show something, and ask nothing.
    Shown,
    /// Both say something, and ask nothing.
    Said,
    /// The line mode needs lines for it, of which the first is a command; in the UI keys do it, and the command names them.
    Lines,
    /// The line mode prints a list, and the UI has one to choose from.
    Listed,
    /// Both say that there is nothing of it.
    Nothing,
    /// The UI does it; the line mode says how it is done from the shell.
    Shell,
}

/// One thing that a person can do.
#[derive(Debug)]
pub struct Feature {
    /// What.
    pub act: &'static str,
    /// The line for it.
    pub line: &'static str,
    pub same: Same,
    /// The keys for it, and which of their actions it is. What begins with `'` is typed.
    pub keys: &'static [(&'static [&'static str], Action)],
}

const fn row(
    act: &'static str,
    line: &'static str,
    same: Same,
    keys: &'static [(&'static [&'static str], Action)],
) -> Feature {
    Feature {
        act,
        line,
        same,
        keys,
    }
}

/// In front of ann is the conversation with bob: 1 to 5, of which 4 is hers and 5 answers 2; something was refused there.
#[rustfmt::skip]
pub const FEATURES: &[Feature] = &[
    row("send", "hi", Same::Call, &[(&["'hi", "enter"], Send)]),
    row("send several lines", "/text\ntwo\n/lines\n.", Same::Lines, &[(&["'two", "alt+enter", "'/lines", "enter"], Newline)]),
    row("answer with several lines", "/text reply 3\na\nb\n.", Same::Lines, &[
        (&["alt+v", "home", "down", "down", "r", "'a", "alt+enter", "'b", "enter"], Newline),
    ]),
    row("edit with several lines", "/text edit 4\na\nb\n.", Same::Lines, &[
        (&["up", "ctrl+u", "'a", "alt+enter", "'b", "enter"], Newline),
    ]),
    row("send what looks like a command", "//hi", Same::Call, &[]),
    row("reply to a message", "/reply 3 yes", Same::Call, &[(&["alt+v", "home", "down", "down", "r", "'yes", "enter"], Reply)]),
    row("edit a message", "/edit 4 better", Same::Call, &[
        (&["alt+v", "home", "down", "down", "down", "e", "ctrl+u", "'better", "enter"], Edit),
        (&["up", "ctrl+u", "'better", "enter"], UpOrEditLast),
    ]),
    row("delete a message", "/delete 4", Same::Call, &[(&["alt+v", "home", "down", "down", "down", "d", "'y"], Delete)]),
    row("react to a message", "/react 3 👍", Same::Call, &[(&["alt+v", "home", "down", "down", "+", "'+1", "enter"], React)]),
    row("take a reaction back", "/unreact 5 🎉", Same::Call, &[(&["alt+v", "home", "down", "down", "down", "down", "+", "enter"], React)]),
    row("see who has read", "/seen", Same::CallOrShown, &[(&["alt+v", "home", "down", "down", "down", "s"], SeenBy)]),
    row("see who has read a message", "/seen 4", Same::CallOrShown, &[(&["alt+v", "home", "down", "down", "down", "s"], SeenBy)]),
    row("see who types", "/typing", Same::Said, &[]),
    row("open a link", "/open", Same::Call, &[(&["alt+v", "home", "down", "down", "o"], OpenLink)]),
    row("open a link of a message", "/open 2 2", Same::Call, &[(&["alt+v", "home", "down", "o", "down", "enter"], OpenLink)]),
    row("list the links of a message", "/open 2", Same::Listed, &[(&["alt+v", "home", "down", "o"], OpenLink)]),
    row("send again what was refused", "/retry", Same::Call, &[(&["alt+v", "t"], Retry)]),
    row("drop what was refused", "/drop", Same::Call, &[(&["alt+v", "x", "'y"], Drop)]),
    row("send files", "/send a.png 'b c.txt'", Same::Call, &[]),
    row("save the files of a message", "/save 3 'a folder'", Same::Call, &[]),
    row("save them where downloads go", "/save 1", Same::Call, &[(&["alt+v", "home", "w"], SaveFiles)]),
    row("see which files are on their way", "/transfers", Same::Said, &[]),
    row("have a file on its way wait", "/pause", Same::Said, &[]),
    row("have it go on", "/resume", Same::Said, &[]),
    row("end it", "/cancel", Same::Said, &[]),
    row("older messages", "/history 3", Same::There, &[(&["pgup"], PageUp), (&["ctrl+home"], Oldest)]),
    row("the newest messages", "/history", Same::There, &[(&["ctrl+end"], Newest), (&["pgdn"], PageDown)]),
    row("around a message", "/history [2]", Same::There, &[(&["alt+v", "home", "down", "down", "down", "down", "q"], GoToQuoted)]),
    row("around a time", "/history 2026-11-20", Same::There, &[]),
    row("search", "/search green", Same::Call, &[(&["f3", "'green"], Search)]),
    row("mentions", "/mentions", Same::Call, &[]),
    row("all mentions", "/mentions all", Same::Call, &[]),
    row("more of what was found", "/more", Same::Nothing, &[]),
    row("everybody", "/users", Same::Call, &[]),
    row("list the conversations", "/conversations", Same::There, &[(&["alt+g"], Switcher)]),
    row("list all conversations", "/conversations all", Same::There, &[(&["alt+s"], FocusSidebar)]),
    row("the time", "/time", Same::Call, &[]),
    row("begin a conversation", "/start dan", Same::Call, &[]),
    row("go to a conversation", "/start carol", Same::Call, &[(&["alt+g", "'carol", "enter"], Switcher), (&["ctrl+k", "'carol", "enter"], DeleteToEndOrSwitch)]),
    row("close a conversation", "/stop", Same::Call, &[]),
    row("list the channels", "/channels op", Same::Call, &[]),
    row("make a channel", "/create #general all of it", Same::Call, &[]),
    row("make a group", "/group trip bob carol", Same::Call, &[]),
    row("join a channel", "/join #general", Same::Call, &[]),
    row("join by a link", "/join tci_AAAAAAAAAAAAAAAAAAAAAA", Same::Call, &[]),
    row("leave", "/leave", Same::Call, &[]),
    row("leave another", "/leave #ops", Same::Call, &[]),
    row("list the members", "/members", Same::CallOrShown, &[(&["alt+m"], ToggleMembers)]),
    row("invite", "/invite carol", Same::Call, &[]),
    row("make an invite link", "/link 2h 5", Same::Call, &[]),
    row("list the invite links", "/links", Same::Call, &[]),
    row("make an invite link void", "/unlink i3", Same::Call, &[]),
    row("remove a member", "/kick carol", Same::Call, &[]),
    row("ban a member", "/ban carol", Same::Call, &[]),
    row("give a role", "/role carol admin", Same::Call, &[]),
    row("see the topic", "/topic", Same::Call, &[]),
    row("set the topic", "/topic all", Same::Call, &[]),
    row("rename", "/rename news", Same::Call, &[]),
    row("put aside as unread", "/unread", Same::Call, &[(&["alt+s", "u"], ToggleUnread)]),
    row("take up again", "/unread off", Same::Call, &[]),
    row("mute", "/mute", Same::Call, &[(&["alt+s", "m"], ToggleMute)]),
    row("mute for a while", "/mute 2h", Same::Call, &[]),
    row("end that", "/mute off", Same::Call, &[]),
    row("what calls", "/notify mentions", Same::Call, &[]),
    row("block", "/block carol", Same::Call, &[]),
    row("unblock", "/unblock carol", Same::Call, &[]),
    row("list who is blocked", "/blocked", Same::Call, &[]),
    row("be away", "/away", Same::Call, &[]),
    row("not be disturbed", "/dnd", Same::Call, &[]),
    row("be online", "/online", Same::Call, &[]),
    row("list the commands", "/commands", Same::Shown, &[(&["alt+x"], Palette)]),
    row("help", "/help", Same::Shown, &[(&["f1"], Help)]),
    row("change the password", "/password", Same::Call, &[]),
    row("go to another account", "/accounts", Same::Shell, &[]),
    row("log out", "/logout", Same::Shell, &[]),
    row("leave the program", "/quit", Same::Call, &[
        (&["ctrl+q"], Quit),
        (&["ctrl+c"], ClearOrQuit),
        (&["ctrl+d"], DeleteRightOrQuit),
    ]),
];

/// What is done from the shell, whichever way one chats: these arguments.
pub const OF_THE_SHELL: &[(&str, &[&str])] = &[
    ("log in", &["login"]),
    ("log out", &["logout"]),
    ("change the password", &["password"]),
    ("list devices and tokens", &["devices"]),
    ("end a device or a token", &["devices", "--revoke", "d1"]),
    ("make a token", &["token", "--create", "bot"]),
    ("forget a server", &["forget"]),
    ("upload a file", &["upload", "a.png"]),
    ("fetch a file", &["download", "f7", "a folder"]),
    ("send lines of a file", &["send", "bob", "-"]),
];

/// The actions that are not in the table, and why the line mode needs none.
#[rustfmt::skip]
pub const OF_THE_SCREEN: &[(&str, &[Action])] = &[
    ("another key for /start NAME: lines have no list to go through", &[
        NextConversation, PreviousConversation, NextUnread, PreviousUnread, LastConversation, Conversation1, Conversation2,
        Conversation3, Conversation4, Conversation5, Conversation6, Conversation7, Conversation8, Conversation9,
        OpenConversation,
    ]),
    ("what is unread is printed as it comes", &[FirstUnread]),
    ("text stands in the output as it is, and can be taken from there", &[Copy]),
    ("there is one line, and nothing to go to", &[
        FocusMessages, FocusNext, FocusComposer, SelectUp, SelectDown, SelectFirst, SelectLast, ToggleSidebar,
        Accept, CloseOverlay, Cancel,
    ]),
    ("nothing is drawn", &[Redraw]),
    ("the terminal does that", &[Suspend]),
    ("writing: the terminal does that, or the editor of --lines", &[
        Complete, CompleteBack, DownOrNewer, HistoryOlder, HistoryNewer, HistorySearch, Left, Right, WordLeft, WordRight,
        LineStart, LineEnd, DeleteLeft, DeleteRight, DeleteWordLeft, DeleteWordRight, DeleteToStart, DeleteToEnd,
        Yank, Transpose, Undo,
    ]),
];
