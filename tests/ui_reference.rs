//! docs/terminal-ui.md says which keys and roles there are: its tables are made from those of the program. After a change:
//! `UPDATE_DOCS=1 cargo test ui_reference`.

use std::{env, fmt::Write as _, fs, path::Path};

use tinychat::client::{
    app::command::COMMANDS,
    ui::{
        keymap::Keymap,
        runtime::settings::{Settings, Surroundings},
        theme::role::ROLES,
    },
};

/// Replaces what stands between two marks of a document.
fn with_table(document: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = document.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n{table}\n{end}{after}")
}

fn roles() -> String {
    let mut table = String::from("| Role | What it is | Glyph |\n|---|---|---|\n");
    for role in ROLES {
        let glyph = match role.unicode {
            "" => String::new(),
            glyph => format!("`{}`", glyph.replace('|', "\\|")),
        };
        writeln!(table, "| `{}` | {} | {glyph} |", role.name, role.doc).unwrap();
    }
    table
}

#[test]
fn the_document_of_the_terminal_ui_says_what_the_program_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal-ui.md");
    let document = fs::read_to_string(&file).unwrap();
    let wanted = with_table(&document, "keys", &Keymap::default().markdown());
    let wanted = with_table(&wanted, "roles", &roles());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, wanted).unwrap();
        return;
    }
    assert!(
        document == wanted,
        "docs/terminal-ui.md is not what the program does: UPDATE_DOCS=1 cargo test ui_reference"
    );
}

/// The README shows each command, and none that there is not.
#[test]
fn the_readme_shows_every_command() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `/"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let shown = cells.flat_map(|cell| cell.split('`').filter_map(|code| code.strip_prefix('/')));
    let mut shown: Vec<&str> = shown.filter_map(|code| code.split(' ').next()).collect();
    shown.sort_unstable();
    shown.dedup();
    let mut all: Vec<&str> = COMMANDS.iter().map(|spec| spec.name).collect();
    all.sort_unstable();
    assert_eq!(shown, all);
}

/// The settings that the document shows are settings that work.
#[test]
fn the_examples_of_settings_are_right() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal-ui.md");
    let document = fs::read_to_string(&file).unwrap();
    let blocks: Vec<&str> = document.split("```toml\n").skip(1).collect();
    let names = ["ui.toml", "keys.toml", "theme.toml"];
    assert_eq!(blocks.len(), names.len());
    let folder = tempfile::tempdir().unwrap();
    for (name, block) in names.into_iter().zip(blocks) {
        let text = block.split("```").next().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    let settings = Settings::in_folder(Some(folder.path()), &Surroundings::default());
    assert!(settings.problems.is_empty(), "{:#?}", settings.problems);
    assert_ne!(settings.keys, Keymap::default());
    assert!(settings.has_mouse);
}
