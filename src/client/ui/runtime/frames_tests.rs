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
