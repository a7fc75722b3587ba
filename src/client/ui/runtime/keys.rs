//! What a person does at the terminal: keys, pastes and the mouse, read by a thread of its own.
//!
//! Promises to end when the terminal is gone: reading on would never end and never bring anything. Once it is told to
//! stop it takes nothing more, so that what is typed goes to the shell. Knows nothing of what keys do.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossterm::event::{self, Event, MouseButton, MouseEventKind};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use tokio::sync::mpsc;

use super::{asking, dropped, showing::Showing, terminal};
use crate::client::ui::{
    keymap::Chord,
    update::{Mouse, Msg},
};

/// Keys that wait: more than anybody types while a frame is drawn. Past it the terminal holds them.
const WAITING_MAX: usize = 256;

/// How long it is looked whether more is there. Not nothing: for that crossterm does not look at all when it reads the
/// terminal itself (`use-dev-tty`), which it must, since its other way loses keys that come with a change of the size.
const MOMENT: Duration = Duration::from_millis(1);

/// What came from the terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Something happened.
    Msg(Msg),
    /// The terminal has said of itself what it says.
    Told,
    /// The terminal is gone.
    Gone,
}

/// Reads the terminal until it is dropped.
#[derive(Debug)]
pub struct Keys {
    /// What was read.
    pub read: mpsc::Receiver<Input>,
    is_over: Arc<AtomicBool>,
}

impl Keys {
    /// Begins to read, with what the terminal answers to what it is asked.
    pub fn start(showing: Showing) -> io::Result<Self> {
        let (tell, read) = mpsc::channel(WAITING_MAX);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_all(&tell, &over, &showing))?;
        Ok(Self { read, is_over })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // The thread looks before it reads, and ends with the process.
        self.is_over.store(true, Ordering::SeqCst);
    }
}

fn read_all(tell: &mpsc::Sender<Input>, is_over: &AtomicBool, showing: &Showing) {
    let has_ended = || is_over.load(Ordering::SeqCst);
    let typed = |event| {
        let is_told = |msg| tell.blocking_send(Input::Msg(msg)).is_ok();
        msg_of(event).is_none_or(is_told)
    };
    loop {
        if asking::HERE.is_awaited() {
            // Without a report it is over, or the terminal is gone, which is found out below.
            if let Some(report) = asking::HERE.read(io::stdin(), has_ended, typed) {
                showing.told(report, terminal::cell());
                if tell.blocking_send(Input::Told).is_err() {
                    return;
                }
            }
        }
        if !wait_for_keys() {
            break;
        }
        if has_ended() {
            return;
        }
        // It was asked once more meanwhile, and answers.
        if asking::HERE.is_awaited() {
            continue;
        }
        // What is there may be the beginning of something: then it waits for the rest.
        while let Ok(true) = event::poll(MOMENT) {
            let Ok(event) = event::read() else { break };
            if !typed(event) {
                return;
            }
        }
    }
    let _ = tell.blocking_send(Input::Gone);
}

/// Waits until there is something to read; false: there never will be.
fn wait_for_keys() -> bool {
    let input = io::stdin();
    loop {
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut polled, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => {
                let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
                return !polled[0].revents().intersects(gone);
            }
        }
    }
}

/// Returns what an event means. The size is not taken from here: it is told by a signal, also while no key is pressed.
fn msg_of(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Chord::from_event(&key).map(Msg::Key),
        Event::Paste(text) => Some(dropped::looked_at(text)),
        Event::FocusGained => Some(Msg::Focused(true)),
        Event::FocusLost => Some(Msg::Focused(false)),
        Event::Resize(..) => None,
        Event::Mouse(mouse) => {
            let deed = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Mouse::Click,
                MouseEventKind::ScrollUp => Mouse::ScrollUp,
                MouseEventKind::ScrollDown => Mouse::ScrollDown,
                _ => return None,
            };
            Some(Msg::Mouse {
                deed,
                column: mouse.column,
                row: mouse.row,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        os::unix::net::UnixStream,
        sync::mpsc::{Receiver, channel},
    };

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

    use super::*;

    /// Set where the test below runs once more, as the program at the end of a pseudo-terminal.
    const IS_READER: &str = "TINYCHAT_TEST_READS_KEYS";
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Reads keys as the loop does once the terminal has answered, and says what they are.
    fn read_for_ever() {
        crossterm::terminal::enable_raw_mode().unwrap();
        println!("ready\r");
        loop {
            let event = event::read().unwrap();
            println!("read {:?}\r", msg_of(event));
        }
    }

    /// The same of what is typed before the terminal has answered.
    fn read_before(bytes: &str) -> Vec<String> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        write!(theirs, "{bytes}\x1b[?62c").unwrap();
        let asking = asking::Asking::new();
        asking.ask(PATIENCE);
        let mut read = Vec::new();
        let tell = |event| {
            read.push(format!("{:?}", msg_of(event)));
            true
        };
        assert!(asking.read(&ours, || false, tell).is_some());
        read
    }

    fn next_line(lines: &Receiver<String>, start: &str) -> String {
        loop {
            let line = lines.recv_timeout(PATIENCE).unwrap();
            if let Some((_, rest)) = line.split_once(start) {
                return rest.trim_end().to_owned();
            }
        }
    }

    #[test]
    fn what_is_typed_before_the_terminal_answers_is_read_as_what_is_typed_after() {
        if std::env::var_os(IS_READER).is_some() {
            return read_for_ever();
        }
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let (_, place) = module_path!().split_once("::").unwrap();
        let name = "what_is_typed_before_the_terminal_answers_is_read_as_what_is_typed_after";
        let mut reader = pty_process::blocking::Command::new(std::env::current_exe().unwrap())
            .args([&format!("{place}::{name}"), "--exact", "--nocapture"])
            .env(IS_READER, "1")
            .spawn(pts)
            .unwrap();
        let (tell, lines) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut all = BufReader::new(&pty).lines();
                while let Some(Ok(line)) = all.next() {
                    if tell.send(line).is_err() {
                        return;
                    }
                }
            });
            next_line(&lines, "ready");
            // Behind each of them, so that all of it was read.
            let last = read_before("~");
            let mut wrong = Vec::new();
            for typed in [
                "a",
                "A",
                "é",
                "É",
                "漢",
                "🎉",
                "/",
                " ",
                "\t",
                "\r",
                "\n",
                "\x7f",
                "\x08",
                "\0",
                "\x01",
                "\x0b",
                "\x11",
                "\x1a",
                "\x1c",
                "\x1f",
                "\x1ba",
                "\x1bA",
                "\x1b\r",
                "\x1b\x7f",
                "\x1b1",
                "\x1b/",
                "\x1b\x0b",
                "\x1bé",
                "\x1b[A",
                "\x1b[B",
                "\x1b[C",
                "\x1b[D",
                "\x1b[H",
                "\x1b[F",
                "\x1b[Z",
                "\x1bOA",
                "\x1bOD",
                "\x1bOH",
                "\x1bOF",
                "\x1bOP",
                "\x1bOS",
                "\x1b[1~",
                "\x1b[2~",
                "\x1b[3~",
                "\x1b[4~",
                "\x1b[5~",
                "\x1b[6~",
                "\x1b[7~",
                "\x1b[8~",
                "\x1b[11~",
                "\x1b[15~",
                "\x1b[17~",
                "\x1b[20~",
                "\x1b[21~",
                "\x1b[23~",
                "\x1b[24~",
                "\x1b[1;2A",
                "\x1b[1;3B",
                "\x1b[1;5C",
                "\x1b[1;6D",
                "\x1b[1;8H",
                "\x1b[1;2F",
                "\x1b[3;5~",
                "\x1b[5;3~",
                "\x1b[15;2~",
                "\x1b[1;2P",
                "\x1b[1;5Q",
                "\x1b[I",
                "\x1b[O",
                "\x1b[<0;5;7M",
                "\x1b[<64;1;1M",
                "\x1b[<65;9;9M",
                "\x1b[200~pasted\x1b[201~",
                "\x1b[200~/quit\r\nall é\x1b[201~",
                "\x1b[200~\x1b[201~",
                "héllo wörld",
                "one\rtwo\x1b[Athree",
            ] {
                (&pty).write_all(format!("{typed}~").as_bytes()).unwrap();
                let mut after = Vec::new();
                while after.last() != last.last() {
                    after.push(next_line(&lines, "read "));
                }
                let before = read_before(&format!("{typed}~"));
                if before != after {
                    wrong.push((typed, before, after));
                }
            }
            reader.kill().unwrap();
            reader.wait().unwrap();
            assert!(wrong.is_empty(), "{wrong:#?}");
        });
    }

    #[test]
    fn events_are_taken_for_what_they_are() {
        let key = KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL);
        let chord = Chord::parse("ctrl+k").unwrap();
        assert_eq!(msg_of(Event::Key(key)), Some(Msg::Key(chord)));
        let paste = "/quit\n".to_owned();
        let pasted = msg_of(Event::Paste(paste.clone()));
        assert_eq!(pasted, Some(Msg::Paste(paste)));
        assert_eq!(msg_of(Event::FocusLost), Some(Msg::Focused(false)));
        assert_eq!(msg_of(Event::Resize(1, 1)), None);
        let mouse = |kind| {
            msg_of(Event::Mouse(MouseEvent {
                kind,
                column: 3,
                row: 4,
                modifiers: KeyModifiers::NONE,
            }))
        };
        let clicked = Msg::Mouse {
            deed: Mouse::Click,
            column: 3,
            row: 4,
        };
        assert_eq!(
            mouse(MouseEventKind::Down(MouseButton::Left)),
            Some(clicked)
        );
        assert_eq!(mouse(MouseEventKind::Moved), None);
    }
}
