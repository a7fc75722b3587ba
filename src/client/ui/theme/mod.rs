//! How things look: each role as a style and a glyph.
//!
//! Promises that state is never told by colour alone, that a name has the same colour on every machine and day, and
//! that no colour is used that the terminal lacks. Knows no I/O: what the environment and the theme file say is given.

mod builtin;
pub mod colour;
mod file;
pub mod role;

use ratatui::{style::Style, symbols::border};

pub use builtin::NAMES;
pub use colour::Depth;
pub use role::Role;

use super::fault::Fault;
use role::{Group, ROLES};

/// Which characters are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// All that fonts of terminals have.
    Unicode,
    /// ASCII only.
    Ascii,
}

/// What the environment says about the terminal. Nothing here reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Env<'e> {
    /// `NO_COLOR`.
    pub no_color: Option<&'e str>,
    /// `COLORTERM`.
    pub colorterm: Option<&'e str>,
    /// `TERM`.
    pub term: Option<&'e str>,
    /// `COLORFGBG`, by which some terminals tell their ground.
    pub colorfgbg: Option<&'e str>,
    /// The first that is set of `LC_ALL`, `LC_CTYPE`, `LANG`.
    pub locale: Option<&'e str>,
}

impl Env<'_> {
    /// Returns how many colours can be shown.
    pub fn depth(&self) -> Depth {
        let term = self.term.unwrap_or_default();
        let no_color = self.no_color.is_some_and(|value| !value.is_empty());
        match self.colorterm.unwrap_or_default() {
            // The convention: set to anything but nothing.
            _ if no_color || term == "dumb" || term.ends_with("-m") => Depth::None,
            "truecolor" | "24bit" => Depth::True,
            _ if term.ends_with("-direct") => Depth::True,
            _ if term.contains("256color") => Depth::Indexed,
            _ => Depth::Sixteen,
        }
    }

    /// Returns which characters can be drawn.
    pub fn glyphs(&self) -> Glyphs {
        let locale = self.locale.unwrap_or_default().to_lowercase();
        let says_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let is_poor = matches!(self.term, Some("dumb" | "linux" | "vt100" | "vt220"));
        match is_poor || (!locale.is_empty() && !says_utf8) {
            true => Glyphs::Ascii,
            false => Glyphs::Unicode,
        }
    }

    /// Returns the name of the look that fits when the user has chosen none.
    pub fn name(&self) -> &'static str {
        let ground = self.colorfgbg.and_then(|value| value.rsplit(';').next());
        match (self.depth(), ground) {
            (Depth::None, _) => "plain",
            (Depth::Sixteen, _) => "sixteen",
            (_, Some("7" | "15")) => "light",
            _ => "dark",
        }
    }
}

/// A look: a style for each role, a palette for names, a set of glyphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: Vec<Style>,
    names: Vec<Style>,
    glyphs: Glyphs,
}

impl Theme {
    /// Returns a look that comes with the program, by its name.
    pub fn builtin(name: &str) -> Option<Self> {
        let palette = match name {
            "dark" => Some(&builtin::DARK),
            "light" => Some(&builtin::LIGHT),
            "sixteen" => Some(&builtin::SIXTEEN),
            "plain" => None,
            _ => return None,
        };
        let style = |role| match palette {
            Some(palette) => builtin::coloured(role, palette),
            None => Style::new().add_modifier(builtin::modifiers(role)),
        };
        let names = palette.map_or(&[][..], |palette| palette.names);
        Some(Self {
            styles: ROLES.iter().map(|spec| style(spec.role)).collect(),
            names: names
                .iter()
                .map(|colour| Style::new().fg(*colour))
                .collect(),
            glyphs: Glyphs::Unicode,
        })
    }

    /// Returns the look that fits the environment when the user has chosen none.
    pub fn fitting(env: &Env<'_>) -> Self {
        Self::chosen(env.name(), env).unwrap_or_else(|| Self {
            // Not reached: that name is one of the table. Text without style is still right.
            styles: Vec::new(),
            names: Vec::new(),
            glyphs: Glyphs::Ascii,
        })
    }

    /// Returns the look that the user has chosen by its name, in colours and glyphs that the terminal has.
    pub fn chosen(name: &str, env: &Env<'_>) -> Option<Self> {
        let mut theme = Self::builtin(name)?;
        theme.glyphs = env.glyphs();
        Some(theme.reduced(env.depth()))
    }

    /// Reads the text of a theme file, and fits it to the terminal. What is wrong in it is named and left out.
    pub fn from_file(text: &str, env: &Env<'_>) -> (Self, Vec<Fault>) {
        let read = file::read_theme(text, env);
        (read.0.reduced(env.depth()), read.1)
    }

    /// Returns the style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Returns the style of somebody's name: the same for the same name, always.
    pub fn name_style(&self, name: &str) -> Style {
        let style = self.style(Role::OtherName);
        let count = u64::try_from(self.names.len()).unwrap_or(1).max(1);
        let place = usize::try_from(stable_hash(name) % count).unwrap_or_default();
        match self.names.get(place) {
            Some(colour) => style.patch(*colour),
            None => style,
        }
    }

    /// Returns the glyph that goes with a role; empty when it has none.
    pub fn glyph(&self, role: Role) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => role.spec().unicode,
            Glyphs::Ascii => role.spec().ascii,
        }
    }

    /// Returns whether anything has a colour.
    pub fn has_colours(&self) -> bool {
        let mut styles = self.styles.iter().chain(&self.names);
        styles.any(|style| style.fg.is_some() || style.bg.is_some())
    }

    /// Returns which characters are drawn.
    pub fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// Returns the lines of borders. Those of the pane that has the keys differ, not by colour alone.
    pub fn border(&self, is_focused: bool) -> border::Set<'static> {
        match (self.glyphs, is_focused) {
            (Glyphs::Unicode, false) => border::PLAIN,
            (Glyphs::Unicode, true) => border::THICK,
            (Glyphs::Ascii, false) => ascii_border("|", "-"),
            (Glyphs::Ascii, true) => ascii_border("#", "="),
        }
    }

    fn reduced(mut self, depth: Depth) -> Self {
        for style in self.styles.iter_mut().chain(&mut self.names) {
            style.fg = style.fg.and_then(|colour| colour::reduce(colour, depth));
            style.bg = style.bg.and_then(|colour| colour::reduce(colour, depth));
            // Two colours that come down to the same one would hide the text.
            if style.fg == style.bg {
                style.bg = None;
            }
        }
        self
    }

    /// Returns whether a role is told from those of its group without colour, with this style in its place.
    fn tells(&self, role: Role, style: Style) -> bool {
        let spec = role.spec();
        let alike = |other: &&role::Spec| {
            let theirs = self.style(other.role).add_modifier;
            other.group == spec.group
                && other.role != role
                && theirs == style.add_modifier
                && (other.unicode == spec.unicode || other.ascii == spec.ascii)
        };
        spec.group == Group::Look || !ROLES.iter().any(|spec| alike(&spec))
    }
}

const fn ascii_border(upright: &'static str, level: &'static str) -> border::Set<'static> {
    border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: upright,
        vertical_right: upright,
        horizontal_top: level,
        horizontal_bottom: level,
    }
}

/// FNV-1a: small, and the same for ever, which the standard hasher does not promise.
fn stable_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
