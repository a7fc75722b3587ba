//! Everything that the engine can refuse, free of transport. `server::grpc::status` turns each into code and words.

use std::time::Duration;

use super::FileError;
use crate::{
    auth::{ScopeMissing, password::HashingError},
    domain::{
        cursor::CursorError,
        ids::{ClientMessageId, InviteLinkId, Seq},
        invalid::Invalid,
        name::{ChannelName, UserName},
        scope::Scope,
    },
    store::{
        ActError, BlockError, CreateDeviceError, CreateUserError, MarkReadError, SearchError,
        SendRefusal, StartError, StoreError,
    },
};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request breaks a rule by itself.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody has the name.
    #[error("the name {0} is taken")]
    NameTaken(UserName),
    /// Wrong password or unknown name; nobody learns which.
    #[error("login failed")]
    LoginFailed,
    /// The call needs a token and has none.
    #[error("no token")]
    TokenMissing,
    /// The token is none of ours, or its login has ended.
    #[error("the token is unknown or its login has ended")]
    TokenInvalid,
    /// The token has come to its end.
    #[error("the token has expired")]
    TokenExpired,
    /// The token was made without the scope that the call needs.
    #[error("the token lacks the scope {}", .0.word())]
    ScopeMissing(Scope),
    /// Too many logins failed.
    #[error("too many failed logins; wait {0:?}")]
    LoginRateLimited(Duration),
    /// Too many accounts were made from one address.
    #[error("too many accounts; wait {0:?}")]
    RegisterRateLimited(Duration),
    /// The password that was to be changed is another one.
    #[error("the current password is another one")]
    PasswordWrong,
    /// With auth mode trust there are no passwords.
    #[error("this server uses no passwords")]
    PasswordsUnused,
    /// The caller has no such device.
    #[error("no such device")]
    DeviceNotFound,
    /// The caller has as many tokens as there may be.
    #[error("too many tokens")]
    TooManyTokens,
    /// Nobody of that name ever registered.
    #[error("no user {0}")]
    UserNotFound(UserName),
    /// There is no such conversation, or the caller is not in it; nobody learns which.
    #[error("no such conversation")]
    ConversationNotFound,
    /// A conversation between two people, or one, was to be changed.
    #[error("a direct conversation has no members to change")]
    DirectConversation,
    /// No channel has the name.
    #[error("no channel {0}")]
    ChannelNotFound(ChannelName),
    /// Another channel has the name.
    #[error("the channel {0} exists")]
    ChannelNameTaken(ChannelName),
    /// The caller is not in the channel.
    #[error("not in the channel {0}")]
    NotInChannel(ChannelName),
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
    ConversationFull(usize),
    /// The caller was banned.
    #[error("banned")]
    Banned,
    /// One of those who are to be added was banned, and the caller may not lift that.
    #[error("{0} is banned")]
    UserBanned(UserName),
    /// There is no such message, or the caller cannot read it; nobody learns which.
    #[error("no message {}", .0.number())]
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
    /// There is no such invite link (any more), or it is not the caller's to see; nobody learns which.
    #[error("no invite link {0}")]
    InviteLinkNotFound(InviteLinkId),
    /// Nothing (more) comes of the code; nobody learns why.
    #[error("the invite link is void")]
    InviteLinkVoid,
    /// Something about files.
    #[error(transparent)]
    File(#[from] FileError),
    /// The caller has blocked the user.
    #[error("the caller has blocked {0}")]
    UserBlocked(UserName),
    /// The user has blocked the caller.
    #[error("{0} has blocked the caller")]
    BlockedByUser(UserName),
    /// Nobody blocks oneself.
    #[error("that is the caller")]
    BlocksOneself,
    /// The caller blocks as many as may be.
    #[error("too many are blocked")]
    TooManyBlocked,
    /// The message that a send answers does not exist, or the sender cannot read it; nobody learns which.
    #[error("no message {} to reply to", .0.number())]
    ReplyToUnknown(Seq),
    /// The id of a send was used for another request.
    #[error("{0} was used for another message")]
    ClientMessageIdReused(ClientMessageId),
    /// A read marker lies beyond the last message.
    #[error("the last message is {}", .0.number())]
    SeqBeyondEnd(Seq),
    /// A cursor that this store never gave.
    #[error(transparent)]
    CursorInvalid(#[from] CursorError),
    /// The user sends too fast.
    #[error("too fast; wait {0:?}")]
    RateLimited(Duration),
    /// The device has no open stream, as long as which alone its presence would hold.
    #[error("no open stream")]
    NoOpenStream,
    /// The index of the search lies too far behind to answer.
    #[error("the search is being prepared")]
    SearchBehind,
    /// The server has too much to do at the moment.
    #[error("busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    StoreFull,
    /// The store does not answer any more: it failed, or it is closing.
    #[error("the store is gone: {0}")]
    StoreGone(String),
    /// A defect of ours.
    #[error("defect: {0}")]
    Defect(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::StoreFull,
            StoreError::Busy => Self::Busy,
            StoreError::Failed(_) | StoreError::Closed => Self::StoreGone(error.to_string()),
            StoreError::Broken(cause) => Self::Defect(cause),
        }
    }
}

impl From<CreateUserError> for Error {
    fn from(error: CreateUserError) -> Self {
        match error {
            CreateUserError::NameTaken(name) => Self::NameTaken(name),
            CreateUserError::Store(error) => error.into(),
        }
    }
}

impl From<ScopeMissing> for Error {
    fn from(missing: ScopeMissing) -> Self {
        Self::ScopeMissing(missing.0)
    }
}

impl From<CreateDeviceError> for Error {
    fn from(error: CreateDeviceError) -> Self {
        match error {
            CreateDeviceError::PasswordChanged => Self::LoginFailed,
            CreateDeviceError::MakerEnded => Self::TokenInvalid,
            CreateDeviceError::TooManyTokens => Self::TooManyTokens,
            CreateDeviceError::Store(error) => error.into(),
        }
    }
}

impl From<SendRefusal> for Error {
    fn from(refusal: SendRefusal) -> Self {
        match refusal {
            SendRefusal::ClientMessageIdReused(id) => Self::ClientMessageIdReused(id),
            SendRefusal::NotMember(_) => Self::ConversationNotFound,
            SendRefusal::UserNotFound(name) => Self::UserNotFound(name),
            SendRefusal::ChannelNotFound(name) => Self::ChannelNotFound(name),
            SendRefusal::NotInChannel(name) => Self::NotInChannel(name),
            SendRefusal::ReadOnly => Self::ReadOnly,
            SendRefusal::ReplyToUnknown(seq) => Self::ReplyToUnknown(seq),
            SendRefusal::FileNotFound(id) => FileError::NotFound(id).into(),
            SendRefusal::UserBlocked(name) => Self::UserBlocked(name),
            SendRefusal::BlockedByUser(name) => Self::BlockedByUser(name),
        }
    }
}

impl From<ActError> for Error {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NotMember(_) => Self::ConversationNotFound,
            ActError::Direct => Self::DirectConversation,
            ActError::Invalid(invalid) => Self::Invalid(invalid),
            ActError::UserNotFound(name) => Self::UserNotFound(name),
            ActError::ChannelNotFound(name) => Self::ChannelNotFound(name),
            ActError::ChannelNameTaken(name) => Self::ChannelNameTaken(name),
            ActError::MemberNotFound(name) => Self::MemberNotFound(name),
            ActError::RoleTooLow => Self::RoleTooLow,
            ActError::ReadOnly => Self::ReadOnly,
            ActError::LastOwner => Self::LastOwner,
            ActError::Full(members_max) => Self::ConversationFull(members_max),
            ActError::Banned => Self::Banned,
            ActError::UserBanned(name) => Self::UserBanned(name),
            ActError::MessageNotFound(seq) => Self::MessageNotFound(seq),
            ActError::MessageNotYours => Self::MessageNotYours,
            ActError::MessageDeleted => Self::MessageDeleted,
            ActError::TooManyReactions => Self::TooManyReactions,
            ActError::TooManyInviteLinks => Self::TooManyInviteLinks,
            ActError::InviteLinkNotFound(id) => Self::InviteLinkNotFound(id),
            ActError::InviteLinkVoid => Self::InviteLinkVoid,
            ActError::UserBlocked(name) => Self::UserBlocked(name),
            ActError::BlockedByUser(name) => Self::BlockedByUser(name),
            ActError::Store(error) => error.into(),
        }
    }
}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::UserNotFound(name) => Self::UserNotFound(name),
            BlockError::Oneself => Self::BlocksOneself,
            BlockError::TooMany => Self::TooManyBlocked,
            BlockError::Store(error) => error.into(),
        }
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::UserNotFound(name) => Self::UserNotFound(name),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<MarkReadError> for Error {
    fn from(error: MarkReadError) -> Self {
        match error {
            MarkReadError::NotMember(_) => Self::ConversationNotFound,
            MarkReadError::BeyondEnd(last) => Self::SeqBeyondEnd(last),
            MarkReadError::Store(error) => error.into(),
        }
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::NotMember(_) => Self::ConversationNotFound,
            SearchError::UserNotFound(name) => Self::UserNotFound(name),
            SearchError::Behind => Self::SearchBehind,
            SearchError::Store(error) => error.into(),
        }
    }
}

impl From<HashingError> for Error {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            HashingError::Failed => Self::Defect(error.to_string()),
        }
    }
}
