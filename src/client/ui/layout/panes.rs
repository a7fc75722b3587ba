//! Where the panes stand, for any size of the screen.
//!
//! Promises that every pane lies within the screen, and that none lies over another but what is meant to: the list of
//! conversations where there is room for one pane only, and the overlay. The composer is there as long as anything is.

use ratatui::layout::Rect;

use super::{over, written::written};
use crate::client::ui::model::{Focus, Model};

/// Columns from which on the conversations stand at the side.
const SIDEBAR_FROM: u16 = 70;
/// Their columns, with the line beside them.
const SIDEBAR_COLUMNS: u16 = 22;
/// Columns from which on the members are shown.
const MEMBERS_FROM: u16 = 100;
/// Their columns, with the line beside them.
const MEMBERS_COLUMNS: u16 = 18;
/// Rows of the composer at the most.
const COMPOSER_ROWS_MAX: u16 = 6;
/// Below this only the composer and the last rows are shown.
const COLUMNS_MIN: u16 = 20;
const ROWS_MIN: u16 = 6;
/// Rows of messages from which on one is given to what waits elsewhere.
const NEWS_ROWS_MIN: u16 = 4;
/// Cells of the sign before what is written.
pub const PROMPT: u16 = 2;

/// Where the panes stand. Those that are `None` have no room or are hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The conversations. Where there is room for one pane only, they lie over all but the status line.
    pub sidebar: Option<Rect>,
    /// The line over the messages.
    pub header: Option<Rect>,
    /// The messages.
    pub messages: Rect,
    /// The members.
    pub members: Option<Rect>,
    /// The rule above the composer, which says what is replied to or edited.
    pub rule: Option<Rect>,
    /// The composer.
    pub composer: Rect,
    /// The status line.
    pub status: Option<Rect>,
    /// What lies over all, if anything does.
    pub overlay: Option<Rect>,
}

/// Takes rows or columns off a pane.
struct Rest(Rect);

impl Rest {
    fn top(&mut self, rows: u16) -> Rect {
        let height = rows.min(self.0.height);
        let taken = Rect { height, ..self.0 };
        self.0.y += height;
        self.0.height -= height;
        taken
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let height = rows.min(self.0.height);
        self.0.height -= height;
        let y = self.0.y + self.0.height;
        Rect {
            y,
            height,
            ..self.0
        }
    }

    fn left(&mut self, columns: u16) -> Rect {
        let width = columns.min(self.0.width);
        let taken = Rect { width, ..self.0 };
        self.0.x += width;
        self.0.width -= width;
        taken
    }

    fn right(&mut self, columns: u16) -> Rect {
        let width = columns.min(self.0.width);
        self.0.width -= width;
        let x = self.0.x + self.0.width;
        Rect { x, width, ..self.0 }
    }
}

/// Returns where the panes stand on a screen of this size.
pub fn panes_in(model: &Model, screen: Rect) -> Panes {
    let overlay = model.overlay.as_ref();
    let overlay = overlay.map(|overlay| over::frame(overlay, screen));
    let panes = match screen.width < COLUMNS_MIN || screen.height < ROWS_MIN {
        true => tiny(model, screen),
        false => whole(model, screen),
    };
    Panes { overlay, ..panes }
}

fn tiny(model: &Model, screen: Rect) -> Panes {
    let mut rest = Rest(screen);
    let composer = rest.bottom(1);
    // Where there are rows enough one of them tells what waits where nobody looks.
    let has_news = || model.chats.elsewhere(model.now).unread > 0;
    let header = (rest.0.height >= NEWS_ROWS_MIN && has_news()).then(|| rest.top(1));
    Panes {
        sidebar: (model.focus == Focus::Sidebar).then_some(screen),
        header,
        messages: rest.0,
        composer,
        ..Panes::default()
    }
}

fn whole(model: &Model, screen: Rect) -> Panes {
    let is_at_sidebar = model.focus == Focus::Sidebar;
    let mut rest = Rest(screen);
    let status = rest.bottom(1);
    let sidebar = match screen.width >= SIDEBAR_FROM {
        true => (model.sidebar.is_shown || is_at_sidebar).then(|| rest.left(SIDEBAR_COLUMNS)),
        false => is_at_sidebar.then_some(rest.0),
    };
    let header = rest.top(1);
    let cells = rest.0.width.saturating_sub(PROMPT);
    let rows = written(model.composer.buffer(), usize::from(cells))
        .rows
        .len();
    let most = COMPOSER_ROWS_MAX.min(screen.height / 3).max(1);
    let composer = rest.bottom(u16::try_from(rows).unwrap_or(most).clamp(1, most));
    let rule = rest.bottom(1);
    let has_members = model.members_shown && model.chats.front().is_some();
    let members = has_members && screen.width >= MEMBERS_FROM;
    Panes {
        sidebar,
        header: Some(header),
        members: members.then(|| rest.right(MEMBERS_COLUMNS)),
        messages: rest.0,
        rule: Some(rule),
        composer,
        status: Some(status),
        overlay: None,
    }
}
