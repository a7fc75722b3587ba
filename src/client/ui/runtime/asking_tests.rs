//! Answers of a terminal with keys among them, on a line that stands still or ends.

use std::{io::Write, os::unix::net::UnixStream, thread};

use proptest::prelude::*;

use super::*;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(40);

/// Reads what is written at once, after which nothing more comes.
fn heard(bytes: &[u8], within: Duration) -> (Option<Report>, Vec<Event>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(bytes).unwrap();
    read_all(&asked(within), &ours)
}

fn asked(within: Duration) -> Asking {
    let asking = Asking::new();
    asking.ask(within);
    asking
}

fn read_all(asking: &Asking, ours: &UnixStream) -> (Option<Report>, Vec<Event>) {
    let mut events = Vec::new();
    let tell = |event| {
        events.push(event);
        true
    };
    let report = asking.read(ours, || false, tell);
    (report, events)
}

/// What is left for whoever reads next.
fn left(ours: &UnixStream) -> Vec<u8> {
    ours.set_nonblocking(true).unwrap();
    let mut left = [0; 64];
    let count = rustix::io::read(ours, &mut left).unwrap_or(0);
    left[..count].to_vec()
}

fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn letters(text: &str) -> Vec<Event> {
    let letters = text
        .chars()
        .map(|c| pressed(KeyCode::Char(c), KeyModifiers::NONE));
    letters.collect()
}

#[test]
fn the_last_answer_ends_it_and_what_is_typed_meanwhile_is_kept() {
    let bytes = "h\x1b_Gi=31;OK\x1b\\él\x1b[6;32;16tl\x1bP>|foot(1.16)\x1b\\o\r\x1b[A\x1b[?62;4c";
    let (report, events) = heard(bytes.as_bytes(), LONG);
    let report = report.unwrap();
    assert!(report.has_kitty && report.has_sixel && report.cell.is_some());
    let mut expected = letters("héllo");
    expected.push(pressed(KeyCode::Enter, KeyModifiers::NONE));
    expected.push(pressed(KeyCode::Up, KeyModifiers::NONE));
    assert_eq!(events, expected);
}

#[test]
fn a_terminal_that_answers_nothing_is_waited_for_only_so_long_and_types_meanwhile() {
    let begun = Instant::now();
    let (report, events) = heard(b"/quit\r", SHORT);
    assert!(begun.elapsed() >= SHORT);
    assert_eq!(report, Some(Report::default()));
    let mut expected = letters("/quit");
    expected.push(pressed(KeyCode::Enter, KeyModifiers::NONE));
    assert_eq!(events, expected);
    // Half an answer is none, and no key.
    let (report, events) = heard(b"a\x1b_Gi=31;O", SHORT);
    assert_eq!((report, events), (Some(Report::default()), letters("a")));
}

#[test]
fn a_key_is_handed_on_while_answers_are_waited_for() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"a").unwrap();
    let mut answering = theirs.try_clone().unwrap();
    let mut events = Vec::new();
    // The answer comes only once the key was told, and an ESC alone after a moment.
    let report = asked(LONG).read(
        &ours,
        || false,
        |event| {
            let next: &[u8] = match events.len() {
                0 => b"\x1b",
                _ => b"\x1b[?6c",
            };
            answering.write_all(next).unwrap();
            events.push(event);
            true
        },
    );
    assert!(report.is_some());
    let mut expected = letters("a");
    expected.push(pressed(KeyCode::Esc, KeyModifiers::NONE));
    assert_eq!(events, expected);
}

#[test]
fn a_terminal_that_goes_ends_it_and_so_does_the_end_of_the_program() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let waiting = thread::spawn(move || asked(LONG).read(&ours, || false, |_| true));
    drop(theirs);
    assert_eq!(waiting.join().unwrap(), None);
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"for the shell").unwrap();
    let ended = asked(LONG).read(&ours, || true, |_| panic!("a key"));
    assert_eq!(ended, None);
    assert_eq!(left(&ours), b"for the shell", "nothing was taken");
    theirs.write_all(b"x").unwrap();
    let untold = asked(LONG).read(&ours, || false, |_| false);
    assert_eq!(untold, None, "nobody takes it");
}

#[test]
fn giving_the_terminal_back_takes_the_answers_that_are_owed_and_nothing_behind_them() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let asking = asked(LONG);
    theirs.write_all(b"\x1b_Gi=31;OK\x1b\\\x1b[6;3").unwrap();
    let rest = thread::spawn(move || {
        // The rest is on its way while it is waited for.
        theirs.write_all(b"2;16t\x1b[?62;4cls\r").unwrap();
        theirs
    });
    assert!(asking.is_awaited());
    asking.drain(&ours, LONG);
    let theirs = rest.join().unwrap();
    assert!(!asking.is_awaited() && !asking.is_unanswered());
    assert_eq!(left(&ours), b"ls\r", "what the shell is to get");
    // The program goes on: it knows the answers, and takes nothing for them.
    ours.set_nonblocking(false).unwrap();
    let (report, events) = read_all(&asking, &ours);
    let report = report.unwrap();
    assert!(report.has_kitty && report.has_sixel && report.cell.is_some());
    assert_eq!(events, []);
    assert!(!asking.is_awaited() && !asking.is_unanswered());
    drop(theirs);
}

#[test]
fn what_was_not_answered_in_time_is_asked_again() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let late = asked(Duration::ZERO);
    assert!(late.is_unanswered() && !late.is_awaited() && !late.is_owed());
    let asking = asked(LONG);
    assert!(!asking.is_unanswered());
    theirs.write_all(b"\x1b_Gi=31;O").unwrap();
    let begun = Instant::now();
    asking.drain(&ours, SHORT);
    assert!(begun.elapsed() >= SHORT);
    assert!(asking.is_unanswered() && !asking.is_awaited());
    // Another time is not waited for it.
    asking.drain(&ours, LONG);
    // The one who read meanwhile has no report to tell.
    theirs.write_all(b"for the shell").unwrap();
    assert_eq!(read_all(&asking, &ours), (None, Vec::new()));
    assert_eq!(left(&ours), b"for the shell");
    ours.set_nonblocking(false).unwrap();
    asking.ask(LONG);
    assert!(asking.is_awaited() && !asking.is_unanswered());
    // The rest of what was begun comes before.
    theirs.write_all(b"K\x1b\\\x1b[?62;4cx\x1b[?62;4c").unwrap();
    let (report, events) = read_all(&asking, &ours);
    assert!(report.is_some_and(|report| report.has_kitty && report.has_sixel));
    assert_eq!(events, letters("x"));
}

#[test]
fn who_asks_again_takes_the_answers_to_both_questions_and_leaves_none_to_be_typed() {
    const ANSWERS: &[u8] = b"\x1b_Gi=31;OK\x1b\\\x1b[?62;4c";
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let asking = asked(LONG);
    asking.drain(&ours, Duration::ZERO);
    asking.ask(LONG);
    // The second ones come only after the first were read.
    theirs.write_all(&[ANSWERS, b"a"].concat()).unwrap();
    let mut events = Vec::new();
    let report = asking.read(
        &ours,
        || false,
        |event| {
            theirs.write_all(ANSWERS).unwrap();
            events.push(event);
            true
        },
    );
    assert!(report.is_some_and(|report| report.has_kitty && report.has_sixel));
    assert_eq!((events, left(&ours)), (letters("a"), Vec::new()));
    assert!(!asking.is_awaited() && !asking.is_unanswered());
}

#[test]
fn answers_that_are_owed_and_do_not_come_are_waited_for_only_so_long() {
    // The shell had those of the first.
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let asking = asked(LONG);
    asking.drain(&ours, Duration::ZERO);
    asking.ask(SHORT);
    theirs.write_all(b"\x1b[?62;4c").unwrap();
    let (report, _) = read_all(&asking, &ours);
    assert!(report.is_some_and(|report| report.has_sixel));
    assert!(!asking.is_unanswered(), "it has said all");
    // After its time none is owed any more.
    let asking = asked(Duration::ZERO);
    asking.ask(LONG);
    theirs.write_all(b"\x1b[?62;4c").unwrap();
    let (report, _) = read_all(&asking, &ours);
    assert!(report.is_some_and(|report| report.has_sixel));
    // Nor is one that was answered.
    asking.ask(LONG);
    theirs.write_all(b"\x1b[?62;4c").unwrap();
    assert!(read_all(&asking, &ours).0.is_some());
}

#[test]
fn a_terminal_that_is_gone_or_was_asked_nothing_is_not_waited_for() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    Asking::new().drain(&ours, LONG);
    let asking = asked(LONG);
    drop(theirs);
    asking.drain(&ours, LONG);
    assert!(!asking.is_awaited());
    // Nor one whose reader holds what is shared, as one that panics does.
    let asking = asked(LONG);
    let held = asking.0.lock().unwrap();
    asking.drain(&ours, LONG);
    assert!(!asking.is_owed());
    // Who reads keys is told no such thing, but waits.
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let asking = &asking;
        scope.spawn(move || tell.send(asking.is_awaited()));
        assert!(told.recv_timeout(OTHER_WAIT * 2).is_err());
        drop(held);
        assert_eq!(told.recv_timeout(LONG), Ok(true));
    });
    assert!(asking.is_owed());
}

#[test]
fn what_is_typed_for_the_shell_reaches_it_but_for_one_key_and_is_never_told_later() {
    for (typed, rest) in [
        ("ls -l\r", "s -l\r"),
        ("\x1b[Als\r", "ls\r"),
        ("\x1bls\r", "s\r"),
        ("\x1b_Gi=31;OK\x1b\\rm\r\x1b[?62;4c", "m\r\x1b[?62;4c"),
        ("é!", "\u{fffd}!"),
        // A key, and then the answers.
        ("\x1b\x1b[6;32;16t\x1b[?62;4cls\r", "ls\r"),
        // Nothing more comes.
        ("\x1b", ""),
        ("\x1b_", ""),
    ] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let asking = asked(LONG);
        // A paste was begun before.
        let told = asking.locked().typed.feed(b"\x1b[200~/quit");
        assert_eq!(told, []);
        theirs.write_all(typed.as_bytes()).unwrap();
        asking.drain(&ours, SHORT);
        assert_eq!(String::from_utf8_lossy(&left(&ours)), rest, "{typed:?}");
        ours.set_nonblocking(false).unwrap();
        let mut expected = Vec::new();
        if asking.is_unanswered() {
            asking.ask(LONG);
            expected = letters("x");
            theirs.write_all(b"\x1b[?6c").unwrap();
        }
        theirs.write_all(b"x\x1b[?6c").unwrap();
        let (report, events) = read_all(&asking, &ours);
        assert!(report.is_some());
        assert_eq!(events, expected, "{typed:?}");
    }
}

/// An end of a line at which something happens just when it is waited for the first time.
struct Meanwhile<'a, F> {
    ours: &'a UnixStream,
    deed: std::cell::Cell<Option<F>>,
}

impl<F: FnOnce()> AsFd for Meanwhile<'_, F> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        if let Some(deed) = self.deed.take() {
            deed();
        }
        self.ours.as_fd()
    }
}

#[test]
fn who_reads_takes_nothing_once_somebody_else_had_the_last_answer_or_gave_it_up() {
    for (bytes, has_report, rest) in [("\x1b[?62;4cls\r", true, "ls\r"), ("ls\r", false, "s\r")] {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let asking = asked(LONG);
        let deed = || {
            theirs.write_all(bytes.as_bytes()).unwrap();
            asking.drain(&ours, LONG);
        };
        let input = Meanwhile {
            ours: &ours,
            deed: std::cell::Cell::new(Some(deed)),
        };
        let report = asking.read(&input, || false, |event| panic!("{event:?}"));
        assert_eq!(report.is_some_and(|report| report.has_sixel), has_report);
        assert_eq!(left(&ours), rest.as_bytes(), "what the shell is to get");
    }
}

#[test]
fn who_reads_meanwhile_ends_with_the_answer_that_somebody_else_took() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let asking = asked(LONG);
    thread::scope(|scope| {
        let reading = scope.spawn(|| asking.read(&ours, || false, |_| true));
        theirs.write_all(b"\x1b[?62;4c").unwrap();
        asking.drain(&ours, LONG);
        assert!(reading.join().unwrap().unwrap().has_sixel);
    });
}

#[test]
fn a_paste_stays_one_also_when_time_is_up_in_its_middle() {
    let pasted = Event::Paste("/quit\nall é".to_owned());
    let (report, events) = heard("\x1b[200~/quit\nall é\x1b[201~\x1b[?6c".as_bytes(), LONG);
    assert!(report.is_some());
    assert_eq!(events, std::slice::from_ref(&pasted));
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"\x1b[200~/quit\nall").unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let reading = thread::spawn(move || {
        let tell = |event| tell.send(event).is_ok();
        asked(SHORT).read(&ours, || false, tell)
    });
    // Longer than the time for answers.
    assert!(told.recv_timeout(SHORT * 4).is_err());
    theirs.write_all(" é\x1b[201~".as_bytes()).unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), pasted);
    assert_eq!(reading.join().unwrap(), Some(Report::default()));
}

#[test]
fn keys_are_what_they_are_for_the_reader_that_follows() {
    let none = KeyModifiers::NONE;
    let click = Event::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 4,
        row: 6,
        modifiers: none,
    });
    for (bytes, expected) in [
        ("\t", pressed(KeyCode::Tab, none)),
        ("\x7f", pressed(KeyCode::Backspace, none)),
        ("\x0b", pressed(KeyCode::Char('k'), KeyModifiers::CONTROL)),
        ("\n", pressed(KeyCode::Char('j'), KeyModifiers::CONTROL)),
        ("\0", pressed(KeyCode::Char(' '), KeyModifiers::CONTROL)),
        ("A", pressed(KeyCode::Char('A'), KeyModifiers::SHIFT)),
        ("漢", pressed(KeyCode::Char('漢'), none)),
        ("\x1bv", pressed(KeyCode::Char('v'), KeyModifiers::ALT)),
        ("\x1b\r", pressed(KeyCode::Enter, KeyModifiers::ALT)),
        ("\x1b[Z", pressed(KeyCode::BackTab, KeyModifiers::SHIFT)),
        ("\x1b[1;5C", pressed(KeyCode::Right, KeyModifiers::CONTROL)),
        ("\x1b[5~", pressed(KeyCode::PageUp, none)),
        ("\x1b[3;2~", pressed(KeyCode::Delete, KeyModifiers::SHIFT)),
        ("\x1bOP", pressed(KeyCode::F(1), none)),
        ("\x1b[15~", pressed(KeyCode::F(5), none)),
        ("\x1b[17~", pressed(KeyCode::F(6), none)),
        ("\x1b[24~", pressed(KeyCode::F(12), none)),
        ("\x1bOA", pressed(KeyCode::Up, none)),
        ("\x1b[I", Event::FocusGained),
        ("\x1b[O", Event::FocusLost),
        ("\x1b[<0;5;7M", click),
    ] {
        assert_eq!(
            Typed::default().feed(bytes.as_bytes()),
            [expected],
            "{bytes:?}"
        );
    }
    for nothing in [
        "\x1b[99~",
        "\x1b[<0;5;7m",
        "\x1b[<0;0;0M",
        "\x1b[x",
        "\u{85}",
    ] {
        assert_eq!(Typed::default().feed(nothing.as_bytes()), [], "{nothing:?}");
    }
    assert_eq!(Typed::default().feed(b"\xff\xfea"), letters("a"));
}

proptest! {
    #[test]
    fn nothing_that_is_typed_makes_it_fail_and_texts_come_whole(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..200_usize,
        text in "[a-zé漢 ]{0,40}",
    ) {
        let mut typed = Typed::default();
        let (one, other) = bytes.split_at(at.min(bytes.len()));
        typed.feed(one);
        typed.feed(other);
        let mut typed = Typed::default();
        let (one, other) = text.as_bytes().split_at(at.min(text.len()));
        let mut events = typed.feed(one);
        events.extend(typed.feed(other));
        prop_assert_eq!(events, letters(&text));
    }
}
