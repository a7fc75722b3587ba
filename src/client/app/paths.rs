//! Paths as they are typed and pasted: read as a shell reads them, and offered as files to be sent.
//!
//! Looks at no disk.

use crate::domain::limits::{ATTACHMENTS_PER_MESSAGE_MAX, TEXT_BYTES_MAX};

use super::{
    command::Verb,
    parse::CommandError,
    reading::{Reading, first_word},
    transfers::{Files, Steer, Wish},
};

/// What stands before the files of which what they tell beside is taken out, as it does for `tinychat-client send`.
const STRIP: &str = "--strip-metadata";

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
            let (is_freed, argument) = match first_word(argument) {
                (STRIP, rest) => (true, rest),
                _ => (false, argument),
            };
            let files = paths(argument).map_err(|problem| read.bad(problem.to_owned()))?;
            // What a file manager copies is a URL.
            let path = |word: String| match is_url(&word) {
                true => full_path(&word).unwrap_or(word),
                false => word,
            };
            let paths: Vec<String> = files.into_iter().map(path).collect();
            match paths.len() {
                0 => Err(read.missing()),
                1..=ATTACHMENTS_PER_MESSAGE_MAX => Ok(Wish::Send(Files { paths, is_freed })),
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

/// Returns the line that sends files that were dropped; `None` if it would be longer than what can be written, or has more
/// files than a message.
pub fn offered(files: &[String]) -> Option<String> {
    let is_one = (1..=ATTACHMENTS_PER_MESSAGE_MAX).contains(&files.len());
    let line = format!("/send {}", words(files));
    (is_one && line.len() <= TEXT_BYTES_MAX).then_some(line)
}

/// What goes behind `/send` for these files.
pub fn words(files: &[String]) -> String {
    let words: Vec<String> = files.iter().map(|path| quoted(path)).collect();
    words.join(" ")
}

/// Says why no such line is offered, if it is that there are too many files.
pub fn too_many(files: &[String]) -> Option<String> {
    let count = files.len();
    (count > ATTACHMENTS_PER_MESSAGE_MAX).then(|| {
        format!(
            "These are {count} files, and a message may have {ATTACHMENTS_PER_MESSAGE_MAX}, so their paths stand there as a text. \
             To send the files, drop {ATTACHMENTS_PER_MESSAGE_MAX} at once at the most."
        )
    })
}

/// How what was pasted can be read as nothing but the full paths of files, as a terminal or a file manager gives them for what
/// is dropped or copied: as words, and as lines, where spaces are parts of names. Whether such files are there is for others
/// to see.
pub fn readings(pasted: &str) -> Vec<Vec<String>> {
    if pasted.len() > TEXT_BYTES_MAX {
        return Vec::new();
    }
    let lines = pasted.split(['\r', '\n']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let by_words = lines.iter().map(|line| match is_url(line) {
        true => line.split_whitespace().map(full_path).collect(),
        false => paths(line)
            .ok()?
            .iter()
            .map(|word| full_path(word))
            .collect(),
    });
    let by_words: Option<Vec<Vec<String>>> = by_words.collect();
    // What has a space before it comes to a folder is a command, or a text.
    let begins_well = |line: &&str| {
        !line
            .split('/')
            .nth(1)
            .unwrap_or("")
            .contains(char::is_whitespace)
    };
    let by_line = |line: &&str| full_path(line).filter(|_| begins_well(line));
    let by_lines: Option<Vec<String>> = lines.iter().map(by_line).collect();
    let mut readings: Vec<Vec<String>> = by_words.map(|it| it.concat()).into_iter().collect();
    readings.extend(by_lines);
    readings.dedup();
    readings.retain(|files| !files.is_empty());
    readings
}

/// Whether it begins as the URL of a file does (RFC 8089).
fn is_url(text: &str) -> bool {
    text.starts_with("file:/")
}

/// A path that begins at the root and is in a folder there, so that it is no command, and no text that begins with a slash;
/// of the URL of a file on this machine what that means.
fn full_path(word: &str) -> Option<String> {
    let path = match word.strip_prefix("file:") {
        Some(url) => {
            let local = url.strip_prefix("//").unwrap_or(url);
            let local = local.strip_prefix("localhost").unwrap_or(local);
            String::from_utf8(unescaped(local)?).ok()?
        }
        None => word.to_owned(),
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
