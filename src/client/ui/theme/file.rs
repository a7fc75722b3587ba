//! A theme of the user: a base, and what is other than there:
//!
//! ```toml
//! base = "dark"                       # dark, light, sixteen or plain; without it what fits the terminal
//! glyphs = "ascii"                    # or unicode; without it what fits the terminal
//! names = ["#8ab8ff", "cyan", 208]    # the palette for names
//! [roles]
//! dim = "gray"
//! mention = { fg = "black", bg = "yellow", bold = true }
//! ```
//!
//! Promises to name each wrong line with its mend and to keep what is right, and that no file makes state a matter of
//! colour alone or hides text. Knows no path: the text is given.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Env, Glyphs, NAMES, Theme, colour,
    role::{ROLES, Role},
};
use crate::client::ui::fault::{Fault, in_order, line_of, read, shown, suggest};

/// Colours of names that are read, at most.
const NAMES_MAX: usize = 64;

/// The words for modifiers.
const MODIFIERS: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("faint", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
    ("strike", Modifier::CROSSED_OUT),
];

/// Reads a theme file.
pub(super) fn read_theme(text: &str, env: &Env<'_>) -> (Theme, Vec<Fault>) {
    let (table, faults) = read(text);
    let mut reader = Reader {
        theme: Theme::fitting(env),
        text,
        broken: faults.iter().map(|fault| fault.line).collect(),
        faults,
    };
    reader.read(&table, env);
    reader.faults.sort_by_key(|fault| fault.line);
    (reader.theme, reader.faults)
}

struct Reader<'t> {
    theme: Theme,
    text: &'t str,
    /// The lines that are no TOML: what the parser made of them is not looked at.
    broken: Vec<usize>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &Range<usize>, what: String, mend: impl Into<String>) {
        let (line, mend) = (line_of(self.text, at), mend.into());
        if !self.broken.contains(&line) {
            self.faults.push(Fault { line, what, mend });
        }
    }

    fn is_broken(&self, at: &Range<usize>) -> bool {
        self.broken.contains(&line_of(self.text, at))
    }

    fn read(&mut self, table: &DeTable<'_>, env: &Env<'_>) {
        // The base first, wherever it stands: all else is laid over it.
        let base = table.iter().find(|(key, _)| key.get_ref() == "base");
        if let Some((_, value)) = base {
            match value
                .get_ref()
                .as_str()
                .map(|name| Theme::chosen(name, env))
            {
                Some(Some(theme)) => self.theme = theme,
                _ => self.unknown("base", value, &NAMES),
            }
        }
        for (key, span, value) in in_order(table.iter()) {
            match (key, value.get_ref()) {
                _ if self.is_broken(&span) => {}
                ("base", _) => {}
                ("glyphs", DeValue::String(set)) if set == "unicode" => {
                    self.theme.glyphs = Glyphs::Unicode;
                }
                ("glyphs", DeValue::String(set)) if set == "ascii" => {
                    self.theme.glyphs = Glyphs::Ascii;
                }
                ("glyphs", _) => self.unknown("set of glyphs", value, &["unicode", "ascii"]),
                ("names", DeValue::Array(colours)) => {
                    let read = colours.iter().take(NAMES_MAX);
                    let read: Vec<Color> = read.filter_map(|value| self.colour(value)).collect();
                    // An empty palette is a wish, too; one of mistakes only is none.
                    if !read.is_empty() || colours.is_empty() {
                        let style = |colour: &Color| Style::new().fg(*colour);
                        self.theme.names = read.iter().map(style).collect();
                    }
                }
                ("roles", DeValue::Table(roles)) => self.roles(roles),
                ("names", _) => self.fault(
                    &span,
                    "names is no list".to_owned(),
                    "write names = [\"cyan\", \"#8ab8ff\"] or the like",
                ),
                ("roles", _) => self.fault(
                    &span,
                    "roles is no table".to_owned(),
                    "write [roles], and the roles below it",
                ),
                _ => {
                    let what = format!("there is no setting {} in a theme", shown(key));
                    let known = ["base", "glyphs", "names", "roles"];
                    let mend = suggest(key, known, "there are base, glyphs, names and [roles]");
                    self.fault(&span, what, mend);
                }
            }
        }
    }

    fn unknown(&mut self, kind: &str, value: &Spanned<DeValue<'_>>, known: &[&'static str]) {
        let all = format!("write \"{}\"", known.join("\" or \""));
        let (what, mend) = match value.get_ref().as_str() {
            Some(word) => (
                format!("there is no {kind} {}", shown(word)),
                suggest(word, known.iter().copied(), &all),
            ),
            None => (format!("{kind} is given something that is no text"), all),
        };
        self.fault(&value.span(), what, mend);
    }

    fn roles(&mut self, roles: &DeTable<'_>) {
        // The marks of each group are looked at when all roles are read: two may change places.
        let mut changed = Vec::new();
        let base = self.theme.clone();
        for (name, span, value) in in_order(roles.iter()) {
            if self.is_broken(&span) {
                continue;
            }
            let Some(role) = Role::find(name) else {
                let what = format!("there is no role {}", shown(name));
                let names = ROLES.iter().map(|spec| spec.name);
                let known: Vec<&str> = names.clone().collect();
                let all = format!("there are {}", known.join(", "));
                self.fault(&span, what, suggest(name, names, &all));
                continue;
            };
            let style = self.style(self.theme.style(role), value);
            if style.fg.is_some() && style.fg == style.bg && style.fg != Some(Color::Reset) {
                let what = format!("{name} would have one colour for text and ground");
                self.fault(&span, what, "give fg or bg another colour");
                continue;
            }
            self.set(role, style);
            changed.push((role, span));
        }
        for (role, span) in changed {
            if !self.theme.tells(role, self.theme.style(role)) {
                let name = role.spec().name;
                let what = format!("{name} would be told by its colour alone, so its marks stay");
                self.fault(
                    &span,
                    what,
                    "leave bold, underline and the like as they are, or give others",
                );
                let marks = base.style(role).add_modifier;
                let mut style = self.theme.style(role);
                style.add_modifier = marks;
                self.set(role, style);
            }
        }
    }

    fn set(&mut self, role: Role, style: Style) {
        if let Some(place) = self.theme.styles.get_mut(role as usize) {
            *place = style;
        }
    }

    fn style(&mut self, mut style: Style, value: &Spanned<DeValue<'_>>) -> Style {
        let DeValue::Table(parts) = value.get_ref() else {
            style.fg = self.colour(value).or(style.fg);
            return style;
        };
        for (key, span, value) in in_order(parts.iter()) {
            let modifier = MODIFIERS.iter().find(|(word, _)| *word == key);
            match (key, modifier, value.get_ref()) {
                ("fg", ..) => style.fg = self.colour(value).or(style.fg),
                ("bg", ..) => style.bg = self.colour(value).or(style.bg),
                (_, Some((_, modifier)), DeValue::Boolean(on)) => {
                    style.add_modifier.set(*modifier, *on);
                }
                (_, Some(_), _) => {
                    let what = format!("{key} is neither on nor off");
                    self.fault(&span, what, format!("write {key} = true or {key} = false"));
                }
                (_, None, _) => {
                    let words = MODIFIERS.iter().map(|(word, _)| *word).chain(["fg", "bg"]);
                    let what = format!("a role has no {}", shown(key));
                    let all = "it has fg, bg, bold, faint, italic, underline, reverse, strike";
                    self.fault(&span, what, suggest(key, words, all));
                }
            }
        }
        style
    }

    fn colour(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Color> {
        let word = match value.get_ref() {
            DeValue::String(word) => word.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            other => format!("a {}", other.type_str()),
        };
        let colour = colour::parse(&word);
        if colour.is_none() {
            let names = colour::NAMES.iter().map(|(name, ..)| *name);
            let all = "write a name such as red or light-blue, \"#rrggbb\", default, or 0 to 255";
            let what = format!("{} is no colour", shown(&word));
            self.fault(&value.span(), what, suggest(&word, names, all));
        }
        colour
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
