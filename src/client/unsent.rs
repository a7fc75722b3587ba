//! What is told of messages that were not sent when the line mode ends.

use super::{
    app::{line::counted, untrusted::Untrusted},
    exit::Failure,
    net::outbox::{Outgoing, Target},
};

/// Messages that are named of those that are lost, and characters of each.
const NAMED_MAX: usize = 3;
const START_CHARS: usize = 40;

/// Writes how many they are.
pub(super) fn messages(count: usize) -> String {
    counted(count, "message was", "messages were")
}

/// The failure with which it ends.
pub(super) fn unsent_failure(count: usize, is_kept: bool) -> Failure {
    let messages = messages(count);
    let text = match is_kept {
        true => format!(
            "{messages} not sent yet and kept: the next tinychat-client of the same user and server sends what is missing"
        ),
        false => format!("{messages} not sent; send again what is missing"),
    };
    Failure::told(4, text)
}

/// The same where so many are kept and these are lost, at least one of them all.
pub(super) fn unsent_of_both(kept: usize, lost: &[&str]) -> Failure {
    if lost.is_empty() {
        return unsent_failure(kept, true);
    }
    let failure = unsent_failure(lost.len(), false).within(&named(lost));
    match kept {
        0 => failure,
        kept => Failure::told(4, format!("{}; {failure}", unsent_failure(kept, true))),
    }
}

/// How a message is named that is lost, so that what it says can be written again.
pub(super) fn name(message: &Outgoing) -> String {
    let to = match message.target.place() {
        Target::User(name) => format!("to {name}"),
        Target::Channel(name) => format!("to #{name}"),
        Target::Conversation(_) | Target::Reply(..) => "to a group".to_owned(),
    };
    let start = |text: &str| Untrusted::from(text).render_start(START_CHARS);
    format!("{}: \"{}\"", start(&to), start(&message.text))
}

/// Names messages.
pub(super) fn named(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = (more > 0).then(|| format!("and {more} more"));
    let named = names.iter().take(NAMED_MAX).map(|it| (*it).to_owned());
    named.chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_unsent_is_told() {
        assert_eq!(
            unsent_failure(1, true).to_string(),
            "1 message was not sent yet and kept: the next tinychat-client of the same user and server sends what is missing"
        );
        assert_eq!(
            unsent_failure(2, false).to_string(),
            "2 messages were not sent; send again what is missing"
        );
    }

    #[test]
    fn what_is_lost_is_named_beside_what_is_kept() {
        let kept = unsent_failure(2, true);
        assert_eq!(unsent_of_both(2, &[]), kept);
        let lost = "to bob: \"hi\": 1 message was not sent; send again what is missing";
        assert_eq!(unsent_of_both(0, &["to bob: \"hi\""]).to_string(), lost);
        assert_eq!(
            unsent_of_both(2, &["to bob: \"hi\""]).to_string(),
            format!("{kept}; {lost}")
        );
        assert_eq!(named(&["a", "b", "c", "d", "e"]), "a, b, c, and 2 more");
    }
}
