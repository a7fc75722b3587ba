//! The line at the bottom: how the link stands, what the program has to say, who types, and which keys help.
//!
//! A notice takes the place of what matters less; one that is longer than the line stands in a box over the oldest messages,
//! so that the newest are seen while somebody reads it and writes.

use ratatui::{layout::Rect, style::Style};

use super::{
    header,
    pen::{Bit, Pen},
};
use crate::{
    client::ui::{
        keymap::{Action, Context, Keymap},
        layout::over,
        model::{
            Focus, LinkState, Model,
            composer::Mode,
            notices::{Level, Notice},
            outgoing::State,
            overlay::Overlay,
        },
        text::width,
        theme::Role,
    },
    domain::{clock::TimeMs, user::Presence},
};

/// Characters of a name, and names of those who type.
const NAME_CHARS: usize = 24;
const TYPING_MAX: usize = 2;
/// Rows of the messages below the box of what is too long for the line: the newest, and who said it.
const NEWEST_ROWS: u16 = 3;
/// Rows of a box: its edges and one row.
const BOX_ROWS_MIN: u16 = 3;
/// Columns of a box.
const BOX_COLUMNS_MIN: u16 = 12;
/// What stands for a reason that is too long.
const ENDED: &str = "disconnected";

/// Draws the line; `above`: where a box would stand.
pub fn draw(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, pane: Rect, above: Rect) {
    pen.tint(pane, pen.theme.style(Role::Status));
    let whole = usize::from(pane.width);
    let mut left = vec![plain(pen, " ")];
    left.extend(link(model, pen, whole));
    left.extend(own_state(model, pen));
    let mut right = Vec::new();
    match model.notices.shown(model.now) {
        Some(notice) if fits(model, pen, &left, notice, whole) => {
            left.push(plain(pen, "  "));
            left.push(on_ground(pen, sign_role(notice.level), sign(pen, notice)));
            left.push(plain(pen, notice.text.as_str()));
            left.push(on_ground(pen, Role::Dim, others(model)));
        }
        // Part of it is more than nothing, and than whose screen this is.
        Some(notice) if !has_box(above) => {
            left = vec![
                plain(pen, " "),
                on_ground(pen, sign_role(notice.level), sign(pen, notice)),
                plain(pen, notice.text.replace('\n', " ")),
            ];
        }
        Some(_) => {}
        None => {
            left.extend(typing(model, pen));
            right = hints(model, pen, keys, whole.saturating_sub(room(&left) + 2));
        }
    }
    pen.row(pane, pane.y, &left, &right);
}

/// Draws what is too long for the line over the oldest messages, or where there are none in the way above the rule: a notice,
/// or why the link is over.
pub fn long_text(model: &Model, pen: &mut Pen<'_>, keys: &Keymap, status: Rect, above: Rect) {
    let whole = usize::from(status.width);
    let (title, text) = match (model.notices.shown(model.now), &model.link) {
        (Some(notice), _) => {
            let mut left = vec![plain(pen, " ")];
            left.extend(link(model, pen, whole));
            left.extend(own_state(model, pen));
            if fits(model, pen, &left, notice, whole) {
                return;
            }
            let word = match notice.level {
                Level::Info => "Notice",
                Level::Warning => "Warning",
                Level::Error => "Error",
            };
            let title = format!("{}{word}{}", sign(pen, notice), others(model));
            let hint = close_hint(model, pen, keys);
            (format!("{title}{hint}"), notice.text.clone())
        }
        (None, LinkState::Ended { why }) if !is_short(&why.render_line(), whole) => {
            let sign = pen.theme.glyph(Role::Disconnected);
            (format!("{sign} {ENDED}"), why.render_line())
        }
        _ => return,
    };
    if !has_box(above) {
        return;
    }
    let is_over_messages = model.chats.front().is_some();
    let most = match is_over_messages {
        true => above.height.saturating_sub(NEWEST_ROWS).max(BOX_ROWS_MIN),
        false => above.height,
    };
    let cells = usize::from(above.width) - 4;
    let rows = rows_of(pen, &text, cells, usize::from(most - 2));
    let height = u16::try_from(rows.len()).unwrap_or(most) + 2;
    let y = match is_over_messages {
        true => above.y,
        false => above.bottom().saturating_sub(height),
    };
    let frame = Rect { y, height, ..above };
    pen.boxed(frame, &title, false);
    let style = pen.theme.style(Role::Text);
    for (row, text) in (frame.y + 1..frame.bottom()).zip(rows) {
        pen.put(frame, row, frame.x + 2, &text, style);
    }
}

/// Whether there is room for a box.
const fn has_box(above: Rect) -> bool {
    above.width >= BOX_COLUMNS_MIN && above.height >= BOX_ROWS_MIN
}

/// The rows of a text, at most so many, and how much is left out; of several lines each begins with a sign.
fn rows_of(pen: &Pen<'_>, text: &str, cells: usize, most: usize) -> Vec<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_list = lines.len() > 1;
    let bullet = pen.dot().trim_start();
    let mut rows: Vec<(usize, String)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (first, further) = match is_list {
            true => (bullet, "  "),
            false => ("", ""),
        };
        let cells = cells.saturating_sub(first.chars().count());
        for (place, row) in over::text_rows(line, cells).into_iter().enumerate() {
            let before = if place == 0 { first } else { further };
            rows.push((number, format!("{before}{row}")));
        }
    }
    if most <= 1 {
        // A beginning says more than a count.
        rows.truncate(most);
    } else if rows.len() > most {
        let kept = most.saturating_sub(1);
        let left_out = match rows.get(kept) {
            Some((number, _)) if is_list => {
                // A part of one thing more would be counted neither way; of the first alone it is better than nothing.
                let cut = (*number).max(1);
                rows.truncate(kept);
                rows.retain(|(number, _)| *number < cut);
                lines.len().saturating_sub(cut)
            }
            _ => rows.len().saturating_sub(kept),
        };
        let unit = match (is_list, left_out) {
            (true, _) => "more",
            (false, 1) => "more row",
            (false, _) => "more rows",
        };
        rows.truncate(kept);
        let dots = pen.signs().ellipsis;
        rows.push((0, format!("{dots} and {left_out} {unit}")));
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// How a notice is taken away, if a key does that now.
fn close_hint(model: &Model, pen: &Pen<'_>, keys: &Keymap) -> String {
    let is_next = model.overlay.is_none()
        && model.focus == Focus::Composer
        && model.composer.offer().is_none()
        && *model.composer.mode() == Mode::Write;
    let key = keys.hint(Context::Composer, Action::Cancel);
    match key.filter(|_| is_next) {
        Some(key) => format!("{}{key} closes", pen.dot()),
        None => String::new(),
    }
}

/// Whether a reason has room in the line.
fn is_short(why: &str, whole: usize) -> bool {
    width::room(why) + 6 <= whole
}

fn fits(model: &Model, pen: &Pen<'_>, left: &[Bit<'_>], notice: &Notice, whole: usize) -> bool {
    if notice.text.contains('\n') {
        return false;
    }
    let text = width::room(&notice.text) + others(model).len();
    room(left) + 2 + width::room(&sign(pen, notice)) + text <= whole
}

/// How many notices that nobody has seen wait behind the one that is shown.
fn others(model: &Model) -> String {
    match model.notices.waiting_count() {
        0 => String::new(),
        count => format!(" +{count}"),
    }
}

fn room(bits: &[Bit<'_>]) -> usize {
    bits.iter().map(|bit| width::room(&bit.text)).sum()
}

fn sign(pen: &Pen<'_>, notice: &Notice) -> String {
    format!("{} ", pen.theme.glyph(sign_role(notice.level)))
}

const fn sign_role(level: Level) -> Role {
    match level {
        Level::Info => Role::Notice,
        Level::Warning => Role::Warning,
        Level::Error => Role::Error,
    }
}

/// A text of the line.
fn plain<'t>(pen: &Pen<'_>, text: impl Into<std::borrow::Cow<'t, str>>) -> Bit<'t> {
    pen.bit(Role::Status, text)
}

/// A text of another role on the ground of the line.
fn on_ground<'t>(pen: &Pen<'_>, role: Role, text: impl Into<std::borrow::Cow<'t, str>>) -> Bit<'t> {
    let ground = Style {
        bg: pen.theme.style(Role::Status).bg,
        ..Style::default()
    };
    let bit = pen.bit(role, text);
    Bit {
        style: bit.style.patch(ground),
        ..bit
    }
}

/// How the link stands, in words.
fn link<'t>(model: &Model, pen: &Pen<'_>, whole: usize) -> Vec<Bit<'t>> {
    let dots = pen.signs().ellipsis;
    let (role, words) = match &model.link {
        LinkState::Starting => (Role::Connecting, format!("connecting{dots}")),
        LinkState::CatchingUp => (Role::Connecting, format!("catching up{dots}")),
        LinkState::Up => (Role::Connected, model.me.to_string()),
        LinkState::Down { retry_at } => {
            let seconds = seconds_to(*retry_at, model.now);
            let words = match seconds {
                0 => format!("no connection, trying again{dots}"),
                seconds => format!("no connection, next try in {seconds} s"),
            };
            (Role::Disconnected, words)
        }
        LinkState::Ended { why } => {
            let why = why.render_line();
            let words = match is_short(&why, whole) {
                true => why,
                false => ENDED.to_owned(),
            };
            (Role::Disconnected, words)
        }
    };
    let sign = format!("{} ", pen.theme.glyph(role));
    vec![on_ground(pen, role, sign), plain(pen, words)]
}

fn seconds_to(time: TimeMs, now: TimeMs) -> u64 {
    time.since_ms(now).div_ceil(1_000)
}

/// What waits, and how this user can be reached.
fn own_state<'t>(model: &Model, pen: &Pen<'_>) -> Vec<Bit<'t>> {
    let mut bits = Vec::new();
    if let Some(far) = model.transfers.short() {
        bits.push(plain(pen, format!("{}{far}", pen.dot())));
    }
    if !model.account.is_empty() {
        let account = model.account.replace(char::is_control, " ");
        bits.push(plain(pen, format!("{}{account}", pen.dot())));
    }
    if matches!(model.presence, Presence::Away | Presence::DoNotDisturb) {
        let (role, word) = header::presence(model.presence);
        bits.push(plain(pen, pen.dot()));
        bits.push(on_ground(pen, role, format!("{} ", pen.theme.glyph(role))));
        bits.push(plain(pen, word));
    }
    let (waiting, failed) = model.outgoing.counts();
    if waiting > 0 && model.link != LinkState::Up {
        let verb = if waiting == 1 { "waits" } else { "wait" };
        bits.push(plain(pen, format!("{}{waiting} {verb}", pen.dot())));
    }
    if failed > 0 {
        bits.push(plain(pen, pen.dot()));
        let words = format!("{} {failed} not sent", pen.theme.glyph(Role::Failed));
        bits.push(on_ground(pen, Role::Failed, words));
    }
    bits
}

/// Who types in the conversation in front.
fn typing<'t>(model: &Model, pen: &Pen<'_>) -> Vec<Bit<'t>> {
    let Some(chat) = model.chats.front() else {
        return Vec::new();
    };
    let users: Vec<String> = chat
        .typing
        .users(model.now)
        .map(|name| name.render_start(NAME_CHARS))
        .collect();
    let dots = pen.theme.glyph(Role::Typing);
    let words = match users.as_slice() {
        [] => return Vec::new(),
        [one] => format!("{one} is typing{dots}"),
        [one, other] => format!("{one} and {other} are typing{dots}"),
        many => format!("{} people are typing{dots}", many.len().max(TYPING_MAX)),
    };
    vec![plain(pen, "  "), on_ground(pen, Role::Typing, words)]
}

/// The keys that help most here, as many as have room.
fn hints<'t>(model: &Model, pen: &Pen<'_>, keys: &Keymap, space: usize) -> Vec<Bit<'t>> {
    let (context, actions) = wanted(model);
    let mut bits = Vec::new();
    let mut used = 1;
    for (action, words) in actions {
        if !is_possible(model, *action) {
            continue;
        }
        let Some(chord) = keys.hint(context, *action) else {
            continue;
        };
        let key = chord.to_string();
        let more = key.len() + words.len() + 3;
        if used + more > space {
            continue;
        }
        used += more;
        bits.push(plain(pen, "  "));
        bits.push(on_ground(pen, Role::Key, key));
        bits.push(plain(pen, format!(" {words}")));
    }
    if !bits.is_empty() {
        bits.push(plain(pen, " "));
    }
    bits
}

/// Whether something can be done to what is selected; what is no matter of that always can.
fn is_possible(model: &Model, action: Action) -> bool {
    let selected = match (&model.overlay, model.focus) {
        (None, focus) => focus,
        (Some(_), _) => return true,
    };
    match selected {
        Focus::Messages(seq) => {
            let here = model.chats.front();
            let Some((chat, message)) = here.and_then(|chat| Some((chat, chat.window.get(seq)?)))
            else {
                return true;
            };
            let is_there = message.text.is_some();
            match action {
                Action::Edit => is_there && message.is_by(&model.me),
                Action::Delete => is_there && chat.may_delete(message, &model.me),
                Action::Reply | Action::React | Action::Copy => is_there,
                _ => true,
            }
        }
        Focus::Outgoing(id) => match action {
            Action::Retry | Action::Drop => {
                let outgoing = model.outgoing.get(id);
                outgoing.is_none_or(|it| matches!(it.state, State::Failed { .. }))
            }
            _ => true,
        },
        Focus::Composer | Focus::Sidebar => true,
    }
}

/// Where keys go, and what is worth to be said of them there.
fn wanted(model: &Model) -> (Context, &'static [(Action, &'static str)]) {
    use Action::{
        Accept, Cancel, CloseOverlay, Complete, Copy, Delete, Drop, Edit, FocusComposer, Help,
        OpenConversation, PageDown, Palette, React, Reply, Retry, SelectDown, Switcher, ToggleMute,
        ToggleUnread,
    };
    match (&model.overlay, model.focus) {
        (Some(Overlay::Pick(_)), _) => (
            Context::Overlay,
            &[
                (Accept, "take"),
                (CloseOverlay, "close"),
                (SelectDown, "next"),
            ],
        ),
        (Some(Overlay::Search(pane)), _) => match pane.mentions {
            Some(_) => (
                Context::Overlay,
                &[(Accept, "go there"), (CloseOverlay, "close")],
            ),
            None => (
                Context::Overlay,
                &[
                    (Accept, "go there"),
                    (CloseOverlay, "close"),
                    (Complete, "here or everywhere"),
                ],
            ),
        },
        (Some(Overlay::Password(_)), _) => (
            Context::Overlay,
            &[
                (Accept, "go on"),
                (CloseOverlay, "close"),
                (Complete, "next"),
            ],
        ),
        (Some(Overlay::Ask(_)), _) => (Context::Overlay, &[(CloseOverlay, "no")]),
        (Some(_), _) => (
            Context::Overlay,
            &[(CloseOverlay, "close"), (PageDown, "further")],
        ),
        (None, Focus::Composer) => match model.composer.mode() {
            Mode::Write => (
                Context::Composer,
                &[(Help, "keys"), (Switcher, "go to"), (Palette, "commands")],
            ),
            Mode::Reply(_) => (Context::Composer, &[(Cancel, "no reply"), (Help, "keys")]),
            Mode::Edit(_) => (Context::Composer, &[(Cancel, "no edit"), (Help, "keys")]),
        },
        (None, Focus::Messages(_)) => (
            Context::Messages,
            &[
                (Reply, "reply"),
                (React, "react"),
                (Edit, "edit"),
                (Copy, "copy"),
                (Delete, "delete"),
                (FocusComposer, "back"),
            ],
        ),
        (None, Focus::Outgoing(_)) => (
            Context::Messages,
            &[
                (Retry, "send again"),
                (Drop, "drop"),
                (Copy, "copy"),
                (FocusComposer, "back"),
            ],
        ),
        (None, Focus::Sidebar) => (
            Context::Sidebar,
            &[
                (OpenConversation, "open"),
                (ToggleUnread, "unread"),
                (ToggleMute, "mute"),
                (FocusComposer, "back"),
            ],
        ),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
