//! From what a user names to what is sent: a picture is looked at, gets its size and a small copy of it, and, by choice, is
//! freed of what it tells beside.
//!
//! Promises that a picture that cannot be looked at is sent as any other file, within two seconds, and that what is to be freed
//! of metadata is never sent with it. What is no picture by its first bytes is not read here.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{
    picture::{Decoder, Kind, Size, Thumbnail, decode::BYTES_MAX, thumbnail, without_metadata},
    transfer::{error::TransferError, source::Source},
};
use crate::domain::file::ImageSize;

/// First bytes that tell a picture from all else.
const START_BYTES: usize = 16;

/// What becomes of what an original tells beside: the place and time of a shot, the camera, names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// It is sent as it is.
    #[default]
    Kept,
    /// It is taken out; what it cannot be taken out of is not sent.
    Dropped,
}

/// Looks at what is to be sent.
pub async fn looked_at(
    source: Source,
    metadata: Metadata,
    decoder: &Decoder,
) -> Result<Source, TransferError> {
    let kind = Kind::of(&source.start(START_BYTES).await?);
    let is_small = source.size <= BYTES_MAX as u64;
    let mut source = match (kind, metadata) {
        (Some(_), Metadata::Dropped) if is_small => freed(source).await?,
        (_, Metadata::Dropped) => return Err(TransferError::Told),
        (Some(_), Metadata::Kept) if is_small => source,
        (_, Metadata::Kept) => return Ok(source),
    };
    let bytes = source.start(BYTES_MAX).await?;
    let seen = decoder.decode(bytes, |picture| {
        Ok((picture.original(), thumbnail(&picture)?))
    });
    // A picture that nobody can show is a file like others.
    if let Ok((original, small)) = seen.await {
        source.image = Some(size(original));
        source.thumbnail = preview(small).map(Arc::new);
    }
    Ok(source)
}

/// The same picture without what it tells beside.
async fn freed(source: Source) -> Result<Source, TransferError> {
    let bytes = source.start(BYTES_MAX).await?;
    let freed = spawn_blocking(move || without_metadata(&bytes)).await;
    let freed = freed.ok().flatten().ok_or(TransferError::Told)?;
    let mut free = Source::bytes(source.name, freed.into());
    free.media_type = source.media_type;
    Ok(free)
}

fn size(Size { width, height }: Size) -> ImageSize {
    ImageSize { width, height }
}

fn preview(small: Thumbnail) -> Option<Source> {
    let name = format!("thumbnail.{}", small.kind.ending());
    // A name that is always one.
    let name = name.parse().ok()?;
    Some(Source::bytes(name, small.bytes.into()))
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
