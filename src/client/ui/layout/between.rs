//! The lines between messages: where a day begins, where the unread ones begin, where messages are missing, and where
//! all begins.
//!
//! Promises that each fits its width. Knows no messages: what is said of one is given.

use super::row::{Owner, Piece, Row, sign};
use crate::client::{
    app::room::{Kind, Room},
    ui::{
        model::LinkState,
        text::{self, cut, width},
        theme::{Glyphs, Role},
    },
};

/// Signs of a rule before and behind its words at the least.
const RULE_MIN: usize = 2;

/// Returns a line across with words in its middle.
pub fn rule(role: Role, words: &str, cells: usize, glyphs: Glyphs) -> Row {
    let signs = super::row::text_glyphs(glyphs);
    let words = cut(words, cells.saturating_sub(2 * RULE_MIN + 3), &signs);
    // One cell stays free at both sides.
    let space = cells.saturating_sub(2);
    let line = sign(role, glyphs);
    let text = match words.is_empty() {
        true => line.repeat(space),
        false => {
            let rest = space.saturating_sub(width::room(&words) + 2);
            let before = rest / 2;
            let (before, behind) = (line.repeat(before), line.repeat(rest - before));
            format!("{before} {words} {behind}")
        }
    };
    of(vec![Piece::of(role, text)])
}

/// Returns rows of words that matter little.
pub fn words(words: &str, cells: usize) -> Vec<Row> {
    let space = cells.saturating_sub(2).max(1);
    let row = |text: String| of(vec![Piece::of(Role::Dim, text)]);
    let rows = super::over::text_rows(words, space);
    rows.into_iter().map(row).collect()
}

fn of(pieces: Vec<Piece>) -> Row {
    Row {
        owner: Owner::Nobody,
        pieces,
        ..Row::default()
    }
}

/// Says that messages are missing here: the older ones, the newer ones, or those that are looked for.
pub fn missing(link: &LinkState, which: &str, glyphs: &text::Glyphs) -> String {
    let dots = glyphs.ellipsis;
    match link {
        LinkState::Starting | LinkState::CatchingUp | LinkState::Up => {
            format!("{dots} {which} messages are on their way")
        }
        LinkState::Down { .. } => {
            format!("{dots} {which} messages come when the connection is back")
        }
        LinkState::Ended { .. } => format!("{dots} {which} messages are not on this machine"),
    }
}

/// Says that there is nothing before this.
pub fn beginning(room: &Room, is_all: bool) -> String {
    let label = room.label();
    match (room.kind, is_all) {
        (Kind::Direct, true) => format!("The beginning of your conversation with {label}."),
        (_, true) => format!("The beginning of {label}."),
        (_, false) => "What was said before this cannot be read.".to_owned(),
    }
}

/// Says that nothing was said yet.
pub fn nothing(room: &Room) -> String {
    format!("{} Nothing has been said yet.", beginning(room, true))
}
