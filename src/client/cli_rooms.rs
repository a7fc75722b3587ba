//! The arguments of the commands about groups, channels, and messages that are there.

use std::{num::NonZeroU32, time::Duration};

use clap::{Args, Subcommand};

use crate::domain::{
    ids::InviteLinkId,
    name::{ChannelName, UserName},
    reaction::Emoji,
    secret::InviteCode,
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
    /// Makes you a member of a channel, or of what the code of an invite link leads to.
    Join {
        /// The channel, whose `#` may be left out; or the code, which begins with `tci_`.
        #[arg(value_name = "#CHANNEL|CODE", value_parser = way)]
        by: Way,
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
    /// Makes an invite link of a group or channel, and prints the code by which others join: join CODE, or /join CODE.
    Link(LinkOptions),
    /// Lists the invite links of a group or channel that you may see: `id <0 OF 5 USES> by name`, a line each.
    Links(Where),
    /// Makes an invite link void.
    Unlink {
        #[command(flatten)]
        of: Where,
        /// Its id, as links shows it.
        #[arg(value_name = "ID")]
        link: InviteLinkId,
    },
    /// Blocks a user: neither of you can write to the other, and lines hide what the user says elsewhere.
    Block {
        /// Who.
        // See `Kick`.
        #[arg(value_name = "USER")]
        whom: UserName,
    },
    /// Ends that.
    Unblock {
        /// Who.
        #[arg(value_name = "USER")]
        whom: UserName,
    },
    /// Lists whom you block, a name a line.
    Blocked,
    /// Tells who has got and read your last message in a conversation: `name <READ>`, `<GOT>` or `<NOT YET>`, a line each.
    Seen(Any),
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
        /// The emoji, or its name as in :heart:.
        emoji: Emoji,
        /// Takes it back instead.
        #[arg(long)]
        undo: bool,
    },
}

/// How to become a member.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Of a channel that everybody may join.
    Channel(ChannelName),
    /// By an invite link.
    Code(InviteCode),
}

/// An invite link to be made.
#[derive(Debug, Args)]
pub(super) struct LinkOptions {
    #[command(flatten)]
    pub(super) to: Where,
    /// After how much time it ends: `30m`, `2h`, `7d`; without it, never.
    #[arg(long, value_name = "TIME", value_parser = when::span)]
    pub(super) expires: Option<Duration>,
    /// How many can join by it; without it, any number.
    #[arg(long, value_name = "N")]
    pub(super) uses: Option<NonZeroU32>,
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

/// Reads the name of a channel, with its mark or without, or the code of an invite link. What is wrong with a code is said
/// without showing it.
fn way(text: &str) -> Result<Way, String> {
    if InviteCode::is_meant(text) {
        let code = text.parse().map(Way::Code);
        return code.map_err(|error: crate::domain::secret::InviteCodeError| error.to_string());
    }
    let name = text.strip_prefix('#').unwrap_or(text);
    name.parse()
        .map(Way::Channel)
        .map_err(|error: crate::domain::name::ChannelNameError| error.to_string())
}
