//! Tests of where things stand, and of moves.

use proptest::prelude::*;
use ratatui::layout::Rect;

use super::{
    row::{Owner, Row},
    *,
};
use crate::client::{
    app::{
        file::{File, tests::any_file},
        room::Kind,
    },
    ui::{
        layout,
        model::{Focus, outgoing::State},
        theme::Glyphs,
        view::models::*,
    },
};

/// A conversation of so many messages of different heights, on a screen of 60x15, and so many on their way.
fn long(count: u64, outgoing: u8) -> (Model, ChatId) {
    let mut model = newcomer();
    let id = add(&mut model, Kind::Channel, "ops", at(0, 9, 0));
    for number in 0..count {
        let text = format!(
            "{number} {}",
            "word ".repeat(usize::try_from(number % 7).unwrap() * 9)
        );
        let minutes = i64::try_from(number).unwrap();
        say(
            &mut model,
            &id,
            ["bob", "ann", "carol"][usize::try_from(number / 4 % 3).unwrap()],
            at(1, 9, minutes * 3),
            &text,
        );
    }
    begins(&mut model, &id);
    read(&mut model, &id);
    for number in 1..=outgoing {
        sends(&mut model, &id, number, "it waits", State::Waiting);
    }
    model.open(Some(id.clone()));
    model.size = (60, 15);
    (model, id)
}

fn go(model: &mut Model, scroll: Option<Scroll>) -> bool {
    let Some(chat) = model.chats.front_mut() else {
        return false;
    };
    match scroll {
        None => return false,
        Some(Scroll::AtEnd) => chat.to_end(),
        Some(Scroll::At { seq, hidden_rows }) => chat.scroll_to(seq, hidden_rows),
    }
    true
}

fn scroll(model: &Model) -> Scroll {
    model.chats.front().unwrap().scroll()
}

fn rows(model: &Model) -> Vec<Row> {
    transcript::rows(model, space(&panes(model)), Glyphs::Unicode)
}

fn text(row: &Row) -> String {
    row.pieces.iter().map(|piece| piece.text.as_str()).collect()
}

#[test]
fn panes_never_leave_the_screen_nor_overlap() {
    let (mut model, _) = office();
    model.members_shown = true;
    for focus in [Focus::Composer, Focus::Sidebar] {
        model.focus = focus;
        for width in 0..130 {
            for height in 0..50 {
                model.size = (width, height);
                let screen = Rect::new(0, 0, width, height);
                let panes = layout::panes(&model);
                let is_alone = panes.sidebar.is_some_and(|pane| pane.width == width);
                let mut all = vec![panes.messages, panes.composer];
                all.extend(
                    [panes.header, panes.members, panes.rule, panes.status]
                        .into_iter()
                        .flatten(),
                );
                all.extend(panes.sidebar.filter(|_| !is_alone));
                for pane in &all {
                    assert_eq!(
                        screen.intersection(*pane),
                        *pane,
                        "{width}x{height} {panes:?}"
                    );
                }
                let area: u32 = all.iter().map(|pane| pane.area()).sum();
                assert_eq!(area, screen.area(), "{width}x{height} {panes:?}");
            }
        }
    }
}

#[test]
fn panes_come_with_their_sizes() {
    let (mut model, _) = office();
    model.members_shown = true;
    let at = |model: &mut Model, size| {
        model.size = size;
        let panes = layout::panes(model);
        (
            panes.sidebar.map(|it| it.width),
            panes.members.map(|it| it.width),
            panes.composer.height,
        )
    };
    assert_eq!(at(&mut model, (100, 24)), (Some(22), Some(18), 1));
    assert_eq!(at(&mut model, (99, 24)), (Some(22), None, 1));
    assert_eq!(at(&mut model, (69, 24)), (None, None, 1));
    model.sidebar.is_shown = false;
    assert_eq!(at(&mut model, (100, 24)), (None, Some(18), 1));
    model.focus = Focus::Sidebar;
    assert_eq!(at(&mut model, (69, 24)).0, Some(69));
    model.focus = Focus::Composer;
    model.composer.paste(&"line\n".repeat(20));
    assert_eq!(at(&mut model, (80, 24)).2, 6);
    assert_eq!(at(&mut model, (80, 9)).2, 3);
    assert_eq!(at(&mut model, (10, 3)).2, 1);
}

#[test]
fn a_move_is_by_rows_and_ends_at_both_ends() {
    let (mut model, _) = long(60, 0);
    let before = rows(&model);
    let up = scrolled(&model, -3);
    assert!(go(&mut model, up));
    assert_eq!(rows(&model)[3..], before[..before.len() - 3]);
    assert_eq!(scrolled(&model, 3), Some(Scroll::AtEnd));
    assert_eq!(scrolled(&model, isize::MAX), Some(Scroll::AtEnd));
    let up = scrolled(&model, isize::MIN);
    assert!(go(&mut model, up));
    assert_eq!(scrolled(&model, -1), None);
    assert!(text(&rows(&model)[0]).starts_with("The beginning of"));
    assert_eq!(rows(&model).len(), 11);
    // The same place is reached by small steps.
    let top = scroll(&model);
    model.chats.front_mut().unwrap().to_end();
    while let Some(up) = scrolled(&model, -5) {
        go(&mut model, Some(up));
    }
    assert_eq!(scroll(&model), top);
}

#[test]
fn what_is_on_its_way_is_passed_row_by_row() {
    let (mut model, id) = long(20, 5);
    let mut seen = vec![rows(&model)];
    for _ in 0..12 {
        let up = scrolled(&model, -1);
        assert!(go(&mut model, up));
        seen.push(rows(&model));
    }
    for pair in seen.windows(2) {
        assert_eq!(pair[1][1..], pair[0][..pair[0].len() - 1]);
    }
    for expected in seen.iter().rev().skip(1) {
        let down = scrolled(&model, 1);
        assert!(go(&mut model, down));
        assert_eq!(rows(&model), *expected);
    }
    assert_eq!(scroll(&model), Scroll::AtEnd);
    // It was sent while the place among it was looked at.
    let up = scrolled(&model, -2);
    go(&mut model, up);
    model.outgoing = Default::default();
    assert!(!rows(&model).is_empty());
    assert_eq!(scrolled(&model, 1), Some(Scroll::AtEnd));
    assert!(chat(&mut model, &id).scroll() != Scroll::AtEnd);
}

#[test]
fn the_place_stays_while_messages_come_and_older_ones_are_loaded() {
    let (mut model, id) = long(40, 0);
    let up = scrolled(&model, -9);
    go(&mut model, up);
    let before = rows(&model);
    say(&mut model, &id, "bob", at(0, 9, 0), "new");
    assert_eq!(rows(&model), before);
}

#[test]
fn a_message_is_shown_by_the_smallest_move_or_in_the_middle() {
    let (mut model, _) = long(100, 0);
    let (first, last) = seen(&model).unwrap();
    assert_eq!(showing(&model, last), None);
    let up = showing(&model, first - 1);
    go(&mut model, up);
    assert_eq!(seen(&model).unwrap().0, first - 1);
    let far = showing(&model, 40);
    go(&mut model, far);
    let (first, last) = seen(&model).unwrap();
    assert!(first < 40 && 40 < last, "{first} {last}");
    assert_eq!(showing(&model, 40), None);
    assert_eq!(showing(&model, 1_000), None);
    let down = showing(&model, 100);
    assert_eq!(down, Some(Scroll::AtEnd));
}

#[test]
fn holes_end_a_move_and_are_not_laid_out() {
    let (mut model, id) = long(0, 0);
    earlier(&mut model, &id, 1_000);
    for number in 0..40 {
        say(&mut model, &id, "bob", at(0, 9, number), "text");
    }
    earlier(&mut model, &id, 2_000);
    // The newest are missing: those that are here are shown, and what is below them is said.
    let shown = rows(&model);
    assert!(text(shown.last().unwrap()).contains("newer messages are on their way"));
    let up = scrolled(&model, isize::MIN);
    go(&mut model, up);
    assert!(text(&rows(&model)[0]).contains("older messages are on their way"));
    let down = scrolled(&model, isize::MAX);
    go(&mut model, down);
    assert_eq!(
        scroll(&model),
        Scroll::At {
            seq: 1_040,
            hidden_rows: 0
        }
    );
    assert_eq!(rows(&model), shown);
    assert_eq!(scrolled(&model, 1), None);
    chat(&mut model, &id).scroll_to(500, 3);
    assert_eq!(rows(&model).len(), 1);
    assert_eq!((scrolled(&model, -1), seen(&model)), (None, None));
}

#[test]
fn a_screen_is_filled_whatever_the_place() {
    let (mut model, id) = long(30, 0);
    let whole = rows(&model).len();
    chat(&mut model, &id).scroll_to(1, 0);
    assert_eq!(rows(&model).len(), whole);
    assert_eq!(scrolled(&model, -1), None);
    chat(&mut model, &id).scroll_to(12, 10_000);
    assert_eq!(rows(&model).len(), whole);
}

#[test]
fn only_what_is_seen_is_laid_out() {
    let (mut model, _) = long(5_000, 0);
    model.size = (120, 40);
    let start = std::time::Instant::now();
    for _ in 0..20 {
        assert!(!rows(&model).is_empty());
    }
    // 5,000 messages would take a hundred times as long; a slow machine is no failure.
    assert!(start.elapsed().as_millis() < 2_000, "{:?}", start.elapsed());
}

#[test]
fn a_mouse_points_at_what_is_drawn() {
    let (mut model, ops) = office();
    model.size = (80, 24);
    assert_eq!(spot(&model, 3, 1), Some(Spot::Chat("Direct bob".into())));
    assert_eq!(spot(&model, 3, 0), None);
    assert_eq!(spot(&model, 30, 20), Some(Spot::Message(8)));
    assert_eq!(spot(&model, 23, 20), Some(Spot::Message(8)));
    let link = "https://status.example.org/deploys/4711".to_owned();
    assert_eq!(spot(&model, 29, 17), Some(Spot::Link(link.clone())));
    assert_eq!(spot(&model, 67, 17), Some(Spot::Link(link)));
    assert_eq!(spot(&model, 68, 17), Some(Spot::Message(7)));
    assert_eq!(spot(&model, 28, 17), Some(Spot::Message(7)));
    assert_eq!(spot(&model, 40, 4), None);
    assert_eq!(spot(&model, 40, 22), Some(Spot::Composer));
    assert_eq!(spot(&model, 40, 21), None);
    assert_eq!((spot(&model, 40, 23), spot(&model, 500, 500)), (None, None));
    let up = scrolled(&model, -1);
    go(&mut model, up);
    say(&mut model, &ops, "bob", at(0, 9, 50), "new");
    assert_eq!(spot(&model, 70, 21), Some(Spot::NewBelow));
}

#[test]
fn the_list_shows_the_row_that_counts() {
    let mut model = newcomer();
    for number in 0..100 {
        add(
            &mut model,
            Kind::Channel,
            &format!("c{number:02}"),
            at(0, 9, number),
        );
    }
    let names = |model: &Model| -> Vec<String> {
        let rows = listed::seen(model, 10);
        rows.iter()
            .map(|row| match row {
                listed::Listed::Chat(chat) => chat.room.label(),
                other => format!("{other:?}").chars().take(4).collect(),
            })
            .collect()
    };
    assert_eq!(names(&model)[..2], ["Head", "#c99"]);
    model.open(Some("Channel c50".into()));
    assert!(names(&model).contains(&"#c50".to_owned()));
    model.focus = Focus::Sidebar;
    model.sidebar.selected = Some("Channel c00".into());
    assert_eq!(names(&model)[9], "#c00");
    model.sidebar.filter = "C7".to_owned();
    assert_eq!(layout::listed(&model).len(), 10);
    assert_eq!(names(&model)[..3], ["Filt", "Head", "#c79"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn moves_come_back_and_shown_messages_are_seen(
        (count, outgoing, sending) in (1_u64..60, 0_u8..6, 0_usize..3),
        moves in prop::collection::vec(-40_isize..40, 1..12),
        targets in prop::collection::vec(1_u64..60, 1..4),
        size in (1_u16..90, 1_u16..30),
    ) {
        let (mut model, id) = long(count, outgoing);
        for _ in 0..sending {
            moves_files(&mut model, &id);
        }
        model.size = size;
        for rows in moves {
            let before = self::rows(&model);
            let old = scroll(&model);
            let moved = scrolled(&model, rows);
            if !go(&mut model, moved) {
                continue;
            }
            // Unless an end was met.
            let is_end = scrolled(&model, rows.signum()).is_none() || scroll(&model) == Scroll::AtEnd;
            if !is_end {
                let mut back = model.clone();
                let opposite = scrolled(&model, -rows);
                go(&mut back, opposite);
                prop_assert_eq!(self::rows(&back), before, "{:?} by {}", old, rows);
            }
        }
        for seq in targets.into_iter().filter(|seq| *seq <= count) {
            if space(&panes(&model)).rows == 0 {
                continue;
            }
            let target = showing(&model, seq);
            go(&mut model, target);
            let owners: Vec<Owner> = self::rows(&model).iter().map(|row| row.owner).collect();
            prop_assert!(owners.contains(&Owner::Message(seq)) , "{} of {:?}", seq, owners);
            let (first, last) = seen(&model).unwrap();
            prop_assert!(first <= seq && seq <= last);
            prop_assert_eq!(showing(&model, seq), None);
        }
    }

    #[test]
    fn glyphs_change_no_height(
        text in "\\PC{0,200}|([a-z`>*-]|\\n| ){0,200}",
        files in prop::collection::vec(any_file(), 0..4),
        is_text in any::<bool>(),
        cells in 1_usize..90,
    ) {
        let (mut model, id) = long(2, 1);
        moves_files(&mut model, &id);
        say_so(&mut model, &id, "bob", at(0, 9, 0), &text, |it| {
            it.reply_to = 1;
            it.revision = 1;
            it.reactions = vec![reaction("👍", 2, false), reaction("x", 1, true)];
            it.files = files.into_iter().map(File::bounded).collect();
            if !is_text && !it.files.is_empty() {
                it.text = Some("".into());
            }
        });
        let space = transcript::Space { cells, rows: 2_000 };
        let unicode = transcript::rows(&model, space, Glyphs::Unicode);
        let ascii = transcript::rows(&model, space, Glyphs::Ascii);
        prop_assert_eq!(unicode.len(), ascii.len());
        let room = |row: &Row| row.pieces.iter().map(|it| crate::client::ui::text::width::room(&it.text)).sum::<usize>();
        for row in unicode.iter().chain(&ascii) {
            prop_assert!(room(row) < cells.max(2), "{:?} in {}", row, cells);
        }
    }
}
