//! Lines from a person at a terminal: edited, with a history and completion, while what comes is shown above them.
//!
//! The editor owns the terminal while it waits for a line; what the program prints meanwhile goes through it, so that a
//! half-typed line is never torn. `--plain` and `TERM=dumb` go without: a screen reader reads a line once.
//! The history lives as long as the program: what was said is not written to this machine's disk.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    env,
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc as blocking,
    },
    thread,
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event,
    EventContext, EventHandler, ExternalPrinter, Helper, KeyCode, KeyEvent, Modifiers, RepeatCount,
    completion::Completer,
    config::Configurer,
    error::ReadlineError,
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    history::MemHistory,
    validate::Validator,
};
use tokio::sync::mpsc;
use unicode_width::UnicodeWidthStr;

use crate::domain::name::UserName;

use super::{
    app::command,
    input::{LINE_BYTES_MAX, Typed},
    paper::{Paper, Sheet},
};

/// Names that are remembered for completion; past it no further ones are.
const NAMES_MAX: usize = 10_000;
/// Lines that are remembered.
const HISTORY_MAX: usize = 500;
/// Turns off what the editor may have turned on: pasting in brackets. Then a clean line.
const PUT_BACK: &[u8] = b"\x1b[?2004l\r\x1b[K";

/// The names that can be completed.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<Mutex<BTreeSet<String>>>);

impl Names {
    /// Remembers a name, with the mark before it that tells a channel from a user.
    pub fn add(&self, mark: &str, name: &UserName) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < NAMES_MAX {
            names.insert(format!("{mark}{name}"));
        }
    }

    fn beginning_with(&self, start: &str) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = names.range(start.to_owned()..);
        matching
            .take_while(|name| name.starts_with(start))
            .cloned()
            .collect()
    }
}

/// A terminal with an editor on it. The terminal is as it was when this is dropped.
#[derive(Debug)]
pub struct EditedTerminal {
    /// Lines, one for each [`EditedTerminal::ask`].
    pub typed: mpsc::Receiver<Typed>,
    /// What can be completed.
    pub names: Names,
    asks: blocking::Sender<Ask>,
    before: Termios,
}

impl EditedTerminal {
    /// Whether standard input and output are a terminal that can be edited on.
    pub fn is_possible() -> bool {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        !is_dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Starts the editor. Returns with it the only way to print from now on.
    pub fn start() -> io::Result<(Self, Paper)> {
        let before = tcgetattr(io::stdin())?;
        let names = Names::default();
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_MAX)
            .map_err(io::Error::other)?
            .build();
        let history = MemHistory::with_config(&config);
        let is_hidden = IsHidden::default();
        let mut editor =
            Editor::<Words, MemHistory>::with_history(config, history).map_err(io::Error::other)?;
        editor.set_helper(Some(Words {
            names: names.clone(),
            is_hidden: is_hidden.clone(),
        }));
        bind_hidden(&mut editor, &is_hidden);
        // Stopped by it, the editor comes back to a terminal that is no longer its own.
        editor.bind_sequence(KeyEvent::ctrl('Z'), Cmd::Noop);
        let reads = Reads::default();
        let sheet = Above {
            printer: Box::new(editor.create_external_printer().map_err(io::Error::other)?),
            reads: reads.clone(),
        };
        let (asks, asked) = blocking::channel::<Ask>();
        // One line is asked for at a time.
        let (lines, typed) = mpsc::channel(1);
        let read = move || {
            while let Ok(ask) = asked.recv() {
                reads.begin();
                let line = read_line(&mut editor, &ask);
                reads.end();
                let is_last = matches!(line, Typed::Failed(_));
                if lines.blocking_send(line).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("editor".to_owned())
            .spawn(read)?;
        let terminal = Self {
            typed,
            names,
            asks,
            before,
        };
        Ok((terminal, Paper::on(sheet)?))
    }

    /// Asks for the next line; for one that is hidden nothing of it is shown, remembered or completed.
    pub fn ask(&self, prompt: String, is_hidden: bool) {
        // An editor that has ended says so by the end of its lines.
        let _ = self.asks.send(Ask { prompt, is_hidden });
    }
}

/// What the editor is asked for.
#[derive(Debug)]
struct Ask {
    prompt: String,
    is_hidden: bool,
}

impl Drop for EditedTerminal {
    fn drop(&mut self) {
        // The thread may hold the terminal in the middle of a line, and ends with the process.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        let _ = io::stdout().write_all(PUT_BACK);
        let _ = io::stdout().flush();
    }
}

fn read_line(editor: &mut Editor<Words, MemHistory>, ask: &Ask) -> Typed {
    if let Some(words) = editor.helper() {
        words.is_hidden.set(ask.is_hidden);
    }
    // What hides a line is what elsewhere colours it, and `NO_COLOR` turns that off.
    editor.set_color_mode(match ask.is_hidden {
        true => ColorMode::Forced,
        false => ColorMode::Enabled,
    });
    match editor.readline(&ask.prompt) {
        Ok(line) if line.len() as u64 > LINE_BYTES_MAX => Typed::TooLong,
        Ok(line) => {
            if !ask.is_hidden {
                // A line that cannot be remembered can still be sent.
                let _ = editor.add_history_entry(&line);
            }
            Typed::Line(line)
        }
        Err(ReadlineError::Eof) => Typed::Ended,
        Err(ReadlineError::Interrupted) => Typed::Interrupted,
        Err(error) => Typed::Failed(error.to_string()),
    }
}

/// Counts the lines that are being read: odd while one is.
#[derive(Clone, Debug, Default)]
struct Reads(Arc<(Mutex<u64>, Condvar)>);

impl Reads {
    fn begin(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) |= 1;
        self.0.1.notify_all();
    }

    fn end(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn now(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a line is being read.
    fn wait(&self) -> u64 {
        let mut now = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while now.is_multiple_of(2) {
            now = self.0.1.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        *now
    }
}

/// Shows above the line that is being typed.
///
/// The editor takes one text at a time, when it has no key to look at, and says nothing about it. So a text that does
/// nothing is sent behind: it finds room only when the one before was taken. If the line ended meanwhile, that proves
/// nothing, and is done again with the next line; a program that ends before has not shown it.
struct Above {
    printer: Box<dyn ExternalPrinter + Send>,
    reads: Reads,
}

/// Up a line and down again. An empty text would become an empty line.
const NOTHING: &str = "\x1b[A\n";

impl Sheet for Above {
    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        let mut reading = self.reads.now();
        let text = String::from_utf8_lossy(text).into_owned();
        self.printer.print(text).map_err(io::Error::other)?;
        if reading.is_multiple_of(2) && self.reads.now() == reading {
            // Nothing was being read, so it went straight to the terminal.
            return Ok(());
        }
        loop {
            self.printer
                .print(NOTHING.to_owned())
                .map_err(io::Error::other)?;
            if !reading.is_multiple_of(2) && self.reads.now() == reading {
                return Ok(());
            }
            reading = self.reads.wait();
        }
    }
}

/// Whether the line that is being typed is hidden.
#[derive(Clone, Debug, Default)]
struct IsHidden(Arc<AtomicBool>);

impl IsHidden {
    fn set(&self, is_hidden: bool) {
        self.0.store(is_hidden, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What keys do in a hidden line, where they would keep or show something of it otherwise.
///
/// What a key cuts out the editor keeps for `Ctrl-Y`, which would show it in a line that is not hidden; there is no way to
/// have it forgotten, and none to cut out a part without that. So those keys undo the whole line: nobody sees which part of
/// it there is anyway. What is searched for would be shown.
fn bind_hidden(editor: &mut Editor<Words, MemHistory>, is_hidden: &IsHidden) {
    let alone = |key: KeyEvent| vec![key];
    let backspace = |modifiers| KeyEvent(KeyCode::Backspace, modifiers);
    let undo = Cmd::Undo(RepeatCount::MAX);
    let keys = [
        (alone(KeyEvent::ctrl('K')), &undo),
        (alone(KeyEvent::ctrl('U')), &undo),
        (alone(KeyEvent::ctrl('W')), &undo),
        (alone(KeyEvent::alt('d')), &undo),
        (alone(KeyEvent::alt('D')), &undo),
        (alone(backspace(Modifiers::ALT)), &undo),
        (vec![KeyEvent::ctrl('X'), backspace(Modifiers::NONE)], &undo),
        (alone(KeyEvent::ctrl('R')), &Cmd::Noop),
        (alone(KeyEvent::ctrl('S')), &Cmd::Noop),
    ];
    for (keys, instead) in keys {
        let handler = IfHidden {
            is_hidden: is_hidden.clone(),
            instead: instead.clone(),
        };
        editor.bind_sequence(
            Event::KeySeq(keys),
            EventHandler::Conditional(Box::new(handler)),
        );
    }
}

/// Does something else in a hidden line.
struct IfHidden {
    is_hidden: IsHidden,
    instead: Cmd,
}

impl ConditionalEventHandler for IfHidden {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.is_hidden.get().then(|| self.instead.clone())
    }
}

/// Completes commands and the names behind them, and hides what is typed if it is to be.
struct Words {
    names: Names,
    is_hidden: IsHidden,
}

impl Helper for Words {}
impl Validator for Words {}
impl Highlighter for Words {
    fn highlight<'l>(&self, line: &'l str, _place: usize) -> Cow<'l, str> {
        match self.is_hidden.get() {
            true => Cow::Owned(" ".repeat(line.width())),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_char(&self, _line: &str, _place: usize, _kind: CmdKind) -> bool {
        self.is_hidden.get()
    }

    fn highlight_candidate<'c>(
        &self,
        candidate: &'c str,
        _completion: CompletionType,
    ) -> Cow<'c, str> {
        Cow::Borrowed(candidate)
    }
}
impl Hinter for Words {
    type Hint = String;
}
impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        if self.is_hidden.get() {
            return Ok((place, Vec::new()));
        }
        let before = line.get(..place).unwrap_or_default();
        Ok(completions(before, &self.names))
    }
}

/// Returns where the word begins that is being typed, and what it can become.
fn completions(before: &str, names: &Names) -> (usize, Vec<String>) {
    let Some(rest) = before.strip_prefix('/') else {
        return (before.len(), Vec::new());
    };
    match rest.rsplit_once(' ') {
        None => {
            let word = rest.to_lowercase();
            let matching = command::COMMANDS
                .iter()
                .filter(|it| it.name.starts_with(&word));
            let space = |it: &command::Spec| if it.argument.is_empty() { "" } else { " " };
            (
                0,
                matching
                    .map(|it| format!("/{}{}", it.name, space(it)))
                    .collect(),
            )
        }
        Some((_, word)) => {
            // As in `/search in:#ops from:bob`.
            let word = word.rsplit_once(':').map_or(word, |(_, name)| name);
            let start = word.to_lowercase();
            (before.len() - word.len(), names.beginning_with(&start))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_names_are_completed_and_texts_are_not() {
        let names = Names::default();
        for name in ["bob", "bert", "carol"] {
            names.add("", &name.parse().unwrap());
        }
        let all = |before: &str| completions(before, &names);
        assert_eq!(all("/St").1, ["/start ", "/stop"]);
        assert_eq!(all("/k").1, ["/kick "]);
        assert_eq!(
            all("/start b"),
            (7, vec!["bert".to_owned(), "bob".to_owned()])
        );
        names.add("#", &"bees".parse().unwrap());
        assert_eq!(all("/join #b").1, ["#bees"]);
        assert_eq!(all("/start b").1, ["bert", "bob"]);
        assert_eq!(
            all("/search lunch from:b"),
            (19, vec!["bert".to_owned(), "bob".to_owned()])
        );
        assert_eq!(all("/search in:#b").1, ["#bees"]);
        assert_eq!(all("/start x").1, [""; 0]);
        assert_eq!(all("hello b").1, [""; 0]);
        assert_eq!(all("").1, [""; 0]);
    }

    #[test]
    fn what_is_hidden_is_neither_shown_nor_completed() {
        let words = Words {
            names: Names::default(),
            is_hidden: IsHidden::default(),
        };
        words.is_hidden.set(true);
        assert_eq!(words.highlight("pass 漢", 0), "       ");
        assert!(words.highlight_char("p", 1, CmdKind::Other));
        let history = MemHistory::new();
        let all = words.complete("/st", 3, &Context::new(&history)).unwrap();
        assert_eq!(all, (3, Vec::new()));
        words.is_hidden.set(false);
        assert_eq!(words.highlight("hello", 0), "hello");
    }

    #[test]
    fn names_are_bounded() {
        let names = Names::default();
        for number in 0..NAMES_MAX + 10 {
            names.add("", &format!("n{number}").parse().unwrap());
        }
        assert_eq!(names.beginning_with("n").len(), NAMES_MAX);
    }
}
