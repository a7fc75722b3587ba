//! Rows of the transcript as layout makes them: pieces of text, each with what it is.
//!
//! A row is never wider than the pane that it was made for, on the worst of terminals. Which colour a piece has is said
//! by its ink alone, and the view alone knows what that looks like.

use std::sync::Arc;

use crate::{
    client::ui::{
        model::previews::Preview,
        text::{self, Span, width},
        theme::{self, Glyphs},
    },
    domain::ids::ClientMessageId,
};

/// What a piece of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Something of the UI.
    Role(theme::Role),
    /// Something that was said.
    Text(text::Role),
    /// The name of a person, by which its colour is chosen.
    Name,
}

/// A piece of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// What it is.
    pub ink: Ink,
    /// Where it leads.
    pub link: Option<Arc<str>>,
}

impl Piece {
    /// Something of the UI.
    pub fn of(role: theme::Role, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ink: Ink::Role(role),
            link: None,
        }
    }

    /// The name of a person.
    pub fn name(name: impl Into<String>) -> Self {
        Self {
            text: name.into(),
            ink: Ink::Name,
            link: None,
        }
    }

    /// So many blanks.
    pub fn blank(cells: usize) -> Self {
        Self::of(theme::Role::Text, " ".repeat(cells))
    }
}

impl From<Span> for Piece {
    fn from(span: Span) -> Self {
        Self {
            text: span.text,
            ink: Ink::Text(span.role),
            link: span.link,
        }
    }
}

/// What a row is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// No message: a line between them.
    #[default]
    Nobody,
    /// A message.
    Message(u64),
    /// A message on its way.
    Outgoing(ClientMessageId),
}

/// A row of a preview of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strip {
    /// Of which.
    pub preview: Arc<Preview>,
    /// Which of its rows, from the top.
    pub row: u16,
    /// Cells before it, with that of the gutter.
    pub indent: u16,
}

/// A row of the transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is a part of.
    pub owner: Owner,
    /// The sign in the first cell: that it is selected, or that it mentions the user.
    pub gutter: Option<theme::Role>,
    /// What stands behind that cell, from left to right.
    pub pieces: Vec<Piece>,
    /// The part of a picture that it shows instead.
    pub picture: Option<Strip>,
    /// The sign at the right edge.
    pub right: Option<theme::Role>,
}

impl Row {
    /// Where the piece at a cell leads, counted from the left edge of the row.
    pub fn link_at(&self, cell: usize) -> Option<&Arc<str>> {
        let mut end = 1;
        for piece in &self.pieces {
            end += width::cells(&piece.text);
            if cell < end {
                return piece.link.as_ref().filter(|_| cell > 0);
            }
        }
        None
    }
}

/// The sign that goes with a role.
pub fn sign(role: theme::Role, glyphs: Glyphs) -> &'static str {
    let spec = role.spec();
    match glyphs {
        Glyphs::Unicode => spec.unicode,
        Glyphs::Ascii => spec.ascii,
    }
}

/// The signs of texts that go with a set of glyphs.
pub const fn text_glyphs(glyphs: Glyphs) -> text::Glyphs {
    match glyphs {
        Glyphs::Unicode => text::Glyphs::UNICODE,
        Glyphs::Ascii => text::Glyphs::ASCII,
    }
}
