//! The keys: which chord does what in which context, by default and by the user's file.
//!
//! Promises that every key the help shows is the one that is dispatched, that each context has a way out whatever the
//! file says, and that a wrong line of the file costs that line only. Knows no I/O: the text of the file is given.

pub mod action;
mod default;
mod file;
mod help;
pub mod keys;

use std::collections::BTreeMap;

pub use action::{Action, Context};
pub use help::{Row, Section};
pub use keys::Chord;

use super::fault::Fault;

/// All keys with what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    /// `None` where a key does nothing, though it does something everywhere.
    keys: BTreeMap<(Context, Chord), Option<Action>>,
    /// The order in which the chords of an action are shown.
    order: Vec<(Context, Chord)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self {
            keys: BTreeMap::new(),
            order: Vec::new(),
        };
        for (context, rows) in default::DEFAULTS {
            for (action, chords) in rows {
                // A chord that could not be read would have no key; a test holds that all can.
                for chord in chords.iter().filter_map(|text| Chord::parse(text).ok()) {
                    map.bind(context, chord, Some(*action));
                }
            }
        }
        map
    }
}

impl Keymap {
    /// Lays the text of a file over the defaults. What is wrong in it is named and left out.
    pub fn from_file(text: &str) -> (Self, Vec<Fault>) {
        file::laid_over(Self::default(), text)
    }

    /// Returns what a chord does: what the context says, and where it says nothing, what holds everywhere.
    pub fn lookup(&self, context: Context, chord: Chord) -> Option<Action> {
        match self.keys.get(&(context, chord)) {
            Some(own) => *own,
            None => self
                .keys
                .get(&(Context::Everywhere, chord))
                .copied()
                .flatten(),
        }
    }

    /// Returns the chords that do this in a context itself, the one for people first.
    pub fn chords(&self, context: Context, action: Action) -> Vec<Chord> {
        let does = |place: &&(Context, Chord)| {
            place.0 == context && self.keys.get(*place) == Some(&Some(action))
        };
        self.order
            .iter()
            .filter(does)
            .map(|(_, chord)| *chord)
            .collect()
    }

    /// Returns the chord to name in a hint: that of the context, or that which holds everywhere.
    pub fn hint(&self, context: Context, action: Action) -> Option<Chord> {
        [context, Context::Everywhere]
            .into_iter()
            .flat_map(|context| self.chords(context, action))
            .find(|chord| self.lookup(context, *chord) == Some(action))
    }

    /// Returns the rows of the help overlay, by contexts.
    pub fn help(&self) -> Vec<Section> {
        help::sections(self)
    }

    /// Returns the key table of the README.
    pub fn markdown(&self) -> String {
        help::markdown(self)
    }

    fn bind(&mut self, context: Context, chord: Chord, action: Option<Action>) {
        if self.keys.insert((context, chord), action).is_none() {
            self.order.push((context, chord));
        }
    }

    /// Returns whether a context can be left, by a key of its own or one that holds everywhere.
    fn has_way_out(&self, context: Context) -> bool {
        let ways = context.ways_out();
        self.order.iter().any(|(_, chord)| {
            self.lookup(context, *chord)
                .is_some_and(|action| ways.contains(&action))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does(context: Context, chord: &str) -> Option<Action> {
        Keymap::default().lookup(context, Chord::parse(chord).unwrap())
    }

    #[test]
    fn a_key_does_what_its_context_says_and_else_what_holds_everywhere() {
        assert_eq!(does(Context::Composer, "enter"), Some(Action::Send));
        assert_eq!(does(Context::Overlay, "enter"), Some(Action::Accept));
        assert_eq!(does(Context::Composer, "pgup"), Some(Action::PageUp));
        assert_eq!(does(Context::Messages, "ctrl+k"), Some(Action::Switcher));
        assert_eq!(
            does(Context::Composer, "ctrl+k"),
            Some(Action::DeleteToEndOrSwitch)
        );
        assert_eq!(does(Context::Composer, "r"), None);
        assert_eq!(does(Context::Messages, "r"), Some(Action::Reply));
        for context in Context::ALL {
            assert_eq!(does(context, "alt+7"), Some(Action::Conversation7));
            assert_eq!(does(context, "f1"), Some(Action::Help));
        }
    }

    #[test]
    fn every_context_has_a_way_out() {
        let map = Keymap::default();
        assert!(
            Context::ALL
                .into_iter()
                .all(|context| map.has_way_out(context))
        );
    }

    #[test]
    fn a_hint_names_a_key_that_works() {
        let map = Keymap::default();
        let hint = |context, action| map.hint(context, action).map(|chord| chord.to_string());
        assert_eq!(
            hint(Context::Composer, Action::Switcher).as_deref(),
            Some("alt+g"),
            "ctrl+k does something else first while writing"
        );
        assert_eq!(hint(Context::Messages, Action::Help).as_deref(), Some("?"));
        assert_eq!(hint(Context::Composer, Action::Reply), None);
    }
}
