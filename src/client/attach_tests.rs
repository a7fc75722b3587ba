//! What of a file is known before it is sent, and what of it is not sent.

use std::time::Duration;

use bytes::Bytes;
use image::ImageFormat;

use super::{
    super::picture::made_tests::{file, landscape, with_exif},
    *,
};
use crate::domain::limits::THUMBNAIL_BYTES_MAX;

fn source(name: &str, bytes: Vec<u8>) -> Source {
    Source::bytes(name.parse().unwrap(), bytes.into())
}

async fn looked(source: Source, metadata: Metadata) -> Result<Source, TransferError> {
    // However busy the machine is.
    let decoder = Decoder::within(Duration::from_secs(600));
    looked_at(source, metadata, &decoder).await
}

async fn whole(source: &Source) -> Bytes {
    source.start(usize::MAX).await.unwrap()
}

fn tells(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|part| part == b"SECRET")
}

#[tokio::test]
async fn a_picture_gets_its_size_and_a_small_copy_that_tells_nothing() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        // On its side: 32 x 16 as it is stored.
        let original = with_exif(format, 6);
        let seen = looked(source("a.bin", original.clone()), Metadata::Kept).await;
        let seen = seen.unwrap();
        let image = seen.image.map(|it| (it.width, it.height));
        assert_eq!(image, Some((16, 32)), "{format:?}");
        assert_eq!(whole(&seen).await, original, "the original is as it was");
        let small = seen.thumbnail.as_deref().unwrap();
        assert_eq!(small.name.as_str(), "thumbnail.png");
        assert_eq!(small.media_type, "image/png");
        assert!(small.size <= THUMBNAIL_BYTES_MAX && !tells(&whole(small).await));
    }
    let large = file(&landscape(1000, 700), ImageFormat::Jpeg);
    let seen = looked(source("a.jpg", large), Metadata::Kept)
        .await
        .unwrap();
    let image = seen.image.map(|it| (it.width, it.height));
    assert_eq!(image, Some((1000, 700)));
}

#[tokio::test]
async fn what_it_tells_beside_is_taken_out_or_it_is_not_sent() {
    let picture = with_exif(ImageFormat::Jpeg, 6);
    assert!(tells(&picture));
    let mut given = source("a.jpg", picture.clone());
    given.media_type = "image/x-own".to_owned();
    let freed = looked(given, Metadata::Dropped).await.unwrap();
    let bytes = whole(&freed).await;
    assert!(!tells(&bytes) && freed.thumbnail.is_some());
    assert_eq!(
        (freed.name.as_str(), &*freed.media_type),
        ("a.jpg", "image/x-own")
    );
    assert_eq!(freed.size, bytes.len() as u64);
    assert_eq!(freed.hash, crate::domain::file::ContentHash::of(&bytes));
    let cut = picture[..picture.len() - 2].to_vec();
    for (name, bytes) in [
        ("a.txt", b"a text".to_vec()),
        ("cut.jpg", cut),
        ("nothing", vec![]),
    ] {
        let told = looked(source(name, bytes), Metadata::Dropped).await;
        assert!(matches!(told, Err(TransferError::Told)), "{name}: {told:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_a_file_like_others() {
    let bomb = {
        let mut png = file(&landscape(8, 8), ImageFormat::Png);
        png[16..24].fill(0x7f);
        png
    };
    let large = [&b"\x89PNG\r\n\x1a\n"[..], &vec![0; BYTES_MAX]].concat();
    let texts = [b"a text".to_vec(), Vec::new(), bomb, large];
    for bytes in texts {
        let seen = looked(source("a.png", bytes.clone()), Metadata::Kept)
            .await
            .unwrap();
        assert!(seen.image.is_none() && seen.thumbnail.is_none());
        assert_eq!(seen.size, bytes.len() as u64);
    }
}
