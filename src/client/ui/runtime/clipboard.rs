//! The clipboard of the terminal, by OSC 52: it works over SSH, too. Whether the terminal takes it, it does not say.

use data_encoding::BASE64;

/// The longest text that is handed over: terminals refuse more, and some keep all of it until its end.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// The text is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long for the clipboard of a terminal; select it with the mouse instead")]
pub struct TooLong;

/// Returns the codes that put a text into the clipboard. What is in it cannot do anything on the way.
pub fn copy(text: &str) -> Result<String, TooLong> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TooLong);
    }
    Ok(format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_handed_over_whole_or_not_at_all() {
        assert_eq!(copy("hi"), Ok("\x1b]52;c;aGk=\x07".to_owned()));
        let codes = copy("\x1b]0;x\x07\n").unwrap();
        let inside = &codes[7..codes.len() - 1];
        assert!(inside.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(copy(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(copy(&"x".repeat(TEXT_BYTES_MAX + 1)), Err(TooLong));
    }
}
