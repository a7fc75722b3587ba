//! Tests of [`super`]: state without colour, the choice by the environment, names by a stable hash.

use ratatui::style::Color;

use super::*;

#[test]
fn state_is_never_told_by_colour_alone() {
    for name in NAMES {
        let theme = Theme::builtin(name).unwrap();
        for spec in ROLES {
            let style = theme.style(spec.role);
            assert!(theme.tells(spec.role, style), "{} in {name}", spec.name);
        }
    }
}

#[test]
fn plain_has_no_colour_and_no_color_takes_them_from_every_look() {
    let env = Env {
        no_color: Some("1"),
        colorterm: Some("truecolor"),
        ..Env::default()
    };
    assert_eq!(env.name(), "plain");
    for name in NAMES {
        let theme = Theme::chosen(name, &env).unwrap();
        for spec in ROLES {
            let style = theme.style(spec.role);
            assert_eq!(
                (style.fg, style.bg),
                (None, None),
                "{} in {name}",
                spec.name
            );
        }
        assert_eq!(theme.name_style("bob").fg, None);
    }
    let (theme, _) = Theme::from_file("[roles]\nerror = \"red\"\n", &env);
    assert_eq!(theme.style(Role::Error).fg, None);
}

#[test]
fn the_environment_chooses() {
    let of = |no_color, colorterm, term, colorfgbg| {
        let env = Env {
            no_color,
            colorterm,
            term,
            colorfgbg,
            locale: None,
        };
        (env.depth(), env.name())
    };
    let xterm = Some("xterm-256color");
    assert_eq!(
        of(None, Some("truecolor"), xterm, None),
        (Depth::True, "dark")
    );
    assert_eq!(
        of(None, Some("truecolor"), xterm, Some("0;15")),
        (Depth::True, "light")
    );
    assert_eq!(
        of(None, None, xterm, Some("15;default;0")),
        (Depth::Indexed, "dark")
    );
    assert_eq!(
        of(None, None, Some("xterm"), None),
        (Depth::Sixteen, "sixteen")
    );
    assert_eq!(of(None, None, None, None), (Depth::Sixteen, "sixteen"));
    assert_eq!(
        of(None, Some("24bit"), Some("dumb"), None),
        (Depth::None, "plain")
    );
    assert_eq!(of(Some(""), None, xterm, None), (Depth::Indexed, "dark"));
    assert_eq!(of(Some("1"), None, xterm, None), (Depth::None, "plain"));
}

#[test]
fn glyphs_fit_the_terminal() {
    let of = |term, locale| {
        Env {
            term: Some(term),
            locale,
            ..Env::default()
        }
        .glyphs()
    };
    assert_eq!(of("xterm", None), Glyphs::Unicode);
    assert_eq!(of("xterm", Some("en_US.UTF-8")), Glyphs::Unicode);
    assert_eq!(of("xterm", Some("C.utf8")), Glyphs::Unicode);
    assert_eq!(of("xterm", Some("C")), Glyphs::Ascii);
    assert_eq!(of("linux", Some("C.UTF-8")), Glyphs::Ascii);
    let theme = Theme::fitting(&Env {
        term: Some("linux"),
        ..Env::default()
    });
    assert_eq!(theme.glyph(Role::Seen), "R");
    assert_eq!(theme.border(false).top_left, "+");
    assert_ne!(theme.border(false), theme.border(true));
}

#[test]
fn a_name_has_the_same_colour_always_and_names_spread() {
    let theme = Theme::builtin("dark").unwrap();
    assert_eq!(stable_hash("bob"), 0x004d_4419_134a_0a54);
    assert_eq!(theme.name_style("bob"), theme.name_style("bob"));
    let mut colours: Vec<Option<Color>> = Vec::new();
    for number in 0..100 {
        let colour = theme.name_style(&format!("user{number}")).fg;
        if !colours.contains(&colour) {
            colours.push(colour);
        }
    }
    assert_eq!(colours.len(), 8);
}

#[test]
fn a_terminal_gets_only_colours_that_it_has() {
    let env = Env {
        term: Some("xterm-256color"),
        ..Env::default()
    };
    let theme = Theme::chosen("dark", &env).unwrap();
    assert!(matches!(
        theme.style(Role::Error).fg,
        Some(Color::Indexed(_))
    ));
    let env = Env {
        term: Some("xterm"),
        ..Env::default()
    };
    let theme = Theme::chosen("light", &env).unwrap();
    for spec in ROLES {
        let style = theme.style(spec.role);
        assert!(!matches!(
            style.fg,
            Some(Color::Rgb(..) | Color::Indexed(_))
        ));
        assert!(style.fg.is_none() || style.fg != style.bg);
    }
    assert_eq!(Theme::chosen("pink", &env), None);
}
