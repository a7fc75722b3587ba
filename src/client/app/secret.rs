//! A password while it is typed: one line, seen by nobody.
//!
//! Promises that nothing prints it, that it never moves in memory while it grows, and that its place is overwritten when it
//! is let go, and so is that of the text that it was made of. What is typed can be taken back from the end only: a cursor in
//! what nobody sees helps nobody. Knows nothing of the copies of others: those of the terminal and of what reads it, and the
//! bytes in which it goes to the server.

use std::{fmt, hint::black_box, mem::take};

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{
    limits::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN},
    secret::PasswordError,
};

/// See the head of the file.
pub struct Secret(String);

impl Secret {
    /// The password, for the server alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether it can be the password of an account, as the server sees it.
    pub fn check(&self) -> Result<(), PasswordError> {
        // Not parsed, which would leave a copy behind.
        match (PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&self.0.len()) {
            true => Ok(()),
            false => Err(PasswordError),
        }
    }

    /// How many signs were typed.
    pub fn count(&self) -> usize {
        self.0.graphemes(true).count()
    }

    /// Takes the first line of what was typed or pasted; what no password can hold is left out. Returns whether all of that
    /// line found room.
    pub fn put(&mut self, text: &str) -> bool {
        let line = text.lines().next().unwrap_or_default();
        for c in line.chars().filter(|c| !c.is_control()) {
            // More would have to be moved, and would leave a copy behind.
            if self.0.len() + c.len_utf8() > PASSWORD_BYTES_MAX {
                return false;
            }
            self.0.push(c);
        }
        true
    }

    /// Takes the last sign back.
    pub fn take_back(&mut self) {
        let last = self.0.grapheme_indices(true).next_back();
        let Some((at, _)) = last else { return };
        let kept = Self::from(&self.0[..at]);
        *self = kept;
    }

    /// Forgets it.
    pub fn wipe(&mut self) {
        *self = Self::default();
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self(String::with_capacity(PASSWORD_BYTES_MAX))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        let mut secret = Self::default();
        secret.put(text);
        secret
    }
}

impl From<String> for Secret {
    /// Takes a line as it is, and overwrites where it stood.
    fn from(mut text: String) -> Self {
        let mut secret = Self(String::with_capacity(text.len().max(PASSWORD_BYTES_MAX)));
        secret.0.push_str(&text);
        wipe(&mut text);
        secret
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        let mut copy = Self(String::with_capacity(self.0.len().max(PASSWORD_BYTES_MAX)));
        copy.0.push_str(&self.0);
        copy
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password]")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites a text and leaves none.
pub fn wipe(text: &mut String) {
    let mut bytes = take(text).into_bytes();
    bytes.fill(0);
    // Or the compiler would see that nobody reads what was written.
    black_box(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_that_grows_and_shrinks_at_its_end() {
        let mut secret = Secret::default();
        assert!(secret.put("correct \u{1b}horse\nsecond") && secret.put("e\u{301}"));
        assert_eq!(secret.expose(), "correct horsee\u{301}");
        assert_eq!(secret.count(), 14);
        secret.take_back();
        assert_eq!(secret.expose(), "correct horse");
        secret.wipe();
        secret.take_back();
        assert!(secret.is_empty());
        assert!(secret.put("\n") && secret.is_empty());
    }

    #[test]
    fn it_never_moves_and_is_never_longer_than_a_password() {
        let mut secret = Secret::default();
        let place = secret.expose().as_ptr();
        assert!(secret.put(&"x".repeat(PASSWORD_BYTES_MAX)));
        assert!(!secret.put("y"));
        assert_eq!(secret.expose().len(), PASSWORD_BYTES_MAX);
        assert_eq!(secret.expose().as_ptr(), place);
    }

    #[test]
    fn a_line_is_taken_as_it_is_and_copied_whole() {
        let line = format!(" \t{}", "x".repeat(2 * PASSWORD_BYTES_MAX));
        let mut secret = Secret::from(line.clone());
        assert_eq!(secret.expose(), line);
        assert_eq!(secret.clone().expose(), line);
        assert!(!secret.put("y") && secret.check().is_err());
        assert!(Secret::from("12345678".to_owned()).check().is_ok());
        assert!(Secret::from("1234567").check().is_err());
    }

    #[test]
    fn nothing_prints_it_and_it_is_overwritten() {
        let secret = Secret::from("correct horse");
        assert_eq!(format!("{secret:?} {secret:#?}"), "[password] [password]");
        assert!(secret.clone() == secret && secret != Secret::default());
        let mut text = "correct horse".to_owned();
        wipe(&mut text);
        assert_eq!(text.capacity(), 0);
    }
}
