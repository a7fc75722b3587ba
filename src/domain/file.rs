//! Files: what one is called, what it is, what names its bytes. Parsed once, valid for ever.
//!
//! Knows nothing of disks, and never looks into a picture.

use std::{fmt, str::FromStr, sync::Arc};

use bytes::Bytes;

use super::{
    clock::TimeMs,
    ids::{FileId, UploadId, UserId},
    limits::FILE_NAME_BYTES_MAX,
};

/// The name of a file, for people: 1 to 255 bytes of UTF-8 that are no path, hold no control characters and do not turn
/// the direction of writing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName(Arc<str>);

/// Why a text is no name of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// Nothing was given.
    #[error("the file has no name; give one")]
    Empty,
    /// More than the limit.
    #[error("the name is {0} bytes long, {FILE_NAME_BYTES_MAX} are allowed; shorten it")]
    TooLong(usize),
    /// It is a path, or part of one.
    #[error("the name is a path; give the last part of it alone")]
    Path,
    /// A character that a name may not have, shown escaped.
    #[error("the name contains the character {}, which cannot be seen; leave it out", .0.escape_default())]
    Hidden(char),
}

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that was parsed when it was stored: the rules of then are good enough.
    pub fn from_store(text: &str) -> Self {
        Self(text.into())
    }
}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        if text.is_empty() {
            return Err(FileNameError::Empty);
        }
        if text.len() > FILE_NAME_BYTES_MAX {
            return Err(FileNameError::TooLong(text.len()));
        }
        if text.contains(['/', '\\']) || matches!(text, "." | "..") {
            return Err(FileNameError::Path);
        }
        match text
            .chars()
            .find(|c| c.is_control() || turns_direction(*c) || ends_line(*c))
        {
            Some(hidden) => Err(FileNameError::Hidden(hidden)),
            None => Ok(Self(text.into())),
        }
    }
}

/// The controls of Unicode's bidirectional algorithm (UAX #9, section 2): those that open or close a range, by which `gpj.exe`
/// could be shown as `exe.jpg`, and the marks, which cannot be seen and move what stands beside them.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// LINE SEPARATOR and PARAGRAPH SEPARATOR.
const fn ends_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// What a file is: `type/subtype` in lower case, without parameters (RFC 6838, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType(Arc<str>);

/// Why a text is no media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a media type such as image/png; write type/subtype, or leave it out")]
pub struct MediaTypeError;

/// Longest half of a media type, in bytes (RFC 6838, section 4.2).
const HALF_BYTES_MAX: usize = 127;

impl MediaType {
    /// What is said of bytes of which nothing is known.
    pub fn unknown() -> Self {
        Self("application/octet-stream".into())
    }

    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A type that was parsed when it was stored: the rules of then are good enough.
    pub fn from_store(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether it is a picture, by its name.
    pub fn is_image(&self) -> bool {
        self.0.starts_with("image/")
    }

    /// The type of bytes that begin so: what they show themselves to be, or else what was declared. What was declared to
    /// be of a kind that would have shown itself is not believed.
    pub fn of(head: &[u8], declared: Option<&Self>) -> Self {
        if let Some(shown) = infer::get(head).and_then(|kind| kind.mime_type().parse().ok()) {
            return shown;
        }
        let shows_itself = |kind: &&Self| infer::is_mime_supported(kind.as_str());
        match declared.filter(|kind| !shows_itself(kind)) {
            Some(declared) => declared.clone(),
            None => Self::unknown(),
        }
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, MediaTypeError> {
        let lower = text.to_ascii_lowercase();
        let half = |half: &str| {
            let first = half.bytes().next();
            first.is_some_and(|byte| byte.is_ascii_alphanumeric())
                && half.len() <= HALF_BYTES_MAX
                && half
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        match lower.split_once('/') {
            Some((kind, subtype)) if half(kind) && half(subtype) => Ok(Self(lower.into())),
            _ => Err(MediaTypeError),
        }
    }
}

/// The BLAKE3 of some bytes: names them wherever they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of bytes that are all there.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How large a picture is, in pixels, as its sender says; neither is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// A file that is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Never changes and is never used again.
    pub id: FileId,
    /// For people.
    pub name: FileName,
    /// How many bytes it has.
    pub size: u64,
    /// What it is.
    pub media_type: MediaType,
    /// What names its bytes.
    pub hash: ContentHash,
    /// For a picture.
    pub image: Option<ImageSize>,
    /// Another file that shows it small.
    pub thumbnail: Option<FileId>,
}

/// A file to be uploaded, as its sender says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name.
    pub name: FileName,
    /// How many bytes will come.
    pub size: u64,
    /// What the sender takes it for.
    pub declared: Option<MediaType>,
    /// What the whole must be; `None`: anything.
    pub hash: Option<ContentHash>,
    /// For a picture.
    pub image: Option<ImageSize>,
    /// A file of the same owner that shows it small.
    pub thumbnail: Option<FileId>,
}

/// An upload to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// Whose it is.
    pub owner: UserId,
    /// What will come.
    pub file: NewFile,
    /// When something last came, or what stands for it until something does: see `UPLOAD_UNBEGUN`.
    pub at: TimeMs,
}

/// A piece of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins in the file.
    pub offset: u64,
    /// The piece: 1 to `CHUNK_BYTES_MAX` bytes.
    pub data: Bytes,
    /// What it must be; `None`: anything.
    pub hash: Option<ContentHash>,
}

/// An upload that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Never used again; the file that comes of it has the same number.
    pub id: UploadId,
    /// What was asked for.
    pub asked: NewUpload,
    /// What its bytes are, once they have (or are just given) their place.
    pub placed: Option<ContentHash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_hides_nothing() {
        for good in [
            "a",
            "photo.png",
            "Ünïcode – 图.tar.gz",
            ".bashrc",
            "...",
            "a b",
            "שלום.txt",
        ] {
            assert_eq!(good.parse::<FileName>().unwrap().as_str(), good);
        }
        assert!("x".repeat(255).parse::<FileName>().is_ok());
        let refused = |name: &str| name.parse::<FileName>().unwrap_err();
        assert_eq!(refused(""), FileNameError::Empty);
        assert_eq!(refused(&"x".repeat(256)), FileNameError::TooLong(256));
        for path in ["/", "../x", "a/b", "C:\\x", ".", "..", "\\\\host\\x"] {
            assert_eq!(refused(path), FileNameError::Path, "{path}");
        }
        for hidden in [
            '\0', '\n', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2028}',
            '\u{200e}', '\u{200f}', '\u{61c}',
        ] {
            let name = format!("a{hidden}b");
            assert_eq!(refused(&name), FileNameError::Hidden(hidden));
        }
    }

    #[test]
    fn what_was_stored_by_other_rules_can_still_be_read() {
        assert_eq!(FileName::from_store("a/\u{202e}b").as_str(), "a/\u{202e}b");
        assert_eq!(MediaType::from_store("text").as_str(), "text");
    }

    #[test]
    fn a_media_type_has_two_halves() {
        let parsed = "Image/PNG".parse::<MediaType>().unwrap();
        assert_eq!(parsed.as_str(), "image/png");
        assert!(
            "application/vnd.oasis.opendocument.text+xml"
                .parse::<MediaType>()
                .is_ok()
        );
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "image/png; q=1",
            "a/b/c",
            "-a/b",
            "a/ü",
        ] {
            assert_eq!(bad.parse::<MediaType>(), Err(MediaTypeError), "{bad}");
        }
        assert!(
            format!("a/{}", "b".repeat(128))
                .parse::<MediaType>()
                .is_err()
        );
    }

    #[test]
    fn what_bytes_show_counts_more_than_what_was_said_of_them() {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let declared: MediaType = "text/x-rust".parse().unwrap();
        assert_eq!(MediaType::of(PNG, Some(&declared)).as_str(), "image/png");
        assert_eq!(MediaType::of(b"fn main() {}", Some(&declared)), declared);
        let png: MediaType = "image/png".parse().unwrap();
        assert_eq!(
            MediaType::of(b"fn main() {}", Some(&png)),
            MediaType::unknown()
        );
        assert_eq!(MediaType::of(b"", None), MediaType::unknown());
    }
}
