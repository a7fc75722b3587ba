//! A text of several lines, written line by line: `/text` begins it, a line of just a dot sends it, one of two forgets it.
//!
//! A command and not a mark at the end of a line: what scripts send stays what it is, a text that ends in a backslash
//! included. Promises that of what was begun all is sent or nothing, and that the lines between go nowhere else.

use crate::domain::text::{MessageText, MessageTextError};

use super::{
    acts::{self, Act, Deeds, nowhere},
    ground::Ground,
    model::{Effect, LinkState, Model},
    parse::CommandError,
    reading::{Reading, first_word},
    room::Place,
    update::{meant, not_sent, say, send},
};

/// What ends a text, and what forgets it.
const END: &str = ".";
const FORGET: &str = "..";
/// Bytes of a text that are kept: more than any text may have, so that it can be said that it is too long.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Why what is longer is not sent.
pub(super) const TOO_LONG: &str = "it is longer than any text may be; send it in parts";
/// Why what edits a message of another store is not sent.
const OTHER_STORE: &str = "the server's store is not the one of before, and the message that was to have this text is not in it";

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A message.
    New,
    /// The answer to this message.
    Reply(u64),
    /// The new text of this message.
    Edit(u64),
}

/// A text that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several {
    /// Where it goes: where it was begun.
    to: Place,
    what: For,
    lines: Vec<String>,
    bytes: usize,
    /// Why it cannot be sent.
    problem: Option<&'static str>,
    /// Whether it was ended, and not taken.
    was_ended: bool,
}

impl Several {
    /// Takes another line.
    fn add(&mut self, line: &str) {
        self.was_ended = false;
        self.bytes = self.bytes.saturating_add(line.len()).saturating_add(1);
        match self.bytes > TEXT_BYTES_MAX {
            true => self.spoil(TOO_LONG),
            false => self.lines.push(line.to_owned()),
        }
    }

    fn spoil(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
        self.lines.clear();
    }

    /// The server has another store, where numbers mean other messages.
    fn reset(&mut self) {
        match self.what {
            For::New => {}
            For::Reply(_) => self.what = For::New,
            For::Edit(_) => self.spoil(OTHER_STORE),
        }
    }

    /// A place has another name: what was to go there goes there.
    pub fn renamed(&mut self, old: &Place, new: &Place) {
        if self.to == *old {
            self.to = new.clone();
        }
    }
}

/// Reads what stands behind `/text`.
pub(super) fn what(read: &Reading<'_>, argument: &str) -> Result<For, CommandError> {
    let (word, seq) = first_word(argument);
    let word = word.strip_prefix('/').unwrap_or(word).to_ascii_lowercase();
    match word.as_str() {
        "" => Ok(For::New),
        "reply" => Ok(For::Reply(read.seq(seq)?)),
        "edit" => Ok(For::Edit(read.seq(seq)?)),
        _ => Err(read.bad(
            "the text itself begins with the next line; reply 7 or edit 7 may stand here"
                .to_owned(),
        )),
    }
}

/// Begins a text in the conversation in front.
pub(super) fn begin(model: &mut Model, what: For) -> Vec<Effect> {
    let Some(to) = model.place() else {
        return vec![say(nowhere())];
    };
    let label = model.rooms.label(&to);
    let told = match what {
        For::New => format!("The lines that follow are one text to {label}"),
        For::Reply(seq) => format!("The lines that follow are your answer to [{seq}] in {label}"),
        For::Edit(seq) => format!("The lines that follow are the new text of [{seq}] in {label}"),
    };
    model.several = Some(Several {
        to,
        what,
        lines: Vec::new(),
        bytes: 0,
        problem: None,
        was_ended: false,
    });
    vec![say(format!(
        "{told}. A line of just {END} sends it, one of just {FORGET} forgets it."
    ))]
}

/// A line was typed while a text is being written.
pub(super) fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    match line {
        FORGET => forget(model, "Forgotten: nothing was sent."),
        END => end(model),
        line => {
            if let Some(several) = &mut model.several {
                several.add(line);
            }
            Vec::new()
        }
    }
}

/// A line came that is none: without it the text is another one.
pub(super) fn spoil(model: &mut Model, problem: &'static str) -> Vec<Effect> {
    if let Some(several) = &mut model.several {
        several.spoil(problem);
    }
    Vec::new()
}

/// There will be no more lines: a text that was not ended is not sent.
pub(super) fn left(model: &mut Model) -> Vec<Effect> {
    let told = match &model.several {
        Some(several) if several.was_ended => {
            "Not sent: the server did not take the text of several lines."
        }
        Some(_) => "Not sent: the text of several lines was not ended by a line of just a dot.",
        None => return Vec::new(),
    };
    forget(model, told)
}

/// The server has another store.
pub(super) fn reset(model: &mut Model) {
    let several = model.several.iter_mut().chain(&mut model.several_asked);
    several.for_each(Several::reset);
}

fn forget(model: &mut Model, told: &str) -> Vec<Effect> {
    model.several = None;
    vec![say(told)]
}

fn end(model: &mut Model) -> Vec<Effect> {
    let Some(several) = model.several.take() else {
        return Vec::new();
    };
    if let Some(problem) = several.problem {
        return vec![say(format!("Not sent: {problem}."))];
    }
    let text = several.lines.join("\n");
    let text: MessageText = match text.parse() {
        Ok(text) => text,
        Err(error) => {
            let error: MessageTextError = error;
            return vec![not_sent(&text.into(), &error.to_string())];
        }
    };
    let text = meant(model, text);
    match several.what {
        For::New => send(model, several.to, text, None),
        For::Reply(seq) => send(model, several.to, text, Some(seq)),
        For::Edit(seq) => edit(model, several, seq, text),
    }
}

/// Asks for an edit. It is kept for a person until the server has taken it; the next line of a program is no part of it.
fn edit(model: &mut Model, several: Several, seq: u64, text: MessageText) -> Vec<Effect> {
    let spot = model.spot(several.to.clone());
    let kept = model.is_read_by_a_person.then_some(Several {
        was_ended: true,
        ..several
    });
    if kept.is_some() && model.link == LinkState::Down {
        model.several = kept;
        return vec![say(format!(
            "Not sent: the server is away. A line of just {END} sends it when it is back, one of just {FORGET} forgets it."
        ))];
    }
    model.several_asked = kept;
    acts::asked(model, Act::At(spot, Deeds::Edit(seq, text)))
}

/// What was asked for last is answered: a text that was not taken is there again, which is said.
pub(super) fn answered(model: &mut Model, is_taken: bool) -> Option<Effect> {
    let several = model.several_asked.take().filter(|_| !is_taken)?;
    if let Some(problem) = several.problem {
        return Some(say(format!("Not sent: {problem}.")));
    }
    let label = model.rooms.label(&several.to);
    model.several = Some(several);
    Some(say(format!(
        "Your text for {label} is still there. A line of just {END} sends it again, one of just {FORGET} forgets it."
    )))
}

#[cfg(test)]
#[path = "several_tests.rs"]
mod tests;
