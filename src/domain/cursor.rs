//! Cursors: "I have everything up to here". Opaque to clients; inside they are the store's epoch and an offset.

use std::fmt;

use super::ids::{Epoch, Offset};

/// A place in the log of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The store that gave it.
    pub epoch: Epoch,
    /// Everything up to and including this offset has been received.
    pub offset: Offset,
}

/// Why a cursor is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The text is no cursor.
    #[error("the cursor cannot be read")]
    Undecodable,
    /// It is of another store, or of this one before a restore.
    #[error("the cursor is of another store")]
    EpochUnknown,
    /// It lies beyond the end of the log.
    #[error("the cursor lies beyond the end of the log")]
    BeyondEnd,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}", self.epoch, self.offset.number())
    }
}

impl Cursor {
    /// Reads a cursor that this very store gave: the right epoch, and not beyond `end`.
    pub fn read(text: &str, epoch: Epoch, end: Offset) -> Result<Self, CursorError> {
        let (store, place) = text.split_once('-').ok_or(CursorError::Undecodable)?;
        let cursor = Self {
            epoch: Epoch::new(hex(store, 16)?),
            offset: Offset::new(hex(place, 1)?),
        };
        if cursor.to_string() != text {
            return Err(CursorError::Undecodable);
        }
        if cursor.epoch != epoch {
            return Err(CursorError::EpochUnknown);
        }
        if cursor.offset > end {
            return Err(CursorError::BeyondEnd);
        }
        Ok(cursor)
    }
}

fn hex(text: &str, digits_min: usize) -> Result<u64, CursorError> {
    if text.len() < digits_min || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CursorError::Undecodable);
    }
    u64::from_str_radix(text, 16).map_err(|_| CursorError::Undecodable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_tells_what_is_wrong() {
        let epoch = Epoch::new(0xfeed);
        let cursor = Cursor {
            epoch,
            offset: Offset::new(300),
        };
        let text = cursor.to_string();
        assert_eq!(text, "000000000000feed-12c");
        assert_eq!(Cursor::read(&text, epoch, Offset::new(300)), Ok(cursor));
        assert_eq!(
            Cursor::read(&text, epoch, Offset::new(299)),
            Err(CursorError::BeyondEnd)
        );
        assert_eq!(
            Cursor::read(&text, Epoch::new(1), Offset::new(300)),
            Err(CursorError::EpochUnknown)
        );
        for garbage in [
            "",
            "-",
            "garbage",
            "000000000000FEED-12c",
            "000000000000feed-012c",
            "feed-1",
            "é-1",
        ] {
            assert_eq!(
                Cursor::read(garbage, epoch, Offset::new(300)),
                Err(CursorError::Undecodable),
                "{garbage:?}"
            );
        }
    }
}
