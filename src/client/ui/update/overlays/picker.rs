//! One of several is picked by some letters: which rows fit them and how well, and what picking one does.
//!
//! Promises: rows that fit equally well stay in the order in which they were given; no more than `ROWS_MAX` are listed.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};

use super::{
    super::{
        super::{
            effect::Effect,
            keymap::Keymap,
            model::{
                Model,
                composer::Composer,
                overlay::{Overlay, PickRow, Picked, Picker, PickerKind},
            },
        },
        commands, keys as dispatch, messages, open, open_file, refuse, writing,
    },
    close, emoji, lists, palette, switcher,
};
use crate::client::app::{acts::Act, room::Wanted};

/// Rows that are listed.
pub(super) const ROWS_MAX: usize = 200;

/// Opens a picker with what it lists while nothing is typed.
pub(super) fn show(model: &mut Model, kind: PickerKind, rows: Vec<PickRow>) {
    model.overlay = Some(Overlay::Pick(Picker {
        kind,
        input: Composer::default(),
        rows: first(rows),
        chosen: 0,
    }));
}

/// Another text is typed: other rows fit.
pub(super) fn refresh(model: &mut Model, keys: &Keymap) {
    let Some(Overlay::Pick(mut picker)) = model.overlay.take() else {
        return;
    };
    let (line, typed) = (picker.input.text(), picker.input.text().trim());
    picker.rows = match &picker.kind {
        PickerKind::Switcher => switcher::rows(model, typed),
        PickerKind::Palette => palette::rows(model, keys, line),
        PickerKind::Emoji { reactions, .. } => emoji::rows(reactions, typed),
        PickerKind::Links(links) => fit(lists::link_rows(links), typed),
        PickerKind::History => fit(lists::history_rows(model), typed),
    };
    picker.chosen = 0;
    model.overlay = Some(Overlay::Pick(picker));
}

fn first(mut rows: Vec<PickRow>) -> Vec<PickRow> {
    rows.truncate(ROWS_MAX);
    rows
}

/// Returns the rows whose labels hold what is typed, the best first.
pub(super) fn fit(rows: Vec<PickRow>, typed: &str) -> Vec<PickRow> {
    ranked(rows, typed, false)
}

/// The same, and behind them those whose help holds it.
pub(super) fn fit_with_help(rows: Vec<PickRow>, typed: &str) -> Vec<PickRow> {
    ranked(rows, typed, true)
}

fn ranked(rows: Vec<PickRow>, typed: &str, is_help_read: bool) -> Vec<PickRow> {
    let typed = typed.trim();
    if typed.is_empty() {
        return first(rows);
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::new(
        typed,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Fuzzy,
    );
    let mut fitting: Vec<(bool, u32, PickRow)> = Vec::new();
    for mut row in rows {
        let label: Vec<char> = row.label.chars().collect();
        let mut marks = Vec::new();
        // As characters even where all are ASCII, so that places count characters.
        if let Some(score) = pattern.indices(Utf32Str::Unicode(&label), &mut matcher, &mut marks) {
            marks.sort_unstable();
            marks.dedup();
            row.marks = marks;
            fitting.push((true, score, row));
            continue;
        }
        if !is_help_read {
            continue;
        }
        let all: Vec<char> = row
            .label
            .chars()
            .chain([' '])
            .chain(row.help.chars())
            .collect();
        if let Some(score) = pattern.score(Utf32Str::Unicode(&all), &mut matcher) {
            row.marks = Vec::new();
            fitting.push((false, score, row));
        }
    }
    fitting.sort_by_key(|(in_label, score, _)| std::cmp::Reverse((*in_label, *score)));
    first(fitting.into_iter().map(|(_, _, row)| row).collect())
}

/// Does what the chosen row stands for.
pub(super) fn accept(model: &mut Model, keys: &Keymap) -> Vec<Effect> {
    let Some(Overlay::Pick(picker)) = model.overlay.take() else {
        return Vec::new();
    };
    let Some(row) = picker.rows.get(picker.chosen).cloned() else {
        // Nothing fits: the letters can be corrected.
        model.overlay = Some(Overlay::Pick(picker));
        return Vec::new();
    };
    match row.what {
        Picked::Chat(id) => open::open(model, id),
        Picked::Start(wanted) => start(model, wanted),
        Picked::Command { line, needs_more } => command(model, keys, &line, needs_more),
        Picked::Action(action) => dispatch::act(model, keys, action),
        Picked::Emoji(sign) => emoji::picked(model, &picker.kind, &sign),
        Picked::Unsent(id) => messages::take_back(model, id),
        Picked::Open(what) => open_file::open(model, what),
        Picked::Line(line) => {
            writing::replace(model, &line);
            Vec::new()
        }
    }
}

/// A channel that is not known is one that this user is not in.
fn start(model: &mut Model, wanted: Wanted) -> Vec<Effect> {
    let is_known = commands::known(model, &wanted).is_some();
    let done = match wanted {
        Wanted::Channel(name) if !is_known => super::super::asking::asked(model, Act::Join(name)),
        wanted => commands::start(model, wanted),
    };
    done.unwrap_or_else(|why| refuse(model, why))
}

fn command(model: &mut Model, keys: &Keymap, line: &str, needs_more: bool) -> Vec<Effect> {
    if needs_more {
        writing::replace(model, &format!("{} ", line.trim_end()));
        return Vec::new();
    }
    close(model);
    commands::run(model, keys, line).unwrap_or_else(|why| refuse(model, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(labels: &[(&str, &str)]) -> Vec<PickRow> {
        let row = |(label, help): &(&str, &str)| PickRow {
            label: (*label).to_owned(),
            marks: Vec::new(),
            help: (*help).to_owned(),
            what: Picked::Line((*label).to_owned()),
        };
        labels.iter().map(row).collect()
    }

    fn fitting(labels: &[(&str, &str)], typed: &str) -> Vec<(String, Vec<u32>)> {
        let rows = fit_with_help(rows(labels), typed);
        rows.into_iter().map(|row| (row.label, row.marks)).collect()
    }

    #[test]
    fn the_best_comes_first_and_what_fits_is_marked_by_characters() {
        let labels = [
            ("#general", ""),
            ("źrebię gen", ""),
            ("bob", "generous"),
            ("x", ""),
        ];
        assert_eq!(
            fitting(&labels, "gen"),
            [
                ("źrebię gen".to_owned(), vec![7, 8, 9]),
                ("#general".to_owned(), vec![1, 2, 3]),
                ("bob".to_owned(), vec![]),
            ]
        );
        assert_eq!(fit(rows(&labels), "gen").len(), 2, "without the help");
        assert_eq!(fitting(&labels, "ź"), [("źrebię gen".to_owned(), vec![0])]);
        assert_eq!(fitting(&labels, "").len(), 4);
        assert_eq!(fitting(&labels, "zzz"), []);
    }

    #[test]
    fn signs_of_other_finders_are_letters_here() {
        let labels = [("!x", ""), ("y", "")];
        assert_eq!(fitting(&labels, "!x").len(), 1);
        assert_eq!(fitting(&labels, "^y").len(), 0);
        let many: Vec<(&str, &str)> = std::iter::repeat_n(("a", ""), 999).collect();
        assert_eq!(fitting(&many, "a").len(), ROWS_MAX);
    }
}
