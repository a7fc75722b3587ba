//! Which files may be opened outside: by what they are called, and by how they begin.
//!
//! Promises that nothing is opened that a system would run, or that would run something: only what is known to be looked
//! at or listened to. Everything else can be saved. Knows nothing of programs that open files.

/// Endings of names that may be opened. Web pages and SVG are none of them: they hold scripts, and would run as local files.
const ENDINGS: [&str; 35] = [
    "avi", "avif", "bmp", "csv", "docx", "epub", "flac", "gif", "heic", "jpeg", "jpg", "log",
    "m4a", "m4v", "md", "mkv", "mov", "mp3", "mp4", "odp", "ods", "odt", "oga", "ogg", "opus",
    "pdf", "png", "pptx", "tif", "tiff", "txt", "wav", "webm", "webp", "xlsx",
];
/// More bytes than this are saved rather than opened.
pub const OPENED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of the beginning that are looked at.
pub const LOOKED_AT_BYTES: usize = 4096;
/// How programs begin: of Linux, Windows, scripts, macOS and Java, and disk images of packages.
const STARTS: [&[u8]; 10] = [
    b"\x7fELF",
    b"MZ",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"!<arch>",
    b"\xed\xab\xee\xdb",
];
/// What stands near the beginning of what a desktop runs, or of a page, in lower case.
const MARKS: [&[u8]; 5] = [
    b"[desktop entry]",
    b"<!doctype",
    b"<html",
    b"<script",
    b"<svg",
];

/// Whether a file of this name may be opened.
pub fn may_be_opened(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    let ending = ending.to_ascii_lowercase();
    !stem.is_empty() && ENDINGS.contains(&ending.as_str())
}

/// Whether what begins so is something that is run, whatever it is called.
pub fn is_program(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let lower = text.to_ascii_lowercase();
    let holds = |mark: &&[u8]| lower.windows(mark.len()).any(|part| part == *mark);
    STARTS.iter().any(|known| text.starts_with(known)) || MARKS.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_looked_at_may_be_opened() {
        for name in [
            "a.png",
            "A.PDF",
            "of 2026.03.txt",
            "my notes.md",
            "x.sh.jpg",
        ] {
            assert!(may_be_opened(name), "{name}");
        }
        for name in [
            "",
            "png",
            ".png",
            "a",
            "a.",
            "a.sh",
            "a.desktop",
            "a.exe",
            "a.jar",
            "a.app",
            "a.command",
            "a.bat",
            "a.html",
            "a.svg",
            "a.png.desktop",
            "a.png ",
            "a.zip",
            "a.py",
            "a.lnk",
            "a.url",
            "a.xlsm",
            "a.AppImage",
            "a.png\u{202e}",
            "a.ｐｎｇ",
        ] {
            assert!(!may_be_opened(name), "{name}");
        }
        assert!(ENDINGS.is_sorted());
    }

    #[test]
    fn programs_are_known_by_how_they_begin() {
        for program in [
            &b"#!/bin/sh\nreboot"[..],
            b"\xef\xbb\xbf#!/bin/sh",
            b"\x7fELF\x02",
            b"MZ\x90",
            b"\n# a comment\n[Desktop Entry]\nExec=reboot",
            b"  <!DOCTYPE html>",
            b"text <ScRiPt>",
        ] {
            assert!(is_program(program), "{program:?}");
        }
        for other in [
            &b""[..],
            b"\x89PNG\r\n\x1a\n",
            b"%PDF-1.7",
            b"hello #! there",
            b"\xff\xd8\xff",
        ] {
            assert!(!is_program(other), "{other:?}");
        }
    }
}
