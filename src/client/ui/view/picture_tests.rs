//! Whole screens with pictures in half blocks, and the cells over which pixels may be drawn.

use image::ImageFormat;
use ratatui::style::Color;

use super::super::{
    models::{self, *},
    screens::pin,
};
use super::*;
use crate::client::{
    app::file::tests::picture as picture_file,
    picture::terminal::Way,
    ui::{
        effect::Effect,
        layout::{self, transcript},
        model::{
            Focus,
            chat::ChatId,
            overlay::Overlay,
            previews::{
                Canvas, Why,
                tests::{BLOCKS, landscape_file, made},
            },
        },
        update,
    },
};

fn wholes(model: &Model, theme: &Theme) -> Vec<Whole> {
    models::wholes(model, theme)
}

/// Shares a picture; returns the number of its message.
fn shares(model: &mut Model, id: &ChatId, minute: i64, thumbnail: &str) -> u64 {
    let seq = say_so(model, id, "bob", at(0, 11, minute), "", |message| {
        let mut file = picture_file("f1", &format!("{thumbnail}.png"));
        file.thumbnail_id = Some(thumbnail.to_owned());
        message.files = vec![file];
    });
    read(model, id);
    seq
}

/// Gives all previews that are asked for, as far as there is a file for them.
fn give(model: &mut Model, file: impl Fn(&str) -> Option<Vec<u8>>) {
    for (effect, number) in update::previews(model).into_iter().zip(1..) {
        let Effect::Preview(want) = effect else {
            panic!("{effect:?}");
        };
        let made = match file(&want.preview.id) {
            Some(bytes) => Ok(made(&want, number, &bytes)),
            None => Err(Why::NotNow),
        };
        model.previews.take(want.number, made);
    }
}

fn office_on(canvas: Canvas) -> (Model, ChatId) {
    let (mut model, ops) = office();
    model.previews.draw_on(canvas);
    model.size = (80, 24);
    (model, ops)
}

/// One screen of a PNG and one of a JPEG, both of the same landscape.
fn file_of(id: &str) -> Option<Vec<u8>> {
    match id {
        "sea" => Some(landscape_file(ImageFormat::Png)),
        "hills" => Some(landscape_file(ImageFormat::Jpeg)),
        _ => None,
    }
}

#[test]
fn a_png_and_a_jpeg_stand_below_their_lines_in_half_blocks() {
    let (mut model, ops) = office_on(BLOCKS);
    shares(&mut model, &ops, 1, "sea");
    shares(&mut model, &ops, 2, "hills");
    shares(&mut model, &ops, 3, "fog");
    model.size = (80, 40);
    pin(
        "pictures_on_their_way",
        &shown(&mut model, (80, 40), &theme("dark")),
    );
    give(&mut model, file_of);
    let screen = shown(&mut model, (80, 40), &theme("dark"));
    let (buffer, _) = drawn(&mut model, (80, 40), &theme("dark"));
    let row = screen.lines().position(|line| line.contains("▀▀")).unwrap();
    let style = styles(&buffer, u16::try_from(row).unwrap());
    pin("pictures_80x40", &format!("{screen}\n{style}"));
    pin(
        "pictures_40x24",
        &shown(&mut model, (40, 24), &theme("dark")),
    );
}

#[test]
fn the_colours_are_those_of_the_picture_and_the_selection_changes_none() {
    let (mut model, ops) = office_on(BLOCKS);
    let seq = shares(&mut model, &ops, 1, "sea");
    give(&mut model, file_of);
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    let panes = layout::panes(&model);
    let rows = transcript::rows(&model, layout::space(&panes), Glyphs::Unicode);
    let (_, area) = picture::whole(&model, &panes, &rows)[0].clone();
    let colour = |x: u16, y: u16| buffer[(x, y)].style().fg.unwrap();
    let Color::Rgb(red, _, blue) = colour(area.x, area.y) else {
        panic!("no colour");
    };
    assert!(blue > 200 && red < 50, "the sky");
    let Color::Rgb(red, green, blue) = colour(area.right() - 2, area.bottom() - 1) else {
        panic!("no colour");
    };
    assert!(green > red && green > blue, "the hill");
    model.focus = Focus::Messages(seq);
    let (selected, _) = drawn(&mut model, (80, 24), &theme("dark"));
    for at in area.positions() {
        assert_eq!(buffer.cell(at), selected.cell(at));
    }
    assert_ne!(buffer, selected);
}

#[test]
fn where_unicode_cannot_be_drawn_the_room_stays_empty() {
    let (mut model, ops) = office_on(Canvas {
        way: Way::Kitty,
        ..BLOCKS
    });
    shares(&mut model, &ops, 1, "sea");
    give(&mut model, file_of);
    let screen = shown(&mut model, (80, 24), &ascii());
    assert!(
        !screen.contains('▀') && screen.contains("sea.png"),
        "{screen}"
    );
}

#[test]
fn pixels_may_be_drawn_where_all_cells_are_those_of_the_picture() {
    let kitty = Canvas {
        way: Way::Kitty,
        ..BLOCKS
    };
    let (mut model, ops) = office_on(kitty);
    shares(&mut model, &ops, 1, "sea");
    assert!(
        wholes(&model, &theme("dark")).is_empty(),
        "it is not there yet"
    );
    give(&mut model, file_of);
    let found = wholes(&model, &theme("dark"));
    assert_eq!(found.len(), 1);
    let whole = &found[0];
    let (mut buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    assert!(whole.is_in(&buffer));
    // Something over one cell of it, also if it looks the same.
    let area = whole.area();
    let at = (area.right() - 1, area.y);
    let style = buffer[at].style();
    buffer[at].reset();
    buffer[at].set_char('▀').set_style(style);
    assert!(!whole.is_in(&buffer));
    model.overlay = Some(Overlay::Help { first_row: 0 });
    assert!(wholes(&model, &theme("dark")).is_empty());
    model.overlay = None;
    // A notice of many lines, which the layout does not know.
    let words = "what is said at length\n".repeat(12);
    model.notices.push(
        crate::client::ui::model::notices::Level::Warning,
        words,
        model.now,
    );
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    let found = wholes(&model, &theme("dark"));
    assert!(found.iter().all(|whole| !whole.is_in(&buffer)));

    let (mut model, ops) = office_on(BLOCKS);
    shares(&mut model, &ops, 1, "sea");
    give(&mut model, file_of);
    assert!(
        wholes(&model, &theme("dark")).is_empty(),
        "there are no pixels"
    );
}

#[test]
fn the_messages_are_laid_out_once_for_a_frame_and_for_where_its_pictures_stand() {
    let kitty = Canvas {
        way: Way::Kitty,
        ..BLOCKS
    };
    let (mut model, ops) = office_on(kitty);
    shares(&mut model, &ops, 1, "sea");
    give(&mut model, file_of);
    transcript::layouts::take();
    assert_eq!(wholes(&model, &theme("dark")).len(), 1);
    assert_eq!(transcript::layouts::take(), 1);
}
