//! From the bytes of a file to pixels, under limits that hold whatever the file says.
//!
//! What is bounded:
//! - the file: [`BYTES_MAX`]; a JPEG is held twice while it is decoded.
//! - pixels: [`PIXELS_MAX`], and [`SIDE_MAX`] for each side; looked at before anything is allocated by them.
//! - memory: [`MEMORY_MAX`] for pixels and what the decoder allocates by the file's word. Two things `image`'s own limits do
//!   not see, and so they are looked at here before: the coefficients of a JPEG of several scans ([`MEMORY_MAX`] once more),
//!   and the tables of lossless WebP, by [`LOSSLESS_BYTES_MAX`]. What is kept is a copy of at most [`KEPT_SIDE_MAX`] a side.
//! - frames: only the first is decoded; the others are not read.
//! - time: PNG, GIF and making it smaller are cut off at the deadline. JPEG and WebP are read whole before they are decoded,
//!   so that they run to their end; it is bounded by the pixels and, for JPEG, by 100 scans. [`Decoder`] does not wait for
//!   that: its caller goes on at the deadline, and what is left of the work keeps one of its few places until it ends.
//!
//! The look follows the EXIF orientation. Colour profiles are not applied. Knows no terminal.

use std::{
    cell::Cell,
    sync::{Arc, Once},
    time::Duration,
};

use bytes::Bytes;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbaImage};
use tokio::sync::Semaphore;

use super::{
    deadline::{Deadline, Watched},
    error::PictureError,
    kind::Kind,
    metadata,
    scale::reduced,
    size::Size,
};

/// Bytes of a file that is looked at. A photograph of 16 megapixels has 5 to 10 MiB as JPEG, 25 as PNG.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Pixels that are decoded: a photograph of a good telephone.
pub const PIXELS_MAX: u64 = 16_000_000;
/// Pixels of the longer side. Decoders hold some rows at once; with a row of all pixels that were the picture several times.
pub const SIDE_MAX: u32 = 32_768;
/// Bytes that a decoder may allocate: the pixels as RGBA, and a little.
pub const MEMORY_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of lossless WebP. A code table of 4 KiB can be written in 12 bytes: this much makes 180 MiB of them at the worst.
pub const LOSSLESS_BYTES_MAX: usize = 512 * 1024;
/// How long a picture may take.
pub const TIME_MAX: Duration = Duration::from_secs(2);
/// Pixels of the longer side of what is kept: no terminal shows more, and it is 16 MiB at the most.
pub const KEPT_SIDE_MAX: u32 = 2048;
/// Pictures that are decoded at one time, those included for which nobody waits any more.
const AT_ONCE: usize = 2;

/// A decoded picture, the right side up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pixels: RgbaImage,
    original: Size,
    kind: Kind,
}

impl Picture {
    /// Returns the pixels, of at most [`KEPT_SIDE_MAX`] a side.
    pub const fn pixels(&self) -> &RgbaImage {
        &self.pixels
    }

    /// Returns how large the file's picture is, the right side up.
    pub const fn original(&self) -> Size {
        self.original
    }

    /// Returns which format the file has.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns it with no more pixels than this, as if the file had no more.
    pub fn shrunk(self, most: Size) -> Result<Self, PictureError> {
        let size = self.size().within(most);
        if size == self.size() && size == self.original {
            return Ok(self);
        }
        Ok(Self {
            pixels: reduced(&self.pixels, size, &Deadline::none())?,
            original: size,
            kind: self.kind,
        })
    }

    /// Returns how large [`Self::pixels`] is.
    pub fn size(&self) -> Size {
        let (width, height) = self.pixels.dimensions();
        Size { width, height }
    }
}

/// Decodes a picture; see above for what it costs at the most.
pub fn decode(bytes: &[u8], deadline: &Deadline) -> Result<Picture, PictureError> {
    let kind = Kind::of(bytes).ok_or(PictureError::UnknownKind)?;
    if bytes.len() > BYTES_MAX {
        let bytes = bytes.len();
        return Err(PictureError::TooManyBytes { bytes });
    }
    let fault = |error| fault(&error, deadline);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = ImageReader::with_format(Watched::new(bytes, deadline), kind.format());
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(fault)?;

    let (width, height) = decoder.dimensions();
    let stored = Size { width, height };
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged);
    }
    if stored.pixels() > PIXELS_MAX || stored.longest() > SIDE_MAX {
        return Err(PictureError::TooManyPixels { size: stored });
    }
    look_before(kind, bytes)?;
    limits.reserve(decoder.total_bytes()).map_err(fault)?;
    decoder.set_limits(limits).map_err(fault)?;
    // An EXIF that cannot be read is no reason to show nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(fault)?;

    let most = Size {
        width: KEPT_SIDE_MAX,
        height: KEPT_SIDE_MAX,
    };
    let small = reduced(&whole, stored.within(most), deadline)?;
    drop(whole);
    let mut upright = DynamicImage::ImageRgba8(small);
    upright.apply_orientation(orientation);
    let original = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => Size {
            width: height,
            height: width,
        },
        _ => stored,
    };
    Ok(Picture {
        pixels: upright.into_rgba8(),
        original,
        kind,
    })
}

/// Looks at what decoders allocate without asking for it.
fn look_before(kind: Kind, bytes: &[u8]) -> Result<(), PictureError> {
    let is_too_much = match kind {
        Kind::Jpeg => {
            let beside = metadata::jpeg::coefficient_bytes(bytes).ok_or(PictureError::Damaged)?;
            beside > MEMORY_MAX
        }
        Kind::WebP => metadata::webp::lossless_bytes(bytes) > LOSSLESS_BYTES_MAX,
        Kind::Png | Kind::Gif => false,
    };
    match is_too_much {
        true => Err(PictureError::TooMuchMemory),
        false => Ok(()),
    }
}

fn fault(error: &ImageError, deadline: &Deadline) -> PictureError {
    match error {
        _ if deadline.is_over() => PictureError::TooSlow,
        ImageError::Limits(_) => PictureError::TooMuchMemory,
        _ => PictureError::Damaged,
    }
}

/// Decodes beside its caller, few pictures at one time. Cheap to clone; all clones share the places.
#[derive(Clone, Debug)]
pub struct Decoder {
    places: Arc<Semaphore>,
    time: Duration,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with all places free, that gives each picture [`TIME_MAX`].
    pub fn new() -> Self {
        Self::within(TIME_MAX)
    }

    /// The same with another time.
    pub fn within(time: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            time,
        }
    }

    /// Decodes a picture, and does something with it in the same place, such as making it small; in its time from when a
    /// place is free. Who drops the future ends the work, as far as it can be cut off. A decoder that panics has found the
    /// picture damaged.
    pub async fn decode<T, F>(&self, bytes: Bytes, then: F) -> Result<T, PictureError>
    where
        T: Send + 'static,
        F: FnOnce(Picture) -> Result<T, PictureError> + Send + 'static,
    {
        self.work(move |deadline| decode(&bytes, deadline).and_then(then))
            .await
    }

    /// Does something with a picture that is decoded already, under the same limits and with the same end if it panics.
    pub async fn work<T, F>(&self, work: F) -> Result<T, PictureError>
    where
        T: Send + 'static,
        F: FnOnce(&Deadline) -> Result<T, PictureError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await;
        // Nobody closes it.
        let place = place.map_err(|_| PictureError::NotMade)?;
        let deadline = Deadline::after(self.time);
        let waited_for = EndOnDrop(deadline.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            let _at_work = AtWork::begin();
            work(&deadline)
        });
        let done = tokio::time::timeout(self.time, work).await;
        drop(waited_for);
        match done {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panicked)) => Err(PictureError::Damaged),
            Err(_late) => Err(PictureError::TooSlow),
        }
    }
}

thread_local! {
    static IS_AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether a [`Decoder`] is at work in this thread. A panic there says only that a picture is damaged: a hook for
/// panics should pass over it, and neither end the program nor write on the screen.
pub fn is_at_work() -> bool {
    IS_AT_WORK.get()
}

/// Has panics passed over that only say that a picture is damaged; all others go to the hook that was there before.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_at_work() {
                before(info);
            }
        }));
    });
}

/// Marks the thread, until it is dropped, which in a panic is after the hook.
struct AtWork;

impl AtWork {
    fn begin() -> Self {
        IS_AT_WORK.set(true);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        IS_AT_WORK.set(false);
    }
}

/// Ends the work when nobody waits for it any more.
struct EndOnDrop(Deadline);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
