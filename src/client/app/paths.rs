//! Paths as they are typed and pasted: read as a shell reads them, and offered as files to be sent.
//!
//! Looks at no disk: whether there is such a file is found when it is opened.

use crate::domain::limits::{ATTACHMENTS_PER_MESSAGE_MAX, TEXT_BYTES_MAX};

use super::{
    command::Verb,
    parse::CommandError,
    reading::{Reading, first_word},
    transfers::{Steer, Wish},
};

/// Reads what stands behind a command about files.
pub(super) fn read(read: &Reading<'_>, verb: Verb, argument: &str) -> Result<Wish, CommandError> {
    let steer = |steer| {
        let number = match argument {
            "" => None,
            argument => {
                let number = argument.trim_matches(['[', ']']).parse();
                let number = number.map_err(|_| {
                    read.bad("that is the number of a transfer; /transfers lists them".to_owned())
                });
                Some(number?)
            }
        };
        Ok(Wish::Steer(number, steer))
    };
    match verb {
        Verb::Pause => steer(Steer::Pause),
        Verb::Resume => steer(Steer::Resume),
        Verb::Cancel => steer(Steer::Cancel),
        Verb::Save => {
            let (seq, folder) = first_word(argument);
            let seq = read.seq(seq)?;
            let mut folder = paths(folder).map_err(|problem| read.bad(problem.to_owned()))?;
            match folder.len() {
                0 | 1 => Ok(Wish::Save(seq, folder.pop())),
                _ => Err(read.bad("quote the name of a folder of several words".to_owned())),
            }
        }
        Verb::Send => {
            let files = paths(argument).map_err(|problem| read.bad(problem.to_owned()))?;
            match files.len() {
                0 => Err(read.missing()),
                1..=ATTACHMENTS_PER_MESSAGE_MAX => Ok(Wish::Send(files)),
                count => Err(read.bad(format!(
                    "a message may have {ATTACHMENTS_PER_MESSAGE_MAX} files, and these are {count}; send the rest with another"
                ))),
            }
        }
        _ => Ok(Wish::List),
    }
}

/// Reads paths as a shell does: words, in which quotes and a backslash take away what a space means. So what a terminal
/// pastes of files that are dropped on it is read.
fn paths(text: &str) -> Result<Vec<String>, &'static str> {
    let mut paths = Vec::new();
    let mut path: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => path.get_or_insert_default().push(c),
            (_, '\\') => match chars.next() {
                // Between double quotes it means itself before most signs.
                Some(c) if quote.is_some() && !matches!(c, '"' | '\\' | '$' | '`') => {
                    path.get_or_insert_default().extend(['\\', c]);
                }
                Some(c) => path.get_or_insert_default().push(c),
                None => return Err("nothing follows the backslash"),
            },
            (Some(_), c) => path.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                path.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => paths.extend(path.take()),
            (None, c) => path.get_or_insert_default().push(c),
        }
    }
    match quote {
        Some(_) => Err("a quote is not closed"),
        None => {
            paths.extend(path);
            match paths.iter().any(String::is_empty) {
                true => Err("a path of nothing is none"),
                false => Ok(paths),
            }
        }
    }
}

/// Returns the line that sends what was pasted, if it is nothing but the full paths of files, as a terminal or a file manager
/// gives them for what is dropped or copied; `None` too if the line would be longer than what can be written. Looks at no
/// disk.
pub fn offered(pasted: &str) -> Option<String> {
    let paths = dropped(pasted).filter(|paths| paths.len() <= ATTACHMENTS_PER_MESSAGE_MAX)?;
    let words: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
    let line = format!("/send {}", words.join(" "));
    (line.len() <= TEXT_BYTES_MAX).then_some(line)
}

/// Says why no such line is offered, if it is that there are too many files.
pub fn too_many(pasted: &str) -> Option<String> {
    let count = dropped(pasted)?.len();
    (count > ATTACHMENTS_PER_MESSAGE_MAX).then(|| {
        format!(
            "These are {count} files, and a message may have {ATTACHMENTS_PER_MESSAGE_MAX}, so their paths stand there as a text. \
             To send the files, drop {ATTACHMENTS_PER_MESSAGE_MAX} at once at the most."
        )
    })
}

/// The full paths of files that were pasted, if there is nothing else.
fn dropped(pasted: &str) -> Option<Vec<String>> {
    if pasted.len() > TEXT_BYTES_MAX {
        return None;
    }
    let paths: Option<Vec<String>> = paths(pasted).ok()?.into_iter().map(full_path).collect();
    paths.filter(|paths| !paths.is_empty())
}

/// A path that begins at the root and is in a folder there, so that it is no command, and no text that begins with a slash;
/// of a URL of a file what that means.
fn full_path(word: String) -> Option<String> {
    let path = match word.strip_prefix("file://") {
        Some(encoded) => String::from_utf8(unescaped(encoded)?).ok()?,
        None => word,
    };
    let is_full = path
        .strip_prefix('/')
        .is_some_and(|rest| !rest.starts_with('/') && rest.trim_end_matches('/').contains('/'));
    (is_full && !path.contains(char::is_control)).then_some(path)
}

/// What `%20` and its like stand for.
fn unescaped(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = encoded.bytes();
    let mut all = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        all.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(all)
}

/// A path as [`paths`] reads it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '\'' | '"' | '\\');
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
#[path = "paths_tests.rs"]
mod tests;
