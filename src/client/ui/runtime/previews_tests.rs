//! Previews from a server that goes wrong.

use std::collections::BTreeMap;

use bytes::Bytes;
use image::ImageFormat;
use tonic::Code;

use super::*;
use crate::{
    client::{
        picture::decode::is_at_work,
        transfer::fake::{Stage, noise, refusal},
        ui::model::previews::{
            Canvas, Preview,
            tests::{BLOCKS, landscape_file},
        },
    },
    domain::limits::THUMBNAIL_BYTES_MAX,
};

fn want(number: u64, id: &str, way: Way) -> Want {
    Want {
        number,
        preview: Preview {
            id: id.to_owned(),
            extent: Extent {
                columns: 20,
                rows: 6,
            },
            bytes_max: THUMBNAIL_BYTES_MAX,
        },
        canvas: Canvas { way, ..BLOCKS },
        known: None,
    }
}

/// All answers, by the number of the question.
async fn all(fetcher: &mut Fetcher) -> BTreeMap<u64, Result<Made, Why>> {
    let mut found = BTreeMap::new();
    while let Some(fetched) = fetcher.next().await {
        let (number, made) = fetched.unwrap();
        found.insert(number, made);
    }
    found
}

#[tokio::test]
async fn a_png_and_a_jpeg_become_cells_and_pixels_within_their_room() {
    let stage = Stage::new().await;
    let png = landscape_file(ImageFormat::Png).into();
    let jpeg = landscape_file(ImageFormat::Jpeg).into();
    let (png, jpeg) = {
        let mut world = stage.world();
        (
            world.add_file("a.png", &png),
            world.add_file("b.jpg", &jpeg),
        )
    };
    let mut fetcher = Fetcher::new();
    let ways = [BLOCKS.way, Way::Kitty, Way::Iterm2, Way::Sixel];
    for (way, number) in ways.into_iter().zip(0..) {
        fetcher.begin(stage.session(), want(number * 2, &png, way));
        fetcher.begin(stage.session(), want(number * 2 + 1, &jpeg, way));
    }
    let found = all(&mut fetcher).await;
    assert_eq!(found.len(), 8);
    let mut numbers = Vec::new();
    for (number, made) in found {
        let made = made.unwrap();
        let rows = made.blocks.rows();
        assert!(rows.len() <= 6 && rows.iter().all(|row| row.len() <= 20 && !row.is_empty()));
        assert_eq!(made.pixels.is_some(), number > 1, "{number}");
        if let Some(pixels) = made.pixels {
            assert!(pixels.extent.columns <= 20 && pixels.extent.rows <= 6);
            assert!((1..=DRAWING_BYTES_MAX).contains(&pixels.bytes()));
            numbers.push(pixels.number);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 6, "each has its own");
}

#[tokio::test]
async fn what_is_known_is_not_fetched() {
    let stage = Stage::new().await;
    let png = landscape_file(ImageFormat::Png).into();
    let id = stage.world().add_file("a.png", &png);
    let mut fetcher = Fetcher::new();
    fetcher.begin(stage.session(), want(1, &id, BLOCKS.way));
    let made = all(&mut fetcher).await.remove(&1).unwrap().unwrap();
    let calls = stage.world().calls.len();
    let again = Want {
        known: Some(Arc::clone(&made.picture)),
        ..want(2, &id, Way::Sixel)
    };
    fetcher.begin(stage.session(), again);
    let again = all(&mut fetcher).await.remove(&2).unwrap().unwrap();
    assert_eq!(again.picture, made.picture);
    assert!(again.pixels.is_some());
    assert_eq!(stage.world().calls.len(), calls);
}

#[tokio::test]
async fn a_panic_over_a_picture_is_no_end_of_the_program_be_it_new_or_known() {
    let stage = Stage::new().await;
    let png = landscape_file(ImageFormat::Png).into();
    let id = stage.world().add_file("a.png", &png);
    let mut fetcher = Fetcher::new();
    fetcher.begin(stage.session(), want(1, &id, BLOCKS.way));
    let made = all(&mut fetcher).await.remove(&1).unwrap().unwrap();
    // Only where a panic is passed over: elsewhere it would take the screen away.
    fetcher.draw = |_, _, _| match is_at_work() {
        true => panic!("a picture that nobody can draw"),
        false => Err(PictureError::NotMade),
    };
    fetcher.begin(stage.session(), want(2, &id, BLOCKS.way));
    let known = Want {
        known: Some(made.picture),
        ..want(3, &id, Way::Sixel)
    };
    fetcher.begin(stage.session(), known);
    let found = all(&mut fetcher).await;
    assert_eq!(found[&2], Err(Why::Never));
    assert_eq!(found[&3], Err(Why::Never));
    assert!(!is_at_work());
}

#[tokio::test]
async fn what_is_too_large_wrong_or_refused_is_no_picture_and_harms_nothing() {
    let stage = Stage::new().await;
    let large = usize::try_from(THUMBNAIL_BYTES_MAX).unwrap() + 1;
    let mut torn = landscape_file(ImageFormat::Png);
    torn.truncate(torn.len() / 2);
    let (large, text, torn, refused) = {
        let mut world = stage.world();
        let large = world.add_file("large.png", &noise(large));
        let text = world.add_file("text.png", &Bytes::from_static(b"\x1b[2Jno picture"));
        let torn = world.add_file("torn.png", &torn.into());
        let refused = world.add_file("refused.png", &landscape_file(ImageFormat::Png).into());
        (large, text, torn, refused)
    };
    let mut fetcher = Fetcher::new();
    for (number, id) in [(1, &*large), (2, &*text), (3, &*torn), (4, "f999")] {
        fetcher.begin(stage.session(), want(number, id, BLOCKS.way));
    }
    let found = all(&mut fetcher).await;
    for number in 1..=4 {
        assert_eq!(found[&number], Err(Why::Never), "{number}");
    }
    let refusal = refusal(Code::PermissionDenied, "SCOPE_MISSING");
    stage.world().refuse.push_back(("download", refusal));
    fetcher.begin(stage.session(), want(5, &refused, BLOCKS.way));
    assert_eq!(all(&mut fetcher).await[&5], Err(Why::Never));
    // The same as it should be.
    fetcher.begin(stage.session(), want(6, &refused, BLOCKS.way));
    assert!(all(&mut fetcher).await[&6].is_ok());
}

#[tokio::test]
async fn a_server_that_lies_of_the_size_gives_no_more_than_is_taken() {
    let stage = Stage::new().await;
    let id = stage.world().add_file("a.png", &noise(2 * 1024 * 1024));
    if let Some((file, _)) = stage.world().files.get_mut(&id) {
        file.media_type = "image/png".to_owned();
    }
    let mut fetcher = Fetcher::new();
    fetcher.begin(stage.session(), want(1, &id, BLOCKS.way));
    assert_eq!(all(&mut fetcher).await[&1], Err(Why::Never));
    let given = stage.world().given;
    assert!(
        given < 1024 * 1024,
        "{given}: it was ended as soon as it was too much"
    );
}

#[tokio::test]
async fn what_is_ended_brings_nothing() {
    let stage = Stage::new().await;
    let png = landscape_file(ImageFormat::Png).into();
    let id = stage.world().add_file("a.png", &png);
    let mut fetcher = Fetcher::new();
    fetcher.begin(stage.session(), want(1, &id, BLOCKS.way));
    fetcher.end();
    let ended = fetcher.next().await.unwrap();
    assert!(ended.unwrap_err().is_cancelled());
    assert!(fetcher.next().await.is_none());
}

#[test]
fn memory_takes_so_much_and_no_more() {
    let mut memory = Memory::new(4);
    assert!(memory.write_all(b"abc").is_ok() && memory.write_all(b"de").is_err());
    assert!(memory.write_all(b"d").is_ok() && memory.write_all(b"e").is_err());
    assert_eq!(&*memory.take(), b"abcd");
}
