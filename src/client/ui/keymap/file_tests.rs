//! Tests of [`super`]: what a file of keys changes, and what is said about each mistake in one.

use super::*;

fn faults(text: &str) -> Vec<String> {
    let (_, faults) = Keymap::from_file(text);
    faults.iter().map(ToString::to_string).collect()
}

fn does(map: &Keymap, context: Context, chord: &str) -> Option<Action> {
    map.lookup(context, Chord::parse(chord).unwrap())
}

#[test]
fn an_empty_file_changes_nothing() {
    assert_eq!(Keymap::from_file(""), (Keymap::default(), vec![]));
    assert_eq!(Keymap::from_file("# keys\n[keys]\n").0, Keymap::default());
}

#[test]
fn a_file_is_laid_over_the_defaults() {
    let text = "\
[keys.composer]
\"Ctrl-J\" = \"send\"
\"alt+enter\" = \"none\"
\"alt+1\" = \"none\"
[keys.everywhere]
\"f7\" = \"quit\"
";
    let (map, faults) = Keymap::from_file(text);
    assert_eq!(faults, []);
    assert_eq!(does(&map, Context::Composer, "ctrl+j"), Some(Action::Send));
    assert_eq!(does(&map, Context::Composer, "enter"), Some(Action::Send));
    assert_eq!(does(&map, Context::Composer, "alt+enter"), None);
    assert_eq!(
        does(&map, Context::Composer, "alt+1"),
        None,
        "also what holds everywhere"
    );
    assert_eq!(
        does(&map, Context::Messages, "alt+1"),
        Some(Action::Conversation1)
    );
    assert_eq!(does(&map, Context::Sidebar, "f7"), Some(Action::Quit));
    let send = map.chords(Context::Composer, Action::Send);
    assert_eq!(send.len(), 2, "several chords for one action");
}

#[test]
fn every_mistake_is_named_with_its_line_and_the_mend() {
    for (text, wanted) in [
        (
            "[keys.composer]\n\n\"f7\" = \"sned\"",
            "line 3: there is no action \"sned\"; did you mean \"send\"?",
        ),
        (
            "[keys.composer]\n\"f7\" = \"frobnicate\"",
            "line 2: there is no action \"frobnicate\"; the help (f1) lists them all",
        ),
        (
            "[keys.compozer]\n\"f7\" = \"send\"",
            "line 1: there is no context \"compozer\"; did you mean \"composer\"?",
        ),
        (
            "[keys.x]",
            "line 1: there is no context \"x\"; there are everywhere, composer, messages, sidebar, overlay",
        ),
        (
            "[key.composer]",
            "line 1: there is no table \"key\" in a file of keys; did you mean \"keys\"?",
        ),
        (
            "[theme]",
            "line 1: there is no table \"theme\" in a file of keys; its tables are [keys.everywhere] and the like",
        ),
        (
            "\"f7\" = \"send\"",
            "line 1: \"f7\" is nothing that a file of keys has; write [keys.everywhere] or the like above the keys",
        ),
        (
            "[keys]\n\"f7\" = \"send\"",
            "line 2: it is not said where \"f7\" holds; put it below [keys.everywhere] or the like",
        ),
        (
            "[keys.composer]\n\"f7\" = 7",
            "line 2: \"f7\" is given something that is no text; write the name of an action in quotes, or \"none\"",
        ),
        (
            "[keys.everywhere]\n\"f7\" = \"send\"",
            "line 2: \"send\" means nothing in [keys.everywhere]; it belongs in [keys.composer]",
        ),
        (
            "[keys.composer]\n\"x\" = \"send\"",
            "line 2: \"x\" is a character that is typed there; add ctrl+ or alt+, or give it in [keys.messages] or [keys.sidebar]",
        ),
        (
            "[keys.composer]\n\"ctrl+enter\" = \"send\"",
            "line 2: \"ctrl+enter\" cannot be told from the key without ctrl or shift; use alt with it, as in alt+enter",
        ),
        (
            "[keys.composer]\n\"ctrl+i\" = \"complete\"\n\"tab\" = \"send\"",
            "line 3: \"tab\" is the same key as in line 2, tab; keep one of the two lines",
        ),
        (
            "[keys.composer]\n\"f7\" = \"\\u001b[2J\"",
            "line 2: there is no action \"\\u{1b}[2J\"; the help (f1) lists them all",
        ),
    ] {
        assert_eq!(faults(text), [wanted], "{text}");
    }
}

#[test]
fn a_wrong_line_costs_itself_only() {
    let text = "[keys.composer]\n\"f7\" = \"sned\"\n\"f8\" = \"send\"\n\"f9\" = = 1\n\"f10\" = \"newline\"\n";
    let (map, faults) = Keymap::from_file(text);
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(does(&map, Context::Composer, "f8"), Some(Action::Send));
    assert_eq!(does(&map, Context::Composer, "f10"), Some(Action::Newline));
    assert_eq!(does(&map, Context::Composer, "f7"), None);
}

#[test]
fn a_key_named_twice_in_the_same_way_is_named() {
    let said = faults("[keys.composer]\n\"f7\" = \"send\"\n\"f7\" = \"newline\"\n");
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("line 3: "), "{said:?}");
}

#[test]
fn no_file_takes_the_last_way_out() {
    let text =
        "[keys.overlay]\n\"esc\" = \"none\"\n\"ctrl+c\" = \"none\"\n\"ctrl+g\" = \"accept\"\n";
    let (map, faults) = Keymap::from_file(text);
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "line 4: no key is left to get out of [keys.overlay], so esc, ctrl+c, ctrl+g stay; give a key to close-overlay"
        ]
    );
    assert_eq!(
        does(&map, Context::Overlay, "esc"),
        Some(Action::CloseOverlay)
    );

    let text = "[keys.everywhere]\n\"ctrl+q\" = \"none\"\n\"ctrl+c\" = \"none\"\n";
    let (map, faults) = Keymap::from_file(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].line, 3);
    assert_eq!(does(&map, Context::Sidebar, "ctrl+q"), Some(Action::Quit));

    // One that is given elsewhere is enough.
    let text = "[keys.overlay]\n\"esc\" = \"none\"\n\"ctrl+c\" = \"none\"\n\"ctrl+g\" = \"none\"\n\"f10\" = \"close-overlay\"\n";
    assert_eq!(Keymap::from_file(text).1, []);
}

#[test]
fn whatever_the_file_every_context_can_be_left() {
    for context in Context::ALL {
        let mut text = format!("[keys.{}]\n", context.name());
        for (_, rows) in DEFAULTS {
            for chord in rows.iter().flat_map(|(_, chords)| *chords) {
                let line = format!("{chord:?} = \"none\"\n");
                if !text.contains(&line) {
                    text.push_str(&line);
                }
            }
        }
        let (map, faults) = Keymap::from_file(&text);
        assert_eq!(faults.len(), 1, "{context:?} {faults:?}");
        assert!(faults[0].what.starts_with("no key is left"));
        assert!(
            Context::ALL
                .into_iter()
                .all(|context| map.has_way_out(context))
        );
    }
}
