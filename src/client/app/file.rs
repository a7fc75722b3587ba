//! The files of a message as clients know them, and what is written for them on one line.
//!
//! Promises: the id of a file can stand in a command as it is, or there is none; names and types are as foreign as texts,
//! and each of the lines made here is one safe line of bounded length. Knows nothing of their bytes and of screens.

use std::borrow::Cow;

use crate::domain::{
    file::ContentHash,
    limits::{ATTACHMENTS_PER_MESSAGE_MAX, FILE_NAME_BYTES_MAX},
};

use super::{line::counted, untrusted::Untrusted};

/// Files of a message that are taken: no honest server has more.
pub const FILES_MAX: usize = ATTACHMENTS_PER_MESSAGE_MAX;
/// Characters of a name that are kept: one more than an honest server lets through shows that there was more.
const NAME_CHARS_MAX: usize = FILE_NAME_BYTES_MAX + 1;
/// Characters of a type that are kept, and that are shown: the longest that is registered has 73.
const TYPE_CHARS_MAX: usize = 128;
const TYPE_CHARS_SHOWN: usize = 80;
/// The longest id that is taken, in bytes. Those of our server have 20 at the most.
const ID_BYTES_MAX: usize = 64;
/// Characters of a name where all files of a message share a line.
const LABEL_CHARS: usize = 60;
/// What stands for a name that says nothing.
const UNNAMED: &str = "without a name";
/// How many of a unit make one of the next.
const STEP: u128 = 1024;
/// The units above bytes: 64 bits end within the last.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A file of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its id, of letters, digits, `-` and `_`; empty if the server gave none that can be one.
    pub id: String,
    /// Its name.
    pub name: Untrusted,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Their BLAKE3; `None`: the server gave none that can be one.
    pub hash: Option<ContentHash>,
    /// What it is, such as `image/png`.
    pub media_type: Untrusted,
    /// For a picture: its pixels from left to right and from top to bottom, as its sender says.
    pub image: Option<(u32, u32)>,
    /// For a picture: the id of the file that shows it small.
    pub thumbnail_id: Option<String>,
}

impl File {
    /// The same without what no honest server sends, to be kept.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            id: id(self.id).unwrap_or_default(),
            name: self.name.cut(NAME_CHARS_MAX),
            media_type: self.media_type.cut(TYPE_CHARS_MAX),
            thumbnail_id: self.thumbnail_id.and_then(id),
            image: self
                .image
                .filter(|(width, height)| *width > 0 && *height > 0),
            ..self
        }
    }

    /// Its name on one safe line of at most so many characters, and one.
    pub fn shown_name(&self, chars_max: usize) -> String {
        let shown = self.name.render_start(chars_max);
        // Joiners alone show nothing.
        let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}');
        match shown.chars().all(is_blank) {
            true => UNNAMED.to_owned(),
            false => shown,
        }
    }

    /// What it is: of a picture its size, of all others the type.
    pub fn shown_kind(&self) -> String {
        match self.image {
            Some((width, height)) => format!("{width}x{height}"),
            None => self.shown_type(),
        }
    }

    fn shown_type(&self) -> String {
        let shown = self.media_type.render_start(TYPE_CHARS_SHOWN);
        match shown.trim().is_empty() {
            true => "of an unknown type".to_owned(),
            false => shown,
        }
    }

    /// All of it for the line mode, with its number among the files of the message and how to get it.
    pub fn line(&self, number: usize) -> String {
        let (name, kind) = (self.shown_name(NAME_CHARS_MAX), self.shown_type());
        let pixels = self
            .image
            .map(|(width, height)| format!(", {width}x{height}"));
        let (pixels, size) = (pixels.unwrap_or_default(), human_size(self.size_bytes));
        let how = match self.id.is_empty() {
            true => "cannot be fetched".to_owned(),
            false => format!("tinychat-client download {}", self.id),
        };
        format!("[file {number}: {name}, {kind}{pixels}, {size}; {how}]")
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let thumbnail = self.thumbnail_id.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.id.len() + self.name.len() + self.media_type.len() + thumbnail
    }
}

/// An id that may stand in a command: nothing in it is read by a shell, and it is no flag.
fn id(id: String) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let begins = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_id = id.len() <= ID_BYTES_MAX
        && id.as_bytes().first().is_some_and(begins)
        && id.bytes().all(is_part);
    is_id.then_some(id)
}

/// What a message says on one line: its text, or its files where it has no text; `None`: it was deleted.
pub fn said<'t>(text: Option<&'t Untrusted>, files: &[File]) -> Option<Cow<'t, Untrusted>> {
    let text = text?;
    Some(match label(files).filter(|_| text.is_empty()) {
        Some(label) => Cow::Owned(label),
        None => Cow::Borrowed(text),
    })
}

/// What stands for files where there is one line for all of them: `[file notes.txt]`; `None`: there is no file.
pub fn label(files: &[File]) -> Option<Untrusted> {
    let (first, more) = files.split_first()?;
    let name = first.shown_name(LABEL_CHARS);
    let more = match more.len() {
        0 => String::new(),
        count => format!(" and {}", counted(count, "more", "more")),
    };
    Some(format!("[file {name}{more}]").into())
}

/// What an own message says on one line of whose files only the number is known: its text, or `[2 files]`.
pub fn said_of(text: &str, files: usize) -> Untrusted {
    match (text, files) {
        ("", 1..) => count_label(files).into(),
        (text, _) => text.into(),
    }
}

/// What stands for files of which only the number is known: `[2 files]`.
pub fn count_label(files: usize) -> String {
    format!("[{}]", counted(files, "file", "files"))
}

/// Writes a number of bytes for people: `812 bytes`, `1.2 KiB`, `100 MiB`.
pub fn human_size(bytes: u64) -> String {
    if u128::from(bytes) < STEP {
        return match bytes {
            1 => "1 byte".to_owned(),
            _ => format!("{bytes} bytes"),
        };
    }
    let (mut unit, mut shown) = (1, String::new());
    for name in UNITS {
        unit *= STEP;
        let rounded = |parts: u128| (u128::from(bytes) * parts + unit / 2) / unit;
        let (tenths, whole) = (rounded(10), rounded(1));
        shown = match (tenths / 10, tenths % 10) {
            (100.., _) => format!("{whole} {name}"),
            (whole, 0) => format!("{whole} {name}"),
            (whole, tenth) => format!("{whole}.{tenth} {name}"),
        };
        if whole < STEP {
            break;
        }
    }
    shown
}

#[cfg(test)]
#[path = "file_tests.rs"]
pub mod tests;
