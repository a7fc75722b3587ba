//! What is drawn, on its way to the terminal: frames become bytes here, and a thread of its own writes them.
//!
//! Promises that nothing waits for a terminal that stands still: while it has not taken the last frame no further one is
//! made, so that what is drawn next is the newest, and nothing of it is missing. Frames have numbers, and what was really
//! shown is known. Knows nothing of what is drawn.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ratatui::{
    Frame, Terminal,
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::{Buffer, Cell},
    layout::{Position, Rect, Size},
};
use unicode_width::UnicodeWidthStr;

use super::{
    asking::{Asking, WAIT, questions},
    pictures::{Ground, Pictures},
};
use crate::client::{
    exit::Failure,
    paper::{Paper, Sheet},
    ui::view::Whole,
};

/// Between these a terminal that knows them shows nothing, so that no half of a frame is seen; others pass them over.
const TOGETHER: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

/// See the head of the file.
pub struct Screen {
    terminal: Terminal<Canvas>,
    bytes: Pen,
    paper: Paper,
    pictures: Pictures,
}

impl Screen {
    /// A screen of this size, which is shown on a sheet.
    pub fn new(size: (u16, u16), sheet: impl Sheet) -> io::Result<Self> {
        let bytes = Pen::default();
        let canvas = Canvas::new(size, bytes.clone());
        Ok(Self {
            terminal: Terminal::new(canvas)?,
            bytes,
            paper: Paper::on(sheet)?,
            pictures: Pictures::default(),
        })
    }

    /// Whether a frame can be drawn: the terminal has taken all that came before.
    pub fn is_free(&self) -> bool {
        self.paper.shown() >= self.paper.written()
    }

    /// Draws a frame and hands it over; returns its number, or `None` if the screen is not free. Never waits.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<Option<u64>> {
        let view = |frame: &mut Frame<'_>| {
            view(frame);
            Vec::new()
        };
        self.draw_with(view, |_| true)
    }

    /// The same, with the pictures that the view returns as pixels, as far as the frame has all their cells. Those that do
    /// not stand yet are left out of a frame that may hold none, since the next one would have to wait for them; of one that
    /// may, those that are too many bytes for it.
    pub fn draw_with(
        &mut self,
        view: impl FnOnce(&mut Frame<'_>) -> Vec<Whole>,
        may_hold: impl FnOnce(&[Whole]) -> bool,
    ) -> io::Result<Option<u64>> {
        if !self.is_free() {
            return Ok(None);
        }
        let (mut wanted, mut holds_pixels) = (Vec::new(), true);
        self.terminal.draw(|frame| {
            wanted = view(frame);
            holds_pixels = may_hold(&wanted);
            let buffer = frame.buffer_mut();
            wanted.retain(|whole| whole.is_in(buffer));
        })?;
        let canvas = self.terminal.backend_mut();
        if self.pictures.follow(canvas, &wanted, holds_pixels)? {
            canvas.come_back()?;
        }
        canvas.touched.clear();
        canvas.is_cleared = false;
        let drawn = std::mem::take(&mut *self.bytes.locked());
        for part in [TOGETHER.0, &drawn, TOGETHER.1] {
            self.paper.write_all(part)?;
        }
        let number = self.paper.written();
        self.paper.flush()?;
        Ok(Some(number))
    }

    /// Hands over codes that draw nothing, such as a bell. Those that find no room are dropped; returns whether they were not.
    pub fn codes(&mut self, codes: &str) -> io::Result<bool> {
        if !self.paper.has_room() {
            return Ok(false);
        }
        self.paper.write_all(codes.as_bytes())?;
        self.paper.flush()?;
        Ok(true)
    }

    /// Asks the terminal what it can.
    pub fn ask(&mut self, asking: &Asking) -> io::Result<()> {
        asking.ask(WAIT);
        self.codes(&questions()).map(|_| ())
    }

    /// Asks for what was not answered before the terminal was given back for a while.
    pub fn ask_again(&mut self, asking: &Asking) -> io::Result<()> {
        match asking.is_unanswered() {
            true => self.ask(asking),
            false => Ok(()),
        }
    }

    /// From now on the screen has this size.
    pub fn resize(&mut self, size: (u16, u16)) -> io::Result<()> {
        self.terminal.backend_mut().resize(size);
        self.terminal.autoresize()
    }

    /// The next frame is drawn whole, whatever the terminal shows now.
    pub fn redraw(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Somebody else may come to see it: with the next frame nothing is left of what was shown, neither on the screen nor of
    /// the pictures that the terminal keeps.
    pub fn turn_over(&mut self) -> io::Result<()> {
        self.redraw()
    }

    /// Whether pictures were left out of the last frame as pixels.
    pub const fn owes_pictures(&self) -> bool {
        self.pictures.is_owed()
    }

    /// Everything up to this frame was shown.
    pub fn shown(&self) -> u64 {
        self.paper.shown()
    }

    /// How long no further pictures are to be drawn as pixels after the last frame.
    pub fn pictures_rest(&self) -> Duration {
        self.pictures.rest()
    }

    /// Waits until more was shown, or returns at once for what `shown` has told already. Fails when nothing more ever will be.
    pub async fn more_is_shown(&mut self) -> Result<(), Failure> {
        self.paper.more_is_shown().await
    }
}

/// Where the bytes of a frame are collected.
#[derive(Clone, Debug, Default)]
struct Pen(Arc<Mutex<Vec<u8>>>);

impl Pen {
    fn locked(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.locked().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A backend that asks no terminal: its size is told to it.
///
/// Terminals do not agree how wide some characters are that are made of several (#75 of ratatui). A row that has such ones
/// is drawn whole whenever anything in it changes, so that nothing of before is left standing.
struct Canvas {
    inner: CrosstermBackend<Pen>,
    /// What was drawn.
    cells: Buffer,
    cursor: Position,
    /// The cells that were written since the last frame: the row, and from which column to behind which.
    touched: Vec<(u16, u16, u16)>,
    /// All was cleared since then.
    is_cleared: bool,
}

impl Canvas {
    fn new(size: (u16, u16), pen: Pen) -> Self {
        Self {
            inner: CrosstermBackend::new(pen),
            cells: Buffer::empty(Rect::new(0, 0, size.0, size.1)),
            cursor: Position::ORIGIN,
            touched: Vec::new(),
            is_cleared: false,
        }
    }

    fn resize(&mut self, size: (u16, u16)) {
        self.cells = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        // Where it was may lie outside now.
        self.cursor = Position::ORIGIN;
    }

    /// The cursor goes back to where the frame has it.
    fn come_back(&mut self) -> io::Result<()> {
        self.inner.set_cursor_position(self.cursor)
    }

    /// Writes a whole row anew.
    fn redraw_row(&mut self, row: u16) -> io::Result<()> {
        self.inner.set_cursor_position(Position::new(0, row))?;
        self.inner.clear_region(ClearType::CurrentLine)?;
        let width = self.cells.area.width;
        self.touched.push((row, 0, width));
        let cells: Vec<(u16, u16, &Cell)> = drawn(&self.cells, row).collect();
        put(&mut self.inner, &cells)
    }

    fn is_doubtful(&self, row: u16) -> bool {
        let mut cells = row_of(&self.cells, row);
        cells.any(|(_, _, cell)| is_unsure(cell))
    }
}

/// Draws cells. What stands behind one of doubtful width gets its place told, wherever the terminal is then.
fn put(inner: &mut CrosstermBackend<Pen>, cells: &[(u16, u16, &Cell)]) -> io::Result<()> {
    for piece in cells.split_inclusive(|(_, _, cell)| is_unsure(cell)) {
        inner.draw(piece.iter().copied())?;
    }
    Ok(())
}

/// Whether terminals may not agree how wide a sign is: it is made of several characters, or said to be wider than they draw.
fn is_unsure(cell: &Cell) -> bool {
    cell.symbol().chars().nth(1).is_some() || width(cell) > 2
}

fn row_of(cells: &Buffer, row: u16) -> impl Iterator<Item = (u16, u16, &Cell)> {
    let columns = 0..cells.area.width;
    columns.filter_map(move |column| Some((column, row, cells.cell((column, row))?)))
}

fn width(cell: &Cell) -> u16 {
    u16::try_from(cell.symbol().width()).unwrap_or(1)
}

/// The cells of a row that are drawn: not those that lie below the second half of a wide one.
fn drawn(cells: &Buffer, row: u16) -> impl Iterator<Item = (u16, u16, &Cell)> {
    let mut next = 0;
    row_of(cells, row).filter(move |(column, _, cell)| {
        let is_seen = *column >= next;
        if is_seen {
            next = column.saturating_add(width(cell).max(1));
        }
        is_seen
    })
}

impl Ground for Canvas {
    fn rewrite(&mut self, area: Rect) -> io::Result<()> {
        let rows = area.intersection(self.cells.area);
        for row in rows.top()..rows.bottom() {
            self.redraw_row(row)?;
        }
        Ok(())
    }

    fn is_touched(&self, area: Rect) -> bool {
        let mut touched = self.touched.iter();
        touched.any(|(row, from, behind)| {
            (area.top()..area.bottom()).contains(row)
                && *from < area.right()
                && area.left() < *behind
        })
    }

    fn is_cleared(&self) -> bool {
        self.is_cleared
    }

    fn write_at(&mut self, at: (u16, u16), bytes: &[u8]) -> io::Result<()> {
        self.inner.set_cursor_position(at)?;
        Write::write_all(&mut self.inner, bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(&mut self.inner, bytes)
    }

    fn rows(&self) -> u16 {
        self.cells.area.height
    }
}

impl Backend for Canvas {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let content: Vec<(u16, u16, &Cell)> = content.collect();
        let mut rows: Vec<u16> = content.iter().map(|(_, row, _)| *row).collect();
        rows.dedup();
        let before: Vec<u16> = rows
            .iter()
            .copied()
            .filter(|row| self.is_doubtful(*row))
            .collect();
        for (column, row, cell) in &content {
            if let Some(place) = self.cells.cell_mut((*column, *row)) {
                *place = (*cell).clone();
            }
            // What stood below the second half of a wide one is gone from the terminal, too, and nobody says so.
            for hidden in 1..width(cell) {
                if let Some(place) = self.cells.cell_mut((column.saturating_add(hidden), *row)) {
                    place.reset();
                }
            }
        }
        let is_whole = |row: u16| before.contains(&row) || self.is_doubtful(row);
        let whole: Vec<u16> = rows.into_iter().filter(|row| is_whole(*row)).collect();
        let some = content.iter().filter(|(_, row, _)| !whole.contains(row));
        let mut all: Vec<(u16, u16, &Cell)> = some.copied().collect();
        let touched = content.iter().map(|(column, row, cell)| {
            let behind = column.saturating_add(width(cell).max(1));
            (*row, *column, behind)
        });
        self.touched.extend(touched);
        for row in &whole {
            self.inner.set_cursor_position(Position::new(0, *row))?;
            self.inner.clear_region(ClearType::CurrentLine)?;
            self.touched.push((*row, 0, self.cells.area.width));
            all.extend(drawn(&self.cells, *row));
        }
        put(&mut self.inner, &all)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.inner.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        if clear_type == ClearType::All {
            self.cells.reset();
            self.is_cleared = true;
        }
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.cells.area.as_size())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
