//! What the user set for the UI: the files of `$XDG_CONFIG_HOME/tinychat`, and what the environment says of the terminal.
//!
//! `keys.toml` lays keys over those that are there (see `ui::keymap`), `theme.toml` is a look of one's own (see `ui::theme`),
//! and `ui.toml` holds the rest:
//!
//! ```toml
//! theme = "light"             # dark, light, sixteen or plain; a theme.toml goes before
//! mouse = true                # clicks and the wheel; the terminal then selects text with shift only
//! notify = false              # no notifications of the terminal; the bell stays
//! sidebar-order = "recent"    # or "unread": what is unread first
//! images = "blocks"           # auto, off, blocks, kitty, iterm2 or sixel
//! ```
//!
//! Promises that what is wrong in a file costs that line only, and is named with file, line and mend. A file that is not
//! there is none.

use std::{
    env, fs,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use etcetera::BaseStrategy;
use toml::{Spanned, de::DeValue};

use clap::ValueEnum;

use super::{notice::Way, showing::Showing};
use crate::client::{
    picture::terminal::{self, Images},
    ui::{
        fault::{self, Fault, in_order, line_of, shown, suggest},
        keymap::Keymap,
        model::chats::Order,
        theme::{self, Glyphs, Theme},
    },
};

/// The longest file of settings that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// What `ui.toml` may hold.
const NAMES: [&str; 5] = ["theme", "mouse", "notify", "sidebar-order", "images"];

/// What `sidebar-order` may be.
const ORDERS: [&str; 2] = ["unread", "recent"];
/// What `images` may be.
const IMAGES: [&str; 6] = ["auto", "off", "blocks", "kitty", "iterm2", "sixel"];

/// What programs set that share out a terminal.
const MULTIPLEXERS: [&str; 3] = ["TMUX", "STY", "ZELLIJ"];

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys.
    pub keys: Keymap,
    /// The look.
    pub theme: Theme,
    /// Whether the mouse is heard.
    pub has_mouse: bool,
    /// How the terminal is told of what calls.
    pub notify: Way,
    /// Whether the terminal has a title.
    pub has_title: bool,
    /// How conversations are ordered.
    pub order: Order,
    /// How pictures are shown.
    pub images: Showing,
    /// What is wrong in the files, a line each, safe to be shown.
    pub problems: Vec<String>,
}

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    no_color: Option<String>,
    colorterm: Option<String>,
    term: Option<String>,
    colorfgbg: Option<String>,
    locale: Option<String>,
    program: Option<String>,
    is_vte: bool,
    lc_terminal: Option<String>,
    is_multiplexed: bool,
}

impl Surroundings {
    /// Reads the environment of this program.
    pub fn of_program() -> Self {
        Self::of(|name| env::var(name).ok())
    }

    /// Takes what stands under these names.
    pub(super) fn of(read: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"];
        Self {
            no_color: read("NO_COLOR"),
            colorterm: read("COLORTERM"),
            term: read("TERM"),
            colorfgbg: read("COLORFGBG"),
            locale: locale.into_iter().find_map(read),
            program: read("TERM_PROGRAM"),
            is_vte: read("VTE_VERSION").is_some(),
            lc_terminal: read("LC_TERMINAL"),
            is_multiplexed: MULTIPLEXERS.iter().any(|name| read(name).is_some()),
        }
    }

    fn env(&self) -> theme::Env<'_> {
        theme::Env {
            no_color: self.no_color.as_deref(),
            colorterm: self.colorterm.as_deref(),
            term: self.term.as_deref(),
            colorfgbg: self.colorfgbg.as_deref(),
            locale: self.locale.as_deref(),
        }
    }

    /// The same, as far as it matters for pictures.
    pub(super) fn of_pictures(&self) -> terminal::Surroundings<'_> {
        terminal::Surroundings {
            env: self.env(),
            program: self.program.as_deref(),
            lc_terminal: self.lc_terminal.as_deref(),
            is_multiplexed: self.is_multiplexed,
        }
    }

    fn way(&self) -> Way {
        let word = |value: &Option<String>| value.clone().unwrap_or_default();
        Way::of(&word(&self.term), &word(&self.program), self.is_vte)
    }
}

/// The texts of the files that are there.
#[derive(Clone, Debug, Default)]
struct Files {
    keys: Option<String>,
    theme: Option<String>,
    ui: Option<String>,
}

impl Settings {
    /// Reads the files of this user. What was said of pictures with the command goes before.
    pub fn of_user(images: Option<Images>) -> Self {
        let strategy = etcetera::base_strategy::Xdg::new().ok();
        let folder = strategy.map(|strategy| strategy.config_dir().join("tinychat"));
        let mut settings = Self::in_folder(folder.as_deref(), &Surroundings::of_program());
        settings.images.wish = images.unwrap_or(settings.images.wish);
        settings
    }

    /// Reads the files of a folder; without one nothing is set.
    pub fn in_folder(folder: Option<&Path>, around: &Surroundings) -> Self {
        let mut problems = Vec::new();
        let mut read = |name: &str| {
            let path = folder?.join(name);
            match read_text(&path) {
                Ok(text) => text,
                Err(error) => {
                    problems.push(format!(
                        "cannot read {}: {error}; see to its rights, or remove it",
                        shown_path(&path)
                    ));
                    None
                }
            }
        };
        let files = Files {
            keys: read("keys.toml"),
            theme: read("theme.toml"),
            ui: read("ui.toml"),
        };
        let mut settings = Self::read(&files, around);
        problems.append(&mut settings.problems);
        Self {
            problems,
            ..settings
        }
    }

    fn read(files: &Files, around: &Surroundings) -> Self {
        let env = around.env();
        let mut settings = Self {
            keys: Keymap::default(),
            theme: Theme::fitting(&env),
            has_mouse: false,
            notify: around.way(),
            has_title: around.way() != Way::None,
            order: Order::UnreadFirst,
            images: Showing::new(around.clone()),
            problems: Vec::new(),
        };
        if let Some(text) = &files.keys {
            let (keys, faults) = Keymap::from_file(text);
            settings.keys = keys;
            settings.name("keys.toml", faults);
        }
        if let Some(text) = &files.ui {
            let faults = Reader::read(&mut settings, text, &env);
            settings.name("ui.toml", faults);
        }
        if let Some(text) = &files.theme {
            let (theme, faults) = Theme::from_file(text, &env);
            settings.theme = theme;
            settings.name("theme.toml", faults);
        }
        settings.images.is_plain = !settings.theme.has_colours();
        settings.images.is_ascii = settings.theme.glyphs() == Glyphs::Ascii;
        settings
    }

    fn name(&mut self, file: &str, faults: Vec<Fault>) {
        let named = faults.into_iter().map(|fault| format!("{file}, {fault}"));
        self.problems.extend(named);
    }
}

struct Reader<'s, 't> {
    settings: &'s mut Settings,
    text: &'t str,
    broken: Vec<usize>,
    faults: Vec<Fault>,
}

impl<'t> Reader<'_, 't> {
    fn read(settings: &mut Settings, text: &'t str, env: &theme::Env<'_>) -> Vec<Fault> {
        let (table, faults) = fault::read(text);
        let mut reader = Reader {
            settings,
            text,
            broken: faults.iter().map(|fault| fault.line).collect(),
            faults,
        };
        for (name, span, value) in in_order(table.iter()) {
            reader.entry(name, &span, value, env);
        }
        let mut faults = reader.faults;
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    fn entry(
        &mut self,
        name: &str,
        at: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
        env: &theme::Env<'_>,
    ) {
        match (name, value.get_ref()) {
            // What the parser made of a line that is no TOML is not looked at.
            _ if self.broken.contains(&line_of(self.text, at)) => {}
            ("mouse", DeValue::Boolean(is_on)) => self.settings.has_mouse = *is_on,
            ("notify", DeValue::Boolean(true)) => {}
            ("notify", DeValue::Boolean(false)) => self.settings.notify = Way::None,
            ("mouse" | "notify", _) => {
                let what = format!("{name} is neither on nor off");
                self.fault(at, what, "write true or false, without quotes");
            }
            ("theme", DeValue::String(theme)) => match Theme::chosen(theme, env) {
                Some(look) => self.settings.theme = look,
                None => self.unknown(at, "theme", theme, &theme::NAMES),
            },
            ("sidebar-order", DeValue::String(order)) => match order.as_ref() {
                "unread" => self.settings.order = Order::UnreadFirst,
                "recent" => self.settings.order = Order::Recent,
                _ => self.unknown(at, "order", order, &ORDERS),
            },
            ("images", DeValue::String(way)) => match Images::from_str(way, false) {
                Ok(wish) => self.settings.images.wish = wish,
                Err(_) => self.unknown(at, "way to show images", way, &IMAGES),
            },
            ("images", _) => self.no_text(at, name, &IMAGES),
            ("theme", _) => self.no_text(at, name, &theme::NAMES),
            ("sidebar-order", _) => self.no_text(at, name, &ORDERS),
            _ => {
                let what = format!("there is no setting {}", shown(name));
                let all = format!("there are {}", NAMES.join(", "));
                self.fault(at, what, suggest(name, NAMES, &all));
            }
        }
    }

    fn no_text(&mut self, at: &Range<usize>, name: &str, known: &[&'static str]) {
        let what = format!("{name} is given something that is no text");
        self.fault(at, what, format!("write \"{}\"", known.join("\" or \"")));
    }

    fn unknown(&mut self, at: &Range<usize>, kind: &str, word: &str, known: &[&'static str]) {
        let all = format!("write \"{}\"", known.join("\" or \""));
        let mend = suggest(word, known.iter().copied(), &all);
        self.fault(at, format!("there is no {kind} {}", shown(word)), mend);
    }

    fn fault(&mut self, at: &Range<usize>, what: String, mend: impl Into<String>) {
        let (line, mend) = (line_of(self.text, at), mend.into());
        self.faults.push(Fault { line, what, mend });
    }
}

/// Reads a file; `None`: it is not there.
fn read_text(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    let count = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match u64::try_from(count).is_ok_and(|count| count <= FILE_BYTES_MAX) {
        true => Ok(Some(text)),
        false => Err(io::Error::other("it is longer than 1 MiB")),
    }
}

/// Names of folders are the user's own, and yet they may hold anything.
fn shown_path(path: &Path) -> String {
    path.to_string_lossy().escape_debug().collect()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
