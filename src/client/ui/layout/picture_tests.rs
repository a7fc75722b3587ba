//! Where previews stand among the messages.

use super::*;
use crate::client::{
    app::file::tests::{file, picture},
    ui::{
        layout::{row::Row, showing},
        model::{
            chat::{ChatId, Scroll},
            overlay::Overlay,
            previews::{Canvas, Why, tests::BLOCKS},
        },
        theme::Glyphs,
        update,
        view::models::*,
    },
};

/// Somebody shares pictures of these thumbnails.
fn shares(model: &mut Model, id: &ChatId, minute: i64, thumbnails: &[&str]) -> u64 {
    say_so(model, id, "bob", at(0, 11, minute), "", |message| {
        let files = thumbnails.iter().map(|thumbnail| {
            let mut file = picture("f1", "a.png");
            file.thumbnail_id = Some((*thumbnail).to_owned());
            file
        });
        message.files = files.collect();
    })
}

fn office_on(canvas: Canvas) -> (Model, ChatId) {
    let (mut model, ops) = office();
    model.previews.draw_on(canvas);
    model.size = (80, 24);
    (model, ops)
}

fn ids(found: &[Arc<Preview>]) -> Vec<&str> {
    found.iter().map(|preview| preview.id.as_str()).collect()
}

fn strips(rows: &[Row]) -> Vec<(&str, u16)> {
    let strips = rows.iter().filter_map(|row| row.picture.as_ref());
    strips
        .map(|strip| (strip.preview.id.as_str(), strip.row))
        .collect()
}

fn seen(model: &Model) -> Vec<Row> {
    transcript::rows(model, space(&panes(model)), Glyphs::Unicode)
}

fn whole(model: &Model) -> Vec<(Arc<Preview>, Rect)> {
    super::whole(model, &panes(model), &seen(model))
}

#[test]
fn a_picture_has_rows_below_its_line_and_loses_them_if_it_cannot_be_shown() {
    let (mut model, ops) = office_on(BLOCKS);
    let seq = shares(&mut model, &ops, 1, &["t1"]);
    let rows = seen(&model);
    let expected: Vec<(&str, u16)> = (0..8).map(|row| ("t1", row)).collect();
    assert_eq!(strips(&rows), expected);
    let first = rows.iter().position(|row| row.picture.is_some()).unwrap();
    let line: String = rows[first - 1]
        .pieces
        .iter()
        .map(|it| it.text.as_str())
        .collect();
    assert!(line.contains("a.png"), "{line}");
    assert!(
        rows[first..]
            .iter()
            .all(|row| row.owner == super::super::row::Owner::Message(seq))
    );
    let strip = rows[first].picture.as_ref().unwrap();
    assert_eq!((strip.indent, strip.preview.extent.rows), (7, 8));

    let wanted = model.previews.look(&near(&model), true);
    model.previews.take(wanted[0].number, Err(Why::NotNow));
    assert_eq!(strips(&seen(&model)).len(), 8, "it may come");
    model.previews.connected();
    let wanted = model.previews.look(&near(&model), true);
    model.previews.take(wanted[0].number, Err(Why::Never));
    assert_eq!(strips(&seen(&model)), []);
    assert_eq!(near(&model), []);
}

#[test]
fn nothing_moves_when_the_terminal_says_how_large_its_cells_are() {
    let (mut model, ops) = office_on(BLOCKS);
    for minute in 1..6 {
        shares(&mut model, &ops, minute, &["t1", "t2"]);
    }
    let rows = seen(&model);
    let cell = crate::client::picture::CellSize::new(9, 25).unwrap();
    let way = crate::client::picture::terminal::Way::Kitty;
    assert!(model.previews.draw_on(Canvas {
        way,
        cell,
        ..BLOCKS
    }));
    assert_eq!(seen(&model), rows);
}

#[test]
fn without_pictures_on_a_low_or_a_narrow_screen_and_for_other_files_there_are_no_rows() {
    let (mut model, ops) = office_on(Canvas::OFF);
    shares(&mut model, &ops, 1, &["t1"]);
    assert!(strips(&seen(&model)).is_empty() && near(&model).is_empty());
    model.previews.draw_on(BLOCKS);
    for (size, is_shown) in [
        ((80, 24), true),
        ((80, 12), true),
        ((80, 11), false),
        ((22, 24), true),
        ((8, 24), false),
        ((1, 1), false),
    ] {
        model.size = size;
        assert_eq!(!near(&model).is_empty(), is_shown, "{size:?}");
        let cells = panes(&model).messages.width;
        for row in seen(&model) {
            let strip = row.picture.as_ref();
            assert!(strip.is_none_or(|it| it.indent + it.preview.extent.columns <= cells));
        }
    }
    model.size = (80, 24);
    say_so(&mut model, &ops, "bob", at(0, 11, 2), "", |message| {
        message.files = vec![file("f3", "notes.txt", "text/plain")];
    });
    assert_eq!(ids(&near(&model)), ["t1"]);
}

#[test]
fn of_one_message_four_are_shown() {
    let (mut model, ops) = office_on(BLOCKS);
    model.size = (80, 60);
    shares(&mut model, &ops, 1, &["t1", "t2", "t3", "t4", "t5", "t6"]);
    assert_eq!(ids(&near(&model)), ["t4", "t3", "t2", "t1"]);
}

#[test]
fn what_is_seen_comes_first_and_what_is_far_is_not_asked_for() {
    let (mut model, ops) = office_on(BLOCKS);
    let names: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
    let mut seqs = Vec::new();
    for (minute, name) in names.iter().enumerate() {
        seqs.push(shares(
            &mut model,
            &ops,
            i64::try_from(minute).unwrap(),
            &[name],
        ));
    }
    // The last two and a half, and those of the screen above.
    assert_eq!(ids(&near(&model)), ["t11", "t10", "t9", "t8", "t7"]);
    let middle = showing(&model, seqs[5]).unwrap();
    assert!(matches!(middle, Scroll::At { .. }));
    if let Scroll::At { seq, hidden_rows } = middle {
        chat(&mut model, &ops).scroll_to(seq, hidden_rows);
    }
    let found = near(&model);
    let found = ids(&found);
    assert!(found[..3].contains(&"t5"), "{found:?}");
    assert!(
        !found.contains(&"t0") && !found.contains(&"t11"),
        "{found:?}"
    );
    // Nothing is asked for that was not near.
    model.link = crate::client::ui::model::LinkState::Up;
    for effect in update::previews(&mut model) {
        let crate::client::ui::effect::Effect::Preview(want) = effect else {
            panic!("{effect:?}");
        };
        assert!(found.contains(&want.preview.id.as_str()));
    }
}

#[test]
fn a_picture_is_whole_with_all_its_rows_on_the_screen_and_nothing_over_it() {
    let (mut model, ops) = office_on(BLOCKS);
    shares(&mut model, &ops, 1, &["t1"]);
    shares(&mut model, &ops, 2, &["t2"]);
    let all = whole(&model);
    let pane = panes(&model).messages;
    assert_eq!(all.len(), 2);
    for (preview, area) in &all {
        assert_eq!(pane.intersection(*area), *area);
        assert_eq!(
            (area.width, area.height),
            (preview.extent.columns, preview.extent.rows)
        );
    }
    assert_eq!(all[1].1.bottom(), pane.bottom());
    // Partly above the upper edge.
    say(
        &mut model,
        &ops,
        "bob",
        at(0, 11, 3),
        "one\ntwo\nthree\nfour",
    );
    let all = whole(&model);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0.id, "t2");
    model.overlay = Some(Overlay::Help { first_row: 0 });
    assert_eq!(whole(&model), []);
}
