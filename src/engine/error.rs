//! Everything that the engine can refuse, free of transport. `server::grpc::status` turns each into code and words.

use std::time::Duration;

use crate::{
    auth::{ScopeMissing, password::HashingError},
    domain::{
        cursor::CursorError,
        ids::{ClientMessageId, Seq},
        invalid::Invalid,
        name::UserName,
        scope::Scope,
    },
    store::{
        CreateDeviceError, CreateUserError, MarkReadError, SendRefusal, StartError, StoreError,
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

impl From<HashingError> for Error {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            HashingError::Failed => Self::Defect(error.to_string()),
        }
    }
}
