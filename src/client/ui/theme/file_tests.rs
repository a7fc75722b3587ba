//! Tests of [`super`]: what a theme file changes, and what is said about each mistake in one.

use super::*;

const TRUE: Env<'static> = Env {
    no_color: None,
    colorterm: Some("truecolor"),
    term: Some("xterm-256color"),
    colorfgbg: None,
    locale: None,
};

#[test]
fn an_empty_file_is_what_fits_the_terminal() {
    let (theme, faults) = Theme::from_file("", &TRUE);
    assert_eq!((theme, faults), (Theme::builtin("dark").unwrap(), vec![]));
}

#[test]
fn a_file_is_laid_over_its_base() {
    let text = "\
glyphs = \"ascii\"
names = [\"cyan\", \"#010203\", 208]
base = \"light\"
[roles]
dim = \"grey\"
mention = { fg = \"black\", bg = 226, italic = true }
link = { underline = false }
";
    let (theme, faults) = Theme::from_file(text, &TRUE);
    assert_eq!(faults, []);
    let light = Theme::builtin("light").unwrap();
    assert_eq!(theme.style(Role::Dim).fg, Some(Color::Gray));
    let mention = theme.style(Role::Mention);
    assert_eq!(
        (mention.fg, mention.bg),
        (Some(Color::Black), Some(Color::Indexed(226)))
    );
    assert!(
        mention
            .add_modifier
            .contains(Modifier::ITALIC | Modifier::BOLD)
    );
    assert_eq!(theme.style(Role::Link).add_modifier, Modifier::empty());
    assert_eq!(theme.style(Role::Error), light.style(Role::Error));
    assert_eq!(theme.glyph(Role::Online), "*");
    assert_eq!(theme.names.len(), 3);
}

#[test]
fn every_mistake_is_named_with_its_line_and_the_mend() {
    for (text, wanted) in [
        (
            "base = \"drak\"",
            "line 1: there is no base \"drak\"; did you mean \"dark\"?",
        ),
        (
            "base = 7",
            "line 1: base is given something that is no text; write \"dark\" or \"light\" or \"sixteen\" or \"plain\"",
        ),
        (
            "glyphs = \"emoji\"",
            "line 1: there is no set of glyphs \"emoji\"; write \"unicode\" or \"ascii\"",
        ),
        (
            "names = \"red\"",
            "line 1: names is no list; write names = [\"cyan\", \"#8ab8ff\"] or the like",
        ),
        (
            "names = [\n \"red\",\n \"rde\"]",
            "line 3: \"rde\" is no colour; write a name such as red or light-blue, \"#rrggbb\", default, or 0 to 255",
        ),
        (
            "role = 1",
            "line 1: there is no setting \"role\" in a theme; did you mean \"roles\"?",
        ),
        (
            "roles = 1",
            "line 1: roles is no table; write [roles], and the roles below it",
        ),
        (
            "[roles]\nmentoin = \"red\"",
            "line 2: there is no role \"mentoin\"; did you mean \"mention\"?",
        ),
        (
            "[roles]\nerror = \"magneta\"",
            "line 2: \"magneta\" is no colour; did you mean \"magenta\"?",
        ),
        (
            "[roles]\nerror = 256",
            "line 2: \"256\" is no colour; write a name such as red or light-blue, \"#rrggbb\", default, or 0 to 255",
        ),
        (
            "[roles]\nerror = { blod = true }",
            "line 2: a role has no \"blod\"; did you mean \"bold\"?",
        ),
        (
            "[roles]\nerror = { bold = \"yes\" }",
            "line 2: bold is neither on nor off; write bold = true or bold = false",
        ),
        (
            "[roles]\nerror = { fg = \"red\", bg = \"red\" }",
            "line 2: error would have one colour for text and ground; give fg or bg another colour",
        ),
    ] {
        let (_, faults) = Theme::from_file(text, &TRUE);
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said, [wanted], "{text}");
    }
}

#[test]
fn no_file_makes_state_a_matter_of_colour() {
    for (role, marks) in [
        ("seen", "bold = false"),
        ("own-reaction", "bold = false"),
        ("border", "bold = true"),
    ] {
        let text = format!("base = \"dark\"\n[roles]\n{role} = {{ fg = \"red\", {marks} }}\n");
        let (theme, faults) = Theme::from_file(&text, &TRUE);
        assert_eq!(faults.len(), 1, "{role} {faults:?}");
        assert_eq!(faults[0].line, 3);
        assert!(faults[0].what.contains("by its colour alone"));
        let role = Role::find(role).unwrap();
        assert!(theme.tells(role, theme.style(role)));
        assert_eq!(
            theme.style(role).fg,
            Some(Color::Red),
            "the colour is the user's"
        );
    }
}

#[test]
fn a_wrong_line_costs_itself_only() {
    let text = "[roles]\nerror = = 1\ndim = \"red\"\nlink = \"nocolour\"\n";
    let (theme, faults) = Theme::from_file(text, &TRUE);
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(theme.style(Role::Dim).fg, Some(Color::Red));
    let dark = Theme::builtin("dark").unwrap();
    assert_eq!(theme.style(Role::Error), dark.style(Role::Error));
}
