//! Previews of pictures: how large each is shown, which are there, which are asked for, and which cannot be shown.
//!
//! Promises a bound on what is held, whatever is sent: the pictures seen last are kept, and what fell out is asked for anew
//! when it is seen. What a sender says of a picture decides its room on the screen and nothing else: the room is the same
//! before and after the picture is there, and before and after the terminal has said how large its cells are, so that
//! nothing that is read moves; and it is never larger than [`COLUMNS_MAX`] by [`ROWS_MAX`] cells. Knows neither the screen
//! nor how pictures are fetched.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    client::{
        app::{file::File, untrusted::Untrusted},
        picture::{
            CellSize, Picture, Size, show::half_blocks::Blocks, size::fitted, terminal::Way,
            thumbnail,
        },
        ui::theme::Depth,
    },
    domain::{clock::TimeMs, limits::THUMBNAIL_BYTES_MAX},
};

/// Cells of a preview from left to right, and from top to bottom.
pub const COLUMNS_MAX: u16 = 40;
/// See above.
pub const ROWS_MAX: u16 = 10;
/// On a screen that would give it less, a preview is not worth its rows.
const ROWS_MIN: u16 = 4;
/// A preview takes this part of the screen's rows at the most.
const SCREEN_PART: u16 = 3;
/// Columns in which there is room for one.
const COLUMNS_MIN: usize = 8;
/// Previews of one message.
pub const OF_MESSAGE_MAX: usize = 4;
/// A picture that has none beside it that shows it small is fetched itself up to this size.
pub const ITSELF_BYTES_MAX: u64 = 1024 * 1024;
/// The pixels of what is kept of a picture: as many as a small copy has.
pub const KEPT: Size = Size {
    width: thumbnail::SIDE_MAX,
    height: thumbnail::SIDE_MAX,
};
/// How large a picture is taken to be whose sender does not say it.
const UNSAID: (u32, u32) = (4, 3);
/// What is asked for at one time.
pub const ASKED_MAX: usize = 4;
/// Pictures around what is seen that are looked after. With what each of them may weigh all of them are within
/// [`BYTES_MAX`], so that none of them throws out another.
pub const NEAR_MAX: usize = 32;
/// Bytes of what is held.
const BYTES_MAX: usize = 24 * 1024 * 1024;
/// Pictures that are held, and those that are known not to be shown.
const HELD_MAX: usize = 64;
const FAILED_MAX: usize = 1_000;
/// Bytes that a protocol may take for one picture; what takes more is shown as half blocks.
pub const DRAWING_BYTES_MAX: usize = 256 * 1024;
/// How long what was refused for now is not asked for again, in milliseconds: at first, and at most, since it doubles each time.
const AGAIN_MS: i64 = 30_000;
const AGAIN_MS_MAX: i64 = 600_000;
/// Types of files that are looked at.
const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What pictures are drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// How.
    pub way: Way,
    /// In so many colours, where it is cells.
    pub depth: Depth,
    /// How large a cell is.
    pub cell: CellSize,
}

impl Canvas {
    /// None.
    pub const OFF: Self = Self {
        way: Way::Off,
        depth: Depth::None,
        cell: CellSize::ASSUMED,
    };
}

/// How many cells a preview takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// From left to right.
    pub columns: u16,
    /// From top to bottom.
    pub rows: u16,
}

/// A preview as it stands among the messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Preview {
    /// The id of the file that is fetched for it.
    pub id: String,
    /// Its room.
    pub extent: Extent,
    /// More bytes than this are not fetched.
    pub bytes_max: u64,
}

/// Something that is to be fetched, or made for another room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Tells its answer from that to another question.
    pub number: u64,
    /// What.
    pub preview: Preview,
    /// What it is drawn on.
    pub canvas: Canvas,
    /// The picture, if it is there.
    pub known: Option<Arc<Picture>>,
}

/// A picture as a protocol of the terminal draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Told from all others of this program by this.
    pub number: u32,
    /// By which protocol.
    pub way: Way,
    /// What the terminal gets: the drawing as one part, or for kitty's the picture, piece by piece.
    pub parts: Vec<Vec<u8>>,
    /// The cells that it covers.
    pub extent: Extent,
}

impl Pixels {
    /// How many bytes all of it is.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }
}

/// A picture that can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What it is drawn on.
    pub canvas: Canvas,
    /// The picture, no larger than [`KEPT`].
    pub picture: Arc<Picture>,
    /// As cells, within its room.
    pub blocks: Arc<Blocks>,
    /// As pixels, if the terminal can, and they are not too many bytes.
    pub pixels: Option<Arc<Pixels>>,
}

impl Made {
    /// How many bytes it takes, about.
    fn weight(&self) -> usize {
        let rows = self.blocks.rows().iter();
        let blocks: usize = rows.map(|row| size_of_val(row.as_slice())).sum();
        let pixels = self.pixels.as_ref().map_or(0, |it| it.bytes());
        self.picture.pixels().len() + blocks + pixels
    }
}

/// Why a picture is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The server is away, or refused it for now: it is asked again after the next connection.
    NotNow,
    /// It cannot be shown, or is not there.
    Never,
}

/// What a preview shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'m> {
    /// The picture.
    Picture(&'m Made),
    /// Its room, since it is on its way.
    Room,
}

type Key = (String, Extent);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    made: Made,
    weight: usize,
    /// When it was near last.
    turn: u64,
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previews {
    canvas: Canvas,
    held: BTreeMap<Key, Held>,
    /// What is asked for, and under which number.
    asked: BTreeMap<Key, u64>,
    last_asked: u64,
    failed: BTreeMap<String, (Why, u64)>,
    /// When what was refused for now is asked for again, and how long that was waited for.
    again: Option<TimeMs>,
    wait_ms: i64,
    turn: u64,
}

impl Default for Previews {
    fn default() -> Self {
        Self {
            canvas: Canvas::OFF,
            held: BTreeMap::new(),
            asked: BTreeMap::new(),
            last_asked: 0,
            failed: BTreeMap::new(),
            again: None,
            wait_ms: AGAIN_MS,
            turn: 0,
        }
    }
}

impl Previews {
    /// From now on pictures are drawn on this; returns whether that is another one than before.
    pub fn draw_on(&mut self, canvas: Canvas) -> bool {
        if canvas == self.canvas {
            return false;
        }
        self.canvas = canvas;
        true
    }

    /// Whether any are shown.
    pub fn are_shown(&self) -> bool {
        self.canvas.way != Way::Off
    }

    /// Whether pictures are drawn as pixels.
    pub fn are_pixels(&self) -> bool {
        !matches!(self.canvas.way, Way::Off | Way::Blocks(_))
    }

    /// The preview of a file where there are so many columns, on a screen of so many rows; `None`: it has none.
    pub fn of(&self, file: &File, columns: usize, screen_rows: u16) -> Option<Preview> {
        if !self.are_shown() || columns < COLUMNS_MIN {
            return None;
        }
        let rows = ROWS_MAX.min(screen_rows / SCREEN_PART);
        if rows < ROWS_MIN {
            return None;
        }
        let (id, bytes_max) = match &file.thumbnail_id {
            Some(id) => (id, THUMBNAIL_BYTES_MAX),
            None if is_looked_at(&file.media_type) && file.size_bytes <= ITSELF_BYTES_MAX => {
                (&file.id, ITSELF_BYTES_MAX)
            }
            None => return None,
        };
        let is_given_up = matches!(self.failed.get(id), Some((Why::Never, _)));
        if id.is_empty() || is_given_up {
            return None;
        }
        let most = u16::try_from(columns).map_or(COLUMNS_MAX, |it| it.min(COLUMNS_MAX));
        let size = match file
            .image
            .filter(|(width, height)| *width > 0 && *height > 0)
        {
            Some((width, height)) => Size { width, height },
            None => Size {
                width: KEPT.width,
                height: KEPT.width / UNSAID.0 * UNSAID.1,
            },
        };
        let fit = fitted(size.within(KEPT), most, rows, CellSize::ASSUMED)?;
        Some(Preview {
            id: id.clone(),
            extent: Extent {
                columns: fit.columns,
                rows: fit.rows,
            },
            bytes_max,
        })
    }

    /// What a preview shows now.
    pub fn shown(&self, preview: &Preview) -> Shown<'_> {
        let held = self.held.get(&key(preview));
        held.map_or(Shown::Room, |held| Shown::Picture(&held.made))
    }

    /// Takes in which are near what is seen, those that are seen first; returns what is to be fetched and made now.
    /// `can_ask`: the server can be asked.
    pub fn look(&mut self, near: &[Arc<Preview>], can_ask: bool) -> Vec<Want> {
        self.turn += 1;
        let mut wanted = Vec::new();
        for preview in near.iter().take(NEAR_MAX) {
            let key = key(preview);
            if let Some(held) = self.held.get_mut(&key) {
                held.turn = self.turn;
                if held.made.canvas == self.canvas {
                    continue;
                }
            }
            let is_due = !self.asked.contains_key(&key) && !self.failed.contains_key(&preview.id);
            if !is_due || self.asked.len() >= ASKED_MAX {
                continue;
            }
            let known = self.picture(&preview.id);
            if known.is_none() && (!can_ask || self.is_fetched(&preview.id)) {
                continue;
            }
            self.last_asked += 1;
            self.asked.insert(key, self.last_asked);
            wanted.push(Want {
                number: self.last_asked,
                preview: Preview::clone(preview),
                canvas: self.canvas,
                known,
            });
        }
        wanted
    }

    /// Takes in what came of one that was asked for.
    pub fn take(&mut self, number: u64, made: Result<Made, Why>) {
        let mut asked = self.asked.iter();
        let Some(key) = asked.find(|(_, asked)| **asked == number) else {
            return;
        };
        let key = key.0.clone();
        self.asked.remove(&key);
        match made {
            // If the terminal has said meanwhile what it can, it is made once more, and not fetched.
            Ok(made) => {
                let held = Held {
                    weight: made.weight(),
                    made,
                    turn: self.turn,
                };
                self.held.insert(key, held);
                self.wait_ms = AGAIN_MS;
            }
            Err(why) => {
                self.failed.insert(key.0, (why, self.turn));
            }
        }
        self.shrink();
    }

    /// There is a connection: what was refused only for then can be asked for.
    pub fn connected(&mut self) {
        self.failed.retain(|_, (why, _)| *why == Why::Never);
        (self.again, self.wait_ms) = (None, AGAIN_MS);
    }

    /// Takes in the time: what was refused for a while can be asked for when that is over.
    pub fn tick(&mut self, now: TimeMs) {
        let is_refused = self.failed.values().any(|(why, _)| *why == Why::NotNow);
        match self.again {
            _ if !is_refused => self.again = None,
            None => {
                let at = now.milliseconds().saturating_add(self.wait_ms);
                self.again = Some(TimeMs::new(at));
                self.wait_ms = self.wait_ms.saturating_mul(2).min(AGAIN_MS_MAX);
            }
            Some(at) if at <= now => {
                self.failed.retain(|_, (why, _)| *why == Why::Never);
                self.again = None;
            }
            Some(_) => {}
        }
    }

    /// When something is asked for again; `None`: nothing was refused for now.
    pub const fn again_at(&self) -> Option<TimeMs> {
        self.again
    }

    /// The store is another one: its files are others.
    pub fn reset(&mut self) {
        self.held.clear();
        self.failed.clear();
        self.asked.clear();
        (self.again, self.wait_ms) = (None, AGAIN_MS);
    }

    /// The picture of a file, from any of the rooms that it is held for.
    fn picture(&self, id: &str) -> Option<Arc<Picture>> {
        let mut held = self.held.range((id.to_owned(), LEAST)..);
        let found = held.next().filter(|((found, _), _)| found == id);
        found.map(|(_, held)| Arc::clone(&held.made.picture))
    }

    /// Whether a file is asked for, in any room.
    fn is_fetched(&self, id: &str) -> bool {
        self.asked.keys().any(|(asked, _)| asked == id)
    }

    fn shrink(&mut self) {
        let mut bytes: usize = self.held.values().map(|held| held.weight).sum();
        while bytes > BYTES_MAX || self.held.len() > HELD_MAX {
            let oldest = self.held.iter().min_by_key(|(_, held)| held.turn);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            let gone = self.held.remove(&key);
            bytes = bytes.saturating_sub(gone.map_or(0, |held| held.weight));
        }
        if self.failed.len() > FAILED_MAX {
            let oldest = self.failed.iter().min_by_key(|(_, (_, turn))| *turn);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.failed.remove(&id);
            }
        }
    }
}

const LEAST: Extent = Extent {
    columns: 0,
    rows: 0,
};

fn key(preview: &Preview) -> Key {
    (preview.id.clone(), preview.extent)
}

fn is_looked_at(media_type: &Untrusted) -> bool {
    TYPES
        .iter()
        .any(|known| *media_type == Untrusted::from(*known))
}

#[cfg(test)]
#[path = "previews_tests.rs"]
pub mod tests;
