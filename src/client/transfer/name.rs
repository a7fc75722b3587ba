//! Names of files on their way between a disk and a server: neither is believed.
//!
//! Pure. What comes out is one component of a path that shows what it is, hides nothing, is no option of a command, and is
//! no name that means something else to a system.

use std::path::Path;

use crate::{
    client::app::untrusted::Untrusted,
    domain::{
        file::{FileName, FileNameError},
        limits::FILE_NAME_BYTES_MAX,
    },
};

/// The longest ending that is kept where a name is cut, in bytes.
const ENDING_BYTES_MAX: usize = 32;
/// What a file is called of whose name nothing is left.
const NAMELESS: &str = "file";
/// Names that mean devices on some systems, with any ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// The name under which a file of this path is sent: its last component, made valid.
pub fn for_server(path: &Path) -> Result<FileName, FileNameError> {
    let last = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = last
        .chars()
        .map(|c| if is_hidden(c) || c == '\\' { '_' } else { c })
        .collect();
    cut(&name, FILE_NAME_BYTES_MAX).parse()
}

/// The name under which a file is written to a disk, whatever the server calls it.
pub fn for_disk(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = last
        .chars()
        .map(|c| {
            if is_hidden(c) || is_reserved(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    // It is called what is shown of it, without towers of marks.
    let mut safe = Untrusted::new(safe).render_line();
    safe.truncate(without_tail(&safe).len());
    let safe = safe.trim_start();
    let safe = match safe.chars().next() {
        None => NAMELESS.to_owned(),
        // Nobody asked for a file that is hidden or that a shell reads at its start, for an option, or for a home folder.
        Some('.' | '-' | '~') => format!("_{safe}"),
        Some(_) if is_device(safe) => format!("_{safe}"),
        Some(_) => safe.to_owned(),
    };
    let cut = cut(&safe, FILE_NAME_BYTES_MAX);
    without_tail(&cut).to_owned()
}

/// A name without the dots and spaces at its end: some systems drop these, and then it is another name.
fn without_tail(name: &str) -> &str {
    name.trim_end_matches(['.', ' '])
}

/// The same name with a number, for where the name is taken: `photo (2).png`.
pub fn numbered(name: &str, number: u32) -> String {
    let mark = format!(" ({number})");
    let (stem, ending) = halves(name);
    let room = FILE_NAME_BYTES_MAX.saturating_sub(mark.len() + ending.len());
    format!("{}{mark}{ending}", start(stem, room))
}

/// Cuts a name to so many bytes, and keeps its ending.
pub(super) fn cut(name: &str, bytes_max: usize) -> String {
    if name.len() <= bytes_max {
        return name.to_owned();
    }
    let (stem, ending) = halves(name);
    format!(
        "{}{ending}",
        start(stem, bytes_max.saturating_sub(ending.len()))
    )
}

/// The longest beginning that has no more bytes.
pub(super) fn start(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A name without its ending, and the ending with its dot; none if it is too long to be one.
fn halves(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= ENDING_BYTES_MAX => name.split_at(at),
        _ => (name, ""),
    }
}

/// What cannot be seen, or changes what is seen around it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What file systems or shells may take for something else.
fn is_reserved(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || (c.is_whitespace() && c != ' ')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_lowercase();
    let is_port = ["com", "lpt"].iter().any(|port| {
        let rest = stem.strip_prefix(port);
        rest.is_some_and(|rest| {
            let mut signs = rest.chars();
            matches!(
                (signs.next(), signs.next()),
                (Some('0'..='9' | '¹' | '²' | '³'), None)
            )
        })
    });
    is_port || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
#[path = "name_tests.rs"]
pub(super) mod tests;
