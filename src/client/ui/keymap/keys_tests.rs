//! Tests of [`super`]: each chord is written in one way, and what terminals cannot tell is one chord or refused.

use super::*;

fn canonical(text: &str) -> String {
    match Chord::parse(text) {
        Ok(chord) => chord.to_string(),
        Err(error) => format!("{}; {}", error.what, error.mend),
    }
}

fn event(code: KeyCode, modifiers: KeyModifiers) -> String {
    Chord::from_event(&KeyEvent::new(code, modifiers)).map_or("-".to_owned(), |c| c.to_string())
}

#[test]
fn many_ways_to_write_a_chord_are_one() {
    for (written, wanted) in [
        ("alt+1", "alt+1"),
        ("Ctrl+K", "ctrl+k"),
        ("c-k", "ctrl+k"),
        ("Control-k", "ctrl+k"),
        ("M-b", "alt+b"),
        ("PageUp", "pgup"),
        ("F1", "f1"),
        ("Return", "enter"),
        ("option+enter", "alt+enter"),
        ("shift+alt+a", "alt+shift+a"),
        ("backtab", "shift+tab"),
        ("ctrl+alt+del", "ctrl+alt+delete"),
        ("shift+g", "shift+g"),
        ("G", "g"),
        ("+", "+"),
        ("-", "-"),
        ("alt++", "alt++"),
        ("alt+-", "alt+-"),
        ("space", "space"),
        ("ctrl+space", "ctrl+space"),
        ("é", "é"),
        (" ctrl+w ", "ctrl+w"),
    ] {
        assert_eq!(canonical(written), wanted, "{written}");
        assert_eq!(canonical(wanted), wanted, "as it is printed it is read");
    }
}

#[test]
fn chords_that_are_the_same_bytes_are_the_same_chord() {
    for (one, other) in [
        ("ctrl+i", "tab"),
        ("ctrl+m", "enter"),
        ("ctrl+h", "backspace"),
        ("ctrl+?", "backspace"),
        ("ctrl+[", "esc"),
        ("ctrl+@", "ctrl+space"),
        ("ctrl+/", "ctrl+_"),
        ("ctrl+7", "ctrl+_"),
        ("ctrl+4", "ctrl+\\"),
        ("ctrl+alt+h", "alt+backspace"),
        ("ctrl+alt+m", "alt+enter"),
    ] {
        assert_eq!(canonical(one), other);
    }
    let ctrl = KeyModifiers::CONTROL;
    for (code, modifiers, wanted) in [
        (KeyCode::Char('h'), ctrl, "backspace"),
        (KeyCode::Char('7'), ctrl, "ctrl+_"),
        (KeyCode::Char('K'), ctrl | KeyModifiers::SHIFT, "ctrl+k"),
        (KeyCode::Enter, ctrl, "enter"),
        (KeyCode::Enter, KeyModifiers::SHIFT, "enter"),
        (KeyCode::Enter, KeyModifiers::ALT, "alt+enter"),
        (KeyCode::BackTab, KeyModifiers::SHIFT, "shift+tab"),
        (KeyCode::Null, KeyModifiers::NONE, "ctrl+space"),
        (
            KeyCode::Char('A'),
            KeyModifiers::ALT | KeyModifiers::SHIFT,
            "alt+shift+a",
        ),
        (KeyCode::Char('?'), KeyModifiers::SHIFT, "?"),
        (KeyCode::Up, ctrl | KeyModifiers::ALT, "ctrl+alt+up"),
        (KeyCode::F(13), KeyModifiers::NONE, "-"),
        (KeyCode::CapsLock, KeyModifiers::NONE, "-"),
        (KeyCode::Char('\u{1}'), KeyModifiers::NONE, "-"),
    ] {
        assert_eq!(event(code, modifiers), wanted, "{code:?} {modifiers:?}");
    }
}

#[test]
fn what_cannot_be_typed_is_refused_with_a_mend() {
    for (written, wanted) in [
        (
            "ctrl+enter",
            "\"ctrl+enter\" cannot be told from the key without ctrl or shift; use alt with it, as in alt+enter",
        ),
        (
            "ctrl+shift+k",
            "\"ctrl+shift+k\" cannot be told from the key without shift; leave shift out, or use alt+shift with the letter",
        ),
        (
            "shift+1",
            "\"shift+1\" depends on the keyboard; write the character that it types, without shift",
        ),
        (
            "alt+esc",
            "\"alt+esc\" cannot be told from esc; write esc, or use another key",
        ),
        (
            "ctrl+tab",
            "\"ctrl+tab\" cannot be told from tab; use alt+tab or shift+tab",
        ),
        (
            "alt+[",
            "\"alt+[\" is how the codes of other keys begin; use another key",
        ),
        (
            "alt+shift+o",
            "\"alt+shift+o\" is how the codes of other keys begin; use another key",
        ),
        (
            "ctrl+1",
            "\"ctrl+1\" has no code that a terminal could send; use ctrl with a letter, or alt",
        ),
        (
            "cmd+k",
            "\"cmd+k\" holds a key that terminals do not send; use ctrl or alt",
        ),
        ("crtl+k", "\"crtl+k\" is no key; did you mean ctrl?"),
        ("pgupp", "\"pgupp\" is no key; did you mean pgup?"),
        (
            "f13",
            "\"f13\" is no key; write a character, a name such as pgup, enter or f1, with ctrl+, alt+ or shift+ before it",
        ),
    ] {
        assert_eq!(canonical(written), wanted);
    }
    for nonsense in [
        "", " ", "ctrl", "ctrl+", "+ctrl", "\u{1b}", "ab", "ctrl++", "f0", "f256", "f1f",
    ] {
        assert!(Chord::parse(nonsense).is_err(), "{nonsense:?}");
    }
}

#[test]
fn what_a_terminal_sends_can_be_written_in_the_file() {
    for c in ' '..='~' {
        for held in [KeyModifiers::NONE, KeyModifiers::ALT] {
            let told = event(KeyCode::Char(c), held);
            if !["alt+[", "alt+shift+o"].contains(&told.as_str()) {
                assert_eq!(canonical(&told), told);
            }
        }
    }
}

#[test]
fn only_a_character_alone_is_typed() {
    let typed = |text| Chord::parse(text).ok().and_then(Chord::typed);
    assert_eq!(typed("a"), Some('a'));
    assert_eq!(typed("shift+a"), Some('A'));
    assert_eq!(typed("space"), Some(' '));
    assert_eq!(typed("alt+a"), None);
    assert_eq!(typed("enter"), None);
    let release = KeyEvent::new_with_kind(
        KeyCode::Char('a'),
        KeyModifiers::NONE,
        KeyEventKind::Release,
    );
    assert_eq!(Chord::from_event(&release), None);
}
