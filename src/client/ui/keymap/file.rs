//! The user's file of keys, laid over the defaults:
//!
//! ```toml
//! [keys.composer]
//! "ctrl+j" = "send"       # one more chord for the action
//! "alt+enter" = "none"    # a chord that does nothing here
//! ```
//!
//! Promises to name each wrong line with its mend and to keep what is right, and that no file takes away the last way
//! out of a context: then the defaults that give one are put back. Knows no path: the text is given.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{
    Keymap,
    action::{ACTIONS, Action, Context},
    default::DEFAULTS,
    keys::Chord,
};
use crate::client::ui::fault::{Fault, in_order, line_of, read, shown, suggest};

/// The word that takes a chord away.
const NONE: &str = "none";

/// Lays a file over a keymap.
pub(super) fn laid_over(map: Keymap, text: &str) -> (Keymap, Vec<Fault>) {
    let mut reader = Reader {
        map,
        text,
        lines: BTreeMap::new(),
        broken: Vec::new(),
        faults: Vec::new(),
    };
    reader.read();
    reader.keep_ways_out();
    reader.faults.sort_by_key(|fault| fault.line);
    (reader.map, reader.faults)
}

struct Reader<'t> {
    map: Keymap,
    text: &'t str,
    /// Where the file speaks of a chord.
    lines: BTreeMap<(Context, Chord), usize>,
    /// The lines that are no TOML: what the parser made of them is not looked at.
    broken: Vec<usize>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, line: usize, what: String, mend: impl Into<String>) {
        let mend = mend.into();
        self.faults.push(Fault { line, what, mend });
    }

    fn read(&mut self) {
        let (file, faults) = read(self.text);
        self.broken = faults.iter().map(|fault| fault.line).collect();
        self.faults = faults;
        for (name, span, value) in in_order(file.iter()) {
            let line = line_of(self.text, &span);
            let DeValue::Table(contexts) = value.get_ref() else {
                let what = format!("{} is nothing that a file of keys has", shown(name));
                self.fault(
                    line,
                    what,
                    "write [keys.everywhere] or the like above the keys",
                );
                continue;
            };
            if name != "keys" {
                let what = format!("there is no table {} in a file of keys", shown(name));
                let mend = suggest(
                    name,
                    ["keys"],
                    "its tables are [keys.everywhere] and the like",
                );
                self.fault(line, what, mend);
                continue;
            }
            for (name, span, value) in in_order(contexts.iter()) {
                self.read_context(line_of(self.text, &span), name, value.get_ref());
            }
        }
    }

    fn read_context(&mut self, line: usize, name: &str, value: &DeValue<'_>) {
        let DeValue::Table(entries) = value else {
            let what = format!("it is not said where {} holds", shown(name));
            return self.fault(line, what, "put it below [keys.everywhere] or the like");
        };
        let names = Context::ALL.map(Context::name);
        let Some(context) = Context::find(name) else {
            let what = format!("there is no context {}", shown(name));
            let mend = suggest(name, names, &format!("there are {}", names.join(", ")));
            return self.fault(line, what, mend);
        };
        for (chord, span, value) in in_order(entries.iter()) {
            let line = line_of(self.text, &span);
            match value.get_ref() {
                _ if self.broken.contains(&line) => {}
                DeValue::String(action) => self.read_key(line, context, chord, action),
                _ => self.fault(
                    line,
                    format!("{} is given something that is no text", shown(chord)),
                    "write the name of an action in quotes, or \"none\"",
                ),
            }
        }
    }

    fn read_key(&mut self, line: usize, context: Context, written: &str, name: &str) {
        let chord = match Chord::parse(written) {
            Ok(chord) => chord,
            Err(error) => return self.fault(line, error.what, error.mend),
        };
        let action = match (name, Action::find(name)) {
            (NONE, _) => None,
            (_, Some(action)) => Some(action),
            (_, None) => {
                let names = ACTIONS.iter().map(|spec| spec.name).chain([NONE]);
                let what = format!("there is no action {}", shown(name));
                let mend = suggest(name, names, "the help (f1) lists them all");
                return self.fault(line, what, mend);
            }
        };
        if let Some(action) = action.filter(|action| !action.holds_in(context)) {
            let contexts = action.spec().contexts.iter();
            let tables: Vec<String> = contexts
                .map(|context| format!("[keys.{}]", context.name()))
                .collect();
            let what = format!("\"{name}\" means nothing in [keys.{}]", context.name());
            return self.fault(line, what, format!("it belongs in {}", tables.join(" or ")));
        }
        if action.is_some() && chord.typed().is_some() && context.takes_text() {
            let what = format!("{} is a character that is typed there", shown(written));
            let mend = "add ctrl+ or alt+, or give it in [keys.messages] or [keys.sidebar]";
            return self.fault(line, what, mend);
        }
        if let Some(first) = self.lines.get(&(context, chord)) {
            let what = format!(
                "{} is the same key as in line {first}, {chord}",
                shown(written)
            );
            return self.fault(line, what, "keep one of the two lines");
        }
        self.lines.insert((context, chord), line);
        self.map.bind(context, chord, action);
    }

    /// Gives a context that cannot be left its default keys for that back, and says which line took the last one.
    fn keep_ways_out(&mut self) {
        for context in Context::ALL {
            if self.map.has_way_out(context) {
                continue;
            }
            let ways = context.ways_out();
            let mut taken_in = 1;
            let mut given_back = Vec::new();
            for (home, rows) in DEFAULTS {
                // What holds everywhere is put back where it is missed: in this context.
                let is_near = home == context || home == Context::Everywhere;
                let of_ways = rows.iter().filter(|(action, _)| ways.contains(action));
                for (action, chords) in of_ways.filter(|_| is_near) {
                    for chord in chords.iter().filter_map(|chord| Chord::parse(chord).ok()) {
                        for place in [(home, chord), (context, chord)] {
                            taken_in = taken_in.max(self.lines.get(&place).copied().unwrap_or(1));
                        }
                        given_back.push((chord, *action));
                    }
                }
            }
            let mut words: Vec<String> = Vec::new();
            for (chord, action) in given_back {
                // The nearer of two defaults stands later in the list.
                let action = Some(action).filter(|action| action.holds_in(context));
                self.map.bind(context, chord, action);
                let word = chord.to_string();
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            let names: Vec<&str> = ways.iter().map(|action| action.name()).collect();
            let what = format!(
                "no key is left to get out of [keys.{}], so {} stay",
                context.name(),
                words.join(", ")
            );
            let mend = format!("give a key to {}", names.join(" or "));
            self.fault(taken_in, what, mend);
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
