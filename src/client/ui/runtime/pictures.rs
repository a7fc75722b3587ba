//! Pixels over the cells of a frame: what of them the terminal shows, and what is written so that it shows what is wanted.
//!
//! Where no pixels stand there are the cells of the same picture, so that nothing is blank; where they do those are blanks,
//! since a picture may be seen through and smaller than its cells. Promises that pixels are only where a frame has all cells
//! of the picture ([`Whole::is_in`]), and that they are gone with the frame that has not: the rows are written anew, and
//! kitty's are taken away by their number. Pixels that are many
//! bytes are only written in a calm frame, one picture at a time, so that they hold up neither keys nor scrolling; and no
//! more pictures are kept by the terminal than [`SENT_MAX`]. Knows neither model nor layout.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ratatui::layout::Rect;

use crate::client::{
    picture::{
        show::kitty::{self, ImageId, PlacementId},
        terminal::Way,
    },
    ui::{model::previews::Pixels, view::Whole},
};

/// Pictures that a terminal keeps for us: more than stand on a screen, and at most some megabytes.
const SENT_MAX: usize = 32;

/// Ends a picture of which only some pieces came: kitty would take the next one for the rest of it.
const END_LOADING: &str = "\x1b_Gm=0,q=2;\x1b\\";

/// The pictures that the terminal was sent by kitty's protocol. Static, since they are to be deleted however the program
/// ends.
static SENT: Mutex<BTreeSet<NonZeroU32>> = Mutex::new(BTreeSet::new());

fn sent() -> MutexGuard<'static, BTreeSet<NonZeroU32>> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what deletes all that the terminal was sent, and forgets it.
pub(super) fn undo() -> String {
    let all = std::mem::take(&mut *sent());
    if all.is_empty() {
        return String::new();
    }
    let deleted = all.into_iter().map(|id| kitty::delete(ImageId(id)));
    let deleted = deleted.map(|codes| String::from_utf8_lossy(&codes).into_owned());
    let deleted: String = deleted.collect();
    format!("{END_LOADING}{deleted}")
}

/// What pixels are drawn on: a screen of cells that was just brought to the state of a frame.
pub(super) trait Ground {
    /// Writes these cells anew, and with them whole rows.
    fn rewrite(&mut self, area: Rect) -> io::Result<()>;
    /// Whether any of these cells was written since the frame before.
    fn is_touched(&self, area: Rect) -> bool;
    /// Whether all was cleared since the frame before, so that no pixels are left.
    fn is_cleared(&self) -> bool;
    /// Puts the cursor somewhere, and writes.
    fn write_at(&mut self, at: (u16, u16), bytes: &[u8]) -> io::Result<()>;
    /// Writes where the cursor does not matter.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Rows of the screen.
    fn rows(&self) -> u16;
}

/// Pixels that stand on the screen.
#[derive(Clone, Debug)]
struct Standing {
    /// All cells of the picture.
    area: Rect,
    pixels: Arc<Pixels>,
    placement: NonZeroU32,
}

impl Standing {
    fn is(&self, whole: &Whole) -> bool {
        self.area == whole.area() && self.pixels.number == whole.pixels.number
    }
}

/// The cells that pixels cover.
fn area(whole: &Whole) -> Rect {
    let extent = whole.pixels.extent;
    Rect {
        width: extent.columns,
        height: extent.rows,
        ..whole.area()
    }
}

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    stand: Vec<Standing>,
    /// What the terminal keeps of this screen, the last one placed at the end.
    sent: VecDeque<NonZeroU32>,
    placements: u32,
    /// Pixels were left out.
    is_owed: bool,
}

impl Pictures {
    /// Whether pixels were left out of the last frame: a calm one is to follow.
    pub const fn is_owed(&self) -> bool {
        self.is_owed
    }

    /// Brings the pixels to what a frame wants, whose cells were just written. `is_calm`: nobody waits for the next frame.
    /// Returns whether anything was written, so that the cursor may be elsewhere.
    pub fn follow(
        &mut self,
        ground: &mut impl Ground,
        wanted: &[Whole],
        is_calm: bool,
    ) -> io::Result<bool> {
        let mut is_written = ground.is_cleared();
        if is_written {
            self.forget(ground)?;
        }
        is_written |= self.take_away(ground, wanted)?;
        self.is_owed = false;
        let mut has_room = is_calm;
        for whole in wanted {
            if self.stand.iter().any(|standing| standing.is(whole)) {
                continue;
            }
            // A terminal may scroll behind pixels that reach its last row.
            if area(whole).bottom() >= ground.rows() {
                continue;
            }
            let is_cheap = self.is_sent(&whole.pixels);
            if !is_cheap && !has_room {
                self.is_owed = true;
                continue;
            }
            has_room &= is_cheap;
            self.draw(ground, whole)?;
            is_written = true;
        }
        self.shrink(ground)?;
        Ok(is_written)
    }

    /// All of the screen was cleared. What the terminal kept may be gone with it.
    fn forget(&mut self, ground: &mut impl Ground) -> io::Result<()> {
        self.stand.clear();
        for id in std::mem::take(&mut self.sent) {
            ground.write(&kitty::delete(ImageId(id)))?;
            sent().remove(&id);
        }
        Ok(())
    }

    /// Takes away what is wanted no longer, and what was written over.
    fn take_away(&mut self, ground: &mut impl Ground, wanted: &[Whole]) -> io::Result<bool> {
        let stood = std::mem::take(&mut self.stand);
        let was = stood.len();
        let is_wanted = |standing: &Standing| wanted.iter().any(|whole| standing.is(whole));
        // To write rows anew may touch what stood beside.
        let (stays, goes): (Vec<_>, Vec<_>) = stood.into_iter().partition(is_wanted);
        for gone in goes {
            remove(ground, &gone)?;
        }
        for standing in stays {
            match ground.is_touched(standing.area) {
                true => remove(ground, &standing)?,
                false => self.stand.push(standing),
            }
        }
        Ok(self.stand.len() != was)
    }

    fn draw(&mut self, ground: &mut impl Ground, whole: &Whole) -> io::Result<()> {
        let (area, pixels) = (area(whole), &whole.pixels);
        self.placements = self.placements.wrapping_add(1);
        let placement = NonZeroU32::new(self.placements).unwrap_or(NonZeroU32::MIN);
        let at = (area.x, area.y);
        let room = whole.area();
        let blanks = " ".repeat(usize::from(room.width));
        for row in room.top()..room.bottom() {
            ground.write_at((room.x, row), blanks.as_bytes())?;
        }
        if let Some(id) = kitty_id(pixels) {
            if !self.is_sent(pixels) {
                sent().insert(id);
                ground.write(&pixels.bytes)?;
            }
            self.sent.retain(|sent| *sent != id);
            self.sent.push_back(id);
            let placed = kitty::place(ImageId(id), PlacementId(placement), area.width, area.height);
            ground.write_at(at, &placed)?;
        } else {
            ground.write_at(at, &pixels.bytes)?;
        }
        self.stand.push(Standing {
            area: room,
            pixels: Arc::clone(pixels),
            placement,
        });
        Ok(())
    }

    fn is_sent(&self, pixels: &Pixels) -> bool {
        kitty_id(pixels).is_some_and(|id| self.sent.contains(&id))
    }

    /// Deletes what the terminal keeps and was not placed for the longest time.
    fn shrink(&mut self, ground: &mut impl Ground) -> io::Result<()> {
        while self.sent.len() > SENT_MAX {
            let stands = |id: &NonZeroU32| {
                let mut stand = self.stand.iter();
                stand.any(|standing| kitty_id(&standing.pixels) == Some(*id))
            };
            let Some(place) = self.sent.iter().position(|id| !stands(id)) else {
                return Ok(());
            };
            if let Some(id) = self.sent.remove(place) {
                ground.write(&kitty::delete(ImageId(id)))?;
                sent().remove(&id);
            }
        }
        Ok(())
    }
}

fn kitty_id(pixels: &Pixels) -> Option<NonZeroU32> {
    let number = NonZeroU32::new(pixels.number);
    number.filter(|_| pixels.way == Way::Kitty)
}

fn remove(ground: &mut impl Ground, gone: &Standing) -> io::Result<()> {
    if let Some(id) = kitty_id(&gone.pixels) {
        ground.write(&kitty::take_away(ImageId(id), PlacementId(gone.placement)))?;
    }
    ground.rewrite(gone.area)
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
