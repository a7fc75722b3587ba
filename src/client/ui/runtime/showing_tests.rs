//! How pictures are shown on terminals of many kinds, before and after they answer.

use super::*;
use crate::client::ui::runtime::settings::Settings;

fn on(around: &[(&str, &str)]) -> Showing {
    Showing::new(Surroundings::of(|name| {
        let found = around.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }))
}

const XTERM: [(&str, &str); 3] = [
    ("TERM", "xterm-256color"),
    ("COLORTERM", "truecolor"),
    ("LANG", "en_GB.UTF-8"),
];

fn with(more: &[(&'static str, &'static str)]) -> Showing {
    let mut all = more.to_vec();
    all.extend(XTERM);
    on(&all)
}

fn kitty() -> Report {
    Report {
        has_kitty: true,
        cell: CellSize::new(20, 40),
        ..Report::default()
    }
}

#[test]
fn half_blocks_until_the_terminal_answers_and_then_what_it_can() {
    let showing = with(&[]);
    assert!(showing.asks());
    assert_eq!(showing.canvas().way, Way::Blocks(Depth::True));
    let clone = showing.clone();
    showing.told(kitty(), None);
    assert_eq!(clone.canvas().way, Way::Kitty);
    assert_eq!(
        Some(clone.canvas().cell),
        CellSize::new(8, 16),
        "as large as elsewhere"
    );
    let showing = with(&[]);
    let report = Report {
        has_kitty: false,
        has_sixel: true,
        ..kitty()
    };
    showing.told(report, CellSize::new(9, 18));
    assert_eq!(showing.canvas().way, Way::Sixel);
    assert_eq!(
        Some(showing.canvas().cell),
        CellSize::new(20, 40),
        "dots of the screen"
    );
}

#[test]
fn the_size_of_a_cell_that_the_system_knows_counts_where_the_terminal_does_not_say() {
    let showing = with(&[]);
    let report = Report {
        has_sixel: true,
        ..Report::default()
    };
    showing.told(report.clone(), None);
    assert!(matches!(showing.canvas().way, Way::Blocks(_)));
    let cell = CellSize::new(9, 18);
    showing.told(report, cell);
    assert_eq!(showing.canvas().way, Way::Sixel);
    assert_eq!(Some(showing.canvas().cell), cell);
    // Other letters in a screen of as many cells.
    assert!(!showing.has_other_cells(cell) && !showing.has_other_cells(None));
    let smaller = CellSize::new(7, 14);
    assert!(showing.has_other_cells(smaller));
    showing.resized(smaller);
    assert_eq!(Some(showing.canvas().cell), smaller);
    assert!(!showing.has_other_cells(smaller) && showing.has_other_cells(cell));
}

#[test]
fn within_another_program_nothing_is_asked_and_without_colours_nothing_is_shown() {
    for inside in [
        with(&[("TMUX", "/tmp/tmux-0/default,1,0")]),
        with(&[("STY", "1.pts-0")]),
        with(&[("ZELLIJ", "0")]),
        with(&[("TERM", "tmux-256color")]),
    ] {
        assert!(!inside.asks());
        assert_eq!(inside.canvas().way, Way::Blocks(Depth::True));
    }
    let mut plain = with(&[]);
    plain.is_plain = true;
    for none in [
        with(&[("NO_COLOR", "1")]),
        plain,
        with(&[("TERM", "dumb")]),
        on(&[]),
    ] {
        assert!(!none.asks());
        assert_eq!(none.canvas().way, Way::Off);
    }
}

#[test]
fn what_the_user_wishes_is_done() {
    let wished = |wish| {
        let mut showing = with(&[]);
        showing.wish = wish;
        showing
    };
    let off = wished(Images::Off);
    assert!(!off.asks());
    assert_eq!(off.canvas().way, Way::Off);
    let blocks = wished(Images::Blocks);
    assert!(!blocks.asks());
    assert_eq!(blocks.canvas().way, Way::Blocks(Depth::True));
    let sixel = wished(Images::Sixel);
    assert!(sixel.asks());
    sixel.told(Report::default(), None);
    assert_eq!(sixel.canvas().way, Way::Sixel);
    let mut plain = wished(Images::Kitty);
    plain.is_plain = true;
    plain.told(Report::default(), None);
    assert_eq!(
        plain.canvas().way,
        Way::Kitty,
        "who asks for it by name gets it"
    );
}

#[test]
fn usual_cells_keep_their_shape() {
    for ((width, height), wanted) in [
        ((8, 16), (8, 16)),
        ((10, 22), (8, 18)),
        ((15, 32), (8, 17)),
        ((16, 32), (8, 16)),
        ((20, 41), (8, 16)),
        ((6, 13), (8, 17)),
        ((128, 1), (8, 1)),
        ((1, 128), (8, 16)),
    ] {
        let cell = CellSize::new(width, height).unwrap();
        assert_eq!(
            Some(usual(cell)),
            CellSize::new(wanted.0, wanted.1),
            "{width}x{height}"
        );
    }
    let settings = Settings::in_folder(None, &Surroundings::default());
    assert_eq!(settings.images.wish, Images::Auto);
}
