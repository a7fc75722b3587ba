//! When pixels that are many bytes are written: where things stand still.

use std::sync::Arc;

use ratatui::buffer::Buffer;

use super::*;
use crate::client::{
    picture::terminal::Way,
    ui::model::previews::{Extent, Pixels},
};

/// A picture that stands in this column.
fn picture(column: u16) -> Vec<view::Whole> {
    let area = Rect::new(column, 2, 4, 2);
    let pixels = Pixels {
        number: 1,
        way: Way::Kitty,
        parts: Vec::new(),
        extent: Extent {
            columns: 4,
            rows: 2,
        },
    };
    vec![view::Whole::new(Buffer::empty(area), Arc::new(pixels))]
}

#[test]
fn pictures_wait_until_they_stand_and_until_nobody_does_anything() {
    let mut drawn = Drawn::new();
    let begun = Instant::now();
    let after = |milliseconds| begun + Duration::from_millis(milliseconds);
    assert_eq!(drawn.calm_at(&[], begun), begun, "there is nothing");
    assert_eq!(
        drawn.calm_at(&picture(3), after(10)),
        after(130),
        "it comes"
    );
    assert_eq!(
        drawn.calm_at(&picture(3), after(60)),
        after(130),
        "it stands"
    );
    assert_eq!(drawn.calm_at(&picture(3), after(130)), after(130));
    for step in 0..9 {
        let now = after(200 + u64::from(step) * 50);
        let calm_at = drawn.calm_at(&picture(4 + step), now);
        assert_eq!(calm_at, now + CALM, "it moves on and on");
    }
    drawn.busy = Some(after(1_000));
    let calm_at = drawn.calm_at(&picture(12), after(1_001));
    assert_eq!(calm_at, after(1_000) + CALM, "somebody types");
}

#[test]
fn pictures_that_are_owed_for_long_come_with_news_but_never_with_a_key() {
    let mut drawn = Drawn::new();
    let begun = Instant::now();
    let rest = Duration::from_millis(40);
    let (mut now, mut held) = (begun, Vec::new());
    // News with every frame, and pictures that stand.
    while now < begun + Duration::from_secs(2) {
        drawn.is_dirty = true;
        let calm_at = drawn.calm_at(&picture(3), now);
        let holds = drawn.may_hold_pictures(calm_at, now);
        held.extend(holds.then_some(now));
        let rest = if holds { rest } else { Duration::ZERO };
        drawn.follow(true, rest, calm_at, now);
        assert!(!drawn.is_dirty && drawn.pictures_at >= Some(now + FRAME.max(rest)));
        now += FRAME;
    }
    let first = held.first().copied().unwrap();
    assert!(first >= begun + OWED_MAX && first < begun + OWED_MAX + FRAME * 2);
    let count = held.len();
    assert!((15..=25).contains(&count), "{count}");
    assert!(held.windows(2).all(|two| two[1] - two[0] >= rest));
    now += rest;
    let calm_at = drawn.calm_at(&picture(3), now);
    (drawn.is_dirty, drawn.is_of_key) = (true, true);
    assert!(!drawn.may_hold_pictures(calm_at, now), "a key");
    drawn.is_of_key = false;
    assert!(drawn.may_hold_pictures(calm_at, now));
    // All came: with the next that is owed it begins anew.
    drawn.follow(false, Duration::ZERO, calm_at, now);
    assert_eq!(drawn.pictures_at, None);
    drawn.follow(true, Duration::ZERO, calm_at, now);
    drawn.is_dirty = true;
    assert!(!drawn.may_hold_pictures(calm_at, now + OWED_MAX / 2));
    drawn.is_dirty = false;
    assert!(drawn.may_hold_pictures(calm_at, now + OWED_MAX / 2));
}
