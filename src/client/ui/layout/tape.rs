//! The messages of a conversation as one tape of rows, of which only as much is made as is asked for.
//!
//! It begins at a block and grows upwards and downwards from there, block by block, up to where messages are missing.
//! Rows are counted from the lower edge of the block that it began with: those above it are below 0. Below all messages
//! lie those that are on their way. Knows no panes.

use std::collections::VecDeque;

use super::{
    bubble::{Before, Said, Sheet},
    row::{Owner, Row},
};
use crate::client::{
    app::transfers::Sending,
    ui::model::{message::Message, outgoing::Outgoing},
};

/// What a block shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A message.
    Message(u64),
    /// One on its way, by its place among them; behind these files that will be one.
    Outgoing(usize),
    /// That there is nothing, or nothing in memory.
    Empty,
    /// That what is looked for is not in memory: what is around it is not known.
    Missing,
}

struct Block {
    key: Key,
    rows: Vec<Row>,
}

/// See the head of the file.
pub struct Tape<'m> {
    sheet: Sheet<'m>,
    outgoing: Vec<&'m Outgoing>,
    sending: Vec<Sending>,
    /// The highest number that there is.
    end: u64,
    /// The highest number in memory.
    newest: Option<u64>,
    blocks: VecDeque<Block>,
    top: isize,
    bottom: isize,
    /// The block above the first, and the one below the last.
    above: Option<Key>,
    below: Option<Key>,
}

impl<'m> Tape<'m> {
    /// A tape that begins with a block; `None`: with the last.
    pub fn new(sheet: Sheet<'m>, from: Option<Key>) -> Self {
        let place = sheet.chat.room.place();
        let outbox = &sheet.model.outgoing;
        let outgoing: Vec<&Outgoing> = place.iter().flat_map(|place| outbox.to(place)).collect();
        let transfers = &sheet.model.transfers;
        let sending = place.map_or_else(Vec::new, |place| transfers.sending(&place));
        let newest = sheet.chat.window.all().next_back();
        let newest = newest.map(|message| message.seq);
        let mut tape = Self {
            end: newest.unwrap_or(0).max(sheet.chat.counts().last_seq),
            newest,
            sheet,
            outgoing,
            sending,
            blocks: VecDeque::new(),
            top: 0,
            bottom: 0,
            above: None,
            below: None,
        };
        let key = from.unwrap_or_else(|| tape.last());
        let rows = tape.rows(key);
        tape.top = -signed(rows.len());
        tape.above = tape.over(key);
        tape.below = tape.under(key);
        tape.blocks.push_back(Block { key, rows });
        tape
    }

    /// The block at the very end.
    pub fn last(&self) -> Key {
        let last = self.outgoing_count().checked_sub(1).map(Key::Outgoing);
        last.unwrap_or_else(|| self.last_message())
    }

    fn outgoing_count(&self) -> usize {
        self.outgoing.len() + self.sending.len()
    }

    fn last_message(&self) -> Key {
        self.newest.map_or(Key::Empty, Key::Message)
    }

    /// What is above a block, if it is in memory.
    fn over(&self, key: Key) -> Option<Key> {
        match key {
            Key::Outgoing(0) => Some(self.last_message()),
            Key::Outgoing(place) => Some(Key::Outgoing(place - 1)),
            Key::Message(seq) => self.message_before(seq).map(|it| Key::Message(it.seq)),
            Key::Empty | Key::Missing => None,
        }
    }

    /// What is below a block, if it is in memory.
    fn under(&self, key: Key) -> Option<Key> {
        let next = match key {
            Key::Outgoing(place) => place + 1,
            Key::Empty => 0,
            Key::Missing => return None,
            Key::Message(seq) if self.is_open_below(seq) => return None,
            Key::Message(seq) if self.newest == Some(seq) => 0,
            Key::Message(seq) => {
                let next = seq.checked_add(1)?;
                let message = self.sheet.chat.window.downwards(next).next()?;
                return Some(Key::Message(message.seq));
            }
        };
        (next < self.outgoing_count()).then_some(Key::Outgoing(next))
    }

    fn message_before(&self, seq: u64) -> Option<&'m Message> {
        let before = seq.checked_sub(1)?;
        self.sheet.chat.window.upwards(before).next()
    }

    fn before(&self, seq: u64) -> Before<'m> {
        match self.message_before(seq) {
            Some(message) => Before::Said(self.sheet.said(message)),
            None if self.sheet.chat.window.is_beginning(seq) => Before::Beginning,
            None => Before::Hole,
        }
    }

    fn rows(&self, key: Key) -> Vec<Row> {
        let rows = match key {
            Key::Empty => self.sheet.empty(),
            Key::Missing => self.sheet.missing_here(),
            Key::Message(seq) => match self.sheet.chat.window.get(seq) {
                Some(message) => {
                    let is_open = self.is_open_below(seq);
                    self.sheet.message(message, self.before(seq), is_open)
                }
                None => Vec::new(),
            },
            Key::Outgoing(place) => match self.outgoing.get(place) {
                Some(item) => self.sheet.outgoing(item, self.before_outgoing(place)),
                None => {
                    let place_of_it = place.saturating_sub(self.outgoing.len());
                    let sending = self.sending.get(place_of_it);
                    sending.map_or_else(Vec::new, |it| {
                        self.sheet.sending(it, self.before_outgoing(place))
                    })
                }
            },
        };
        match rows.is_empty() {
            true => vec![Row::default()],
            false => rows,
        }
    }

    /// Whether those after a message are missing.
    fn is_open_below(&self, seq: u64) -> bool {
        let window = &self.sheet.chat.window;
        match seq.checked_add(1).filter(|next| *next <= self.end) {
            None => false,
            Some(next) if window.get(next).is_some() => false,
            Some(next) => {
                let is_last = || {
                    let last = window.upwards(self.end).next();
                    last.is_some_and(|message| message.seq == seq)
                };
                window.downwards(next).next().is_none() && !is_last()
            }
        }
    }

    fn before_outgoing(&self, place: usize) -> Before<'_> {
        let own = place.checked_sub(1).map(|it| match self.outgoing.get(it) {
            Some(item) => item.time,
            None => self.sheet.model.now,
        });
        let said = match own {
            Some(time) => Some(Said {
                sender: &self.sheet.me,
                time,
                seq: None,
                is_hidden: false,
            }),
            None => {
                let newest = self.sheet.chat.window.all().next_back();
                newest.map(|message| self.sheet.said(message))
            }
        };
        match said {
            Some(said) => Before::Said(said),
            // The block above says what is there.
            None => Before::Nothing,
        }
    }

    /// Makes the block above the first; returns whether there is one.
    fn grow_up(&mut self) -> bool {
        let Some(key) = self.above else {
            return false;
        };
        let rows = self.rows(key);
        self.top -= signed(rows.len());
        self.blocks.push_front(Block { key, rows });
        self.above = self.over(key);
        true
    }

    /// Makes the block below the last; returns whether there is one.
    fn grow_down(&mut self) -> bool {
        let Some(key) = self.below else {
            return false;
        };
        let rows = self.rows(key);
        self.bottom += signed(rows.len());
        self.blocks.push_back(Block { key, rows });
        self.below = self.under(key);
        true
    }

    /// Makes the rows around a lower edge, and returns that edge so that so many rows are filled as far as there are
    /// any: no higher than the first row allows, no lower than the last.
    pub fn settle(&mut self, edge: isize, height: usize) -> isize {
        let height = signed(height);
        while self.bottom < edge && self.grow_down() {}
        let edge = edge.min(self.bottom);
        let wanted = edge.saturating_sub(height);
        while self.top > wanted && self.grow_up() {}
        if self.top <= wanted {
            return edge;
        }
        let edge = self.top.saturating_add(height);
        while self.bottom < edge && self.grow_down() {}
        edge.min(self.bottom)
    }

    /// The rows between two edges.
    pub fn between(self, from: isize, to: isize) -> Vec<Row> {
        let skipped = from.saturating_sub(self.top).max(0).unsigned_abs();
        let count = to.saturating_sub(from.max(self.top)).max(0).unsigned_abs();
        let rows = self.blocks.into_iter().flat_map(|block| block.rows);
        rows.skip(skipped).take(count).collect()
    }

    /// The block whose last row but so many stands above an edge, and how many of its rows are below that.
    pub fn at(&self, edge: isize) -> Option<(Key, usize)> {
        let mut bottom = self.top;
        for block in &self.blocks {
            bottom += signed(block.rows.len());
            if bottom >= edge {
                return Some((block.key, (bottom - edge).unsigned_abs()));
            }
        }
        None
    }

    /// The upper and the lower edge of a message that is made: with the lines around it if all of that fits into so many
    /// rows, else without.
    pub fn edges(&self, seq: u64, height: usize) -> Option<(isize, isize)> {
        let mut top = self.top;
        for block in &self.blocks {
            let bottom = top + signed(block.rows.len());
            if block.key != Key::Message(seq) {
                top = bottom;
                continue;
            }
            if block.rows.len() <= height {
                return Some((top, bottom));
            }
            let is_own = |row: &Row| row.owner != Owner::Nobody;
            let first = block.rows.iter().position(is_own).unwrap_or(0);
            let last = block.rows.iter().rposition(is_own).unwrap_or(first);
            return Some((top + signed(first), top + signed(last) + 1));
        }
        None
    }

    /// Makes so many rows more above and below two edges.
    pub fn widen(&mut self, from: isize, to: isize) {
        while self.top > from && self.grow_up() {}
        while self.bottom < to && self.grow_down() {}
    }

    /// Makes all that is on its way, and returns the lower edge of it; `None`: there is something between.
    pub fn make_end(&mut self) -> Option<isize> {
        while self.grow_down() {}
        let last = self.blocks.back().map(|block| block.key)?;
        let is_end = match last {
            Key::Message(seq) => last == self.last() && !self.is_open_below(seq),
            _ => last == self.last(),
        };
        is_end.then_some(self.bottom)
    }

    /// Whether a block is the last before those on their way.
    pub fn is_last_message(&self, key: Key) -> bool {
        key == self.last_message()
    }

    /// Makes those on their way from the end up to so many rows, and returns how many of these they have.
    pub fn outgoing_rows(&mut self, rows: usize) -> usize {
        let wanted = -signed(rows);
        while self.top > wanted && matches!(self.above, Some(Key::Outgoing(_))) && self.grow_up() {}
        let is_outgoing = |block: &&Block| matches!(block.key, Key::Outgoing(_));
        let blocks = self.blocks.iter().filter(is_outgoing);
        let all: usize = blocks.map(|block| block.rows.len()).sum();
        all.min(rows)
    }

    /// The block that stands first.
    pub fn first(&self) -> Option<Key> {
        self.blocks.front().map(|block| block.key)
    }

    /// The upper edge of what is made.
    pub const fn top(&self) -> isize {
        self.top
    }

    /// The number that those on their way stand behind.
    pub const fn end_seq(&self) -> u64 {
        self.end
    }
}

/// Rows are never so many that this changes them.
pub fn signed(rows: usize) -> isize {
    isize::try_from(rows).unwrap_or(isize::MAX)
}
