//! What is told of messages that were not sent when the line mode ends.

use super::{app::line::counted, exit::Failure};

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
}
