//! Scrolling through what is read: the keys, and pages of text.

use super::{
    super::super::{
        keymap::Keymap,
        layout,
        model::{Model, overlay::Overlay},
    },
    By,
};

/// Scrolls; the last row of the text is the last that is seen.
pub(super) fn step(model: &mut Model, keys: &Keymap, by: By) {
    // So many places are there to stand at.
    let places = layout::overlay_end(model, keys).saturating_add(1);
    match &mut model.overlay {
        Some(Overlay::Help { first_row }) => *first_row = by.from(*first_row, places),
        Some(Overlay::Text(page)) => page.first_row = by.from(page.first_row, places),
        _ => {}
    }
}
