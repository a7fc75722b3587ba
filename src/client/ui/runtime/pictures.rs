//! Pixels over the cells of a frame: what of them the terminal shows, and what is written so that it shows what is wanted.
//!
//! Where no pixels stand there are the cells of the same picture, so that nothing is blank; where they do those are blanks,
//! since a picture may be seen through and smaller than its cells. Promises that pixels are only where a frame has all cells
//! of the picture ([`Whole::is_in`]), and that they are gone with the frame that has not: the rows are written anew, and
//! kitty's are taken away by their number. Pixels are only written in a calm frame, by kitty's protocol a few pieces at a time
//! ([`FRAME_BYTES`]), so that they hold up neither keys nor scrolling; what is begun goes on where it was, or is begun anew if
//! something was in the way. By the others a picture is written whole, and what follows waits for it: drawn in parts it would
//! be many drawings, of which xterm keeps 16, and older ones would go from the screen. No more pictures are kept by the terminal than [`SENT_MAX`]. Knows neither model
//! nor layout.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
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

/// Bytes of pixels in one frame, but for the part that goes past it. What is typed while the terminal takes them waits no
/// longer than for these: by kitty's protocol, with its pieces of 4 KiB, 50 ms on a link of two megabits in a second. By the
/// others the part that goes past it is a whole picture, for which such a link takes up to a second, once for each picture.
const FRAME_BYTES: usize = 8 * 1024;
/// Bytes of pixels in a second: what such a link carries, so that nothing of them waits on it in a queue that nobody sees,
/// before what is typed next: so much time passes after a frame before further pixels come. A photograph of the usual size
/// takes half a second to a whole one.
const SECOND_BYTES: u64 = 256 * 1024;

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
    /// The picture of which it has so many pieces, and not all: until it has, nothing else of kitty's protocol may be said.
    loading: Option<(NonZeroU32, usize)>,
    placements: u32,
    /// Pixels were left out.
    is_owed: bool,
    /// Bytes of them in the last frame.
    written: usize,
}

impl Pictures {
    /// Whether pixels were left out of the last frame: a calm one is to follow.
    pub const fn is_owed(&self) -> bool {
        self.is_owed
    }

    /// How long no further pixels are to be written after those of the last frame.
    pub fn rest(&self) -> Duration {
        let bytes = u64::try_from(self.written).unwrap_or(u64::MAX);
        Duration::from_millis(bytes.saturating_mul(1_000) / SECOND_BYTES)
    }

    /// Brings the pixels to what a frame wants, whose cells were just written. `is_calm`: nobody waits for the next frame.
    /// Returns whether anything was written, so that the cursor may be elsewhere.
    pub fn follow(
        &mut self,
        ground: &mut impl Ground,
        wanted: &[Whole],
        is_calm: bool,
    ) -> io::Result<bool> {
        // A terminal may scroll behind pixels that reach its last row.
        let rows = ground.rows();
        let wanted = wanted.iter().filter(|whole| area(whole).bottom() < rows);
        let wanted: Vec<&Whole> = wanted.collect();
        let mut is_written = ground.is_cleared();
        if is_written {
            self.forget(ground)?;
        }
        let is_loading = |id| {
            wanted
                .iter()
                .any(|whole| kitty_id(&whole.pixels) == Some(id))
        };
        if self.loading.is_some_and(|(id, _)| !is_loading(id)) {
            self.end_loading(ground)?;
        }
        is_written |= self.take_away(ground, &wanted)?;
        (self.is_owed, self.written) = (false, 0);
        let bytes_max = if is_calm { FRAME_BYTES } else { 0 };
        for whole in wanted {
            is_written |= match kitty_id(&whole.pixels) {
                Some(id) => self.place(ground, whole, id, bytes_max)?,
                None => self.draw(ground, whole, bytes_max)?,
            };
        }
        // Nothing may be said within a picture that is loaded: then it is done before the next one.
        if self.loading.is_none() {
            self.shrink(ground)?;
        }
        Ok(is_written)
    }

    /// All of the screen was cleared. What the terminal kept may be gone with it.
    fn forget(&mut self, ground: &mut impl Ground) -> io::Result<()> {
        self.end_loading(ground)?;
        self.stand.clear();
        for id in std::mem::take(&mut self.sent) {
            ground.write(&kitty::delete(ImageId(id)))?;
            sent().remove(&id);
        }
        Ok(())
    }

    /// Gives up a picture of which the terminal has not all pieces: something else is to be said.
    fn end_loading(&mut self, ground: &mut impl Ground) -> io::Result<()> {
        let Some((id, _)) = self.loading.take() else {
            return Ok(());
        };
        ground.write(END_LOADING.as_bytes())?;
        ground.write(&kitty::delete(ImageId(id)))?;
        sent().remove(&id);
        Ok(())
    }

    /// Takes away what is wanted no longer, and what was written over.
    fn take_away(&mut self, ground: &mut impl Ground, wanted: &[&Whole]) -> io::Result<bool> {
        let stood = std::mem::take(&mut self.stand);
        let was = stood.len();
        let is_wanted = |standing: &Standing| wanted.iter().any(|whole| standing.is(whole));
        // To write rows anew may touch what stood beside.
        let (stays, goes): (Vec<_>, Vec<_>) = stood.into_iter().partition(is_wanted);
        for gone in goes {
            self.remove(ground, &gone)?;
        }
        for standing in stays {
            match ground.is_touched(standing.area) {
                true => self.remove(ground, &standing)?,
                false => self.stand.push(standing),
            }
        }
        Ok(self.stand.len() != was)
    }

    /// Shows a picture by kitty's protocol, once the terminal has all its pieces; returns whether anything was written.
    fn place(
        &mut self,
        ground: &mut impl Ground,
        whole: &Whole,
        id: NonZeroU32,
        bytes_max: usize,
    ) -> io::Result<bool> {
        if self.stand.iter().any(|standing| standing.is(whole)) {
            return Ok(false);
        }
        if !self.sent.contains(&id) && !self.load(ground, &whole.pixels, id, bytes_max)? {
            self.is_owed = true;
            return Ok(false);
        }
        self.end_loading(ground)?;
        let area = area(whole);
        blank(ground, whole.area())?;
        self.sent.retain(|sent| *sent != id);
        self.sent.push_back(id);
        let standing = self.standing(whole);
        let placement = PlacementId(standing.placement);
        let placed = kitty::place(ImageId(id), placement, area.width, area.height);
        ground.write_at((area.x, area.y), &placed)?;
        self.stand.push(standing);
        Ok(true)
    }

    /// Sends pieces of a picture; returns whether the terminal has them all. One comes after the other.
    fn load(
        &mut self,
        ground: &mut impl Ground,
        pixels: &Pixels,
        id: NonZeroU32,
        bytes_max: usize,
    ) -> io::Result<bool> {
        if self.loading.is_some_and(|(loading, _)| loading != id) {
            return Ok(false);
        }
        if self.loading.is_none() && self.written < bytes_max {
            self.shrink(ground)?;
        }
        let had = self.loading.map_or(0, |(_, had)| had);
        for (part, number) in pixels.parts.iter().skip(had).zip(had..) {
            if self.written >= bytes_max {
                return Ok(false);
            }
            sent().insert(id);
            ground.write(part)?;
            self.written += part.len();
            self.loading = Some((id, number + 1));
        }
        self.loading = None;
        Ok(true)
    }

    /// Draws a picture by the other protocols, all of it at once; returns whether anything was written.
    fn draw(
        &mut self,
        ground: &mut impl Ground,
        whole: &Whole,
        bytes_max: usize,
    ) -> io::Result<bool> {
        if self.stand.iter().any(|standing| standing.is(whole)) {
            return Ok(false);
        }
        if self.written >= bytes_max {
            self.is_owed = true;
            return Ok(false);
        }
        let room = whole.area();
        blank(ground, room)?;
        for part in &whole.pixels.parts {
            ground.write_at((room.x, room.y), part)?;
            self.written += part.len();
        }
        let standing = self.standing(whole);
        self.stand.push(standing);
        Ok(true)
    }

    /// One that is about to stand.
    fn standing(&mut self, whole: &Whole) -> Standing {
        self.placements = self.placements.wrapping_add(1);
        Standing {
            area: whole.area(),
            pixels: Arc::clone(&whole.pixels),
            placement: NonZeroU32::new(self.placements).unwrap_or(NonZeroU32::MIN),
        }
    }

    fn remove(&mut self, ground: &mut impl Ground, gone: &Standing) -> io::Result<()> {
        if let Some(id) = kitty_id(&gone.pixels) {
            self.end_loading(ground)?;
            ground.write(&kitty::take_away(ImageId(id), PlacementId(gone.placement)))?;
        }
        ground.rewrite(gone.area)
    }

    /// Deletes what the terminal keeps and was not placed for the longest time. Not while a picture is loaded.
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

/// Clears a picture's room.
fn blank(ground: &mut impl Ground, room: Rect) -> io::Result<()> {
    let blanks = " ".repeat(usize::from(room.width));
    (room.top()..room.bottom())
        .try_for_each(|row| ground.write_at((room.x, row), blanks.as_bytes()))
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
