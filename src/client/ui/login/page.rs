//! Where things stand on a screen before the chat, and what of them is seen where there is little room.
//!
//! A box in the middle; on small screens all of the screen. What does not fit is left out in the order of its weight: air
//! first, then what only explains. What must be read or answered stays, and is moved where even that is too much. Promises
//! that all of it lies within the screen. Knows no colours.

use ratatui::layout::Rect;

use super::{
    Login,
    block::{Block, Rank, Row},
    content,
};
use crate::client::ui::theme::Glyphs;

/// The smallest screen on which there is a box.
const BOX_MIN: (u16, u16) = (50, 18);
/// How wide the box is at the most, and how many rows of text it has at the least, so that it does not jump from one
/// question to the next.
const BOX_WIDTH: u16 = 70;
const BOX_ROWS: u16 = 13;
/// What the box costs: its border, air at both sides, above, and above the hints; and the hints.
const BOX_COST: (u16, u16) = (6, 5);
/// What stays free around it.
const AROUND: (u16, u16) = (4, 2);
/// The width from which on a screen without a box has air at its sides.
const AIR_WIDTH: u16 = 24;

/// What is drawn, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The box, if there is one.
    pub frame: Option<Rect>,
    /// Where the rows stand.
    pub body: Rect,
    /// Where the hints stand, if there is room for them.
    pub hints: Option<Rect>,
    /// The rows that are seen.
    pub rows: Vec<Row>,
    /// The column and row of the cursor.
    pub cursor: Option<(u16, u16)>,
    /// Whether there are more rows above and below.
    pub has_more: bool,
    /// The first row that stands first when the end is seen.
    scroll_max: usize,
}

/// Lays out what is asked.
pub(super) fn page(login: &Login, area: Rect, glyphs: Glyphs) -> Page {
    if area.is_empty() {
        return Page::default();
    }
    match area.width >= BOX_MIN.0 && area.height >= BOX_MIN.1 {
        true => boxed(login, area, glyphs),
        false => bare(login, area, glyphs),
    }
}

/// How far what is shown can be moved.
pub(super) fn scroll_max(login: &Login) -> usize {
    let area = Rect::new(0, 0, login.size.0, login.size.1);
    page(login, area, Glyphs::Unicode).scroll_max
}

fn boxed(login: &Login, area: Rect, glyphs: Glyphs) -> Page {
    let width = BOX_WIDTH.min(area.width - AROUND.0);
    let cells = width - BOX_COST.0;
    let rows_max = area.height - AROUND.1 - BOX_COST.1;
    let blocks = content::blocks(login, usize::from(cells), usize::from(rows_max), glyphs);
    let blocks = fitting(blocks, usize::from(rows_max));
    let rows = u16::try_from(height(&blocks)).unwrap_or(u16::MAX);
    let rows = rows.clamp(BOX_ROWS.min(rows_max), rows_max);
    let frame = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - rows - BOX_COST.1) / 2,
        width,
        height: rows + BOX_COST.1,
    };
    let body = Rect::new(frame.x + 3, frame.y + 2, cells, rows);
    let hints = Rect {
        y: body.bottom() + 1,
        height: 1,
        ..body
    };
    Page {
        frame: Some(frame),
        hints: Some(hints),
        ..seen(login, blocks, body, glyphs)
    }
}

fn bare(login: &Login, area: Rect, glyphs: Glyphs) -> Page {
    let air = u16::from(area.width >= AIR_WIDTH);
    let mut body = Rect {
        x: area.x + air,
        width: area.width - 2 * air,
        ..area
    };
    let cells = usize::from(body.width);
    let rows_max = usize::from(area.height - 1);
    let mut blocks = vec![content::title(), Block::air()];
    blocks.extend(content::blocks(login, cells, rows_max, glyphs));
    // The hints go before anything that must be read, unless that can be moved.
    let has_focus = blocks.iter().any(|block| block.has_focus);
    let must = { blocks.iter() }.filter(|block| block.rank <= Rank::Told);
    let must: usize = must.map(|block| block.rows.len()).sum();
    let hints = ((must <= rows_max || !has_focus) && area.height > 1).then(|| {
        body.height -= 1;
        Rect {
            y: body.bottom(),
            height: 1,
            ..body
        }
    });
    let blocks = fitting(blocks, usize::from(body.height));
    Page {
        hints,
        ..seen(login, blocks, body, glyphs)
    }
}

fn height(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.rows.len()).sum()
}

/// Leaves out what has the least weight until the rest fits: air from above, so that the answer keeps its own, and then
/// what explains from below.
fn fitting(mut blocks: Vec<Block>, rows_max: usize) -> Vec<Block> {
    while height(&blocks) > rows_max {
        let air = blocks.iter().position(|block| block.rank == Rank::Air);
        let help = || { blocks.iter() }.rposition(|block| block.rank == Rank::Help);
        let Some(place) = air.or_else(help) else {
            break;
        };
        blocks.remove(place);
    }
    // Air between two texts is none any more where one of them is gone.
    let air = Block::air();
    while blocks.first() == Some(&air) {
        blocks.remove(0);
    }
    while blocks.last() == Some(&air) {
        blocks.pop();
    }
    blocks.dedup_by(|next, before| *next == air && *before == air);
    blocks
}

/// The part of the rows that is seen.
fn seen(login: &Login, blocks: Vec<Block>, body: Rect, glyphs: Glyphs) -> Page {
    let (mut rows, mut cursor, mut focus) = (Vec::new(), None, None);
    for block in blocks {
        if block.has_focus {
            focus = Some(rows.len());
        }
        if let Some(cell) = block.cursor {
            cursor = Some((rows.len(), cell));
        }
        rows.extend(block.rows);
    }
    let space = usize::from(body.height);
    let scroll_max = rows.len().saturating_sub(space);
    // What must be answered is seen, and as much as there is room for of what is said below it.
    let first = focus.unwrap_or(login.scroll).min(scroll_max);
    rows.drain(..first);
    let is_cut = rows.len() > space;
    rows.truncate(space);
    if let (true, true, Some(last)) = (is_cut, focus.is_some(), rows.last_mut()) {
        last.cut_short(usize::from(body.width), glyphs);
    }
    let cursor = cursor.and_then(|(row, cell)| {
        let row = u16::try_from(row.checked_sub(first)?).ok()?;
        let cell = u16::try_from(cell).ok()?;
        (row < body.height && cell < body.width).then_some((body.x + cell, body.y + row))
    });
    Page {
        body,
        rows,
        cursor,
        has_more: focus.is_none() && scroll_max > 0,
        scroll_max: if focus.is_none() { scroll_max } else { 0 },
        ..Page::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rank: Rank, rows: usize) -> Block {
        Block {
            rows: vec![Row::default(); rows],
            ..Block::of(rank)
        }
    }

    #[test]
    fn air_goes_first_then_what_explains_and_nothing_else() {
        let all = || {
            vec![
                block(Rank::Must, 1),
                Block::air(),
                block(Rank::Help, 2),
                Block::air(),
                block(Rank::Told, 1),
                block(Rank::Help, 3),
            ]
        };
        let left = |rows_max| {
            let left = fitting(all(), rows_max);
            left.iter()
                .map(|block| block.rows.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(left(9), [1, 1, 2, 1, 1, 3]);
        assert_eq!(left(8), [1, 2, 1, 1, 3]);
        assert_eq!(left(7), [1, 2, 1, 3]);
        assert_eq!(left(6), [1, 2, 1]);
        assert_eq!(left(3), [1, 1]);
        assert_eq!(left(0), [1, 1]);
    }

    #[test]
    fn where_air_would_stand_alone_there_is_none() {
        let blocks = vec![
            block(Rank::Must, 1),
            Block::air(),
            Block::air(),
            block(Rank::Told, 1),
            Block::air(),
        ];
        let left = fitting(blocks, 10);
        assert_eq!(height(&left), 3);
    }
}
