//! The words for every error: canonical code, reason for programs, and what happened with the mend, for people.
//!
//! There is no `_` arm: a new error must choose its words.

use std::time::Duration;

use tonic::Code;
use tracing::error;

use super::{Fault, Protocol, files};
use crate::{
    domain::{cursor::CursorError, invalid::Violation},
    engine::Error,
};

/// When it is worth trying again after the server had too much to do.
const RETRY_BUSY: Duration = Duration::from_millis(200);

/// When it is worth searching again after the index lay far behind: it takes some 100,000 messages a second.
const RETRY_SEARCH: Duration = Duration::from_secs(5);

/// What callers see of a fault.
pub(super) struct Seen {
    pub code: Code,
    pub reason: &'static str,
    pub message: String,
    pub violation: Option<Violation>,
    pub retry_after: Option<Duration>,
}

pub(super) fn seen(code: Code, reason: &'static str, message: impl Into<String>) -> Seen {
    Seen {
        code,
        reason,
        message: message.into(),
        violation: None,
        retry_after: None,
    }
}

impl Seen {
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    pub(super) fn violation(self, violation: Violation) -> Self {
        Self {
            violation: Some(violation),
            ..self
        }
    }
}

/// The words for a defect of ours.
pub(super) fn defect(cause: &str) -> Seen {
    error!(%cause, "defect");
    seen(
        Code::Internal,
        "DEFECT",
        "the server met a defect of its own; its log says more, please report it",
    )
}

/// Chooses the words for a fault.
pub(super) fn see(fault: &Fault) -> Seen {
    match fault {
        Fault::Engine(error) => see_error(error),
        Fault::Protocol(protocol) => see_protocol(*protocol),
    }
}

fn see_error(error: &Error) -> Seen {
    match error {
        Error::Invalid(invalid) => seen(Code::InvalidArgument, invalid.reason, invalid.to_string())
            .violation(invalid.violation.clone()),
        Error::NameTaken(name) => seen(
            Code::AlreadyExists,
            "NAME_TAKEN",
            format!("the name {name} is taken; pick another, or log in"),
        ),
        Error::LoginFailed => seen(
            Code::Unauthenticated,
            "LOGIN_FAILED",
            "no login with that name and password; try again, or register",
        ),
        Error::TokenMissing => seen(
            Code::Unauthenticated,
            "TOKEN_MISSING",
            "this call needs a login; send the metadata \"authorization: Bearer TOKEN\" with the \
             access_token of Login or Register",
        ),
        Error::TokenInvalid => seen(
            Code::Unauthenticated,
            "TOKEN_INVALID",
            "the token is not one of this server, or its login has ended; log in again",
        ),
        Error::TokenExpired => seen(
            Code::Unauthenticated,
            "TOKEN_EXPIRED",
            "the token has come to its end; make a new one with CreateToken, or log in",
        ),
        Error::ScopeMissing(scope) => seen(
            Code::PermissionDenied,
            "SCOPE_MISSING",
            format!(
                "the token lacks the scope {}; make one with it by CreateToken, or log in",
                scope.word()
            ),
        ),
        Error::LoginRateLimited(wait) => seen(
            Code::ResourceExhausted,
            "LOGIN_RATE_LIMITED",
            "too many logins failed; wait as long as retry_after says; logins that exist go on",
        )
        .retry_after(*wait),
        Error::RegisterRateLimited(wait) => seen(
            Code::ResourceExhausted,
            "REGISTER_RATE_LIMITED",
            "too many accounts were made from your address; wait as long as retry_after says",
        )
        .retry_after(*wait),
        Error::PasswordWrong => seen(
            Code::PermissionDenied,
            "PASSWORD_WRONG",
            "the current password is another one; nothing was changed, try again",
        ),
        Error::PasswordsUnused => seen(
            Code::FailedPrecondition,
            "PASSWORDS_UNUSED",
            "this server takes names without passwords; there is none to change",
        ),
        Error::DeviceNotFound => seen(
            Code::NotFound,
            "DEVICE_NOT_FOUND",
            "you have no such device, or it has ended; ListDevices lists yours",
        ),
        Error::TooManyTokens => seen(
            Code::FailedPrecondition,
            "TOO_MANY_TOKENS",
            "you have as many tokens as there may be; end one with RevokeDevice",
        ),
        Error::UserNotFound(name) => seen(
            Code::NotFound,
            "USER_NOT_FOUND",
            format!("nobody called {name} ever registered; the call Users lists everybody"),
        ),
        Error::ConversationNotFound => seen(
            Code::NotFound,
            "CONVERSATION_NOT_FOUND",
            "no such conversation, or you are not in it; ListConversations lists yours",
        ),
        Error::DirectConversation => seen(
            Code::FailedPrecondition,
            "DIRECT_CONVERSATION",
            "this conversation is between two people, or a notebook of one, and stays so; make a \
             group with CreateConversation",
        ),
        Error::ChannelNotFound(name) => seen(
            Code::NotFound,
            "CHANNEL_NOT_FOUND",
            format!("there is no channel {name}; ListChannels lists them all"),
        ),
        Error::ChannelNameTaken(name) => seen(
            Code::AlreadyExists,
            "CHANNEL_NAME_TAKEN",
            format!("there is a channel {name} already; pick another name, or join it"),
        ),
        Error::NotInChannel(name) => seen(
            Code::FailedPrecondition,
            "NOT_IN_CHANNEL",
            format!("you are not in the channel {name}; join it with JoinChannel"),
        ),
        Error::MemberNotFound(name) => seen(
            Code::NotFound,
            "MEMBER_NOT_FOUND",
            format!("{name} is not in this conversation; ListMembers lists who is"),
        ),
        Error::RoleTooLow => seen(
            Code::PermissionDenied,
            "ROLE_TOO_LOW",
            "your role here does not allow that; ask an owner, whom ListMembers names",
        ),
        Error::ReadOnly => seen(
            Code::PermissionDenied,
            "READ_ONLY",
            "you may only read here; ask an owner or admin, whom ListMembers names, to change that",
        ),
        Error::LastOwner => seen(
            Code::FailedPrecondition,
            "LAST_OWNER",
            "others would be left without an owner; make one of them owner with SetRole first",
        ),
        Error::ConversationFull(members_max) => seen(
            Code::FailedPrecondition,
            "CONVERSATION_FULL",
            format!(
                "there is room for {members_max} members at the most; name fewer, or wait until some leave"
            ),
        ),
        Error::Banned => seen(
            Code::PermissionDenied,
            "BANNED",
            "you were banned from here; only if one of the owners or admins adds you, you are in again",
        ),
        Error::UserBanned(name) => seen(
            Code::PermissionDenied,
            "USER_BANNED",
            format!(
                "{name} was banned from here; nobody was added, ask an owner or admin to add {name}"
            ),
        ),
        Error::MessageNotFound(seq) => seen(
            Code::NotFound,
            "MESSAGE_NOT_FOUND",
            format!(
                "there is no message {} here that you can read; ListMessages lists those that you can",
                seq.number()
            ),
        ),
        Error::MessageNotYours => seen(
            Code::PermissionDenied,
            "MESSAGE_NOT_YOURS",
            "another user sent this message; you can edit and delete your own, and delete others' as \
             owner or admin",
        ),
        Error::MessageDeleted => seen(
            Code::FailedPrecondition,
            "MESSAGE_DELETED",
            "this message was deleted and stays so; send a new one",
        ),
        Error::TooManyReactions => seen(
            Code::FailedPrecondition,
            "TOO_MANY_REACTIONS",
            "the message has as many different reactions as there may be; give one that it has",
        ),
        Error::TooManyInviteLinks => seen(
            Code::FailedPrecondition,
            "TOO_MANY_INVITE_LINKS",
            "this conversation has as many invite links as there may be; revoke one that nobody needs",
        ),
        Error::InviteLinkNotFound(id) => seen(
            Code::NotFound,
            "INVITE_LINK_NOT_FOUND",
            format!(
                "there is no invite link {id} here, or it is not yours to revoke; list the invite links to see yours"
            ),
        ),
        Error::InviteLinkVoid => seen(
            Code::NotFound,
            "INVITE_LINK_VOID",
            "nothing comes of this code (any more); ask whoever gave it for a new one",
        ),
        Error::File(error) => files::see(error),
        Error::UserBlocked(name) => seen(
            Code::FailedPrecondition,
            "USER_BLOCKED",
            format!("you have blocked {name}; unblock {name} to do that"),
        ),
        Error::BlockedByUser(name) => seen(
            Code::PermissionDenied,
            "BLOCKED_BY_USER",
            format!("{name} has blocked you; nothing was done, and only {name} can change that"),
        ),
        Error::BlocksOneself => {
            let description = "that is you".to_owned();
            seen(
                Code::InvalidArgument,
                "BLOCKS_ONESELF",
                format!("{description}; name another user"),
            )
            .violation(Violation {
                field: "user_name",
                description,
            })
        }
        Error::TooManyBlocked => seen(
            Code::FailedPrecondition,
            "TOO_MANY_BLOCKED",
            "you have blocked as many users as there may be; unblock one first",
        ),
        Error::ReplyToUnknown(seq) => {
            let description = format!(
                "there is no message {} here that you can read",
                seq.number()
            );
            seen(
                Code::InvalidArgument,
                "REPLY_TO_UNKNOWN",
                format!(
                    "{description}; answer one that ListMessages gives, or leave the field out"
                ),
            )
            .violation(Violation {
                field: "reply_to_seq",
                description,
            })
        }
        Error::ClientMessageIdReused(id) => seen(
            Code::AlreadyExists,
            "CLIENT_MESSAGE_ID_REUSED",
            format!("{id} was used for another message; give each message an id of its own"),
        ),
        Error::SeqBeyondEnd(last) => {
            let description = format!("the last message is {}", last.number());
            seen(
                Code::InvalidArgument,
                "SEQ_BEYOND_END",
                format!("{description}; mark at most that one read"),
            )
            .violation(Violation {
                field: "read_seq",
                description,
            })
        }
        Error::CursorInvalid(cause) => {
            let mend = match cause {
                CursorError::Undecodable => "give back a cursor as an event of this server had it",
                CursorError::EpochUnknown => {
                    "drop what you know of the other store and take cursors of this one"
                }
                CursorError::BeyondEnd => "give back a cursor that an event of this server had",
            };
            seen(
                Code::InvalidArgument,
                "CURSOR_INVALID",
                format!("{cause}; {mend}"),
            )
            .violation(Violation {
                field: "cursor",
                description: cause.to_string(),
            })
        }
        Error::RateLimited(wait) => seen(
            Code::ResourceExhausted,
            "RATE_LIMITED",
            "you send too fast; wait as long as retry_after says and repeat the request",
        )
        .retry_after(*wait),
        Error::NoOpenStream => seen(
            Code::FailedPrecondition,
            "NO_OPEN_STREAM",
            "this device has no open stream, and its presence lasts no longer than one; open Chat or \
             Subscribe first",
        ),
        Error::SearchBehind => seen(
            Code::Unavailable,
            "SEARCH_BEHIND",
            "the index of the search is being made; everything else goes on, search again in a while",
        )
        .retry_after(RETRY_SEARCH),
        Error::Busy => seen(
            Code::ResourceExhausted,
            "SERVER_BUSY",
            "the server has too much to do; repeat the request in a moment, it is never done twice",
        )
        .retry_after(RETRY_BUSY),
        // Without a time to wait: room comes from people, and who waits for it should know.
        Error::StoreFull => seen(
            Code::ResourceExhausted,
            "STORE_FULL",
            "the disk of the server is full, so this was not done, or not to its end; reading goes on; ask its operator \
             for room and repeat the request",
        ),
        Error::StoreGone(cause) => {
            error!(%cause, "the store does not answer");
            seen(
                Code::Unavailable,
                "STORE_UNAVAILABLE",
                "the server is stopping; repeat the request in a moment, it is never done twice",
            )
            .retry_after(RETRY_BUSY)
        }
        Error::Defect(cause) => defect(cause),
    }
}

fn see_protocol(protocol: Protocol) -> Seen {
    match protocol {
        Protocol::HelloExpected => seen(
            Code::FailedPrecondition,
            "HELLO_EXPECTED",
            "the first frame of a Chat stream must be hello; open a new stream and send it first",
        ),
        Protocol::HelloRepeated => seen(
            Code::FailedPrecondition,
            "HELLO_REPEATED",
            "hello stands only at the beginning of a Chat stream; open a new stream to resume",
        ),
        Protocol::RequestMissing => seen(
            Code::InvalidArgument,
            "REQUEST_MISSING",
            "the frame asks for nothing that this server knows; set one of the requests",
        ),
        Protocol::RepliesUnread => seen(
            Code::ResourceExhausted,
            "REPLIES_UNREAD",
            "too many replies lie unread; read them while you send, and open the stream again",
        )
        .retry_after(RETRY_BUSY),
        Protocol::Malformed => seen(
            Code::InvalidArgument,
            "MALFORMED_MESSAGE",
            "the message cannot be decoded; encode it by the schema that reflection gives",
        ),
        Protocol::TooLarge => seen(
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            "the message is larger than request_bytes_max of GetServerInfo, or, for a call without a token, than \
             open_request_bytes_max, or, for a chunk of a file, than chunk_bytes_max (streamed_chunk_bytes_max in a \
             stream) and 16 KiB; send less at once",
        ),
        Protocol::MethodUnknown => seen(
            Code::Unimplemented,
            "METHOD_UNKNOWN",
            "this server has no such method; reflection lists what it has",
        ),
        Protocol::CompressionUnknown => seen(
            Code::Unimplemented,
            "COMPRESSION_UNKNOWN",
            "this server reads no compressed messages; send them as they are",
        ),
        Protocol::RequestSlow => seen(
            Code::DeadlineExceeded,
            "REQUEST_SLOW",
            "the request did not come whole in time; send it again, at one stroke",
        ),
        Protocol::OriginForeign => seen(
            Code::PermissionDenied,
            "ORIGIN_FOREIGN",
            "a page of another site asks, and names are on trust here; serve the page from this machine, or start the \
             server with --auth password",
        ),
        Protocol::RequestsUnfinished => seen(
            Code::ResourceExhausted,
            "REQUESTS_UNFINISHED",
            "too many requests have begun and are not whole; send each at one stroke, or one after the other",
        )
        .retry_after(RETRY_BUSY),
        Protocol::AnswersUnread => seen(
            Code::ResourceExhausted,
            "ANSWERS_UNREAD",
            "too much of the answers before is not read, so this one is not kept; what was asked may be done; read them, then ask again",
        )
        .retry_after(RETRY_BUSY),
    }
}
