//! What of a message can be opened outside: its links, and its files after a question.

use super::{
    super::{
        effect::Effect,
        model::{
            Model,
            message::Message,
            overlay::{Openable, Overlay, Question, Then},
        },
    },
    messages, overlays, refuse,
};
use crate::client::app::{
    file::{File, human_size},
    opened_file::{OPENED_BYTES_MAX, may_be_opened},
    untrusted::Untrusted,
};

/// Characters of a name that the question shows.
const NAME_CHARS: usize = 60;

/// The links of a text and the files beside it, in their order, and the number of their message.
pub(super) fn all(text: &Untrusted, files: &[File], seq: u64) -> Vec<Openable> {
    let links = messages::links_of(text).into_iter().map(Openable::Link);
    let files = files.iter().cloned().map(Box::new);
    let files = files.map(|file| Openable::File(file, seq));
    links.chain(files).collect()
}

/// The same of a message that may be deleted.
pub(super) fn of_message(message: &Message) -> Vec<Openable> {
    let text = message.text.as_ref();
    text.map_or_else(Vec::new, |text| all(text, &message.files, message.seq))
}

/// What it is called where it stands among others.
pub(super) fn label(what: &Openable) -> String {
    match what {
        Openable::Link(link) => link.clone(),
        Openable::File(file, _) => file.shown_name(NAME_CHARS),
    }
}

/// Opens one of them, or asks whether to.
pub(super) fn open(model: &mut Model, what: Openable) -> Vec<Effect> {
    match what {
        Openable::Link(link) => vec![Effect::Open(link)],
        Openable::File(file, seq) => ask(model, file, seq),
    }
}

/// Opens the only one, or lets one be picked.
pub(super) fn open_any(model: &mut Model, mut all: Vec<Openable>) -> Vec<Effect> {
    match (all.len(), all.pop()) {
        (1, Some(only)) => open(model, only),
        (_, last) => {
            all.extend(last);
            overlays::links(model, all)
        }
    }
}

fn ask(model: &mut Model, file: Box<File>, seq: u64) -> Vec<Effect> {
    if file.id.is_empty() {
        return refuse(
            model,
            "Not opened: the server gave the file no id that can be used.",
        );
    }
    let name = file.shown_name(NAME_CHARS);
    if !may_be_opened(&file.shown_name(usize::MAX)) {
        return refuse(
            model,
            format!(
                "Not opened: {name} is none of the files that are only looked at; /save {seq} fetches it."
            ),
        );
    }
    if file.size_bytes > OPENED_BYTES_MAX {
        return refuse(
            model,
            format!("Not opened: {name} is too large for that; /save {seq} fetches it."),
        );
    }
    let (kind, size) = (file.shown_kind(), human_size(file.size_bytes));
    let text = format!(
        "Fetch {name} ({kind}, {size}) and open it with the system's program for such files?"
    );
    let then = Then::OpenFile(file, seq);
    model.overlay = Some(Overlay::Ask(Question { text, then }));
    Vec::new()
}

#[cfg(test)]
#[path = "open_file_tests.rs"]
mod tests;
