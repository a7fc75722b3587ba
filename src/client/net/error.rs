//! The one error of the client's library: what the server refused, or why it cannot be reached.
//!
//! The only place where a `Status` with its details and the in-band `Error` of streams are read:
//! behind it they are the same thing. Everything in it that the server wrote is `Untrusted`, so
//! printing an error is safe.

use std::{error::Error as _, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{dial::DialError, tls::TlsFailure};
use crate::{client::app::untrusted::Untrusted, pb};

/// Why something did not work. `Display` is one safe line: what happened; the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The server answered, and the answer is no.
    #[error("{}", .0.message.render_line())]
    Refused(Refusal),
    /// No answer came: no connection, or it broke before the answer.
    #[error(
        "cannot reach the server ({}); is it running, and is the address right?",
        .cause.render_line()
    )]
    Unreachable {
        /// What the network said.
        cause: Untrusted,
    },
    /// This device opened more streams than it may have, and this one was the oldest.
    #[error(
        "this login is open too often, so its oldest stream ended; close one of the others, or log in anew here"
    )]
    Replaced,
    /// A message holds files, or goes to a group, of a store that the server had before: under these ids this one has others,
    /// or none.
    #[error(
        "the server has another store than when this was written, with other groups and files; send it again where it belongs"
    )]
    OtherStore,
    /// The answer lacks something that every server of this schema sends.
    #[error("the server's answer has no {0}; is it a TinyChat server of a fitting version?")]
    BadAnswer(&'static str),
    /// The user is in no conversation of this name.
    #[error("you are not in {}; a channel can be joined, to a group one is added", .0.render_line())]
    NotAMember(Untrusted),
    /// The text that was given as a token cannot be one.
    #[error("the access token has characters that no token has; copy it again or log in anew")]
    TokenText,
    /// The server is not trusted. Nothing was sent to it.
    #[error("{0}")]
    Tls(#[from] TlsFailure),
    /// The address cannot be used.
    #[error("{0}")]
    Address(#[from] super::connect::ServerAddressError),
}

/// What a server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The canonical code.
    pub code: Code,
    /// The reason for programs, such as `USER_NOT_FOUND`; empty when the server gave none.
    pub reason: String,
    /// What happened and the mend, for people.
    pub message: Untrusted,
    /// How long to wait before the same request can succeed.
    pub retry_after: Option<Duration>,
}

/// The classes of errors that programs tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The login is missing, wrong or ended.
    Auth,
    /// The server cannot be reached or cannot answer now.
    Network,
    /// What was asked for does not exist, or not for this user.
    NotFound,
    /// The request is refused.
    Refused,
    /// Anything else.
    Other,
}

impl ClientError {
    /// Returns the class.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. } | Self::Tls(_) => ErrorKind::Network,
            Self::TokenText => ErrorKind::Auth,
            Self::BadAnswer(_) | Self::Address(_) => ErrorKind::Other,
            Self::Replaced | Self::OtherStore => ErrorKind::Refused,
            Self::NotAMember(_) => ErrorKind::NotFound,
            Self::Refused(refusal) => match refusal.code {
                Code::Unauthenticated => ErrorKind::Auth,
                Code::Unavailable | Code::DeadlineExceeded => ErrorKind::Network,
                Code::NotFound => ErrorKind::NotFound,
                Code::InvalidArgument
                | Code::AlreadyExists
                | Code::PermissionDenied
                | Code::ResourceExhausted
                | Code::FailedPrecondition
                | Code::OutOfRange => ErrorKind::Refused,
                _ => ErrorKind::Other,
            },
        }
    }

    /// Returns the reason for programs; empty when there is none.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.reason,
            // Of no server: it is found out here.
            Self::OtherStore => "OTHER_STORE",
            _ => "",
        }
    }

    /// Returns whether the server said no, and would say it again: what was asked for is not done, and will not be.
    pub fn is_for_good(&self) -> bool {
        let is_no = matches!(self.kind(), ErrorKind::Refused | ErrorKind::NotFound);
        is_no && self.reason() != "TOO_MANY_TRANSFERS" && !matches!(self.retry(), Retry::After(_))
    }

    /// Returns whether the server knows of no such call.
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == Code::Unimplemented)
    }

    /// Returns whether what was asked for is not there, or not for this user: asking again would bring the same.
    pub fn is_no(&self) -> bool {
        let is_denied =
            |refusal: &Refusal| matches!(refusal.code, Code::NotFound | Code::PermissionDenied);
        match self {
            Self::Refused(refusal) => is_denied(refusal),
            Self::NotAMember(_) => true,
            _ => false,
        }
    }

    /// Returns whether the same request can succeed without anybody changing anything, and how long
    /// the server asks to wait before it.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::WithBackoff(Duration::ZERO),
            Self::Refused(refusal) => match (refusal.code, refusal.retry_after) {
                (Code::ResourceExhausted, Some(wait)) => Retry::After(wait),
                (Code::Unavailable | Code::Aborted, wait) => {
                    Retry::WithBackoff(wait.unwrap_or_default())
                }
                // The link was slow or stood still for a minute, as one of a machine that slept: it is cut, no more.
                (Code::DeadlineExceeded, _) if refusal.reason == "TRANSFER_SLOW" => {
                    Retry::WithBackoff(Duration::ZERO)
                }
                _ => Retry::Never,
            },
            _ => Retry::Never,
        }
    }
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before something changes.
    Never,
    /// After this time: there is too much at once, not something broken.
    After(Duration),
    /// After a time that grows with the failures, but not before this.
    WithBackoff(Duration),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        // A status with a source was made here, out of a transport that failed. One that a server
        // made has none. UNKNOWN is what is left of a connection that ended without an answer.
        let reason = status.get_details_error_info().map(|info| info.reason);
        if let Some(failure) = tls_failure(&status) {
            return Self::Tls(failure);
        }
        if status.source().is_some() || (status.code() == Code::Unknown && reason.is_none()) {
            return Self::Unreachable {
                cause: cause(&status),
            };
        }
        Self::Refused(Refusal {
            code: status.code(),
            reason: reason.unwrap_or_default(),
            message: status.message().into(),
            retry_after: retry_delay(status.details()),
        })
    }
}

impl From<pb::Error> for ClientError {
    fn from(error: pb::Error) -> Self {
        let retry_after = error.retry_after.and_then(wait);
        Self::Refused(Refusal {
            code: Code::from_i32(error.code),
            reason: error.reason,
            message: error.message.into(),
            retry_after,
        })
    }
}

/// Returns a wait that a server asks for; `None` if it is none. By hand, since the conversion of the library negates
/// what it is given, and the smallest number has no negative: a server could end this program with it.
pub fn wait(duration: prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(duration.seconds).ok()?;
    let nanos = u32::try_from(duration.nanos).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

/// Returns the wait that stands in the details of a status. By hand for the same reason.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = tonic_types::Status::decode(details).ok()?;
    let is_retry = |it: &&prost_types::Any| it.type_url.ends_with("/google.rpc.RetryInfo");
    let info = status.details.iter().find(is_retry)?;
    let info = tonic_types::pb::RetryInfo::decode(info.value.as_slice()).ok()?;
    wait(info.retry_delay?)
}

/// Why TLS was refused, if that is what broke the transport.
fn tls_failure(status: &Status) -> Option<TlsFailure> {
    let mut next = status.source();
    while let Some(error) = next {
        let failure = match error.downcast_ref::<DialError>() {
            Some(DialError::Tls(failure)) => Some(failure),
            _ => error.downcast_ref::<TlsFailure>(),
        };
        if let Some(failure) = failure {
            return Some(failure.clone());
        }
        next = error.source();
    }
    None
}

/// The innermost cause says what happened; the outer ones say "transport error".
fn cause(status: &Status) -> Untrusted {
    let mut innermost = None;
    let mut next = status.source();
    while let Some(error) = next {
        innermost = Some(error.to_string());
        next = error.source();
    }
    match innermost {
        Some(text) => text.into(),
        None if status.message().is_empty() => "the connection ended without an answer".into(),
        None => status.message().into(),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn rate_limited() -> ClientError {
        ClientError::Refused(Refusal {
            code: Code::ResourceExhausted,
            reason: "RATE_LIMITED".to_owned(),
            message: "too fast; wait".into(),
            retry_after: Some(Duration::from_millis(1500)),
        })
    }

    #[test]
    fn a_status_with_details_and_an_error_in_band_are_the_same() {
        let mut details = ErrorDetails::new();
        details.set_error_info("RATE_LIMITED", "tinychat", std::collections::HashMap::new());
        details.set_retry_info(Some(Duration::from_millis(1500)));
        let status = Status::with_error_details(Code::ResourceExhausted, "too fast; wait", details);
        assert_eq!(ClientError::from(status), rate_limited());

        let in_band = pb::Error {
            code: 8,
            reason: "RATE_LIMITED".to_owned(),
            message: "too fast; wait".to_owned(),
            field_violations: Vec::new(),
            retry_after: Some(prost_types::Duration {
                seconds: 1,
                nanos: 500_000_000,
            }),
        };
        assert_eq!(ClientError::from(in_band), rate_limited());
        assert_eq!(
            rate_limited().retry(),
            Retry::After(Duration::from_millis(1500))
        );
    }

    #[test]
    fn a_broken_transport_is_told_from_a_refusal() {
        let refused = std::io::Error::other("connection refused");
        let broken = ClientError::from(Status::from_error(Box::new(refused)));
        assert_eq!(
            broken.to_string(),
            "cannot reach the server (connection refused); is it running, and is the address \
             right?"
        );
        assert_eq!(broken.kind(), ErrorKind::Network);
        assert_eq!(broken.retry(), Retry::WithBackoff(Duration::ZERO));
        let ended = ClientError::from(Status::unknown(""));
        assert_eq!(ended.retry(), Retry::WithBackoff(Duration::ZERO));
        let full = ClientError::from(Status::resource_exhausted("the disk is full"));
        assert_eq!(
            (full.kind(), full.retry()),
            (ErrorKind::Refused, Retry::Never)
        );
    }

    #[test]
    fn no_wait_that_a_server_can_ask_for_does_harm() {
        for seconds in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            for nanos in [i32::MIN, -1, 0, 999_999_999, 1_000_000_000, i32::MAX] {
                let asked = prost_types::Duration { seconds, nanos };
                let good = seconds >= 0 && (0..1_000_000_000).contains(&nanos);
                assert_eq!(wait(asked).is_some(), good, "{asked:?}");
                let in_band = pb::Error {
                    code: 8,
                    retry_after: Some(asked),
                    ..pb::Error::default()
                };
                let info = tonic_types::pb::RetryInfo {
                    retry_delay: Some(asked),
                };
                let details = tonic_types::Status {
                    code: 8,
                    message: String::new(),
                    details: vec![prost_types::Any {
                        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                        value: info.encode_to_vec(),
                    }],
                };
                let status = Status::with_details(
                    Code::ResourceExhausted,
                    "",
                    details.encode_to_vec().into(),
                );
                let retries = [ClientError::from(in_band), ClientError::from(status)];
                for error in retries {
                    assert_eq!(error.retry() != Retry::Never, good, "{asked:?}");
                }
            }
        }
    }

    #[test]
    fn what_the_server_wrote_cannot_reach_the_terminal_as_it_is() {
        let hostile = ClientError::from(Status::not_found("\u{1b}]0;x\u{7}\nno"));
        assert_eq!(hostile.to_string(), "␛]0;x␇⏎no");
        assert!(!format!("{hostile:?}").contains('\u{1b}'));
    }
}
