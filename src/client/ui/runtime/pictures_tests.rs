//! Frames with pictures on a small terminal that knows kitty's pictures, those of iTerm2 and sixels: after each frame it
//! shows the cells of the frame and the pixels that are wanted, and no part of any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use image::ImageFormat;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use tokio::time::timeout;
use unicode_width::UnicodeWidthChar;

use super::*;
use crate::client::{
    app::file::tests::picture as picture_file,
    paper::Sheet,
    ui::{
        effect::Effect,
        keymap::{Chord, Keymap},
        layout,
        model::{
            Focus, Model,
            chat::ChatId,
            notices::Level,
            overlay::Overlay,
            previews::{
                Canvas, Why,
                tests::{BLOCKS, landscape_file, made},
            },
        },
        runtime::screen::Screen,
        theme::Theme,
        update::{self, Msg, update},
        view::{self, models::*},
    },
};

type Cell = (u16, u16);
/// Where pixels are: column, row, width, height.
type Places = BTreeSet<(u16, u16, u16, u16)>;

/// What a terminal shows.
#[derive(Default)]
struct Shown {
    size: (u16, u16),
    at: Cell,
    cursor_hidden: bool,
    cells: BTreeMap<Cell, String>,
    /// The pixels that are a part of the cells, as iTerm2's and sixels are: which drawing each cell has.
    dabs: BTreeMap<Cell, (Cell, u64)>,
    /// How many cells each of these drawings had.
    drawings: BTreeMap<(Cell, u64), Rect>,
    /// Pictures that are kept, by kitty's protocol, and where they are placed.
    kept: BTreeSet<u32>,
    placed: BTreeMap<(u32, u32), Rect>,
    wrong: Vec<String>,
}

impl Shown {
    fn clear(&mut self, cells: impl Iterator<Item = Cell>) {
        for cell in cells {
            self.cells.remove(&cell);
            self.dabs.remove(&cell);
        }
    }

    fn dab(&mut self, extent: (u16, u16), bytes: &[u8]) {
        let area = Rect::new(self.at.0, self.at.1, extent.0, extent.1);
        if area.right() > self.size.0 || area.bottom() >= self.size.1 {
            self.wrong
                .push(format!("pixels reach out of the screen: {area}"));
        }
        let name = (self.at, hash(bytes));
        for at in area.positions() {
            self.dabs.insert((at.x, at.y), name);
        }
        self.drawings.insert(name, area);
        // Nobody knows where the cursor is then.
        self.at = (self.size.0 - 1, self.size.1 - 1);
    }

    fn graphics(&mut self, text: &str) {
        let (keys, _) = text.split_once(';').unwrap_or((text, ""));
        let keys: BTreeMap<&str, &str> = keys
            .split(',')
            .filter_map(|it| it.split_once('='))
            .collect();
        let number = |key: &str| keys.get(key).and_then(|it| it.parse::<u32>().ok());
        let cells = |key: &str| {
            number(key)
                .and_then(|it| u16::try_from(it).ok())
                .unwrap_or(0)
        };
        let Some(action) = keys.get("a") else {
            return;
        };
        let id = number("i").unwrap_or(0);
        match (*action, keys.get("d")) {
            ("t", _) => {
                self.kept.insert(id);
            }
            ("p", _) if self.kept.contains(&id) => {
                let area = Rect::new(self.at.0, self.at.1, cells("c"), cells("r"));
                self.placed.insert((id, number("p").unwrap_or(0)), area);
            }
            ("d", Some(&"i")) => {
                self.placed.remove(&(id, number("p").unwrap_or(0)));
            }
            ("d", Some(&"I")) => {
                self.kept.remove(&id);
                self.placed.retain(|(of, _), _| *of != id);
            }
            _ => self.wrong.push(format!("{text:.60}")),
        }
    }
}

impl vte::Perform for Shown {
    fn print(&mut self, c: char) {
        let width = u16::try_from(c.width().unwrap_or(0)).unwrap();
        if width == 0 {
            return;
        }
        for column in self.at.0..self.at.0 + width {
            self.clear([(column, self.at.1)].into_iter());
        }
        self.cells.insert(self.at, c.to_string());
        self.at.0 += width;
    }

    fn csi_dispatch(&mut self, params: &vte::Params, between: &[u8], _: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        match (between, action, numbers.as_slice()) {
            (b"", 'H', [row, column]) => self.at = (column - 1, row - 1),
            (b"", 'm', _) | (b"?", 'h' | 'l', [2026]) => {}
            (b"?", 'h', [25]) => self.cursor_hidden = false,
            (b"?", 'l', [25]) => self.cursor_hidden = true,
            (b"", 'J', [2]) => {
                self.cells.clear();
                self.dabs.clear();
                self.placed.clear();
            }
            (b"", 'K', [2]) => {
                let row = self.at.1;
                self.clear((0..self.size.0).map(|column| (column, row)));
            }
            _ => self.wrong.push(format!("{numbers:?} {action}")),
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let hash = *blake3::hash(bytes).as_bytes();
    u64::from_le_bytes(hash[..8].try_into().unwrap())
}

/// The terminal.
#[derive(Default)]
struct Terminal {
    parser: vte::Parser,
    shown: Shown,
}

impl Terminal {
    fn take(&mut self, mut bytes: &[u8]) {
        let starts: [(&[u8], &[u8]); 3] = [
            (b"\x1b_G", b"\x1b\\"),
            (b"\x1bP", b"\x1b\\"),
            (b"\x1b]1337;", b"\x07"),
        ];
        while !bytes.is_empty() {
            let find =
                |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|it| it == part);
            let found = starts
                .iter()
                .filter_map(|(start, end)| Some((find(bytes, start)?, start, end)));
            let Some((at, start, end)) = found.min_by_key(|(at, ..)| *at) else {
                self.parser.advance(&mut self.shown, bytes);
                return;
            };
            self.parser.advance(&mut self.shown, &bytes[..at]);
            let body = &bytes[at + start.len()..];
            let length = find(body, end).expect("a sequence ends");
            let text = std::str::from_utf8(&body[..length]).unwrap();
            match start[1] {
                b'_' => self.shown.graphics(text),
                b']' => {
                    let number = |key: &str| {
                        let (_, value) = text.split_once(key).unwrap();
                        value.split(';').next().unwrap().parse::<u16>().unwrap()
                    };
                    let extent = (number("width="), number("height="));
                    self.shown.dab(extent, text.as_bytes());
                }
                _ => {
                    let (_, raster) = text.split_once("q\"1;1;").unwrap();
                    let end = raster
                        .find(|c: char| c != ';' && !c.is_ascii_digit())
                        .unwrap();
                    let (width, height) = raster[..end].split_once(';').unwrap();
                    let cells = |pixels: &str, of: u32| pixels.parse::<u32>().unwrap().div_ceil(of);
                    let extent = (cells(width, 8), cells(height, 16));
                    let extent = (extent.0.try_into().unwrap(), extent.1.try_into().unwrap());
                    self.shown.dab(extent, text.as_bytes());
                }
            }
            bytes = &body[length + end.len()..];
        }
    }

    /// Where pixels are; and what is wrong with them.
    fn pictures(&self) -> Result<Places, String> {
        let mut found = BTreeSet::new();
        for area in self.shown.placed.values() {
            found.insert((area.x, area.y, area.width, area.height));
        }
        let mut counts: BTreeMap<(Cell, u64), u32> = BTreeMap::new();
        for name in self.shown.dabs.values() {
            *counts.entry(*name).or_default() += 1;
        }
        for (name, count) in counts {
            let area = self.shown.drawings[&name];
            if area.area() != count {
                return Err(format!("{count} cells are left of pixels at {area}"));
            }
            found.insert((area.x, area.y, area.width, area.height));
        }
        match self.shown.wrong.is_empty() {
            true => Ok(found),
            false => Err(format!("{:?}", self.shown.wrong)),
        }
    }
}

/// Collects what is written.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Sheet for Tape {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(())
    }
}

/// Somebody before a terminal.
struct Seat {
    model: Model,
    ops: ChatId,
    keys: Keymap,
    theme: Theme,
    screen: Screen,
    tape: Tape,
    terminal: Terminal,
    files: [Vec<u8>; 2],
    number: u32,
    minute: i64,
    /// Bytes of the last frame.
    written: usize,
    /// All cells of each picture, by where its pixels should be.
    rooms: BTreeMap<(u16, u16, u16, u16), Rect>,
}

impl Seat {
    fn new(way: Way, size: (u16, u16)) -> Self {
        let (mut model, ops) = office();
        model.previews.draw_on(Canvas { way, ..BLOCKS });
        model.size = size;
        let tape = Tape::default();
        let mut terminal = Terminal::default();
        terminal.shown.size = size;
        Self {
            model,
            ops,
            keys: Keymap::default(),
            theme: theme("dark"),
            screen: Screen::new(size, tape.clone()).unwrap(),
            tape,
            terminal,
            files: [ImageFormat::Png, ImageFormat::Jpeg].map(landscape_file),
            number: 0,
            minute: 0,
            written: 0,
            rooms: BTreeMap::new(),
        }
    }

    fn share(&mut self) {
        self.minute += 1;
        let (minute, name) = (self.minute, format!("t{}", self.minute));
        let time = at(0, 11, minute % 60);
        say_so(&mut self.model, &self.ops, "bob", time, "", |message| {
            let mut file = picture_file("f1", &format!("{name}.png"));
            file.thumbnail_id = Some(name);
            file.image = Some((320, 180));
            message.files = vec![file];
        });
    }

    /// Gives the previews that are asked for.
    fn give(&mut self) {
        for effect in update::previews(&mut self.model) {
            let Effect::Preview(want) = effect else {
                panic!("{effect:?}");
            };
            self.number += 1;
            let made = match self.number % 7 {
                6 => Err(Why::Never),
                _ => {
                    let file = &self.files[usize::try_from(self.number % 2).unwrap()];
                    Ok(made(&want, self.number, file))
                }
            };
            self.model.previews.take(want.number, made);
        }
    }

    fn press(&mut self, key: &str) {
        let msg = Msg::Key(Chord::parse(key).unwrap());
        update(&mut self.model, &self.keys, msg);
    }

    fn resize(&mut self, size: (u16, u16)) {
        update(&mut self.model, &self.keys, Msg::Resized(size.0, size.1));
        self.terminal.shown.size = size;
        self.terminal
            .shown
            .cells
            .retain(|(x, y), _| *x < size.0 && *y < size.1);
        self.screen.resize(size).unwrap();
    }

    async fn draw(&mut self, is_calm: bool) {
        let (model, theme, keys) = (&self.model, &self.theme, &self.keys);
        let view = |frame: &mut ratatui::Frame<'_>| view::draw(model, theme, keys, frame);
        let number = self.screen.draw_with(view, |_| is_calm).unwrap();
        assert!(number.is_some());
        self.take_shown().await;
    }

    /// Shows what is written.
    async fn take_shown(&mut self) {
        while !self.screen.is_free() {
            let more = timeout(Duration::from_secs(20), self.screen.more_is_shown());
            more.await.unwrap().unwrap();
        }
        let bytes = std::mem::take(&mut *self.tape.0.lock().unwrap());
        self.written = bytes.len();
        self.terminal.take(&bytes);
    }

    /// The frame as it should be, where its cursor is, and where pixels should be over it.
    fn wanted(&mut self) -> (Buffer, Option<Cell>, Places) {
        let size = self.model.size;
        let (buffer, cursor) = drawn(&mut self.model, size, &self.theme);
        let wholes = wholes(&self.model, &self.theme).into_iter();
        let found = wholes.filter(|whole| whole.is_in(&buffer));
        let found = found.map(|whole| (area(&whole), whole.area()));
        let found = found.filter(|(area, _)| area.bottom() < size.1);
        self.rooms = found
            .map(|(area, room)| ((area.x, area.y, area.width, area.height), room))
            .collect();
        (buffer, cursor, self.rooms.keys().copied().collect())
    }

    /// Draws, in the middle of what somebody does and then in peace, and looks at what is shown.
    async fn check(&mut self, is_calm: bool) -> Result<usize, String> {
        let (buffer, cursor, wanted) = self.wanted();
        self.draw(is_calm).await;
        if !is_calm {
            self.look(&buffer, cursor)?;
            let shown = self.terminal.pictures()?;
            if !shown.is_subset(&wanted) {
                return Err(format!("{shown:?} are shown, {wanted:?} are wanted"));
            }
        }
        for _ in 0..40 {
            if !self.screen.owes_pictures() {
                break;
            }
            self.draw(true).await;
        }
        self.look(&buffer, cursor)?;
        let shown = self.terminal.pictures()?;
        if shown != wanted {
            return Err(format!("{shown:?} are shown, {wanted:?} are wanted"));
        }
        if self.terminal.shown.kept.len() > SENT_MAX {
            return Err("the terminal keeps too many".to_owned());
        }
        Ok(shown.len())
    }

    /// Looks at the cells: below pixels there are blanks, everywhere else is what the frame has.
    fn look(&self, buffer: &Buffer, cursor: Option<Cell>) -> Result<(), String> {
        let shown = &self.terminal.shown;
        let pictures = self.terminal.pictures()?;
        let rooms = pictures.iter().filter_map(|place| self.rooms.get(place));
        let rooms: Vec<&Rect> = rooms.collect();
        for at in buffer.area.positions() {
            let first = buffer[at].symbol().chars().next();
            let is_below = rooms.iter().any(|room| room.contains(at));
            let wanted = first.filter(|_| !is_below).unwrap_or(' ').to_string();
            let found = shown.cells.get(&(at.x, at.y)).map_or(" ", String::as_str);
            if found != wanted {
                return Err(format!("{at}: {wanted:?} was drawn, {found:?} is shown"));
            }
        }
        match cursor {
            Some(at) if shown.cursor_hidden || shown.at != at => Err(format!(
                "the cursor is at {:?}, and not at {at:?}",
                shown.at
            )),
            None if !shown.cursor_hidden => Err("the cursor is shown".to_owned()),
            _ => Ok(()),
        }
    }
}

const WAYS: [Way; 3] = [Way::Kitty, Way::Iterm2, Way::Sixel];

#[tokio::test]
async fn pixels_come_go_and_move_with_the_cells_of_their_picture() {
    for way in WAYS {
        let mut seat = Seat::new(way, (80, 40));
        assert_eq!(seat.check(true).await, Ok(0));
        seat.share();
        assert_eq!(seat.check(true).await, Ok(0), "it is not there yet");
        seat.give();
        assert_eq!(seat.check(true).await, Ok(1), "{way:?}");
        seat.share();
        seat.give();
        assert_eq!(seat.check(true).await, Ok(2));
        // What has not changed is not written again.
        assert_eq!(seat.check(true).await, Ok(2));
        assert!(seat.written < 200, "{way:?}: {}", seat.written);
        let time = at(0, 11, 59);
        say(&mut seat.model, &seat.ops, "bob", time, "they move up");
        assert_eq!(seat.check(false).await, Ok(2));
        seat.model.overlay = Some(Overlay::Help { first_row: 0 });
        assert_eq!(seat.check(true).await, Ok(0));
        seat.model.overlay = None;
        assert_eq!(seat.check(true).await, Ok(2));
        seat.screen.redraw().unwrap();
        assert_eq!(seat.check(true).await, Ok(2));
        seat.resize((70, 30));
        assert!(seat.check(true).await.is_ok());
        // The screens for a login have no pictures.
        seat.screen.draw(|_| {}).unwrap();
        seat.take_shown().await;
        assert_eq!(seat.terminal.pictures(), Ok(BTreeSet::new()));
    }
}

#[tokio::test]
async fn of_an_account_that_is_left_no_picture_stays_on_the_screen_nor_in_the_terminal() {
    for way in WAYS {
        let mut seat = Seat::new(way, (80, 50));
        // Numbers that no other test has.
        seat.number = 2_000_000;
        seat.share();
        seat.share();
        seat.give();
        assert_eq!(seat.check(true).await, Ok(2));
        assert_eq!(seat.terminal.shown.kept.len(), 2 * usize::from(way == Way::Kitty));
        let kept = seat.terminal.shown.kept.clone();
        seat.screen.turn_over().unwrap();
        seat.screen.draw(|_| {}).unwrap();
        seat.take_shown().await;
        assert_eq!(seat.terminal.pictures(), Ok(BTreeSet::new()));
        assert_eq!(seat.terminal.shown.kept, BTreeSet::new());
        assert!(seat.terminal.shown.cells.values().all(|cell| cell == " "));
        // Nor is it deleted once more in the end.
        assert!(kept.iter().all(|id| !sent().contains(&NonZeroU32::new(*id).unwrap())));
    }
}

#[tokio::test]
async fn a_frame_that_somebody_waits_for_holds_no_picture_and_a_calm_one_holds_one() {
    for way in WAYS {
        let mut seat = Seat::new(way, (80, 50));
        seat.share();
        seat.share();
        seat.give();
        seat.draw(false).await;
        assert!(seat.screen.owes_pictures());
        assert_eq!(seat.terminal.pictures().unwrap().len(), 0);
        seat.draw(true).await;
        assert_eq!(seat.terminal.pictures().unwrap().len(), 1);
        assert!(seat.screen.owes_pictures());
        seat.draw(true).await;
        assert_eq!(seat.terminal.pictures().unwrap().len(), 2);
        assert!(!seat.screen.owes_pictures());
    }
}

#[tokio::test]
async fn what_the_terminal_keeps_has_a_bound_and_is_deleted_in_the_end() {
    let mut seat = Seat::new(Way::Kitty, (80, 24));
    // Numbers that no other test has.
    seat.number = 1_000_000;
    let mut most = 0;
    for _ in 0..60 {
        seat.share();
        seat.give();
        seat.check(true).await.unwrap();
        most = most.max(seat.terminal.shown.kept.len());
    }
    assert_eq!(most, SENT_MAX);
    let kept = seat.terminal.shown.kept.clone();
    let undo = undo();
    for id in kept {
        assert!(undo.contains(&format!("a=d,d=I,i={id},")), "{id}");
    }
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Share,
    Say,
    Give,
    Scroll(bool, usize),
    Select,
    Overlay,
    Notice,
    Type(bool),
    Key(&'static str),
    Resize(u16, u16),
    Redraw,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Share),
        1 => Just(Step::Say),
        3 => Just(Step::Give),
        4 => (any::<bool>(), 1..12_usize).prop_map(|(is_up, rows)| Step::Scroll(is_up, rows)),
        1 => Just(Step::Select),
        2 => Just(Step::Overlay),
        1 => Just(Step::Notice),
        1 => any::<bool>().prop_map(Step::Type),
        2 => prop_oneof![Just("ctrl+k"), Just("esc"), Just("f2"), Just("f3"), Just("alt+s"), Just("alt+v"), Just("up"), Just("/")]
            .prop_map(Step::Key),
        2 => (8..100_u16, 4..50_u16).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => Just(Step::Redraw),
    ]
}

fn act(seat: &mut Seat, step: &Step) {
    match step {
        Step::Share => seat.share(),
        Step::Say => {
            let time = at(0, 11, 59);
            say(
                &mut seat.model,
                &seat.ops,
                "carol",
                time,
                "日本語 e\u{301} 👩\u{200d}👧 and so on",
            );
        }
        Step::Give => seat.give(),
        Step::Scroll(is_up, rows) => {
            let rows = isize::try_from(*rows).unwrap();
            let rows = if *is_up { -rows } else { rows };
            if let Some(scroll) = layout::scrolled(&seat.model, rows)
                && let Some(chat) = seat.model.chats.front_mut()
            {
                match scroll {
                    crate::client::ui::model::chat::Scroll::AtEnd => chat.to_end(),
                    crate::client::ui::model::chat::Scroll::At { seq, hidden_rows } => {
                        chat.scroll_to(seq, hidden_rows);
                    }
                }
            }
        }
        Step::Select => seat.model.focus = Focus::Messages(9),
        Step::Overlay => {
            seat.model.overlay = match seat.model.overlay {
                None => Some(Overlay::Help { first_row: 0 }),
                Some(_) => None,
            };
        }
        Step::Notice => {
            let words = "what is said at length\n".repeat(4);
            let now = seat.model.now;
            seat.model.notices.push(Level::Warning, words, now);
        }
        Step::Type(is_long) => {
            let text = if *is_long { "a\nb\nc\nd" } else { "x" };
            update(&mut seat.model, &seat.keys, Msg::Paste(text.to_owned()));
        }
        Step::Key(key) => seat.press(key),
        Step::Resize(columns, rows) => seat.resize((*columns, *rows)),
        Step::Redraw => seat.screen.redraw().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_terminal_shows_the_frame_and_the_pictures_that_are_wanted(
        way in prop_oneof![Just(Way::Kitty), Just(Way::Iterm2), Just(Way::Sixel)],
        steps in proptest::collection::vec((step(), any::<bool>()), 1..40),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut seat = Seat::new(way, (80, 40));
        for _ in 0..3 {
            seat.share();
            seat.give();
        }
        for (step, is_calm) in &steps {
            act(&mut seat, step);
            let checked = runtime.block_on(seat.check(*is_calm));
            prop_assert!(checked.is_ok(), "{way:?} {step:?}: {checked:?}");
        }
    }
}
