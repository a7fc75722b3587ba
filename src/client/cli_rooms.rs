//! The arguments of the commands about groups, channels, and messages that are there.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::domain::{
    name::{ChannelName, UserName},
    reaction::Emoji,
    text::MessageText,
};

use super::{app::when, recipient::Recipient};

/// What to do to conversations and messages.
#[derive(Debug, Subcommand)]
pub(super) enum RoomCommand {
    /// Lists all channels, or those with TEXT in their names: `#name <3 MEMBERS, YOU> topic`, a line each.
    Channels {
        /// A part of their names.
        #[arg(default_value = "", hide_default_value = true)]
        text: String,
    },
    /// Makes you a member of a channel.
    Join {
        /// The channel; the `#` may be left out.
        #[arg(value_name = "#CHANNEL", value_parser = channel)]
        name: ChannelName,
    },
    /// Ends your membership of a group or channel.
    Leave(Where),
    /// Makes a channel, which everybody may join, or a group, which nobody else sees. You own it.
    Create {
        /// `#name` for a channel, any other name for a group.
        name: String,
        /// Who is a member from the beginning, beside you.
        users: Vec<UserName>,
        /// What it is about.
        #[arg(long, default_value = "", hide_default_value = true)]
        topic: String,
    },
    /// Lists the members of a group or channel: `name <ADMIN>`, a line each.
    Members {
        #[command(flatten)]
        of: Where,
        /// Lists those who are banned from it instead.
        #[arg(long)]
        banned: bool,
    },
    /// Makes users members of a group or channel, all of them or none. Lifts their bans.
    Invite {
        #[command(flatten)]
        to: Where,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserName>,
    },
    /// Ends the membership of another.
    Kick {
        #[command(flatten)]
        from: Where,
        /// Who.
        // Not `user`: under that name arguments know the one who asks.
        #[arg(value_name = "USER")]
        member: UserName,
        /// Keeps the user from joining again, until somebody invites.
        #[arg(long)]
        ban: bool,
    },
    /// Mutes a conversation: your clients call you for none of its messages, which come all the same.
    Mute {
        #[command(flatten)]
        what: Any,
        /// For how long: `30m`, `2h`, `1d`; without it, until unmute.
        #[arg(long = "for", value_name = "TIME", value_parser = when::span)]
        lasts: Option<Duration>,
    },
    /// Ends that: your clients call you for all messages.
    Unmute(Any),
    /// Gives a message of yours another text.
    Edit {
        #[command(flatten)]
        message: Which,
        /// The text from now on.
        text: MessageText,
    },
    /// Erases the text of a message for good.
    Delete(Which),
    /// Gives an emoji to a message.
    React {
        #[command(flatten)]
        message: Which,
        /// The emoji.
        emoji: Emoji,
        /// Takes it back instead.
        #[arg(long)]
        undo: bool,
    },
}

/// A conversation.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// A #CHANNEL, or id:CONVERSATION.
    #[arg(value_name = "CONVERSATION")]
    pub(super) place: Recipient,
}

/// Any conversation.
#[derive(Debug, Args)]
pub(super) struct Any {
    /// A NAME, a #CHANNEL, or id:CONVERSATION.
    #[arg(value_name = "CONVERSATION")]
    pub(super) place: Recipient,
}

/// A message.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Where it stands: a NAME, a #CHANNEL, or id:CONVERSATION.
    #[arg(value_name = "CONVERSATION")]
    pub(super) place: Recipient,
    /// Its number there, as `history --numbers` shows it.
    #[arg(value_name = "N")]
    pub(super) seq: u64,
}

/// Reads the name of a channel, with its mark or without.
fn channel(text: &str) -> Result<ChannelName, String> {
    let name = text.strip_prefix('#').unwrap_or(text);
    name.parse()
        .map_err(|error: crate::domain::name::ChannelNameError| error.to_string())
}
