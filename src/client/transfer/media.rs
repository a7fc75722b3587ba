//! What a file is by the ending of its name. The server looks at the first bytes and believes those more.

use crate::domain::file::FileName;

/// Endings in lower case, and what they stand for in the registry of media types.
const BY_ENDING: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/x-c"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("diff", "text/x-diff"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("go", "text/x-go"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("patch", "text/x-diff"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("py", "text/x-python"),
    ("rs", "text/x-rust"),
    ("sh", "application/x-sh"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("xml", "application/xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// What a file of this name is taken for; empty: not known.
pub fn of_name(name: &FileName) -> &'static str {
    let Some((_, ending)) = name.as_str().rsplit_once('.') else {
        return "";
    };
    let ending = ending.to_ascii_lowercase();
    let found = BY_ENDING.binary_search_by(|(known, _)| (*known).cmp(&ending));
    found
        .ok()
        .and_then(|at| BY_ENDING.get(at))
        .map_or("", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::file::MediaType;

    #[test]
    fn the_table_is_sorted_and_sound() {
        assert!(BY_ENDING.is_sorted_by(|one, other| one.0 < other.0));
        for (ending, kind) in BY_ENDING {
            assert_eq!(kind.parse::<MediaType>().unwrap().as_str(), *kind);
            let name: FileName = format!("A.{}", ending.to_ascii_uppercase())
                .parse()
                .unwrap();
            assert_eq!(of_name(&name), *kind);
        }
        for unknown in ["Makefile", "a.unknown", "png", "a."] {
            assert_eq!(of_name(&unknown.parse().unwrap()), "", "{unknown}");
        }
    }
}
