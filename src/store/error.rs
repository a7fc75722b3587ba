//! What can go wrong in a store, without a word of SQL.

use crate::domain::{
    ids::{ClientMessageId, ConversationId, FileId, InviteLinkId, Seq},
    invalid::Invalid,
    name::{ChannelName, UserName},
};

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. The batch was rolled back; reads go on, and writes again once there is room.
    #[error("the disk of the store is full")]
    Full,
    /// Too much waits to be committed already. Nothing was done.
    #[error("too much waits for the disk")]
    Busy,
    /// Stable storage can no longer be trusted. Nothing is acknowledged any more and the process must end.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store could not do it, though its storage is well: a defect of ours. Nothing was done.
    #[error("the store could not do it: {0}")]
    Broken(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a user could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has the name.
    #[error("the name {0} is taken")]
    NameTaken(UserName),
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a device could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateDeviceError {
    /// The password that the caller proved is not that of the account any more.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The device that makes the new one has ended.
    #[error("the device that asked has ended meanwhile")]
    MakerEnded,
    /// The user has as many tokens as there may be.
    #[error("the user has too many tokens")]
    TooManyTokens,
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one send of a batch was refused. The others are not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// The same id was used for another request.
    #[error("{0} was used for another message")]
    ClientMessageIdReused(ClientMessageId),
    /// There is no such conversation, or the sender is not in it.
    #[error("no conversation {0} with this member")]
    NotMember(ConversationId),
    /// Nobody has the name.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// No channel has the name.
    #[error("no channel {0}")]
    ChannelNotFound(ChannelName),
    /// The sender is not in the channel.
    #[error("not in the channel {0}")]
    NotInChannel(ChannelName),
    /// The sender may only read there.
    #[error("read-only")]
    ReadOnly,
    /// The message that it answers does not exist, or the sender cannot read it.
    #[error("no message {0:?} to reply to")]
    ReplyToUnknown(Seq),
    /// A file that it attaches is not there, or not the sender's.
    #[error("no file {0} of the sender")]
    FileNotFound(FileId),
    /// The sender has blocked the other of a DIRECT.
    #[error("the sender has blocked {0}")]
    UserBlocked(UserName),
    /// The other of a DIRECT has blocked the sender.
    #[error("{0} has blocked the sender")]
    BlockedByUser(UserName),
}

/// Why an act on a conversation, its members or its messages was refused. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// There is no such conversation, or the caller is not in it.
    #[error("no conversation {0} with this member")]
    NotMember(ConversationId),
    /// It is between two people, or one: its members do not change.
    #[error("a direct conversation has no members to change")]
    Direct,
    /// What is asked for breaks a rule that depends on the conversation.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Nobody has the name.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// No channel has the name.
    #[error("no channel {0}")]
    ChannelNotFound(ChannelName),
    /// Another channel has the name.
    #[error("the channel {0} exists")]
    ChannelNameTaken(ChannelName),
    /// The user is not in the conversation.
    #[error("{0} is no member")]
    MemberNotFound(UserName),
    /// The caller's role does not allow it.
    #[error("the role is too low")]
    RoleTooLow,
    /// The caller may only read there.
    #[error("read-only")]
    ReadOnly,
    /// Others would be left without an owner.
    #[error("the last owner")]
    LastOwner,
    /// There is no room for more members than this.
    #[error("at most {0} members")]
    Full(usize),
    /// The caller was banned.
    #[error("banned")]
    Banned,
    /// One of those who are to be added was banned, and the caller may not lift that.
    #[error("{0} is banned")]
    UserBanned(UserName),
    /// There is no such message, or the caller cannot read it.
    #[error("no message {0:?}")]
    MessageNotFound(Seq),
    /// The message is another user's.
    #[error("another user's message")]
    MessageNotYours,
    /// The message was deleted.
    #[error("the message was deleted")]
    MessageDeleted,
    /// The message has as many different reactions as there may be.
    #[error("too many reactions")]
    TooManyReactions,
    /// The conversation has as many invite links as there may be.
    #[error("too many invite links")]
    TooManyInviteLinks,
    /// There is no such invite link (any more), or it is not the caller's to see.
    #[error("no invite link {0}")]
    InviteLinkNotFound(InviteLinkId),
    /// Nothing (more) comes of the code; nobody learns why.
    #[error("the invite link is void")]
    InviteLinkVoid,
    /// The caller has blocked the user.
    #[error("the caller has blocked {0}")]
    UserBlocked(UserName),
    /// The user has blocked the caller.
    #[error("{0} has blocked the caller")]
    BlockedByUser(UserName),
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a user was not blocked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Nobody has the name.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// It is the caller.
    #[error("that is the caller")]
    Oneself,
    /// The caller blocks as many as may be.
    #[error("too many are blocked")]
    TooMany,
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a search found nothing to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is no such conversation, or the user is not in it.
    #[error("no conversation {0} with this member")]
    NotMember(ConversationId),
    /// Nobody has the name.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// The index lies far behind the log: it is being made anew. It would not find everything.
    #[error("the index is behind")]
    Behind,
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a conversation could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Nobody has the name.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a conversation could not be marked read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkReadError {
    /// There is no such conversation, or the user is not in it.
    #[error("no conversation {0} with this member")]
    NotMember(ConversationId),
    /// The marker lies beyond the last message.
    #[error("the last message is {0:?}")]
    BeyondEnd(Seq),
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a store could not be opened. The text of each says the mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error(
        "the data folder {folder} cannot be used: {cause}; give a folder that you may write with --data"
    )]
    Folder {
        /// The folder.
        folder: String,
        /// What the system said.
        cause: String,
    },
    /// Another server has it.
    #[error(
        "the data folder {folder} is held by another tinychat-server; stop that one, or give another \
         folder with --data"
    )]
    Held {
        /// The folder.
        folder: String,
    },
    /// A newer program wrote it.
    #[error(
        "the store {file} has schema {found}, this tinychat-server knows up to {known}; start it with \
         the newer tinychat-server that wrote it"
    )]
    SchemaNewer {
        /// The file.
        file: String,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The accounts of the store were made under the other rule.
    #[error(
        "the accounts of this store were made with --auth {made}, not {asked}; start with --auth \
         {made}, or give another folder with --data"
    )]
    AuthMode {
        /// The mode of the store.
        made: &'static str,
        /// The mode of this start.
        asked: &'static str,
    },
    /// The file is no store, or is damaged, or the disk is full.
    #[error(
        "the store {file} cannot be opened: {cause}; if the disk is full make room, else restore a copy of it, or give another folder with --data"
    )]
    Unusable {
        /// The file.
        file: String,
        /// What SQLite said.
        cause: String,
    },
}
