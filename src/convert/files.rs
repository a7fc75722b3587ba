//! What peers say of files, parsed once; a part of `request`.

use bytes::Bytes;

use crate::{
    domain::{
        file::{Chunk, ContentHash, ImageSize, NewFile},
        ids::{FileId, UploadId},
        invalid::Invalid,
    },
    pb,
};

/// Parses the id of a file.
pub fn file_id(field: &'static str, text: &str) -> Result<FileId, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("FILE_ID_INVALID", field, error))
}

/// Parses the id of an upload.
pub fn upload_id(text: &str) -> Result<UploadId, Invalid> {
    text.parse()
        .map_err(|error| Invalid::new("UPLOAD_ID_INVALID", "upload_id", error))
}

/// Parses a file that is to be uploaded.
pub fn new_file(asked: &pb::CreateUploadRequest) -> Result<NewFile, Invalid> {
    let name = asked.name.parse();
    if i64::try_from(asked.size_bytes).is_err() {
        let mend = "no file is that large; give its size in bytes";
        return Err(Invalid::new("FILE_SIZE_INVALID", "size_bytes", mend));
    }
    Ok(NewFile {
        name: name.map_err(|error| Invalid::new("FILE_NAME_INVALID", "name", error))?,
        size: asked.size_bytes,
        declared: match asked.media_type.as_str() {
            "" => None,
            kind => {
                let parsed = kind.parse();
                Some(
                    parsed
                        .map_err(|error| Invalid::new("MEDIA_TYPE_INVALID", "media_type", error))?,
                )
            }
        },
        hash: hash(&asked.blake3)?,
        image: asked.image.as_ref().map(image).transpose()?,
        thumbnail: match asked.thumbnail_file_id.as_str() {
            "" => None,
            id => Some(file_id("thumbnail_file_id", id)?),
        },
    })
}

/// Parses a BLAKE3; `None`: nothing is compared.
fn hash(bytes: &[u8]) -> Result<Option<ContentHash>, Invalid> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let whole = bytes.try_into().map(ContentHash);
    whole.map(Some).map_err(|_| {
        let given = bytes.len();
        let mend =
            format!("a BLAKE3 has 32 bytes, this one has {given}; give all of it, or leave it out");
        Invalid::new("HASH_INVALID", "blake3", mend)
    })
}

fn image(asked: &pb::ImageSize) -> Result<ImageSize, Invalid> {
    let (width, height) = (asked.width, asked.height);
    if width == 0 || height == 0 {
        let mend = "a picture has pixels in both directions; give its size, or leave it out";
        return Err(Invalid::new("IMAGE_SIZE_INVALID", "image", mend));
    }
    Ok(ImageSize { width, height })
}

/// Parses a piece of an upload, of at most so many bytes.
pub fn chunk(offset: u64, data: Bytes, blake3: &[u8], max: usize) -> Result<Chunk, Invalid> {
    let given = data.len();
    if !(1..=max).contains(&given) {
        let mend = format!("the chunk has {given} bytes; give 1 to {max} at once");
        return Err(Invalid::new("CHUNK_INVALID", "data", mend));
    }
    Ok(Chunk {
        offset,
        data,
        hash: hash(blake3)?,
    })
}
