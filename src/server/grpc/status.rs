//! From errors to what callers see: the only place where a `Status` is made, and its twin inside streams.
//!
//! Each error has a canonical code, a reason for programs and a sentence for people that says what happened and the
//! mend. What went wrong inside is logged, never sent. There is no `_` arm: a new error must choose its words.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::error;

use crate::{
    domain::{cursor::CursorError, invalid::Violation},
    engine::Error,
    pb, telemetry,
};

/// The domain of all our reasons.
const DOMAIN: &str = "tinychat";
/// When it is worth trying again after the server had too much to do.
const RETRY_BUSY: Duration = Duration::from_millis(200);

/// What a peer did against the rules of the wire, rather than of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The first frame of a `Chat` stream is not `hello`.
    HelloExpected,
    /// A later one is.
    HelloRepeated,
    /// A frame asks for nothing, or for something that this server does not know.
    RequestMissing,
    /// The peer goes on asking and does not read the answers.
    RepliesUnread,
    /// Bytes that are no message.
    Malformed,
    /// A message past the limit.
    TooLarge,
    /// The method does not exist.
    MethodUnknown,
    /// The message is compressed, which this server does not read.
    CompressionUnknown,
    /// A message did not come whole in time.
    RequestSlow,
    /// A page of another site asks where names are on trust.
    OriginForeign,
    /// Too many messages have begun and are not whole.
    RequestsUnfinished,
}

/// Anything that is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine refused.
    Engine(Error),
    /// The wire was used wrongly.
    Protocol(Protocol),
}

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

/// What callers see of a fault.
struct Seen {
    code: Code,
    reason: &'static str,
    message: String,
    violation: Option<Violation>,
    retry_after: Option<Duration>,
}

fn seen(code: Code, reason: &'static str, message: impl Into<String>) -> Seen {
    Seen {
        code,
        reason,
        message: message.into(),
        violation: None,
        retry_after: None,
    }
}

impl Seen {
    fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    fn violation(self, violation: Violation) -> Self {
        Self {
            violation: Some(violation),
            ..self
        }
    }
}

fn see(fault: &Fault) -> Seen {
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
            "the disk of the server is full; nothing was done, reading goes on; ask its operator \
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
        Error::Defect(cause) => {
            error!(%cause, "defect");
            seen(
                Code::Internal,
                "DEFECT",
                "the server met a defect of its own; its log says more, please report it",
            )
        }
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
             open_request_bytes_max; send less at once",
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
    }
}

/// The status that ends a call or a stream.
pub fn status(fault: impl Into<Fault>) -> Status {
    let seen = see(&fault.into());
    telemetry::refused(seen.reason);
    let mut details = ErrorDetails::new();
    details.set_error_info(seen.reason, DOMAIN, HashMap::new());
    if let Some(violation) = seen.violation {
        details.add_bad_request_violation(violation.field, violation.description);
    }
    if let Some(wait) = seen.retry_after {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(seen.code, seen.message, details)
}

/// The same inside a stream. `request`: the field of the frame that the request stood in.
pub fn in_band(fault: impl Into<Fault>, request: &str) -> pb::Error {
    let seen = see(&fault.into());
    telemetry::refused(seen.reason);
    let violation = seen.violation.map(|violation| pb::FieldViolation {
        field: format!("{request}.{}", violation.field),
        description: violation.description,
    });
    pb::Error {
        code: seen.code.into(),
        reason: seen.reason.to_owned(),
        message: seen.message,
        field_violations: violation.into_iter().collect(),
        retry_after: seen.retry_after.map(|wait| prost_types::Duration {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or_default(),
        }),
    }
}

impl From<Protocol> for Status {
    fn from(protocol: Protocol) -> Self {
        status(Fault::Protocol(protocol))
    }
}

/// How tonic begins its answer to a compressed message.
const COMPRESSED: &str = "Content is compressed";

/// What tonic and the codec say when they cannot read a message, in our words. `None`: it is not of that kind. Only for
/// statuses without details: ours have them.
pub fn unreadable(code: Code, message: &str) -> Option<Protocol> {
    match code {
        Code::OutOfRange => Some(Protocol::TooLarge),
        Code::InvalidArgument if message.starts_with(pb::codec::MALFORMED) => {
            Some(Protocol::Malformed)
        }
        // A missing or doubled message of a unary call, broken framing, a compressed flag without its header.
        Code::Internal => Some(Protocol::Malformed),
        Code::Unimplemented if message.starts_with(COMPRESSED) => {
            Some(Protocol::CompressionUnknown)
        }
        Code::Unimplemented => Some(Protocol::MethodUnknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{ClientMessageId, Seq},
        invalid::Invalid,
        scope::Scope,
    };

    fn every_fault() -> Vec<Fault> {
        let name = || "bob".parse().unwrap();
        let id = ClientMessageId::from_bytes([7; 16]);
        let wait = Duration::from_millis(1500);
        vec![
            Error::Invalid(Invalid::new(
                "TEXT_EMPTY",
                "text",
                "the text is empty; write something",
            ))
            .into(),
            Error::NameTaken(name()).into(),
            Error::LoginFailed.into(),
            Error::TokenMissing.into(),
            Error::TokenInvalid.into(),
            Error::TokenExpired.into(),
            Error::ScopeMissing(Scope::Send).into(),
            Error::LoginRateLimited(wait).into(),
            Error::RegisterRateLimited(wait).into(),
            Error::PasswordWrong.into(),
            Error::PasswordsUnused.into(),
            Error::DeviceNotFound.into(),
            Error::TooManyTokens.into(),
            Error::UserNotFound(name()).into(),
            Error::ConversationNotFound.into(),
            Error::ClientMessageIdReused(id).into(),
            Error::SeqBeyondEnd(Seq::new(7)).into(),
            Error::CursorInvalid(CursorError::Undecodable).into(),
            Error::CursorInvalid(CursorError::EpochUnknown).into(),
            Error::CursorInvalid(CursorError::BeyondEnd).into(),
            Error::RateLimited(wait).into(),
            Error::Busy.into(),
            Error::StoreFull.into(),
            Error::StoreGone("secret path".into()).into(),
            Error::Defect("secret cause".into()).into(),
            Fault::Protocol(Protocol::HelloExpected),
            Fault::Protocol(Protocol::HelloRepeated),
            Fault::Protocol(Protocol::RequestMissing),
            Fault::Protocol(Protocol::RepliesUnread),
            Fault::Protocol(Protocol::Malformed),
            Fault::Protocol(Protocol::TooLarge),
            Fault::Protocol(Protocol::MethodUnknown),
            Fault::Protocol(Protocol::CompressionUnknown),
            Fault::Protocol(Protocol::RequestSlow),
            Fault::Protocol(Protocol::RequestsUnfinished),
            Fault::Protocol(Protocol::OriginForeign),
        ]
    }

    /// A number for each kind of fault. There is no `_` arm: a new variant must be added here, and `KINDS` raised, and
    /// then the tests below fail until `every_fault` has it.
    fn kind(fault: &Fault) -> usize {
        match fault {
            Fault::Engine(error) => match error {
                Error::Invalid(_) => 0,
                Error::NameTaken(_) => 1,
                Error::LoginFailed => 2,
                Error::TokenMissing => 3,
                Error::TokenInvalid => 4,
                Error::TokenExpired => 5,
                Error::ScopeMissing(_) => 6,
                Error::LoginRateLimited(_) => 7,
                Error::RegisterRateLimited(_) => 8,
                Error::PasswordWrong => 9,
                Error::PasswordsUnused => 10,
                Error::DeviceNotFound => 11,
                Error::TooManyTokens => 12,
                Error::UserNotFound(_) => 13,
                Error::ConversationNotFound => 14,
                Error::ClientMessageIdReused(_) => 15,
                Error::SeqBeyondEnd(_) => 16,
                Error::CursorInvalid(CursorError::Undecodable) => 17,
                Error::CursorInvalid(CursorError::EpochUnknown) => 18,
                Error::CursorInvalid(CursorError::BeyondEnd) => 19,
                Error::RateLimited(_) => 20,
                Error::Busy => 21,
                Error::StoreFull => 22,
                Error::StoreGone(_) => 23,
                Error::Defect(_) => 24,
            },
            Fault::Protocol(protocol) => match protocol {
                Protocol::HelloExpected => 25,
                Protocol::HelloRepeated => 26,
                Protocol::RequestMissing => 27,
                Protocol::RepliesUnread => 28,
                Protocol::Malformed => 29,
                Protocol::TooLarge => 30,
                Protocol::MethodUnknown => 31,
                Protocol::CompressionUnknown => 32,
                Protocol::RequestSlow => 33,
                Protocol::RequestsUnfinished => 34,
                Protocol::OriginForeign => 35,
            },
        }
    }

    /// How many kinds there are.
    const KINDS: usize = 36;

    #[test]
    fn every_kind_of_fault_is_walked() {
        let kinds: std::collections::BTreeSet<_> = every_fault().iter().map(kind).collect();
        assert!(kinds.into_iter().eq(0..KINDS));
    }

    #[test]
    fn the_wording_of_every_error_is_pinned() {
        let lines: Vec<String> = every_fault()
            .into_iter()
            .map(|fault| {
                let error = in_band(fault, "send");
                let fields = error
                    .field_violations
                    .iter()
                    .map(|violation| &violation.field);
                let fields: Vec<_> = fields.collect();
                format!(
                    "{:?} {} {fields:?}: {}",
                    Code::from(error.code),
                    error.reason,
                    error.message
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_status_and_its_twin_say_the_same_and_nothing_from_inside() {
        for fault in every_fault() {
            let (status, error) = (status(fault.clone()), in_band(fault, "send"));
            assert_eq!(i32::from(status.code()), error.code);
            assert_eq!(status.message(), error.message);
            let details = status.get_error_details();
            let info = details.error_info().expect("every status has a reason");
            assert_eq!(
                (info.reason.as_str(), info.domain.as_str()),
                (error.reason.as_str(), DOMAIN)
            );
            let waits = details.retry_info().and_then(|info| info.retry_delay);
            assert_eq!(waits.is_some(), error.retry_after.is_some());
            assert!(!error.message.contains("secret"));
            // The mend follows what happened.
            assert!(error.message.contains(';'), "{}", error.message);
        }
    }
}
