//! Previews of pictures, fetched and made ready beside everything else.
//!
//! Promises: no more of a file is taken in than was allowed, whatever the server says of it; what came is decoded and drawn
//! under the limits of `picture`, in threads that nobody waits for, and one that cannot bear a picture harms nothing else;
//! all of it ends when this is dropped. The bytes of a file reach no disk and no terminal. Knows no screen.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};

use crate::client::{
    net::session::{Patience, Session},
    picture::{
        Decoder, Picture, PictureError,
        show::{Drawing, Room, half_blocks::half_blocks, iterm2, kitty, sixel},
        terminal::Way,
    },
    transfer::{
        Pace,
        download::{To, download},
        error::TransferError,
        steering::steering,
    },
    ui::model::previews::{DRAWING_BYTES_MAX, Extent, KEPT, Made, Pixels, Want, Why},
};

/// How long a preview waits for a server that cannot be reached, and for one that sends nothing.
const WAIT: Duration = Duration::from_secs(20);
/// How long all of it may take: a server that sends a byte now and then holds up the others.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// What a preview came to, with the number of the question.
pub(super) type Fetched = (u64, Result<Made, Why>);

/// Draws a picture for its room.
type Draw = fn(Arc<Picture>, &Want, u32) -> Result<Made, PictureError>;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Fetcher {
    decoder: Decoder,
    tasks: JoinSet<Fetched>,
    draw: Draw,
    /// The number of the picture that was made last: of chance at first, since other programs have numbers in the same
    /// terminal.
    number: u32,
}

impl Fetcher {
    /// Nothing is asked for.
    pub fn new() -> Self {
        let by_chance = RandomState::new().build_hasher().finish();
        Self {
            decoder: Decoder::new(),
            tasks: JoinSet::new(),
            draw: make,
            // As far from the end as no program gets.
            number: u32::try_from(by_chance % 0x7fff_0000).unwrap_or(0),
        }
    }

    /// Begins with one. The model sees to it that they are few at one time.
    pub fn begin(&mut self, session: Session, want: Want) {
        self.number = self.number.wrapping_add(1).max(1);
        let (decoder, draw, number) = (self.decoder.clone(), self.draw, self.number);
        self.tasks.spawn(async move {
            let asked = want.number;
            let got = get(&session, &decoder, want, (draw, number));
            let got = tokio::time::timeout(WAIT_MAX, got);
            (asked, got.await.unwrap_or(Err(Why::NotNow)))
        });
    }

    /// What came; `None`: nothing is asked for. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Result<Fetched, JoinError>> {
        self.tasks.join_next().await
    }

    /// Ends all of it.
    pub fn end(&mut self) {
        self.tasks.abort_all();
    }
}

async fn get(
    session: &Session,
    decoder: &Decoder,
    want: Want,
    (draw, number): (Draw, u32),
) -> Result<Made, Why> {
    let made = match want.known.clone() {
        Some(picture) => decoder.work(move |_| draw(picture, &want, number)).await,
        None => {
            let bytes = fetch(session, &want.preview.id, want.preview.bytes_max).await?;
            let make = move |picture: Picture| draw(Arc::new(picture.shrunk(KEPT)?), &want, number);
            decoder.decode(bytes, make).await
        }
    };
    made.map_err(|error| match error {
        // The machine had something else to do.
        PictureError::TooSlow | PictureError::NotMade => Why::NotNow,
        _ => Why::Never,
    })
}

/// Brings a file into memory, if it is not larger than it may be.
async fn fetch(session: &Session, id: &str, bytes_max: u64) -> Result<Bytes, Why> {
    let into = Memory::new(bytes_max);
    let pace = Pace {
        patience: Patience::For(WAIT),
        standstill: WAIT,
    };
    // As long as the handle is there, the transfer can be steered, which nobody does.
    let (_handle, mut steering) = steering();
    let to = To::Writer(Box::new(into.clone()));
    match download(session, id, to, pace, &mut steering).await {
        Ok(_) => Ok(into.take()),
        Err(error) => Err(why(&error)),
    }
}

fn why(error: &TransferError) -> Why {
    match error.can_go_on() {
        true => Why::NotNow,
        false => Why::Never,
    }
}

/// See [`Draw`].
fn make(picture: Arc<Picture>, want: &Want, number: u32) -> Result<Made, PictureError> {
    let canvas = want.canvas;
    let extent = want.preview.extent;
    let room = Room {
        columns: extent.columns,
        rows: extent.rows,
        cell: canvas.cell,
    };
    let blocks = half_blocks(&picture, room, canvas.depth)?.ok_or(PictureError::NotMade)?;
    let drawing = match canvas.way {
        Way::Off | Way::Blocks(_) => None,
        Way::Kitty => {
            let id = NonZeroU32::new(number).ok_or(PictureError::NotMade)?;
            kitty::send(&picture, room, kitty::ImageId(id))?
        }
        Way::Iterm2 => iterm2::draw(&picture, room)?,
        Way::Sixel => sixel::draw(&picture, room)?,
    };
    let pixels = drawing
        .map(|drawing| pixels(drawing, canvas.way, number))
        .filter(|pixels| pixels.bytes() <= DRAWING_BYTES_MAX);
    Ok(Made {
        canvas,
        picture,
        blocks: Arc::new(blocks),
        pixels: pixels.map(Arc::new),
    })
}

fn pixels(drawing: Drawing, way: Way, number: u32) -> Pixels {
    Pixels {
        number,
        way,
        parts: drawing.parts,
        extent: Extent {
            columns: drawing.columns,
            rows: drawing.rows,
        },
    }
}

/// Memory that takes so many bytes and no more.
#[derive(Clone, Debug)]
struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    bytes_max: u64,
}

impl Memory {
    fn new(bytes_max: u64) -> Self {
        Self {
            bytes: Arc::default(),
            bytes_max,
        }
    }

    fn take(&self) -> Bytes {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *bytes).into()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let all = held.len().saturating_add(bytes.len());
        if u64::try_from(all).is_ok_and(|all| all <= self.bytes_max) {
            held.extend_from_slice(bytes);
            Ok(bytes.len())
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "previews_tests.rs"]
mod tests;
