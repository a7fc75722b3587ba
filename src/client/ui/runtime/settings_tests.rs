//! Files of settings, right and wrong.

use super::*;
use crate::client::ui::{
    keymap::{Action, Chord, Context},
    theme::Role,
};

fn around() -> Surroundings {
    Surroundings {
        term: Some("xterm-256color".to_owned()),
        colorterm: Some("truecolor".to_owned()),
        locale: Some("en_GB.UTF-8".to_owned()),
        ..Surroundings::default()
    }
}

fn of(ui: &str) -> Settings {
    let files = Files {
        ui: Some(ui.to_owned()),
        ..Files::default()
    };
    Settings::read(&files, &around())
}

#[test]
fn without_files_all_is_as_it_fits() {
    let home = tempfile::tempdir().unwrap();
    for folder in [None, Some(home.path()), Some(Path::new("/nowhere/at/all"))] {
        let settings = Settings::in_folder(folder, &around());
        assert_eq!(settings.problems, Vec::<String>::new());
        assert_eq!(settings.keys, Keymap::default());
        assert_eq!(settings.theme, Theme::fitting(&around().env()));
        assert!(!settings.has_mouse);
        assert_eq!(settings.notify, Way::Either);
    }
}

#[test]
fn every_setting_does_what_it_says() {
    let settings =
        of("theme = \"light\"\nmouse = true\nnotify = false\nsidebar-order = \"recent\"\n");
    assert_eq!(settings.problems, Vec::<String>::new());
    assert_eq!(
        Some(settings.theme),
        Theme::chosen("light", &around().env())
    );
    assert!(settings.has_mouse);
    assert_eq!((settings.notify, settings.has_title), (Way::None, true));
    assert_eq!(settings.order, Order::Recent);
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_mend_and_the_rest_holds() {
    let settings = of(
        "theme = \"lihgt\"\nmouse = \"yes\"\nsidebar-order = 3\nmuose = true\nnotify = false\n= =\n",
    );
    let expected = [
        "ui.toml, line 1: there is no theme \"lihgt\"; did you mean \"light\"?",
        "ui.toml, line 2: mouse is neither on nor off; write true or false, without quotes",
        "ui.toml, line 3: sidebar-order is given something that is no text; write \"unread\" or \"recent\"",
        "ui.toml, line 4: there is no setting \"muose\"; did you mean \"mouse\"?",
    ];
    assert_eq!(settings.problems[..4], expected);
    assert!(settings.problems[4].starts_with("ui.toml, line 6: this is no TOML"));
    assert_eq!(settings.problems.len(), 5);
    assert_eq!(settings.notify, Way::None, "what is right holds");
    let yes = of("mouse = yes\n");
    assert_eq!(
        yes.problems,
        [
            "ui.toml, line 1: this is no TOML: \"yes\" is neither true nor false; write true, without quotes (true or false)"
        ]
    );
    let hostile = of("\"\\u001b[2J\" = 1\n");
    assert!(!hostile.problems[0].contains('\u{1b}'));
}

#[test]
fn files_are_read_from_the_folder_and_a_theme_of_ones_own_goes_before() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    write("ui.toml", "theme = \"light\"\n");
    write(
        "theme.toml",
        "base = \"dark\"\n[roles]\ndim = \"gray\"\nfrob = 1\n",
    );
    write(
        "keys.toml",
        "[keys.everywhere]\n\"ctrl+x\" = \"quit\"\n\"f99\" = \"quit\"\n",
    );
    let settings = Settings::in_folder(Some(home.path()), &around());
    let files: Vec<&str> = settings
        .problems
        .iter()
        .filter_map(|problem| problem.split_once(':'))
        .map(|(place, _)| place)
        .collect();
    assert_eq!(files, ["keys.toml, line 3", "theme.toml, line 4"]);
    let chord = Chord::parse("ctrl+x").unwrap();
    let does = settings.keys.lookup(Context::Everywhere, chord);
    assert_eq!(does, Some(Action::Quit));
    let dark = Theme::chosen("dark", &around().env()).unwrap();
    assert_eq!(settings.theme.style(Role::Text), dark.style(Role::Text));
    assert_ne!(settings.theme.style(Role::Dim), dark.style(Role::Dim));

    write("keys.toml", &"#".repeat(2 * 1024 * 1024));
    fs::remove_file(home.path().join("theme.toml")).unwrap();
    fs::create_dir(home.path().join("theme.toml")).unwrap();
    fs::write(home.path().join("ui.toml"), b"\xff\xfe").unwrap();
    let settings = Settings::in_folder(Some(home.path()), &around());
    assert_eq!(settings.problems.len(), 3, "{:?}", settings.problems);
    for problem in &settings.problems {
        assert!(problem.starts_with("cannot read ") && problem.contains("; see to its rights"));
    }
    assert_eq!(settings.keys, Keymap::default());
}
