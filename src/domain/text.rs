//! The text of a message: parsed once, valid for ever.

use std::{str::FromStr, sync::Arc};

use super::limits::TEXT_BYTES_MAX;

/// What a message says: 1 byte to 16 KiB of UTF-8 without control characters other than newline and tab; nothing only
/// beside files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageText(Arc<str>);

/// Why a text cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageTextError {
    /// Nothing was given.
    #[error("the text is empty; write something to send")]
    Empty,
    /// More than the limit.
    #[error("the text is {bytes} bytes long, {TEXT_BYTES_MAX} are allowed; send it in parts")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A control character, shown escaped.
    #[error("the text contains the control character {}; only newline and tab are allowed", .0.escape_default())]
    ControlCharacter(char),
}

impl MessageText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No text, for a message whose files say it all.
    pub fn none() -> Self {
        Self("".into())
    }

    /// Takes a text that the store has kept, which was checked when it was sent.
    pub fn from_store(text: &str) -> Self {
        Self(text.into())
    }
}

impl FromStr for MessageText {
    type Err = MessageTextError;

    fn from_str(text: &str) -> Result<Self, MessageTextError> {
        if text.is_empty() {
            return Err(MessageTextError::Empty);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(MessageTextError::TooLong { bytes: text.len() });
        }
        // `is_control` is C0, DEL and C1: everything that a terminal could take for a command.
        match text
            .chars()
            .find(|c| c.is_control() && !matches!(c, '\n' | '\t'))
        {
            Some(control) => Err(MessageTextError::ControlCharacter(control)),
            None => Ok(Self(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_taken_and_one_past_it_is_not() {
        assert!("x".repeat(TEXT_BYTES_MAX).parse::<MessageText>().is_ok());
        let error = "x"
            .repeat(TEXT_BYTES_MAX + 1)
            .parse::<MessageText>()
            .unwrap_err();
        assert_eq!(
            error,
            MessageTextError::TooLong {
                bytes: TEXT_BYTES_MAX + 1
            }
        );
    }

    #[test]
    fn newline_and_tab_pass_and_other_controls_do_not() {
        assert!(" two\n\tlines ".parse::<MessageText>().is_ok());
        for control in ['\0', '\u{1b}', '\r', '\u{7f}', '\u{9b}'] {
            let error = format!("a{control}b").parse::<MessageText>().unwrap_err();
            assert_eq!(error, MessageTextError::ControlCharacter(control));
        }
        assert_eq!("".parse::<MessageText>(), Err(MessageTextError::Empty));
    }
}
