//! One message as a block of rows, with the lines that stand before it.
//!
//! A message is one of a group if the one before it is of the same sender, of the same day and not much older: then the
//! head with time and name is left out. Promises that a block has one row at least, that its height depends on the
//! width alone and not on glyphs, and that what others wrote is rendered safe. Knows nothing of where it is shown.

mod sending;

use std::sync::Arc;

use super::{
    between, mentions,
    row::{Owner, Piece, Row, Strip, sign, text_glyphs},
};
use crate::{
    client::{
        app::{
            file::{File, count_label, human_size},
            room::Kind,
            untrusted::Untrusted,
        },
        ui::{
            model::{
                Focus, Model,
                chat::Chat,
                markers::Delivery,
                message::{Message, Reaction},
                outgoing::{Outgoing, State},
                previews::OF_MESSAGE_MAX,
            },
            text::{self, Line, Span, cut, day, markdown, width, wrap},
            theme::{Glyphs, Role},
        },
    },
    domain::clock::TimeMs,
};

/// How much older the one before it may be.
const GROUP_MS: u64 = 5 * 60 * 1_000;
/// Rows of a text that are shown. The longest text that wraps at 17 cells has as many.
const TEXT_ROWS_MAX: usize = 1_000;
/// Rows of a block at the most: those of the text, of the reactions and of the lines around.
pub const BLOCK_ROWS_MAX: usize = TEXT_ROWS_MAX + 200;
/// Characters of names, of what is quoted, and of an emoji that are shown.
const NAME_CHARS: usize = 64;
const QUOTE_CHARS: usize = 300;
const FILE_CHARS: usize = 255;
const EMOJI_CHARS: usize = 16;
/// Cells between the name of a file and what it is.
const FILE_GAP: usize = 2;
/// Cells between reactions.
const REACTION_GAP: usize = 2;
/// Rows of reactions, and of a reason.
const REACTION_ROWS_MAX: usize = 3;
const REASON_ROWS_MAX: usize = 4;
/// `HH:MM` and a blank.
const TIME_CELLS: usize = 6;

/// What stands before a message.
#[derive(Clone, Copy, Debug)]
pub enum Before<'m> {
    /// Another one.
    Said(Said<'m>),
    /// Nothing.
    Beginning,
    /// What is not in memory.
    Hole,
    /// What says for itself that there is nothing.
    Nothing,
}

/// What must be known of a message for the one after it.
#[derive(Clone, Copy, Debug)]
pub struct Said<'m> {
    /// Who sent it.
    pub sender: &'m Untrusted,
    /// When.
    pub time: TimeMs,
    /// Its number; `None`: it has none yet.
    pub seq: Option<u64>,
    /// Whether its text is hidden.
    pub is_hidden: bool,
}

/// What blocks are made for.
pub struct Sheet<'m> {
    /// The state.
    pub model: &'m Model,
    /// The conversation.
    pub chat: &'m Chat,
    /// Who is logged in.
    pub me: Untrusted,
    glyphs: Glyphs,
    signs: text::Glyphs,
    /// Cells of a row.
    cells: usize,
    /// Cells before a text, behind the gutter.
    indent: usize,
    /// Cells of a text.
    space: usize,
}

impl<'m> Sheet<'m> {
    /// Blocks of so many cells.
    pub fn new(model: &'m Model, chat: &'m Chat, cells: usize, glyphs: Glyphs) -> Self {
        // The text stands below the name where there is room for that.
        let indent = match cells {
            40.. => TIME_CELLS,
            16.. => 1,
            _ => 0,
        };
        // A blank, the sign of the delivery, and where there is room for it a blank.
        let edge = match cells {
            40.. => 4,
            20.. => 3,
            _ => 0,
        };
        Self {
            model,
            chat,
            me: Untrusted::from(model.me.as_str()),
            glyphs,
            signs: text_glyphs(glyphs),
            cells,
            indent,
            space: cells.saturating_sub(1 + indent + edge).max(1),
        }
    }

    /// What the message after it must know of a message.
    pub fn said(&self, message: &'m Message) -> Said<'m> {
        Said {
            sender: &message.sender,
            time: message.time,
            seq: Some(message.seq),
            is_hidden: self.is_hidden(message),
        }
    }

    fn is_hidden(&self, message: &Message) -> bool {
        let kind = self.chat.room.kind;
        message.text.is_some() && message.is_hidden(kind, &self.model.blocked)
    }

    fn is_of_blocked(&self, message: &Message) -> bool {
        // By the rule of all conversations but those of two.
        message.is_hidden(Kind::Channel, &self.model.blocked)
    }

    /// The block of a message. `is_open`: those after it are not in memory.
    pub fn message(&self, message: &Message, before: Before<'_>, is_open: bool) -> Vec<Row> {
        let owner = Owner::Message(message.seq);
        let mut rows = self.lead(message.time, Some(message.seq), before);
        let is_joined = rows.is_empty();
        let from = rows.len();
        if self.is_hidden(message) {
            let name = self.name(&message.sender);
            self.line(&mut rows, Role::Dim, &format!("(hidden: you block {name})"));
        } else {
            if !is_joined || !is_grouped(&message.sender, message.time, before) {
                rows.push(self.head(&message.sender, message.time));
            }
            match &message.text {
                Some(text) => self.text(&mut rows, message, text),
                None => {
                    let words = format!("{} deleted", sign(Role::Deleted, self.glyphs));
                    self.line(&mut rows, Role::Deleted, &words);
                }
            }
            self.reactions(&mut rows, &message.reactions);
        }
        let is_selected = self.model.focus == Focus::Messages(message.seq);
        let calls =
            message.text.is_some() && message.is_mention_of(&self.model.me, &self.model.blocked);
        self.own(&mut rows, from, owner, message.time, (is_selected, calls));
        if is_open {
            rows.extend(self.missing("newer"));
        }
        rows
    }

    fn text(&self, rows: &mut Vec<Row>, message: &Message, text: &Untrusted) {
        if message.reply_to != 0 {
            rows.push(self.quote(message.reply_to));
        }
        let mut lines = self.lines_beside(text, message.files.len());
        mentions::mark(&mut lines, message, &self.model.me);
        if message.is_edited() {
            let words = format!(" {}", sign(Role::Edited, self.glyphs));
            let edited = Span::new(words, text::Role::DIM);
            match lines.last_mut() {
                Some(line) => line.spans.push(edited),
                None => lines.push(Line::new(vec![edited])),
            }
        }
        let from = rows.len();
        if !lines.is_empty() || message.files.is_empty() {
            self.wrap(rows, &lines, TEXT_ROWS_MAX);
        }
        // Of whom this user blocks nothing is fetched, also where the texts are shown.
        let mut previews_left = match self.is_of_blocked(message) {
            true => 0,
            false => OF_MESSAGE_MAX,
        };
        for file in &message.files {
            self.file(rows, file);
            if previews_left > 0 && self.preview(rows, file) {
                previews_left -= 1;
            }
        }
        if message.is_by(&self.model.me) {
            let delivery = self.chat.delivery(message.seq);
            self.sign(rows, from, delivery);
        }
    }

    /// A file: its mark and name, then what it is and how much of it there is, behind or below the name.
    fn file(&self, rows: &mut Vec<Row>, file: &File) {
        let mark = format!("{} ", sign(Role::File, self.glyphs));
        // The mark takes as much in both sets of glyphs, so that rows break where they do with the other.
        let mark_cells = width::room(&mark).min(self.space);
        let space = self.space.saturating_sub(mark_cells);
        let name = file.shown_name(FILE_CHARS);
        let about = format!("{}, {}", file.shown_kind(), human_size(file.size_bytes));
        let is_wide = width::room(&name) + FILE_GAP + width::room(&about) <= space;
        let mark = Piece::of(Role::File, cut(&mark, mark_cells, &self.signs));
        let name = Piece::of(Role::Text, cut(&name, space, &self.signs));
        let about = Piece::of(Role::Dim, cut(&about, space, &self.signs));
        if is_wide {
            rows.push(self.indented(vec![mark, name, Piece::blank(FILE_GAP), about]));
        } else {
            rows.push(self.indented(vec![mark, name]));
            rows.push(self.indented(vec![Piece::blank(mark_cells), about]));
        }
    }

    /// The rows for the preview of a picture; returns whether it has any.
    fn preview(&self, rows: &mut Vec<Row>, file: &File) -> bool {
        let (_, screen_rows) = self.model.size;
        let preview = self.model.previews.of(file, self.space, screen_rows);
        let Some(preview) = preview.map(Arc::new) else {
            return false;
        };
        let indent = u16::try_from(1 + self.indent).unwrap_or(u16::MAX);
        rows.extend((0..preview.extent.rows).map(|row| Row {
            picture: Some(Strip {
                preview: Arc::clone(&preview),
                row,
                indent,
            }),
            ..Row::default()
        }));
        true
    }

    /// The block of a message on its way.
    pub fn outgoing(&self, item: &Outgoing, before: Before<'_>) -> Vec<Row> {
        let mut rows = self.lead(item.time, None, before);
        let is_joined = rows.is_empty();
        let from = rows.len();
        if !is_joined || !is_grouped(&self.me, item.time, before) {
            rows.push(self.head(&self.me, item.time));
        }
        if let Some(seq) = item.reply_to {
            rows.push(self.quote(seq));
        }
        let text_from = rows.len();
        let files = item.attachments.len();
        let lines = self.lines_beside(&item.text.as_str().into(), files);
        if !lines.is_empty() || files == 0 {
            self.wrap(&mut rows, &lines, TEXT_ROWS_MAX);
        }
        if files > 0 {
            self.line(&mut rows, Role::Dim, &count_label(files));
        }
        self.sign(&mut rows, text_from, item.delivery());
        if let State::Failed { why } = &item.state {
            let why = format!("Not sent: {}", why.render_line());
            let lines = [Line::new(vec![Span::plain(why)])];
            let reason = wrap::wrap(&lines, self.space, REASON_ROWS_MAX, &self.signs);
            for row in reason {
                rows.push(self.indented(vec![Piece::of(Role::Failed, row.text())]));
            }
            self.line(
                &mut rows,
                Role::Dim,
                "Select it to send it again or to drop it.",
            );
        }
        let is_selected = self.model.focus == Focus::Outgoing(item.id);
        let owner = Owner::Outgoing(item.id);
        self.own(&mut rows, from, owner, item.time, (is_selected, false));
        rows
    }

    /// The rows where nothing is in memory.
    pub fn empty(&self) -> Vec<Row> {
        let last = self.chat.counts().last_seq;
        match last <= self.chat.window.floor() {
            true if last == 0 => between::words(&between::nothing(&self.chat.room), self.cells),
            true => self.beginning(),
            false => self.missing_here(),
        }
    }

    /// The row where what is looked at is not in memory.
    pub fn missing_here(&self) -> Vec<Row> {
        self.missing("the")
    }

    /// What stands between a message and the one before it.
    fn lead(&self, time: TimeMs, seq: Option<u64>, before: Before<'_>) -> Vec<Row> {
        let mut rows = match before {
            Before::Said(_) | Before::Nothing => Vec::new(),
            Before::Beginning => self.beginning(),
            Before::Hole => self.missing("older"),
        };
        let zone = self.model.zone;
        let is_new_day = match before {
            Before::Said(said) => !day::is_same_day(said.time, time, zone),
            Before::Beginning | Before::Hole | Before::Nothing => true,
        };
        if is_new_day {
            let words = day::day(time, self.model.now, zone);
            rows.push(between::rule(
                Role::DayLine,
                &words,
                self.cells,
                self.glyphs,
            ));
        }
        let is_first_unread = self.chat.unread_line().zip(seq).is_some_and(|(line, seq)| {
            let before = match before {
                Before::Said(said) => said.seq,
                Before::Beginning => Some(self.chat.window.floor().min(line)),
                Before::Hole | Before::Nothing => seq.checked_sub(1),
            };
            before.is_some_and(|before| before <= line) && line < seq
        });
        if is_first_unread {
            rows.push(between::rule(
                Role::UnreadLine,
                "New",
                self.cells,
                self.glyphs,
            ));
        }
        rows
    }

    fn beginning(&self) -> Vec<Row> {
        let is_all = self.chat.window.floor() == 0;
        let words = between::beginning(&self.chat.room, is_all);
        between::words(&words, self.cells)
    }

    fn missing(&self, which: &str) -> Vec<Row> {
        let words = between::missing(&self.model.link, which, &self.signs);
        // In one row: where dots are three signs the words would wrap elsewhere.
        let words = cut(&words, self.cells.saturating_sub(2).max(1), &self.signs);
        between::words(&words, self.cells)
    }

    /// Time and name.
    fn head(&self, sender: &Untrusted, time: TimeMs) -> Row {
        let mut pieces = Vec::new();
        let mut space = self.cells.saturating_sub(1);
        if self.cells >= 16 {
            let time = day::time_of_day(time, self.model.zone);
            pieces.push(Piece::of(Role::Dim, format!("{time} ")));
            space = space.saturating_sub(TIME_CELLS);
        }
        let name = cut(&self.name(sender), space, &self.signs);
        pieces.push(match *sender == self.me {
            true => Piece::of(Role::OwnName, name),
            false => Piece::name(name),
        });
        Row {
            pieces,
            ..Row::default()
        }
    }

    /// What is replied to.
    fn quote(&self, seq: u64) -> Row {
        let bar = format!("{} ", sign(Role::Quote, self.glyphs));
        let mut pieces = vec![Piece::of(Role::Quote, bar)];
        let mut space = self.space.saturating_sub(2);
        let words = match self.chat.window.get(seq) {
            None => "an earlier message".to_owned(),
            Some(quoted) => {
                let name = cut(&self.name(&quoted.sender), space / 2, &self.signs);
                space = space.saturating_sub(width::room(&name) + 2);
                pieces.push(match quoted.is_by(&self.model.me) {
                    true => Piece::of(Role::OwnName, name),
                    false => Piece::name(name),
                });
                pieces.push(Piece::of(Role::Quote, ": "));
                let (room, said) = (&self.chat.room, quoted.said());
                let blocked = &self.model.blocked;
                let said = blocked.quoted(Some(room), &quoted.sender, said.as_deref());
                match said {
                    None => "(deleted)".to_owned(),
                    Some(said) if quoted.is_files_only() => said.render_start(QUOTE_CHARS),
                    Some(said) => preview(&said, &self.signs),
                }
            }
        };
        pieces.push(Piece::of(Role::Quote, cut(&words, space, &self.signs)));
        let mut space = self.space;
        pieces.retain(|piece| {
            let room = width::room(&piece.text);
            let fits = room <= space;
            space -= if fits { room } else { 0 };
            fits
        });
        self.indented(pieces)
    }

    /// The lines of a text; none at all where files stand for it.
    fn lines_beside(&self, text: &Untrusted, files: usize) -> Vec<Line> {
        match text.is_empty() && files > 0 {
            true => Vec::new(),
            false => self.lines(text),
        }
    }

    fn lines(&self, text: &Untrusted) -> Vec<Line> {
        markdown::lines(&text.render_lines(), TEXT_ROWS_MAX, &self.signs)
    }

    fn wrap(&self, rows: &mut Vec<Row>, lines: &[Line], rows_max: usize) {
        let wrapped = wrap::wrap(lines, self.space, rows_max, &self.signs);
        // A text of nothing but markup has no lines.
        if wrapped.is_empty() {
            rows.push(self.indented(Vec::new()));
        }
        for row in wrapped {
            rows.push(self.indented(row.spans.into_iter().map(Piece::from).collect()));
        }
    }

    /// Puts the sign of the delivery at the end of the last row.
    fn sign(&self, rows: &mut [Row], from: usize, delivery: Delivery) {
        let role = match delivery {
            Delivery::Failed => Role::Failed,
            Delivery::Pending => Role::Pending,
            Delivery::Sent => Role::Sent,
            Delivery::Delivered => Role::Delivered,
            Delivery::Read => Role::Seen,
        };
        let has_room = self.cells > self.space + self.indent + 1;
        if let Some(row) = rows.get_mut(from..).and_then(<[Row]>::last_mut) {
            row.right = has_room.then_some(role);
        }
    }

    fn reactions(&self, rows: &mut Vec<Row>, reactions: &[Reaction]) {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut used, mut rows_count) = (0, 0);
        for reaction in reactions {
            let emoji = reaction.emoji.render_start(EMOJI_CHARS);
            let (role, words) = match reaction.is_mine {
                true => (Role::OwnReaction, format!("[{emoji} {}]", reaction.count)),
                false => (Role::Reaction, format!("{emoji} {}", reaction.count)),
            };
            let words = cut(&words, self.space, &self.signs);
            let room = width::room(&words);
            if used + REACTION_GAP + room > self.space && used > 0 {
                rows_count += 1;
                rows.push(self.indented(std::mem::take(&mut pieces)));
                used = 0;
                if rows_count == REACTION_ROWS_MAX {
                    return;
                }
            }
            if used > 0 {
                pieces.push(Piece::blank(REACTION_GAP));
                used += REACTION_GAP;
            }
            used += room;
            pieces.push(Piece::of(role, words));
        }
        if !pieces.is_empty() {
            rows.push(self.indented(pieces));
        }
    }

    /// One row of words.
    fn line(&self, rows: &mut Vec<Row>, role: Role, words: &str) {
        let words = cut(words, self.space, &self.signs);
        rows.push(self.indented(vec![Piece::of(role, words)]));
    }

    fn indented(&self, mut pieces: Vec<Piece>) -> Row {
        if self.indent > 0 {
            pieces.insert(0, Piece::blank(self.indent));
        }
        Row {
            pieces,
            ..Row::default()
        }
    }

    /// Says whose the rows are, and marks them.
    fn own(
        &self,
        rows: &mut [Row],
        from: usize,
        owner: Owner,
        time: TimeMs,
        (is_selected, calls): (bool, bool),
    ) {
        let rows = rows.get_mut(from..).unwrap_or_default();
        for (number, row) in rows.iter_mut().enumerate() {
            row.owner = owner;
            row.gutter = match (is_selected, calls && number == 0) {
                (true, _) => Some(Role::Selection),
                (false, true) => Some(Role::Mention),
                (false, false) => None,
            };
        }
        // Within a group the time is told of the one that is selected.
        if is_selected
            && self.indent == TIME_CELLS
            && let Some(piece) = rows.first_mut().and_then(|row| row.pieces.first_mut())
            && piece.text.trim().is_empty()
        {
            let time = day::time_of_day(time, self.model.zone);
            *piece = Piece::of(Role::Dim, format!("{time} "));
        }
    }

    fn name(&self, name: &Untrusted) -> String {
        name.render_start(NAME_CHARS)
    }
}

/// Returns the beginning of a text as one line without its markup.
pub fn preview(text: &Untrusted, glyphs: &text::Glyphs) -> String {
    let start = text.render_start(QUOTE_CHARS).replace('⏎', "\n");
    markdown::one_line(&start, glyphs)
}

fn is_grouped(sender: &Untrusted, time: TimeMs, before: Before<'_>) -> bool {
    let Before::Said(said) = before else {
        return false;
    };
    let apart = time.since_ms(said.time).max(said.time.since_ms(time));
    said.sender == sender && !said.is_hidden && apart <= GROUP_MS
}
