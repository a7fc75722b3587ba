//! The keys for people: the rows of the help overlay and the key table of the README, both from the table that
//! dispatches.
//!
//! Promises that a row stands for keys that work, and that keys are written as the file of keys takes them. Knows no
//! screen.

use std::fmt::Write as _;

use super::{
    Keymap,
    action::{ACTIONS, Action, Context},
};

/// The keys of one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where they hold.
    pub context: Context,
    /// Them, in the order of the table of actions.
    pub rows: Vec<Row>,
}

/// One line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The chords, as they are written.
    pub keys: Vec<String>,
    /// The name of the action in the file of keys.
    pub name: String,
    /// What it does.
    pub doc: String,
}

pub(super) fn sections(map: &Keymap) -> Vec<Section> {
    let section = |context| Section {
        context,
        rows: joined(
            ACTIONS
                .iter()
                .filter_map(|spec| row(map, context, spec.action))
                .collect(),
        ),
    };
    let all = Context::ALL.into_iter().map(section);
    all.filter(|section| !section.rows.is_empty()).collect()
}

pub(super) fn markdown(map: &Keymap) -> String {
    let mut table = String::new();
    for section in sections(map) {
        // Writing to a string does not fail.
        let _ = write!(
            table,
            "**{}** (`[keys.{}]`)\n\n| Keys | What they do | Action |\n|---|---|---|\n",
            section.context.title(),
            section.context.name()
        );
        for row in section.rows {
            let keys: Vec<String> = row.keys.iter().map(|keys| code(keys)).collect();
            let _ = writeln!(
                table,
                "| {} | {} | `{}` |",
                keys.join(", "),
                row.doc,
                row.name
            );
        }
        table.push('\n');
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
    table
}

fn row(map: &Keymap, context: Context, action: Action) -> Option<Row> {
    let chords = map.chords(context, action);
    // The same keys edit the line of an overlay: they are listed once.
    if context == Context::Overlay
        && action.holds_in(Context::Composer)
        && !action.holds_in(Context::Everywhere)
        && chords
            .iter()
            .all(|chord| map.lookup(Context::Composer, *chord) == Some(action))
    {
        return None;
    }
    (!chords.is_empty()).then(|| Row {
        keys: chords.iter().map(ToString::to_string).collect(),
        name: action.name().to_owned(),
        doc: action.spec().doc.to_owned(),
    })
}

/// Makes one row of the nine that go to a conversation by its place, if their keys differ by that digit only.
fn joined(mut rows: Vec<Row>) -> Vec<Row> {
    let place = |row: &Row| Action::find(&row.name).and_then(Action::conversation);
    let is_nth = |row: &Row| {
        let stem = |keys: &str, place: usize| {
            let stem = keys.strip_suffix(&place.to_string())?;
            Some(stem.to_owned())
        };
        match (row.keys.as_slice(), place(row)) {
            ([key], Some(place)) => stem(key, place),
            _ => None,
        }
    };
    let stems: Vec<String> = rows.iter().filter_map(is_nth).collect();
    let (Some(first), Some(at)) = (
        stems.first().cloned(),
        rows.iter().position(|row| place(row).is_some()),
    ) else {
        return rows;
    };
    if stems.len() != 9 || stems.iter().any(|stem| *stem != first) {
        return rows;
    }
    rows.retain(|row| place(row).is_none());
    let row = Row {
        keys: vec![format!("{first}1..9")],
        name: "conversation-1..9".to_owned(),
        doc: "go to a conversation by its place in the list".to_owned(),
    };
    rows.insert(at.min(rows.len()), row);
    rows
}

/// Writes a key as code in a cell of a table.
fn code(key: &str) -> String {
    match key.replace('|', "\\|") {
        key if key.contains('`') => format!("`` {key} ``"),
        key => format!("`{key}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(sections: &[Section], context: Context, name: &str) -> Option<Vec<String>> {
        let section = sections.iter().find(|section| section.context == context)?;
        let row = section.rows.iter().find(|row| row.name == name)?;
        Some(row.keys.clone())
    }

    #[test]
    fn the_help_has_a_row_for_each_action_with_a_key() {
        let all = sections(&Keymap::default());
        assert_eq!(all.len(), 5);
        let keys = |context, name| find(&all, context, name).map(|keys| keys.join(" "));
        let everywhere = |name| keys(Context::Everywhere, name);
        assert_eq!(everywhere("switcher").as_deref(), Some("ctrl+k alt+g"));
        assert_eq!(everywhere("conversation-1..9").as_deref(), Some("alt+1..9"));
        assert_eq!(everywhere("conversation-3"), None);
        assert_eq!(
            keys(Context::Messages, "select-last").as_deref(),
            Some("end shift+g")
        );
        // What edits a line is told once, but what differs is told.
        assert_eq!(keys(Context::Overlay, "yank"), None);
        assert_eq!(
            keys(Context::Overlay, "delete-right").as_deref(),
            Some("delete ctrl+d")
        );
    }

    #[test]
    fn the_help_follows_the_file() {
        let (map, _) = Keymap::from_file("[keys.everywhere]\n\"f9\" = \"conversation-1\"\n");
        let all = sections(&map);
        let keys = find(&all, Context::Everywhere, "conversation-1");
        assert_eq!(keys, Some(vec!["alt+1".to_owned(), "f9".to_owned()]));
    }

    #[test]
    fn the_table_of_the_readme_is_markdown() {
        let (map, faults) =
            Keymap::from_file("[keys.messages]\n\"|\" = \"copy\"\n\"`\" = \"copy\"\n");
        assert_eq!(faults, []);
        let table = markdown(&map);
        assert!(table.starts_with("**Everywhere** (`[keys.everywhere]`)\n\n| Keys | What"));
        assert!(table.contains("| `alt+1..9` | go to a conversation"));
        assert!(table.contains("| `y`, `c`, `\\|`, `` ` `` | copy the text | `copy` |"));
        assert!(table.ends_with("| `close-overlay` |\n"));
    }
}
