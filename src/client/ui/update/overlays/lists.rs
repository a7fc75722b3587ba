//! The pickers of what is there already: the links and files of a message, and what was sent here before.

use super::{
    super::super::{
        effect::Effect,
        model::{
            Model,
            overlay::{Openable, PickRow, Picked, PickerKind},
        },
    },
    picker,
};
use crate::client::app::{file::human_size, untrusted::Untrusted};

/// Characters of a text or link that are shown.
const SHOWN_CHARS: usize = 200;
/// Texts of the history that are looked through.
const LINES_MAX: usize = 1_000;

/// Opens the picker of the links and files of a message.
pub(in super::super) fn links(model: &mut Model, links: Vec<Openable>) -> Vec<Effect> {
    let rows = link_rows(&links);
    picker::show(model, PickerKind::Links(links), rows);
    Vec::new()
}

/// The rows of links and files.
pub(super) fn link_rows(links: &[Openable]) -> Vec<PickRow> {
    let row = |what: &Openable| {
        let of = |label: &str| row(label, Picked::Open(what.clone()));
        match what {
            Openable::Link(link) => of(link),
            Openable::File(file, _) => PickRow {
                help: format!("{}, {}", file.shown_kind(), human_size(file.size_bytes)),
                ..of(&file.shown_name(SHOWN_CHARS))
            },
        }
    };
    links.iter().map(row).collect()
}

/// Opens the picker of what was sent here before.
pub(super) fn history(model: &mut Model) {
    let rows = history_rows(model);
    if rows.is_empty() {
        super::super::refuse(model, "Nothing was sent here from this machine yet.");
        return;
    }
    picker::show(model, PickerKind::History, rows);
}

/// The rows of what was sent here, the newest first, each once.
pub(super) fn history_rows(model: &Model) -> Vec<PickRow> {
    let Some(front) = model.chats.front() else {
        return Vec::new();
    };
    let lines = (0..LINES_MAX).map_while(|at| front.history.newest(at));
    let mut seen = std::collections::BTreeSet::new();
    let lines = lines.filter(|line| seen.insert(*line));
    lines
        .map(|line| row(line, Picked::Line(line.to_owned())))
        .collect()
}

fn row(text: &str, what: Picked) -> PickRow {
    PickRow {
        label: Untrusted::from(text).render_start(SHOWN_CHARS),
        marks: Vec::new(),
        help: String::new(),
        what,
    }
}
