//! Frames with pictures on a small terminal: after each frame it shows the cells of the frame and the pixels that are wanted,
//! and no part of any other.

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

use super::*;
use crate::client::{
    app::file::tests::picture as picture_file,
    paper::Sheet,
    picture::made_tests::{file as file_of, noise},
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

#[path = "pictures_terminal_tests.rs"]
mod terminal;
use terminal::{Cell, Places, Terminal};

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
            // One is many bytes in any way.
            files: [
                file_of(&noise(160, 90), ImageFormat::Png),
                landscape_file(ImageFormat::Jpeg),
            ],
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
        let effects = update(&mut self.model, &self.keys, msg);
        if effects.contains(&Effect::Redraw) {
            self.screen.redraw().unwrap();
        }
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
        self.glance(is_calm).await?;
        let (buffer, cursor, wanted) = self.wanted();
        for _ in 0..400 {
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

    /// Draws one frame, and looks at what is shown, be it that some pictures are not there yet.
    async fn glance(&mut self, is_calm: bool) -> Result<(), String> {
        let (buffer, cursor, wanted) = self.wanted();
        self.draw(is_calm).await;
        self.look(&buffer, cursor)?;
        let shown = self.terminal.pictures()?;
        match shown.is_subset(&wanted) {
            true => Ok(()),
            false => Err(format!("{shown:?} are shown, {wanted:?} are wanted")),
        }
    }

    /// Looks at the cells: below pixels there are blanks, everywhere else is what the frame has.
    fn look(&self, buffer: &Buffer, cursor: Option<Cell>) -> Result<(), String> {
        let shown = &self.terminal.shown;
        let pictures = self.terminal.pictures()?;
        let rooms = pictures.iter().filter_map(|place| self.rooms.get(place));
        let rooms: Vec<Rect> = rooms.copied().collect();
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
        if way != Way::Kitty {
            seat.terminal.lose();
            assert_eq!(seat.terminal.pictures(), Ok(BTreeSet::new()));
        }
        seat.press("ctrl+l");
        assert_eq!(seat.check(false).await, Ok(2), "{way:?}: all is drawn anew");
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
        assert_eq!(
            seat.terminal.shown.kept.len(),
            2 * usize::from(way == Way::Kitty)
        );
        let kept = seat.terminal.shown.kept.clone();
        seat.screen.turn_over().unwrap();
        seat.screen.draw(|_| {}).unwrap();
        seat.take_shown().await;
        assert_eq!(seat.terminal.pictures(), Ok(BTreeSet::new()));
        assert_eq!(seat.terminal.shown.kept, BTreeSet::new());
        assert!(seat.terminal.shown.cells.values().all(|cell| cell == " "));
        // Nor is it deleted once more in the end.
        assert!(
            kept.iter()
                .all(|id| !sent().contains(&NonZeroU32::new(*id).unwrap()))
        );
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
        let (mut frames, mut most, mut bytes) = (0, 0, 0);
        while seat.screen.owes_pictures() {
            assert_eq!(seat.glance(true).await, Ok(()));
            let rest = seat.screen.pictures_rest();
            (frames, most, bytes) = (frames + 1, most.max(seat.written), bytes + seat.written);
            // Beside the pixels there are some places and blanks.
            let allowed = rest.as_millis() * 262 + 2_500;
            assert!(
                allowed >= u128::try_from(seat.written).unwrap(),
                "{way:?}: {rest:?}"
            );
            // Somebody types in its middle, and sees that at once.
            seat.press(if frames % 2 == 0 { "backspace" } else { "x" });
            assert_eq!(seat.glance(false).await, Ok(()));
            assert!(seat.written < 1_000, "{way:?}: {}", seat.written);
            assert_eq!(seat.screen.pictures_rest(), Duration::ZERO);
        }
        assert_eq!(seat.terminal.pictures().unwrap().len(), 2);
        match way {
            Way::Kitty => {
                assert!(most < FRAME_BYTES + 6 * 1024, "{most} bytes in a frame");
                assert!(frames >= 4 && bytes > 3 * most, "{frames} frames");
            }
            // Each whole.
            _ => assert!(frames <= 2, "{way:?}: {frames} frames"),
        }
    }
}

#[tokio::test]
async fn a_picture_that_is_cut_in_its_middle_leaves_nothing_and_comes_whole_later() {
    // Those of the other protocols are whole or not there.
    let mut seat = Seat::new(Way::Kitty, (80, 50));
    // Numbers that no other test has.
    seat.number = 3_000_001;
    seat.share();
    seat.give();
    for step in [
        Step::Overlay,
        Step::Say,
        Step::Scroll(true, 3),
        Step::Redraw,
        Step::Resize(70, 48),
        Step::Share,
    ] {
        seat.screen.turn_over().unwrap();
        for _ in 0..3 {
            assert_eq!(seat.glance(true).await, Ok(()));
        }
        assert!(seat.screen.owes_pictures(), "{step:?}: in its middle");
        assert!(seat.terminal.shown.loading.is_some());
        act(&mut seat, &step);
        assert_eq!(seat.glance(false).await, Ok(()), "{step:?}");
        if matches!(step, Step::Overlay) {
            assert_eq!(seat.terminal.shown.loading, None);
            act(&mut seat, &step);
        }
        let checked = seat.check(true).await;
        assert!(checked.is_ok_and(|count| count > 0), "{step:?}");
    }
    // The end of the program.
    seat.screen.turn_over().unwrap();
    assert_eq!(seat.glance(true).await, Ok(()));
    let (id, _) = seat.terminal.shown.loading.clone().unwrap();
    let undo = undo();
    assert!(undo.starts_with(END_LOADING) && undo.contains(&format!("d=I,i={id},")));
}

#[tokio::test]
async fn what_the_terminal_keeps_has_a_bound_and_is_deleted_in_the_end() {
    let mut seat = Seat::new(Way::Kitty, (80, 40));
    // Numbers that no other test has.
    seat.number = 1_000_000;
    let mut most = 0;
    let mut at_once = 0;
    for _ in 0..60 {
        seat.share();
        seat.share();
        seat.give();
        at_once = at_once.max(seat.check(true).await.unwrap());
        most = most.max(seat.terminal.shown.kept.len());
    }
    assert_eq!(most, SENT_MAX);
    // None was cut, since nothing was in the way; not even by what is deleted to make room.
    assert!(at_once >= 2, "{at_once}");
    assert_eq!(seat.terminal.shown.cut, 0);
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
        steps in proptest::collection::vec((step(), 0..4_u8), 1..40),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut seat = Seat::new(way, (80, 40));
        for _ in 0..3 {
            seat.share();
            seat.give();
        }
        for (step, how) in &steps {
            act(&mut seat, step);
            let checked = runtime.block_on(async {
                match how {
                    0 | 1 => seat.check(*how == 0).await.map(|_| ()),
                    _ => seat.glance(*how == 2).await,
                }
            });
            prop_assert!(checked.is_ok(), "{way:?} {step:?}: {checked:?}");
        }
    }
}
