//! The palette: all commands with their help and arguments, and what keys do everywhere, with the keys.
//!
//! What stands behind the name of a command is completed as in the composer; a command line that is whole is run.

use super::{
    super::{
        super::{
            keymap::{Action, Context, Keymap, action::ACTIONS},
            model::{
                Model,
                outgoing::Outgoing,
                overlay::{PickRow, Picked, PickerKind},
            },
        },
        complete,
    },
    picker,
};
use crate::client::app::{
    command::{self, COMMANDS, Spec},
    parse::parse,
};

/// Characters that are shown of a text.
const TEXT_CHARS: usize = 40;

/// Opens it.
pub(super) fn open(model: &mut Model, keys: &Keymap) {
    let rows = rows(model, keys, "");
    picker::show(model, PickerKind::Palette, rows);
}

/// The rows for what is typed.
pub(super) fn rows(model: &Model, keys: &Keymap, typed: &str) -> Vec<PickRow> {
    let line = typed.trim_start().trim_start_matches('/');
    if let Some((name, argument)) = line.split_once(char::is_whitespace)
        && let Ok(spec) = command::find(name)
    {
        return with_argument(model, spec, argument);
    }
    let commands = COMMANDS.iter().map(|spec| PickRow {
        label: complete::usage(spec),
        marks: Vec::new(),
        help: spec.help.to_owned(),
        what: Picked::Command {
            line: format!("/{}", spec.name),
            // What may be typed behind it is offered, too: the command alone may do more than is wanted.
            needs_more: !spec.argument.is_empty(),
        },
    });
    let is_here = |action: Action| {
        action.holds_in(Context::Everywhere)
            && action.conversation().is_none()
            && !matches!(action, Action::Palette | Action::FocusComposer)
    };
    let actions = ACTIONS.iter().filter(|spec| is_here(spec.action));
    let actions = actions.map(|spec| {
        let chords = keys.chords(Context::Everywhere, spec.action);
        let chords: Vec<String> = chords.iter().map(ToString::to_string).collect();
        let chords = match chords.is_empty() {
            true => String::new(),
            false => format!(" ({})", chords.join(", ")),
        };
        PickRow {
            label: spec.name.to_owned(),
            marks: Vec::new(),
            help: format!("{}{chords}", spec.doc),
            what: Picked::Action(spec.action),
        }
    });
    picker::fit_with_help(unsent(model).chain(commands).chain(actions).collect(), line)
}

/// What was refused and stands in no conversation, since this user is not there any more.
fn unsent(model: &Model) -> impl Iterator<Item = PickRow> {
    let is_stranded = |it: &&Outgoing| model.chats.at(&it.to).is_none();
    let stranded = model.outgoing.refused().filter(is_stranded);
    stranded.map(|it| {
        let text = it.said().render_start(TEXT_CHARS);
        PickRow {
            label: format!("not sent: {text}"),
            marks: Vec::new(),
            help: "Its conversation is not yours any more: takes the text back to write it anew, and drops it."
                .to_owned(),
            what: Picked::Unsent(it.id),
        }
    })
}

/// The line as it is typed, and what could stand at its end.
fn with_argument(model: &Model, spec: &Spec, argument: &str) -> Vec<PickRow> {
    let line = format!("/{} {}", spec.name, argument.trim_start());
    let problem = parse(line.trim_end()).err().map(|error| error.to_string());
    let whole = PickRow {
        label: line.trim_end().to_owned(),
        marks: Vec::new(),
        help: match &problem {
            Some(problem) => problem.clone(),
            None => format!("{}: {}", complete::usage(spec), spec.help),
        },
        what: Picked::Command {
            line: line.trim_end().to_owned(),
            needs_more: problem.is_some(),
        },
    };
    let (from, candidates) = complete::offered(model, &line, line.len());
    let before = line.get(..from).unwrap_or_default();
    let completed = candidates.into_iter().map(|candidate| {
        let line = format!("{before}{}", candidate.insert.trim_end());
        PickRow {
            label: line.clone(),
            marks: Vec::new(),
            help: candidate.help,
            what: Picked::Command {
                needs_more: parse(&line).is_err(),
                line,
            },
        }
    });
    let completed: Vec<PickRow> = completed.collect();
    // What is whole comes first; else what would make it so.
    match problem {
        None => std::iter::once(whole)
            .chain(
                completed
                    .into_iter()
                    .filter(|row| row.label != line.trim_end()),
            )
            .collect(),
        Some(_) => completed.into_iter().chain([whole]).collect(),
    }
}
