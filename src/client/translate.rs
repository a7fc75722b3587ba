//! From the wire to the words of `app`: everything foreign becomes `Untrusted` here.

use crate::{
    domain::{clock::TimeMs, name::UserName},
    pb::{self, event::Body, message::Content},
};

use super::{
    app::{
        model::{Msg, StartProblem, UserLine},
        untrusted::Untrusted,
    },
    net::error::ClientError,
};

/// Returns what an event means to the line mode, if anything.
pub fn event(event: pb::Event) -> Option<Msg> {
    match event.body? {
        Body::Message(message) => Some(self::message(message)),
        Body::Gap(gap) => Some(Msg::Gap {
            count: gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1),
        }),
        Body::Reset(_) => Some(Msg::Reset),
        Body::CaughtUp(_) => Some(Msg::CaughtUp),
        _ => None,
    }
}

/// Returns a message as something that happened.
pub fn message(message: pb::Message) -> Msg {
    let (sender, time, text) = message_parts(message);
    Msg::Message { sender, time, text }
}

/// Returns what a message's line is made of: who, when, what.
pub fn message_parts(message: pb::Message) -> (Untrusted, TimeMs, Untrusted) {
    let sender = message.sender.unwrap_or_default().name;
    let text = match message.content {
        Some(Content::Text(text)) => text.into(),
        None => Untrusted::from("(a message of a kind that this client does not know)"),
    };
    (sender.into(), time(message.sent_time), text)
}

/// Returns a moment; one that is missing or impossible lies where no calendar shows it.
pub fn time(time: Option<prost_types::Timestamp>) -> TimeMs {
    let milliseconds = time.and_then(|time| {
        let fraction = i64::from(time.nanos / 1_000_000);
        time.seconds.checked_mul(1000)?.checked_add(fraction)
    });
    TimeMs::new(milliseconds.unwrap_or(i64::MAX))
}

/// Returns one line of the list of users.
pub fn user(user: pb::User) -> UserLine {
    let online = user.presence() == pb::Presence::Online;
    UserLine {
        name: user.name.into(),
        online,
    }
}

/// Returns an error as text for a line.
pub fn problem(error: &ClientError) -> Untrusted {
    error.to_string().into()
}

/// Returns what came of a start.
pub fn started(name: UserName, answer: Result<(), ClientError>) -> Msg {
    let outcome = match answer {
        Ok(()) => Ok(()),
        Err(error) if error.reason() == "USER_NOT_FOUND" => Err(StartProblem::UserNotFound),
        Err(error) => Err(StartProblem::Other(problem(&error))),
    };
    Msg::Started { name, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_original_time() {
        let sent_time = Some(prost_types::Timestamp {
            seconds: 1,
            nanos: 999_999_999,
        });
        let sender = Some(pb::UserRef {
            id: "u1".to_owned(),
            name: "bob".to_owned(),
        });
        let content = Some(Content::Text("hi".to_owned()));
        let message = pb::Message {
            sent_time,
            sender,
            content,
            ..pb::Message::default()
        };
        assert_eq!(
            super::message(message),
            Msg::Message {
                sender: "bob".into(),
                time: TimeMs::new(1999),
                text: "hi".into()
            }
        );
    }

    #[test]
    fn a_server_that_leaves_out_everything_does_no_harm() {
        assert_eq!(event(pb::Event::default()), None);
        let empty = pb::Event {
            body: Some(Body::Message(pb::Message::default())),
            ..pb::Event::default()
        };
        assert!(matches!(event(empty), Some(Msg::Message { .. })));
        let huge = prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert_eq!(time(Some(huge)), TimeMs::new(i64::MAX));
        let gap = pb::Gap {
            from_seq: u64::MAX,
            to_seq: 0,
            ..pb::Gap::default()
        };
        let gap = pb::Event {
            body: Some(Body::Gap(gap)),
            ..pb::Event::default()
        };
        assert_eq!(event(gap), Some(Msg::Gap { count: 1 }));
    }

    #[test]
    fn an_unknown_user_is_told_from_other_troubles() {
        let name: UserName = "bob".parse().unwrap();
        let error = pb::Error {
            code: 5,
            reason: "USER_NOT_FOUND".to_owned(),
            ..pb::Error::default()
        };
        assert_eq!(
            started(name.clone(), Err(error.into())),
            Msg::Started {
                name: name.clone(),
                outcome: Err(StartProblem::UserNotFound)
            }
        );
        let other = tonic::Status::unavailable("the server stops");
        assert!(matches!(
            started(name, Err(other.into())),
            Msg::Started {
                outcome: Err(StartProblem::Other(_)),
                ..
            }
        ));
    }
}
