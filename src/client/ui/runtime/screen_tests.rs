//! Frames on a terminal emulator that stands still, changes its size, or draws wide characters.

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use ratatui::widgets::Paragraph;
use tokio::time::timeout;

use super::*;

/// Shows a piece only when it is let, on a screen of a terminal emulator.
struct Slow(Receiver<()>, Arc<Mutex<vt100::Parser>>);

impl Sheet for Slow {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0
            .recv()
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        self.1.lock().unwrap().process(text);
        Ok(())
    }
}

fn seen(terminal: &Arc<Mutex<vt100::Parser>>) -> String {
    let contents = terminal.lock().unwrap().screen().contents();
    contents.trim_end().to_owned()
}

async fn all_is_shown(screen: &mut Screen) {
    while !screen.is_free() {
        let more = timeout(Duration::from_secs(10), screen.more_is_shown());
        more.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_terminal_that_stands_still_holds_up_nothing_and_shows_the_newest_then() {
    let (let_it, lets) = channel();
    let terminal = Arc::new(Mutex::new(vt100::Parser::new(4, 20, 0)));
    let mut screen = Screen::new((20, 4), Slow(lets, Arc::clone(&terminal))).unwrap();
    let text = |text: String| {
        move |frame: &mut Frame<'_>| {
            frame.render_widget(Paragraph::new(text), frame.area());
        }
    };
    let mut numbers = Vec::new();
    for count in 0..1_000 {
        let drawn = screen
            .draw(text(format!("frame {count}\nof many")))
            .unwrap();
        numbers.extend(drawn);
    }
    assert_eq!(
        numbers,
        [1],
        "the first is on its way, the others were not made"
    );
    assert!(!screen.is_free());
    // Bells that find no room are dropped, rather than kept for ever.
    let rung = (0..1_000).filter(|_| screen.codes("\x07").unwrap()).count();
    assert!((1..=64).contains(&rung), "{rung}");
    for _ in 0..=rung {
        let_it.send(()).unwrap();
    }
    all_is_shown(&mut screen).await;
    assert_eq!(seen(&terminal), "frame 0\nof many");
    let_it.send(()).unwrap();
    let newest = screen.draw(text("frame 1000".to_owned())).unwrap();
    assert!(newest.is_some_and(|number| number > 1));
    all_is_shown(&mut screen).await;
    assert_eq!(seen(&terminal), "frame 1000", "nothing of before is left");
    assert_eq!(Some(screen.shown()), newest);
    // The terminal goes.
    drop(let_it);
    screen.draw(text("for nobody".to_owned())).unwrap();
    // That the frame before was shown may still wait to be told.
    let ended = async {
        loop {
            if let Err(failure) = screen.more_is_shown().await {
                return failure;
            }
        }
    };
    let ended = timeout(Duration::from_secs(10), ended);
    assert_eq!(ended.await.unwrap(), Failure::OutputClosed);
}

/// Shows everything at once.
struct At(Arc<Mutex<vt100::Parser>>);

impl Sheet for At {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().process(text);
        Ok(())
    }
}

/// Keeps all that is shown.
struct Tape(Arc<Mutex<Vec<u8>>>);

impl Sheet for Tape {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(())
    }
}

#[tokio::test]
async fn a_screen_is_drawn_whole_after_another_size_and_when_it_is_asked_for() {
    let terminal = Arc::new(Mutex::new(vt100::Parser::new(3, 12, 0)));
    let mut screen = Screen::new((12, 3), At(Arc::clone(&terminal))).unwrap();
    let view = |frame: &mut Frame<'_>| {
        frame.render_widget(Paragraph::new("one\ntwo\nthree"), frame.area());
        frame.set_cursor_position((2, 1));
    };
    screen.draw(view).unwrap();
    all_is_shown(&mut screen).await;
    assert_eq!(seen(&terminal), "one\ntwo\nthree");
    assert_eq!(terminal.lock().unwrap().screen().cursor_position(), (1, 2));
    // Something else has written over it.
    terminal.lock().unwrap().process(b"\x1b[2J\x1b[HGARBAGE");
    screen.draw(view).unwrap();
    all_is_shown(&mut screen).await;
    assert_ne!(seen(&terminal), "one\ntwo\nthree");
    screen.redraw().unwrap();
    screen.draw(view).unwrap();
    all_is_shown(&mut screen).await;
    assert_eq!(seen(&terminal), "one\ntwo\nthree");
    for size in [(4, 2), (30, 9), (1, 1), (12, 3)] {
        terminal
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(size.1, size.0);
        screen.resize(size).unwrap();
        screen
            .draw(|frame| {
                assert_eq!((frame.area().width, frame.area().height), size);
                frame.render_widget(Paragraph::new("one\ntwo\nthree"), frame.area());
            })
            .unwrap();
        all_is_shown(&mut screen).await;
    }
    assert_eq!(seen(&terminal), "one\ntwo\nthree");
}

#[test]
fn a_row_with_characters_of_doubtful_width_is_drawn_whole() {
    let pen = Pen::default();
    let mut canvas = Canvas::new((10, 2), pen.clone());
    let cell = |symbol: &str| {
        let mut cell = Cell::default();
        cell.set_symbol(symbol);
        cell
    };
    let (family, x, y) = (cell("👩\u{200d}👧"), cell("x"), cell("y"));
    let mut draw = |cells: &[(u16, u16, &Cell)]| {
        canvas.draw(cells.iter().copied()).unwrap();
        String::from_utf8(std::mem::take(&mut *pen.locked())).unwrap()
    };
    draw(&[(0, 0, &family), (3, 0, &x), (0, 1, &x)]);
    let other = draw(&[(5, 1, &y)]);
    assert!(other.contains('y') && !other.contains('x'), "{other:?}");
    let whole = draw(&[(5, 0, &y)]);
    assert!(
        whole.contains("\x1b[2K") && whole.contains("👩\u{200d}👧"),
        "{whole:?}"
    );
    assert!(whole.contains('x') && whole.contains('y'));
    // What was doubtful goes, and leaves nothing.
    let gone = draw(&[(0, 0, &x)]);
    assert!(gone.contains("\x1b[2K") && !gone.contains('👩'), "{gone:?}");
}

#[tokio::test]
async fn nothing_of_before_shows_from_below_a_wide_character_when_that_goes() {
    let terminal = Arc::new(Mutex::new(vt100::Parser::new(2, 20, 0)));
    let mut screen = Screen::new((20, 2), At(Arc::clone(&terminal))).unwrap();
    // The second one has a row that is drawn whole, and wide ones above what was there.
    for text in ["abcdefghijkl", "a 日本語 e\u{301}\u{200e}", "x"] {
        screen
            .draw(|frame| frame.render_widget(Paragraph::new(text), frame.area()))
            .unwrap();
        all_is_shown(&mut screen).await;
    }
    assert_eq!(seen(&terminal), "x");
}

#[tokio::test]
async fn nothing_of_before_shows_where_a_sign_of_three_cells_was() {
    let terminal = Arc::new(Mutex::new(vt100::Parser::new(2, 20, 0)));
    let mut screen = Screen::new((20, 2), At(Arc::clone(&terminal))).unwrap();
    for text in ["abcdef", "a\u{17d8}ef", "x"] {
        screen
            .draw(|frame| frame.render_widget(Paragraph::new(text), frame.area()))
            .unwrap();
        all_is_shown(&mut screen).await;
    }
    assert_eq!(seen(&terminal), "x");
}

#[test]
fn what_stands_behind_a_sign_of_doubtful_width_gets_its_place_told() {
    let pen = Pen::default();
    let mut canvas = Canvas::new((10, 1), pen.clone());
    let cell = |symbol: &str| {
        let mut cell = Cell::default();
        cell.set_symbol(symbol);
        cell
    };
    let (as_text, x) = (cell("☔\u{fe0e}"), cell("x"));
    canvas
        .draw([(0, 0, &as_text), (1, 0, &x)].into_iter())
        .unwrap();
    let drawn = String::from_utf8(std::mem::take(&mut *pen.locked())).unwrap();
    let behind = drawn.split_once("☔\u{fe0e}").unwrap().1;
    let (place, _) = behind.split_once('x').unwrap();
    assert!(place.contains("\x1b[1;2H"), "{drawn:?}");
}

#[tokio::test]
async fn the_cursor_never_goes_where_the_screen_was_before_it_became_smaller() {
    let tape = Arc::new(Mutex::new(Vec::new()));
    let mut screen = Screen::new((40, 8), Tape(Arc::clone(&tape))).unwrap();
    let far = Position::new(30, 6);
    screen.draw(|frame| frame.set_cursor_position(far)).unwrap();
    all_is_shown(&mut screen).await;
    let place = b"\x1b[7;31H";
    let goes_there = |bytes: &[u8]| bytes.windows(place.len()).any(|part| part == place);
    assert!(goes_there(&tape.lock().unwrap()));
    tape.lock().unwrap().clear();
    screen.resize((2, 2)).unwrap();
    screen.draw(|_| {}).unwrap();
    all_is_shown(&mut screen).await;
    let bytes = tape.lock().unwrap();
    assert!(!bytes.is_empty() && !goes_there(&bytes));
}

#[tokio::test]
async fn the_terminal_is_asked_once_more_only_for_what_it_did_not_answer() {
    let tape = Arc::new(Mutex::new(Vec::new()));
    let mut screen = Screen::new((20, 4), Tape(Arc::clone(&tape))).unwrap();
    let asking = Asking::new();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut asked = async |again: bool| {
        match again {
            true => screen.ask_again(&asking).unwrap(),
            false => screen.ask(&asking).unwrap(),
        }
        all_is_shown(&mut screen).await;
        let bytes = std::mem::take(&mut *tape.lock().unwrap());
        String::from_utf8(bytes).unwrap() == questions()
    };
    assert!(!asked(true).await, "it never was");
    assert!(asked(false).await && asking.is_awaited());
    assert!(!asked(true).await, "it may still answer");
    asking.drain(&ours, Duration::ZERO);
    assert!(asked(true).await && asking.is_awaited());
    // To both.
    io::Write::write_all(&mut &theirs, b"\x1b[?62c\x1b[?62c").unwrap();
    asking.drain(&ours, Duration::from_secs(20));
    assert!(!asked(true).await, "it has answered");
}
