//! The slash commands: one table that drives parsing, `/commands`, `/help`, completion and suggestions.
//!
//! A line is a command exactly when it begins with one slash. `//text` is the text `/text`.
//! Everything else is text and is taken as it stands, a leading space included. What stands behind a command is read in
//! [`parse`](super::parse).

use super::{parse::CommandError, untrusted::Untrusted};

/// Mistakes in a word up to which a suggestion is made.
const DISTANCE_MAX: usize = 2;
/// Letters of an unknown command that are looked at and shown.
const WORD_CHARS_MAX: usize = 20;
/// Words of other programs, and what they are called here.
const ELSEWHERE: [(&str, &str); 20] = [
    ("exit", "quit"),
    ("msg", "start"),
    ("part", "leave"),
    ("names", "members"),
    ("who", "users"),
    ("find", "search"),
    ("next", "more"),
    ("back", "online"),
    ("unmute", "mute"),
    ("ignore", "block"),
    ("unignore", "unblock"),
    ("chats", "conversations"),
    ("rooms", "conversations"),
    ("url", "open"),
    ("passwd", "password"),
    ("upload", "send"),
    ("attach", "send"),
    ("download", "save"),
    ("get", "save"),
    ("files", "transfers"),
];

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Lists everybody.
    Users,
    /// Lists the own conversations.
    Conversations,
    /// Tells the server's time.
    Time,
    /// Opens a conversation or returns to it.
    Start,
    /// Closes the conversation in front.
    Stop,
    /// Shows what was said, with the numbers of the messages.
    History,
    /// Looks for messages by their words.
    Search,
    /// Shows what mentions the user.
    Mentions,
    /// Shows the next ones of what was found.
    More,
    /// Opens a link.
    Open,
    /// Tells who types.
    Typing,
    /// Begins a text of several lines.
    Text,
    /// Answers a message.
    Reply,
    /// Gives a message another text.
    Edit,
    /// Deletes a message.
    Delete,
    /// Gives an emoji to a message.
    React,
    /// Takes an emoji back.
    Unreact,
    /// Lists channels.
    Channels,
    /// Joins a channel, or by an invite link.
    Join,
    /// Makes a channel.
    Create,
    /// Makes a group.
    Group,
    /// Ends the own membership.
    Leave,
    /// Lists members.
    Members,
    /// Adds members.
    Invite,
    /// Makes an invite link.
    Link,
    /// Lists the invite links.
    Links,
    /// Makes an invite link void.
    Unlink,
    /// Removes a member.
    Kick,
    /// Removes a member for good.
    Ban,
    /// Gives a member another role.
    Role,
    /// Shows or sets what it is about.
    Topic,
    /// Gives another name.
    Rename,
    /// Shows how far others have come.
    Seen,
    /// Sends again what was refused.
    Retry,
    /// Forgets what was refused.
    Drop,
    /// Sends files.
    Send,
    /// Saves the files of a message.
    Save,
    /// Lists the files on their way.
    Transfers,
    /// Makes one of them wait.
    Pause,
    /// Has it go on.
    Resume,
    /// Ends it.
    Cancel,
    /// Puts the conversation aside as unread.
    Unread,
    /// Has nothing of the conversation call the user.
    Mute,
    /// Says what of the conversation calls the user.
    Notify,
    /// Blocks a user.
    Block,
    /// Ends that.
    Unblock,
    /// Lists whom the user blocks.
    Blocked,
    /// The user is away.
    Away,
    /// The user does not want to be disturbed.
    Dnd,
    /// The user is there.
    Online,
    /// Changes the password of the account.
    Password,
    /// Goes to another account; the logins stay.
    Accounts,
    /// Ends this login.
    Logout,
    /// Leaves; the login stays.
    Quit,
    /// Lists the commands.
    Commands,
    /// Explains.
    Help,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What it does.
    pub verb: Verb,
    /// The word behind the slash, in lower case.
    pub name: &'static str,
    /// What must follow; in brackets what may; empty when nothing may.
    pub argument: &'static str,
    /// Such an argument, and where to find one.
    pub example: &'static str,
    /// What it is for, in one line.
    pub help: &'static str,
}

impl Spec {
    /// Whether something must follow.
    pub fn needs_argument(&self) -> bool {
        !self.argument.is_empty() && !self.argument.starts_with('[')
    }
}

const fn row(
    verb: Verb,
    name: &'static str,
    (argument, example): (&'static str, &'static str),
    help: &'static str,
) -> Spec {
    Spec {
        verb,
        name,
        argument,
        example,
        help,
    }
}

/// Of a command behind which nothing may follow.
const ALONE: (&str, &str) = ("", "");

/// All commands, in the order in which they are listed.
#[rustfmt::skip]
pub const COMMANDS: [Spec; 56] = [
    row(Verb::Users, "users", ALONE, "everybody who ever registered, online or offline"),
    row(Verb::Time, "time", ALONE, "the server's time"),
    row(Verb::Conversations, "conversations", ("[all]", ""), "yours, with what is unread in each; those first, or all"),
    row(Verb::Start, "start", ("NAME", "bob; /users lists everybody"), "open the conversation with NAME, #CHANNEL or \"GROUP\", or return to it"),
    row(Verb::Stop, "stop", ALONE, "close the conversation; messages go on being shown"),
    row(Verb::History, "history", ("[WHICH]", ""), "the last messages here, or COUNT of them, or those around [N] or 2026-11-20T14:00"),
    row(Verb::Search, "search", ("WORDS…", "green build in:#ops from:bob since:2026-11-20"), "messages with all the WORDS, the newest first; /help has more"),
    row(Verb::Mentions, "mentions", ("[all]", ""), "unread messages that mention you, or all that do"),
    row(Verb::More, "more", ALONE, "the next ones of the last /search or /mentions"),
    row(Verb::Open, "open", ("[N] [WHICH]", ""), "open the last link here, or that of message N, or WHICH of its links; in the UI its files, too"),
    row(Verb::Typing, "typing", ALONE, "who is typing here"),
    row(Verb::Text, "text", ("[reply N|edit N]", ""), "write a text of several lines; a line of just . sends it"),
    row(Verb::Reply, "reply", ("N TEXT", "3 yes; /history shows the numbers"), "answer message N"),
    row(Verb::Edit, "edit", ("N TEXT", "3 better words; /history shows the numbers"), "give your message N another text"),
    row(Verb::Delete, "delete", ("N", "3; /history shows the numbers"), "delete the text of message N for good"),
    row(Verb::React, "react", ("N EMOJI", "3 👍; /history shows the numbers"), "give an emoji to message N"),
    row(Verb::Unreact, "unreact", ("N EMOJI", "3 👍; /history shows the numbers"), "take it back"),
    row(Verb::Channels, "channels", ("[TEXT]", ""), "all channels, or those with TEXT in their names"),
    row(Verb::Join, "join", ("#NAME|CODE", "#general; /channels lists them"), "become a member of a channel, or where the CODE of an invite link leads, and open it"),
    row(Verb::Create, "create", ("#NAME [TOPIC]", "#general all and everything"), "make a channel, which everybody may join"),
    row(Verb::Group, "group", ("NAME USER…", "trip bob carol; quote a name of several words"), "make a group of these users, which nobody else sees"),
    row(Verb::Leave, "leave", ("[#NAME]", ""), "end your membership here, or in another channel"),
    row(Verb::Members, "members", ALONE, "who is here, and what each may do"),
    row(Verb::Invite, "invite", ("USER…", "bob carol; /users lists everybody"), "make users members here"),
    row(Verb::Link, "link", ("[TIME] [USES]", ""), "make an invite link, by whose code others join here; for 7d, or for 5 of them"),
    row(Verb::Links, "links", ALONE, "the invite links here, with their ids"),
    row(Verb::Unlink, "unlink", ("ID", "i3; /links lists them"), "make an invite link void"),
    row(Verb::Kick, "kick", ("USER", "bob; /members lists them"), "end the membership of USER here"),
    row(Verb::Ban, "ban", ("USER", "bob; /members lists them"), "the same, and USER cannot join again"),
    row(Verb::Role, "role", ("USER ROLE", "bob admin; /members lists them"), "make USER owner, admin, member or read-only here"),
    row(Verb::Topic, "topic", ("[TEXT]", ""), "what is talked about here, or set it; - for nothing"),
    row(Verb::Rename, "rename", ("NAME", "news"), "give this channel or group another name"),
    row(Verb::Seen, "seen", ("[N]", ""), "who has got and read your last message here, or your message N"),
    row(Verb::Retry, "retry", ALONE, "send again what was refused here last"),
    row(Verb::Drop, "drop", ALONE, "forget what was refused here last"),
    row(Verb::Send, "send", ("FILE…", "photo.png; quote a path with spaces"), "send files here, with one message"),
    row(Verb::Save, "save", ("N [FOLDER]", "3; /history shows the numbers"), "save the files of message N; nothing is written over"),
    row(Verb::Transfers, "transfers", ALONE, "files on their way, with their numbers"),
    row(Verb::Pause, "pause", ("[NUMBER]", ""), "have a transfer wait"),
    row(Verb::Resume, "resume", ("[NUMBER]", ""), "have it go on"),
    row(Verb::Cancel, "cancel", ("[NUMBER]", ""), "end it, and leave nothing of it behind"),
    row(Verb::Unread, "unread", ("[off]", ""), "put the conversation aside as unread, or take it up again"),
    row(Verb::Mute, "mute", ("[TIME|off]", ""), "no bell for the conversation; for 30m, 2h, 1d, or until /mute off"),
    row(Verb::Notify, "notify", ("[LEVEL]", ""), "which messages here you want to be called for: all, mentions, none"),
    row(Verb::Block, "block", ("USER", "bob; /users lists everybody"), "have nothing to do with USER: no messages between you, and what USER says elsewhere is hidden"),
    row(Verb::Unblock, "unblock", ("USER", "bob; /blocked lists them"), "end that"),
    row(Verb::Blocked, "blocked", ALONE, "whom you block"),
    row(Verb::Away, "away", ALONE, "be shown as away while this runs; /online ends it"),
    row(Verb::Dnd, "dnd", ALONE, "be shown as not to be disturbed, and hear no bell; /online ends it"),
    row(Verb::Online, "online", ALONE, "be shown as online again"),
    row(Verb::Password, "password", ALONE, "change your password; the one until now is asked for"),
    row(Verb::Accounts, "accounts", ALONE, "go to another account; the login here stays"),
    row(Verb::Logout, "logout", ALONE, "end your login on this device; others stay logged in"),
    row(Verb::Quit, "quit", ALONE, "leave; the login is remembered"),
    row(Verb::Commands, "commands", ALONE, "this list"),
    row(Verb::Help, "help", ALONE, "how to use this"),
];

/// Returns the row of a command.
pub fn find(word: &str) -> Result<&'static Spec, CommandError> {
    COMMANDS
        .iter()
        .find(|spec| spec.name.eq_ignore_ascii_case(word))
        .ok_or_else(|| unknown(word))
}

/// Returns the table for people, one command a line.
pub fn list() -> Vec<String> {
    let row = |spec: &Spec| {
        let usage = format!("/{} {}", spec.name, spec.argument);
        format!("{usage:<23}{}", spec.help)
    };
    COMMANDS.iter().map(row).collect()
}

fn unknown(word: &str) -> CommandError {
    let typed = word.to_lowercase();
    let nearest = COMMANDS
        .iter()
        .filter_map(|spec| nearness(&typed, spec.name).map(|distance| (distance, spec.name)))
        .min_by_key(|(distance, _)| *distance);
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(word, _)| *word == typed)
        .map(|(_, name)| *name);
    CommandError::Unknown {
        word: Untrusted::from(word).render_start(WORD_CHARS_MAX),
        suggestion: elsewhere.or(nearest.map(|(_, name)| name)),
    }
}

/// How many mistakes make what was typed of a name, both in lower case: none, if it begins it. `None`: it is another word.
pub(super) fn nearness(typed: &str, name: &str) -> Option<usize> {
    let distance = match !typed.is_empty() && name.starts_with(typed) {
        true => 0,
        false => distance(typed, name),
    };
    // A word that shares no letter with the name is no misspelling of it.
    (distance <= DISTANCE_MAX && distance < typed.chars().count()).then_some(distance)
}

/// Counts the letters to add, drop or change between two words. Long words are far from everything.
fn distance(typed: &str, name: &str) -> usize {
    let typed: Vec<char> = typed.chars().take(WORD_CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (i, wanted) in name.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, letter) in typed.iter().enumerate() {
            let changed = corner + usize::from(*letter != wanted);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[typed.len()]
}

#[cfg(test)]
mod tests {
    use super::{super::parse::parse, *};

    fn error(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn unknown_commands_get_the_nearest_one_suggested() {
        assert_eq!(
            error("/user"),
            "There is no command /user; did you mean /users? /commands lists them all; //user \
             sends it as a text."
        );
        assert_eq!(
            error("/frobnicate now"),
            "There is no command /frobnicate. /commands lists them all; //frobnicate sends it as \
             a text."
        );
        let suggestion = |line: &str| match parse(line) {
            Err(CommandError::Unknown { suggestion, .. }) => suggestion,
            other => panic!("{other:?}"),
        };
        assert_eq!(suggestion("/satrt bob"), Some("start"));
        assert_eq!(suggestion("/exit"), Some("quit"));
        assert_eq!(suggestion("/TIEM"), Some("time"));
        assert_eq!(suggestion("/q"), Some("quit"));
        assert_eq!(suggestion("/"), None);
        assert_eq!(suggestion(&format!("/{}", "x".repeat(9000))), None);
    }

    #[test]
    fn what_was_typed_is_made_safe_before_it_is_shown() {
        assert!(error("/\u{1b}[2J").starts_with("There is no command /␛[2J. "));
    }

    #[test]
    fn the_list_has_one_line_for_each_command() {
        let list = list();
        assert_eq!(list.len(), COMMANDS.len());
        assert_eq!(
            list[3],
            "/start NAME            open the conversation with NAME, #CHANNEL or \"GROUP\", or \
             return to it"
        );
        assert_eq!(
            list.last().unwrap(),
            "/help                  how to use this"
        );
        for spec in &COMMANDS {
            assert!(spec.name.len() + spec.argument.len() < 21, "{spec:?}");
            assert_eq!(spec.needs_argument(), !spec.example.is_empty(), "{spec:?}");
        }
    }
}
