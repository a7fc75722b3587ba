//! From errors to what callers see: the only place where a `Status` is made, and its twin inside streams.
//!
//! Each error has a canonical code, a reason for programs and a sentence for people that says what happened and the
//! mend, all of them in `words`. What went wrong inside is logged, never sent.

mod files;
mod words;

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use self::words::see;
use crate::{engine::Error, pb, telemetry};

/// The domain of all our reasons.
const DOMAIN: &str = "tinychat";

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
    /// Too much of the answers is not read.
    AnswersUnread,
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
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::{
            cursor::CursorError,
            ids::{ClientMessageId, FileId, InviteLinkId, Seq, UploadId},
            invalid::Invalid,
            scope::Scope,
        },
        engine::FileError,
    };

    fn every_fault() -> Vec<Fault> {
        let name = || "bob".parse().unwrap();
        let channel = || "news".parse().unwrap();
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
            Error::DirectConversation.into(),
            Error::ChannelNotFound(channel()).into(),
            Error::ChannelNameTaken(channel()).into(),
            Error::NotInChannel(channel()).into(),
            Error::MemberNotFound(name()).into(),
            Error::RoleTooLow.into(),
            Error::ReadOnly.into(),
            Error::LastOwner.into(),
            Error::ConversationFull(500).into(),
            Error::Banned.into(),
            Error::UserBanned(name()).into(),
            Error::MessageNotFound(Seq::new(7)).into(),
            Error::MessageNotYours.into(),
            Error::MessageDeleted.into(),
            Error::TooManyReactions.into(),
            Error::TooManyInviteLinks.into(),
            Error::InviteLinkNotFound(InviteLinkId::new(7)).into(),
            Error::InviteLinkVoid.into(),
            Error::File(FileError::NotFound(FileId::new(7))).into(),
            Error::File(FileError::UploadNotFound(UploadId::new(7))).into(),
            Error::File(FileError::TooLarge(100)).into(),
            Error::File(FileError::QuotaExceeded { used: 90, max: 100 }).into(),
            Error::File(FileError::TooManyUploads).into(),
            Error::File(FileError::TooManyTransfers).into(),
            Error::File(FileError::TooManyAttachments).into(),
            Error::File(FileError::ThumbnailInvalid(FileId::new(7))).into(),
            Error::File(FileError::UploadOffset(70)).into(),
            Error::File(FileError::ChunkPastEnd(100)).into(),
            Error::File(FileError::ChunkOfAnother).into(),
            Error::File(FileError::TooSlow(65_536)).into(),
            Error::File(FileError::ChunkHashMismatch).into(),
            Error::File(FileError::UploadIncomplete {
                there: 70,
                size: 100,
            })
            .into(),
            Error::File(FileError::HashMismatch).into(),
            Error::File(FileError::UploadTakenOver).into(),
            Error::File(FileError::OffsetPastEnd(100)).into(),
            Error::File(FileError::Failed("secret path".into())).into(),
            Error::UserBlocked(name()).into(),
            Error::BlockedByUser(name()).into(),
            Error::BlocksOneself.into(),
            Error::TooManyBlocked.into(),
            Error::ReplyToUnknown(Seq::new(7)).into(),
            Error::ClientMessageIdReused(id).into(),
            Error::SeqBeyondEnd(Seq::new(7)).into(),
            Error::CursorInvalid(CursorError::Undecodable).into(),
            Error::CursorInvalid(CursorError::EpochUnknown).into(),
            Error::CursorInvalid(CursorError::BeyondEnd).into(),
            Error::RateLimited(wait).into(),
            Error::NoOpenStream.into(),
            Error::SearchBehind.into(),
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
            Fault::Protocol(Protocol::AnswersUnread),
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
                Error::SearchBehind => 52,
                Error::NoOpenStream => 53,
                Error::Busy => 21,
                Error::StoreFull => 22,
                Error::StoreGone(_) => 23,
                Error::Defect(_) => 24,
                Error::DirectConversation => 36,
                Error::ChannelNotFound(_) => 37,
                Error::ChannelNameTaken(_) => 38,
                Error::NotInChannel(_) => 39,
                Error::MemberNotFound(_) => 40,
                Error::RoleTooLow => 41,
                Error::ReadOnly => 42,
                Error::LastOwner => 43,
                Error::ConversationFull(_) => 44,
                Error::Banned => 45,
                Error::UserBanned(_) => 46,
                Error::MessageNotFound(_) => 47,
                Error::MessageNotYours => 48,
                Error::MessageDeleted => 49,
                Error::TooManyReactions => 50,
                Error::ReplyToUnknown(_) => 51,
                Error::TooManyInviteLinks => 54,
                Error::InviteLinkNotFound(_) => 55,
                Error::InviteLinkVoid => 56,
                Error::UserBlocked(_) => 57,
                Error::BlockedByUser(_) => 58,
                Error::BlocksOneself => 59,
                Error::TooManyBlocked => 60,
                Error::File(error) => match error {
                    FileError::NotFound(_) => 61,
                    FileError::UploadNotFound(_) => 62,
                    FileError::TooLarge(_) => 63,
                    FileError::QuotaExceeded { .. } => 64,
                    FileError::TooManyUploads => 65,
                    FileError::TooManyTransfers => 66,
                    FileError::TooManyAttachments => 67,
                    FileError::ThumbnailInvalid(_) => 68,
                    FileError::UploadOffset(_) => 69,
                    FileError::ChunkPastEnd(_) => 70,
                    FileError::ChunkHashMismatch => 71,
                    FileError::ChunkOfAnother => 77,
                    FileError::TooSlow(_) => 78,
                    FileError::UploadIncomplete { .. } => 72,
                    FileError::HashMismatch => 73,
                    FileError::UploadTakenOver => 74,
                    FileError::OffsetPastEnd(_) => 75,
                    FileError::Failed(_) => 76,
                },
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
                Protocol::AnswersUnread => 79,
            },
        }
    }

    /// How many kinds there are.
    const KINDS: usize = 80;

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
