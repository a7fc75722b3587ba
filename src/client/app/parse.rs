//! Reads typed lines: what is text, what is a command, and what stands behind it.

use std::time::Duration;

use crate::domain::{
    conversation::NotifyLevel,
    ids::InviteLinkId,
    name::{ChannelName, GroupName, Topic, UserName, UserNameError},
    reaction::Emoji,
    role::Role,
    secret::InviteCode,
    text::MessageText,
    user::Presence,
};

use super::{
    command::{self, Spec, Verb},
    links::{self, Ends},
    look::{self, Look},
    opening, paths,
    reading::{Reading, first_word, quoted_or_word},
    room::Wanted,
    several::{self, For},
    transfers,
    when::{self, Moment},
};

/// Messages that `/history` shows when no count is given, and at most.
const HISTORY_COUNT: usize = 10;
const HISTORY_COUNT_MAX: usize = 1000;

/// A command with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Lists everybody.
    Users,
    /// Lists the own conversations, or all of them.
    Conversations(bool),
    /// Tells the server's time.
    Time,
    /// Opens this conversation.
    Start(Wanted),
    /// Closes the conversation in front.
    Stop,
    /// Shows messages.
    History(Which),
    /// Looks for messages.
    Search(Look),
    /// Shows who mentioned this user: all of it, or what is unread.
    Mentions(bool),
    /// Shows the next ones of what was found.
    More,
    /// Puts the conversation in front aside as unread, or takes it up again.
    Unread(bool),
    /// Says which messages of the conversation in front one wants to be called for, or asks.
    Notify(Option<Notify>),
    /// Says how this user can be reached.
    Presence(Presence),
    /// Opens a link.
    Open(opening::Which),
    /// Tells who types.
    Typing,
    /// Begins a text of several lines.
    Text(For),
    /// Answers this message.
    Reply(u64, MessageText),
    /// Gives this message another text.
    Edit(u64, MessageText),
    /// Deletes this message.
    Delete(u64),
    /// Gives an emoji to this message, or takes it back.
    React {
        /// The message.
        seq: u64,
        /// The emoji.
        emoji: Emoji,
        /// Whether it is given.
        give: bool,
    },
    /// Lists the channels with this in their names.
    Channels(String),
    /// Joins a channel.
    Join(ChannelName),
    /// Joins by an invite link.
    JoinBy(InviteCode),
    /// Makes a channel.
    Create(ChannelName, Topic),
    /// Makes a group.
    Group(GroupName, Vec<UserName>),
    /// Ends the own membership in front, or of a channel.
    Leave(Option<ChannelName>),
    /// Lists members.
    Members,
    /// Adds members.
    Invite(Vec<UserName>),
    /// Makes an invite link.
    Link(Ends),
    /// Lists the invite links.
    Links,
    /// Makes an invite link void.
    Unlink(InviteLinkId),
    /// Shows how far others have come with the last own message, or with this one.
    Seen(Option<u64>),
    /// Sends again what was refused.
    Retry,
    /// Forgets what was refused.
    Drop,
    /// Blocks a user, or ends that.
    Block(UserName, bool),
    /// Lists whom this user blocks.
    Blocked,
    /// Removes a member.
    Remove {
        /// Who.
        user: UserName,
        /// Whether for good.
        ban: bool,
    },
    /// Gives a role.
    Role(UserName, Role),
    /// Shows the topic, or sets it.
    Topic(Option<Topic>),
    /// Gives another name.
    Rename(String),
    /// Does something with files.
    Files(transfers::Wish),
    /// Changes the password.
    Password,
    /// Goes to another account.
    Accounts,
    /// Ends this login.
    Logout,
    /// Leaves.
    Quit,
    /// Lists the commands.
    Commands,
    /// Explains.
    Help,
}

/// Which messages of a conversation are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// So many of the last.
    Last(usize),
    /// Those around this one.
    Around(u64),
    /// Those around this moment.
    At(Moment),
}

/// Which messages of a conversation one wants to be called for, and for how long; `None`: until it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Which.
    pub level: NotifyLevel,
    /// How long.
    pub lasts: Option<Duration>,
}

/// What a typed line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A command.
    Command(Command),
    /// A text to send, exactly as typed.
    Text(String),
}

/// Why a line that begins with a slash is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No row of the table has this name.
    #[error(
        "There is no command /{word}{} /commands lists them all; //{word} sends it as a text.",
        .suggestion.map_or_else(|| ".".to_owned(), |name| format!("; did you mean /{name}?"))
    )]
    Unknown {
        /// The word behind the slash, made safe and cut.
        word: String,
        /// The nearest command, if one is near.
        suggestion: Option<&'static str>,
    },
    /// The argument is missing.
    #[error("/{name} needs {argument}: type /{name} {argument}, for example /{name} {example}.")]
    ArgumentMissing {
        /// The command.
        name: &'static str,
        /// What it needs.
        argument: &'static str,
        /// An example.
        example: &'static str,
    },
    /// Something follows a command that takes nothing.
    #[error("/{0} stands alone: type just /{0}.")]
    ArgumentUnwanted(&'static str),
    /// The argument is no user name.
    #[error("Cannot start a conversation: {0}.")]
    BadName(UserNameError),
    /// The argument cannot be one.
    #[error("/{name} {argument}: {problem}.")]
    Bad {
        /// The command.
        name: &'static str,
        /// What it takes.
        argument: &'static str,
        /// What is wrong, and the mend.
        problem: String,
    },
}

/// Reads a typed line, without its line end.
pub fn parse(line: &str) -> Result<Input, CommandError> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Input::Text(line.to_owned()));
    };
    if command.starts_with('/') {
        return Ok(Input::Text(command.to_owned()));
    }
    let (word, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let argument = rest.trim();
    let spec = command::find(word)?;
    match (spec.argument.is_empty(), argument.is_empty()) {
        (true, false) => return Err(CommandError::ArgumentUnwanted(spec.name)),
        (false, true) if spec.needs_argument() => return Err(Reading(spec).missing()),
        _ => {}
    }
    command_of(spec, argument).map(Input::Command)
}

fn command_of(spec: &Spec, argument: &str) -> Result<Command, CommandError> {
    let read = Reading(spec);
    Ok(match spec.verb {
        Verb::Users => Command::Users,
        Verb::Conversations => Command::Conversations(read.has("all", argument)?),
        Verb::Time => Command::Time,
        Verb::Start => Command::Start(to_start(&read, argument)?),
        Verb::Stop => Command::Stop,
        Verb::History => Command::History(which(&read, argument)?),
        Verb::Search => Command::Search(look::look(&read, argument)?),
        Verb::Mentions => Command::Mentions(read.has("all", argument)?),
        Verb::More => Command::More,
        Verb::Unread => Command::Unread(!read.has("off", argument)?),
        Verb::Mute => Command::Notify(Some(mute(&read, argument)?)),
        Verb::Notify if argument.is_empty() => Command::Notify(None),
        Verb::Notify => Command::Notify(Some(Notify {
            level: read.level(argument)?,
            lasts: None,
        })),
        Verb::Away => Command::Presence(Presence::Away),
        Verb::Dnd => Command::Presence(Presence::DoNotDisturb),
        Verb::Online => Command::Presence(Presence::Online),
        Verb::Open => Command::Open(opening::which(&read, argument)?),
        Verb::Typing => Command::Typing,
        Verb::Text => Command::Text(several::what(&read, argument)?),
        Verb::Reply => {
            let (seq, text) = read.seq_and_more(argument)?;
            Command::Reply(seq, read.as_is(text)?)
        }
        Verb::Edit => {
            let (seq, text) = read.seq_and_more(argument)?;
            Command::Edit(seq, read.as_is(text)?)
        }
        Verb::Delete => Command::Delete(read.seq(argument)?),
        Verb::React | Verb::Unreact => {
            let (seq, emoji) = read.seq_and_more(argument)?;
            let give = spec.verb == Verb::React;
            let emoji = read.emoji(emoji, give)?;
            Command::React { seq, emoji, give }
        }
        Verb::Channels => {
            let text = argument.strip_prefix('#').unwrap_or(argument);
            Command::Channels(text.to_owned())
        }
        Verb::Join if InviteCode::is_meant(argument) => Command::JoinBy(read.as_is(argument)?),
        Verb::Join => Command::Join(read.channel(argument)?),
        Verb::Create => {
            let (name, topic) = first_word(argument);
            Command::Create(read.channel(name)?, read.as_is(topic)?)
        }
        Verb::Group => {
            let (name, users) = quoted_or_word(argument);
            Command::Group(read.as_is(name)?, read.users(users)?)
        }
        Verb::Leave if argument.is_empty() => Command::Leave(None),
        Verb::Leave => Command::Leave(Some(read.channel(argument)?)),
        Verb::Members => Command::Members,
        Verb::Invite => Command::Invite(read.users(argument)?),
        Verb::Link => Command::Link(links::ends(&read, argument)?),
        Verb::Links => Command::Links,
        Verb::Unlink => Command::Unlink(read.as_is(argument)?),
        Verb::Seen if argument.is_empty() => Command::Seen(None),
        Verb::Seen => Command::Seen(Some(read.seq(argument)?)),
        Verb::Retry => Command::Retry,
        Verb::Drop => Command::Drop,
        Verb::Block => Command::Block(read.as_is(argument)?, true),
        Verb::Unblock => Command::Block(read.as_is(argument)?, false),
        Verb::Blocked => Command::Blocked,
        Verb::Kick | Verb::Ban => Command::Remove {
            user: read.as_is(argument)?,
            ban: spec.verb == Verb::Ban,
        },
        Verb::Role => {
            let (user, role) = first_word(argument);
            Command::Role(read.as_is(user)?, read.role(role)?)
        }
        Verb::Topic if argument.is_empty() => Command::Topic(None),
        Verb::Topic if argument == "-" => Command::Topic(Some(Topic::default())),
        Verb::Topic => Command::Topic(Some(read.as_is(argument)?)),
        Verb::Rename => Command::Rename(argument.to_owned()),
        Verb::Send | Verb::Save | Verb::Transfers | Verb::Pause | Verb::Resume | Verb::Cancel => {
            Command::Files(paths::read(&read, spec.verb, argument)?)
        }
        Verb::Password => Command::Password,
        Verb::Accounts => Command::Accounts,
        Verb::Logout => Command::Logout,
        Verb::Quit => Command::Quit,
        Verb::Commands => Command::Commands,
        Verb::Help => Command::Help,
    })
}

fn to_start(read: &Reading<'_>, argument: &str) -> Result<Wanted, CommandError> {
    match argument.starts_with(['#', '"']) || argument.starts_with("id:") {
        true => read.wanted(argument),
        false => argument
            .parse()
            .map(Wanted::User)
            .map_err(CommandError::BadName),
    }
}

fn which(read: &Reading<'_>, argument: &str) -> Result<Which, CommandError> {
    if argument.is_empty() {
        return Ok(Which::Last(HISTORY_COUNT));
    }
    if argument.starts_with('[') {
        return read.seq(argument).map(Which::Around);
    }
    if argument.contains(['-', ':']) {
        return read.as_is(argument).map(Which::At);
    }
    match argument.parse() {
        Ok(count @ 1..=HISTORY_COUNT_MAX) => Ok(Which::Last(count)),
        _ => Err(read.bad(format!(
            "that is a count from 1 to {HISTORY_COUNT_MAX}, the number of a message in brackets as in [7], or a time as in \
             2026-11-20 or 2026-11-20T14:00"
        ))),
    }
}

fn mute(read: &Reading<'_>, argument: &str) -> Result<Notify, CommandError> {
    let (level, lasts) = match argument {
        "" => (NotifyLevel::None, None),
        off if off.eq_ignore_ascii_case("off") => (NotifyLevel::All, None),
        span => {
            let span = when::span(span).map_err(|error| read.bad(error.to_string()))?;
            (NotifyLevel::None, Some(span))
        }
    };
    Ok(Notify { level, lasts })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
