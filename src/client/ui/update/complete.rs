//! Completion of what is being written: `/command` and what stands behind it, `@name`, `#channel`, `:emoji:`.
//!
//! Promises: only what can be typed is put in, and only where a word is being typed. One that fits alone is put in at
//! once, several are offered: again for the next, Enter or what goes on behind the word takes the one that is chosen, and
//! further letters narrow them.

use super::{
    super::model::{Model, composer::Candidate},
    names, writing,
};
use crate::{
    client::app::{
        command::{self, COMMANDS, Spec},
        emoji,
    },
    domain::role::Role,
};

/// Candidates that are offered.
const OFFERED_MAX: usize = 50;

/// What can stand in the place of a part of a text: where that part begins, and what.
pub(super) type Offered = (usize, Vec<Candidate>);

/// The next completion is wanted, or the one before.
pub(super) fn step(model: &mut Model, is_next: bool) {
    if model.composer.offer().is_some() {
        model.composer.choose(is_next);
        return;
    }
    let (from, candidates) = here(model);
    let is_alone = candidates.len() == 1;
    model.composer.set_offer(from, candidates);
    if is_alone {
        writing::accept(model);
    } else if !is_next {
        model.composer.choose(false);
    }
}

/// Offers what still fits after another letter.
pub(super) fn narrow(model: &mut Model) {
    let (from, candidates) = here(model);
    model.composer.set_offer(from, candidates);
}

/// Whether a character goes on with a word that is being completed.
pub(super) fn goes_on(typed: char) -> bool {
    typed.is_alphanumeric() || matches!(typed, '_' | '-' | '+' | '.')
}

fn here(model: &Model) -> Offered {
    let buffer = model.composer.buffer();
    offered(model, buffer.text(), buffer.cursor())
}

/// Returns what can stand before the cursor in a text.
pub(super) fn offered(model: &Model, text: &str, cursor: usize) -> Offered {
    let before = text.get(..cursor).unwrap_or_default();
    if let Some(name) = emoji::being_typed(text, cursor) {
        let typed = text.get(name.start + 1..cursor).unwrap_or_default();
        let found = emoji::complete(typed, OFFERED_MAX);
        let found = found.into_iter().map(|(name, sign)| Candidate {
            insert: sign.to_owned(),
            label: format!("{sign} :{name}:"),
            help: String::new(),
        });
        return (name.start, found.collect());
    }
    let from = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let word = before.get(from..).unwrap_or_default();
    let mut found = match line_of_command(before) {
        Some("") => commands(word),
        Some(name) => command::find(name).map_or_else(
            |_| Vec::new(),
            |spec| arguments(model, spec, argument_place(before), word),
        ),
        None => words(model, word),
    };
    found.truncate(OFFERED_MAX);
    (from, found)
}

/// The command whose argument is being typed; empty: its name is. `None`: a text is being typed.
fn line_of_command(before: &str) -> Option<&str> {
    let line = before.strip_prefix('/').filter(|it| !it.starts_with('/'))?;
    if before.contains('\n') {
        return None;
    }
    let name = line.split_once(char::is_whitespace);
    Some(name.map_or("", |(name, _)| name))
}

/// Which argument is being typed, from 0.
fn argument_place(before: &str) -> usize {
    let words = before.split_whitespace().count();
    let is_new = before.ends_with(char::is_whitespace);
    (words + usize::from(is_new)).saturating_sub(2)
}

fn commands(word: &str) -> Vec<Candidate> {
    let typed = word.trim_start_matches('/').to_lowercase();
    let fits = |spec: &&Spec| spec.name.starts_with(&typed);
    let found = COMMANDS.iter().filter(fits).map(|spec| Candidate {
        insert: match spec.argument.is_empty() {
            true => format!("/{}", spec.name),
            false => format!("/{} ", spec.name),
        },
        label: usage(spec),
        help: spec.help.to_owned(),
    });
    found.collect()
}

/// How a command is typed.
pub(super) fn usage(spec: &Spec) -> String {
    format!("/{} {}", spec.name, spec.argument)
        .trim_end()
        .to_owned()
}

/// Words of a text: a mention or a channel.
fn words(model: &Model, word: &str) -> Vec<Candidate> {
    if let Some(typed) = word.strip_prefix('@') {
        let mut found = people(model, typed, "@");
        if !typed.is_empty() && "all".starts_with(&typed.to_lowercase()) {
            found.push(candidate("@all", "everybody here"));
        }
        return found;
    }
    match word.strip_prefix('#') {
        Some(typed) => channels(model, typed),
        None => Vec::new(),
    }
}

fn people(model: &Model, typed: &str, sign: &str) -> Vec<Candidate> {
    let users = names::users(model, typed).into_iter();
    users
        .map(|name| candidate(&format!("{sign}{name}"), ""))
        .collect()
}

fn channels(model: &Model, typed: &str) -> Vec<Candidate> {
    let channels = names::channels(model, typed).into_iter();
    channels.map(|label| candidate(&label, "")).collect()
}

fn candidate(text: &str, help: &str) -> Candidate {
    Candidate {
        insert: format!("{text} "),
        label: text.to_owned(),
        help: help.to_owned(),
    }
}

/// What can stand behind a command at a place, by what its row of the table says.
fn arguments(model: &Model, spec: &Spec, place: usize, word: &str) -> Vec<Candidate> {
    let wanted = argument_at(spec, place);
    let one_of = |all: &[&str]| -> Vec<Candidate> {
        let typed = word.to_lowercase();
        let fits = all.iter().filter(|it| it.starts_with(&typed));
        fits.map(|it| candidate(it, "")).collect()
    };
    let roles = Role::ALL.map(Role::word);
    let channel = || channels(model, word.trim_start_matches('#'));
    match wanted {
        "USER" => people(model, word.trim_start_matches('@'), ""),
        "NAME" if spec.name == "start" => match word.chars().next() {
            Some('#') => channel(),
            Some('"') => spelled_groups(model, word),
            _ => {
                let mut all = people(model, word.trim_start_matches('@'), "");
                all.extend(channel());
                all.extend(spelled_groups(model, word));
                all
            }
        },
        "#NAME" | "#NAME|CODE" => channel(),
        "ROLE" => one_of(&roles),
        "LEVEL" => one_of(&["all", "mentions", "none"]),
        "TIME|off" => one_of(&["30m", "2h", "1d", "off"]),
        "all" => one_of(&["all"]),
        "off" => one_of(&["off"]),
        "WORDS" => filters(model, word),
        // A text that is sent mentions people like any other.
        "TEXT" | "TOPIC" => words(model, word),
        _ => Vec::new(),
    }
}

fn spelled_groups(model: &Model, word: &str) -> Vec<Candidate> {
    let groups = names::groups(model, word).into_iter();
    groups.map(|spelled| candidate(&spelled, "")).collect()
}

/// The word of the table that stands at a place; the last one may stand for many.
fn argument_at(spec: &Spec, place: usize) -> &'static str {
    let mut words = spec
        .argument
        .split_whitespace()
        .map(|word| word.trim_matches(['[', ']']).trim_end_matches('…'));
    let all: Vec<&str> = words.by_ref().collect();
    let last = all.last().copied().unwrap_or_default();
    let may_repeat = spec.argument.ends_with('…') || matches!(last, "TEXT" | "TOPIC");
    match all.get(place) {
        Some(word) => word,
        None if may_repeat => last,
        None => "",
    }
}

/// The filters of a search, and who and where they can mean.
fn filters(model: &Model, word: &str) -> Vec<Candidate> {
    let with = |filter: &str, values: Vec<Candidate>| -> Vec<Candidate> {
        let prefixed = values.into_iter().map(|it| Candidate {
            insert: format!("{filter}{}", it.insert),
            label: format!("{filter}{}", it.label),
            help: it.help,
        });
        prefixed.collect()
    };
    if let Some(typed) = word.strip_prefix("from:") {
        return with("from:", people(model, typed.trim_start_matches('@'), ""));
    }
    if let Some(typed) = word.strip_prefix("in:") {
        let mut values = channels(model, typed.trim_start_matches('#'));
        if !typed.starts_with('#') {
            values.extend(people(model, typed.trim_start_matches('@'), ""));
            values.extend("this".starts_with(typed).then(|| candidate("this", "")));
        }
        return with("in:", values);
    }
    if word.is_empty() {
        return Vec::new();
    }
    let all = [
        ("from:", "what this user said"),
        ("in:", "what was said there"),
        ("since:", "then or later, as in since:2026-11-20"),
        ("until:", "before then"),
    ];
    let fits = all.iter().filter(|(filter, _)| filter.starts_with(word));
    let found = fits.map(|(filter, help)| Candidate {
        insert: (*filter).to_owned(),
        label: (*filter).to_owned(),
        help: (*help).to_owned(),
    });
    found.collect()
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
