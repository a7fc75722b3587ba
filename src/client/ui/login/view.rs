//! Draws the screens before the chat. Decides nothing: what stands where is said by the page.

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Widget},
};

use super::{
    Login,
    block::Row,
    content::NAME,
    page::{Page, page},
    state::Screen,
};
use crate::client::ui::{
    keymap::{Action, Context, Keymap},
    text::width,
    theme::{Glyphs, Role, Theme},
    view::pen::Pen,
};

/// The width from which on hints need not be sparing.
const WORDY_WIDTH: u16 = 30;

/// Draws what is asked.
pub fn draw(login: &Login, theme: &Theme, keys: &Keymap, frame: &mut Frame<'_>) {
    let area = frame.area();
    let page = page(login, area, theme.glyphs());
    let buffer = frame.buffer_mut();
    Clear.render(area, buffer);
    if let Some(outline) = page.frame {
        let title = Line::styled(format!(" {NAME} "), theme.style(Role::Title));
        let outline_style = theme.style(Role::Border);
        Block::new()
            .borders(Borders::ALL)
            .border_set(theme.border(false))
            .border_style(outline_style)
            .title(title)
            .render(outline, buffer);
    }
    for (row, y) in page.rows.iter().zip(page.body.top()..page.body.bottom()) {
        draw_row(
            row,
            theme,
            Rect {
                y,
                height: 1,
                ..page.body
            },
            buffer,
        );
    }
    if let Some(place) = page.hints {
        draw_hints(login, &page, theme, keys, place, buffer);
    }
    if let Some((column, row)) = page.cursor {
        frame.set_cursor_position(Position::new(column, row));
    }
}

fn draw_row(row: &Row, theme: &Theme, place: Rect, buffer: &mut Buffer) {
    let pieces = row.pieces.iter();
    let spans = pieces.map(|(role, text)| Span::styled(text.as_str(), theme.style(*role)));
    put(buffer, theme, place, &Line::from_iter(spans));
    if let Some(right) = &row.right {
        let style = theme.style(Role::Dim);
        put(
            buffer,
            theme,
            at_right(place, right),
            &Line::styled(right, style),
        );
    }
    if row.is_chosen {
        buffer.set_style(place, theme.style(Role::Selection));
    }
}

/// The place for a text at the right edge of a row.
fn at_right(place: Rect, text: &str) -> Rect {
    let cells = u16::try_from(width::room(text)).unwrap_or(u16::MAX);
    let cells = cells.min(place.width);
    Rect {
        x: place.right() - cells,
        width: cells,
        ..place
    }
}

/// Draws a line as the panes of the chat are drawn: names of servers hold any signs.
fn put(buffer: &mut Buffer, theme: &Theme, place: Rect, line: &Line<'_>) {
    let mut pen = Pen::new(buffer, theme);
    let mut column = place.x;
    for span in &line.spans {
        let style = line.style.patch(span.style);
        column = pen.put(place, place.y, column, &span.content, style);
    }
}

/// What keys do here, the most needed first; those that find no room are left out whole.
fn draw_hints(
    login: &Login,
    page: &Page,
    theme: &Theme,
    keys: &Keymap,
    mut place: Rect,
    buffer: &mut Buffer,
) {
    if page.has_more {
        let word = if place.width < WORDY_WIDTH {
            ""
        } else {
            " more"
        };
        let more = format!("{}{word}", theme.glyph(Role::NewBelow));
        let right = at_right(place, &more);
        put(
            buffer,
            theme,
            right,
            &Line::styled(more, theme.style(Role::NewBelow)),
        );
        place.width = place.width.saturating_sub(right.width + 1);
    }
    let between = match theme.glyphs() {
        // The looks of keys tell them apart.
        _ if place.width < WORDY_WIDTH => " ",
        Glyphs::Unicode => " · ",
        Glyphs::Ascii => " - ",
    };
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut room = usize::from(place.width);
    let style = |role| -> Style { theme.style(role) };
    for (key, word) in hints(login, page, keys) {
        let lead = if spans.is_empty() { "" } else { between };
        let cells = width::room(lead) + width::room(&key) + 1 + width::room(word);
        if cells > room {
            break;
        }
        room -= cells;
        spans.push(Span::styled(lead, style(Role::Dim)));
        spans.push(Span::styled(key, style(Role::Key)));
        spans.push(Span::styled(format!(" {word}"), style(Role::Dim)));
    }
    put(buffer, theme, place, &Line::from(spans));
}

fn hints(login: &Login, page: &Page, keys: &Keymap) -> Vec<(String, &'static str)> {
    let accept = match login.screen {
        Screen::Accounts | Screen::Fingerprint { .. } | Screen::Way => Some("choose"),
        Screen::Server | Screen::Name | Screen::Password => Some("go on"),
        Screen::Again => Some("make the account"),
        Screen::Problem { .. } => Some("try again"),
        Screen::Ended { .. } => Some("log in again"),
        Screen::Changed { .. } | Screen::Busy(_) => None,
    };
    let back = match login.screen {
        Screen::Busy(_) => "stop",
        _ => "back",
    };
    let moves = match login.screen {
        Screen::Accounts | Screen::Way => Some((Action::SelectUp, Action::SelectDown)),
        Screen::Fingerprint { .. } => Some((Action::Left, Action::Right)),
        _ => page
            .has_more
            .then_some((Action::SelectUp, Action::SelectDown)),
    };
    let hint = |action| {
        let chord = keys.hint(Context::Overlay, action);
        chord.map(|chord| chord.to_string())
    };
    let mut hints = Vec::new();
    let mut say = |key: Option<String>, word: Option<&'static str>| {
        hints.extend(key.zip(word));
    };
    say(hint(Action::Accept), accept);
    say(hint(Action::CloseOverlay), login.has_back().then_some(back));
    let both = moves.and_then(|(one, other)| hint(one).zip(hint(other)));
    say(
        both.map(|(one, other)| format!("{one} {other}")),
        Some("move"),
    );
    let leave = keys.chords(Context::Everywhere, Action::Quit).into_iter();
    let is_quit = |chord: &_| super::update::deed(keys, *chord) == Some(super::update::Deed::Quit);
    // What everybody knows is named, if it works.
    let mut leave: Vec<String> = leave
        .filter(is_quit)
        .map(|chord| chord.to_string())
        .collect();
    leave.sort_by_key(|chord| chord != "ctrl+c");
    say(leave.into_iter().next(), Some("leave"));
    hints
}
