//! Which way pictures are shown.

use clap::ValueEnum;

use super::answers::Report;
use crate::client::ui::theme::{Env, Glyphs, colour::Depth};

/// What the user wishes (`--images`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Images {
    /// The best that the terminal says it can.
    #[default]
    #[value(alias = "on")]
    Auto,
    /// None.
    Off,
    /// Half blocks of text.
    Blocks,
    /// By kitty's protocol.
    Kitty,
    /// By iTerm2's protocol.
    Iterm2,
    /// As sixels.
    Sixel,
}

/// How pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Not at all.
    Off,
    /// As half blocks, in so many colours.
    Blocks(Depth),
    /// By kitty's protocol.
    Kitty,
    /// By iTerm2's protocol.
    Iterm2,
    /// As sixels.
    Sixel,
}

/// What the environment says. Nothing here reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'e> {
    /// Colours, characters, `TERM`.
    pub env: Env<'e>,
    /// `TERM_PROGRAM`.
    pub program: Option<&'e str>,
    /// `LC_TERMINAL`, which iTerm2 sets and SSH carries over.
    pub lc_terminal: Option<&'e str>,
    /// Whether one of `TMUX`, `STY`, `ZELLIJ` is set.
    pub is_multiplexed: bool,
}

impl Surroundings<'_> {
    /// Returns whether a program lies between us and the terminal that shares it out: it knows nothing of pictures drawn past
    /// it, and what it passes through would stand in the wrong window.
    pub fn is_multiplexed(&self) -> bool {
        let term = self.env.term.unwrap_or_default();
        self.is_multiplexed || term.starts_with("tmux") || term.starts_with("screen")
    }

    /// Returns whether asking makes sense: what the user wishes depends on the answers, and the terminal may know them.
    pub fn should_ask(&self, wish: Images) -> bool {
        // The console of Linux draws what it does not know.
        let is_console = self.env.term == Some("linux");
        let depends = match wish {
            Images::Off | Images::Blocks => false,
            Images::Auto => !self.is_multiplexed(),
            // To draw a picture in its right shape, the size of a cell is asked for.
            Images::Kitty | Images::Iterm2 | Images::Sixel => true,
        };
        depends && self.can_move() && !is_console
    }

    fn can_move(&self) -> bool {
        !matches!(self.env.term, None | Some("" | "dumb"))
    }

    fn is_iterm2(&self, report: &Report) -> bool {
        // The environment is inherited by terminals that were started within; who says its name is none of these.
        match report.name.as_deref() {
            Some(name) => name.starts_with("iTerm2") || name.starts_with("WezTerm"),
            None => {
                matches!(self.program, Some("iTerm.app" | "WezTerm"))
                    || self.lc_terminal == Some("iTerm2")
            }
        }
    }
}

/// Whether what answers is a program that shares out a terminal, such as one at the end of a link.
fn is_multiplexer(report: &Report) -> bool {
    let name = report.name.as_deref().unwrap_or_default();
    ["tmux", "screen", "zellij"]
        .iter()
        .any(|known| name.to_lowercase().starts_with(known))
}

/// Decides. What was asked for by its name is done, also where the terminal does not say that it can; but nothing is drawn
/// where the cursor cannot be moved.
pub fn choose(wish: Images, around: &Surroundings<'_>, report: &Report) -> Way {
    if wish == Images::Off || !around.can_move() {
        return Way::Off;
    }
    let depth = around.env.depth();
    let blocks = match around.env.glyphs() {
        Glyphs::Unicode => Way::Blocks(depth),
        Glyphs::Ascii => Way::Off,
    };
    match wish {
        Images::Off => Way::Off,
        Images::Blocks => blocks,
        Images::Kitty => Way::Kitty,
        Images::Iterm2 => Way::Iterm2,
        Images::Sixel => Way::Sixel,
        // Who wants no colours wants no pictures.
        Images::Auto if depth == Depth::None => Way::Off,
        Images::Auto if around.is_multiplexed() || is_multiplexer(report) => blocks,
        // Both speak kitty's, too, by now; this is their own, and older versions know only it.
        Images::Auto if around.is_iterm2(report) => Way::Iterm2,
        Images::Auto if report.has_kitty => Way::Kitty,
        // Sixels are pixels: where nobody knows how large a cell is, they could cover what stands beside them.
        Images::Auto if report.has_sixel && report.cell.is_some() => Way::Sixel,
        Images::Auto => blocks,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
