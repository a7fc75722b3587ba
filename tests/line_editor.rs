//! The line client on a terminal: lines are edited, completed and remembered, and what comes is shown above them.

use super::support::{
    Account, Server,
    terminal::{Home, Size, Terminal},
};

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

struct Screen(Terminal);

impl Screen {
    fn of(home: &Home, server: &Server, user: &str) -> Self {
        let arguments = ["--user", user];
        let size = Size::new(ROWS, COLUMNS);
        let screen = Self(home.client_on(server.address().as_str(), &arguments, size));
        screen.shows("Welcome");
        screen.ends_with(">");
        screen
    }

    fn types(&self, keys: &str) {
        self.0.type_bytes(keys.as_bytes());
    }

    fn shows(&self, text: &str) {
        self.0
            .wait_for_screen(ROWS, COLUMNS, |screen| screen.contains(text));
    }

    /// The line that is being typed.
    fn ends_with(&self, line: &str) {
        self.0.wait_for_screen(ROWS, COLUMNS, |screen| {
            screen.trim_end().ends_with(&format!("\n{line}"))
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_never_tears_the_line_that_is_typed() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = Screen::of(&home, &server, "ann");
    ann.types("/start bob\r");
    ann.ends_with("bob>");
    ann.types("half a li");
    ann.ends_with("bob> half a li");
    bob.send("ann", "in the middle").await;
    ann.shows("> in the middle");
    ann.ends_with("bob> half a li");
    ann.types("ne\r");
    ann.shows("bob> half a line\n");
    ann.ends_with("bob>");
    let mut heard = bob.subscribe(None).await;
    let sent = heard.messages(2).await.remove(1);
    assert_eq!(super::support::account::text_of(&sent), "half a line");

    // Completion, of commands and of names that were seen; history; editing in the middle.
    ann.types("/sto\t");
    ann.ends_with("bob> /stop");
    ann.types("\x15/start b\t");
    ann.ends_with("bob> /start bob");
    ann.types("\x15");
    ann.types("\x1b[A");
    ann.ends_with("bob> half a line");
    ann.types("\x1b[D\x1b[D\x1b[D\x1b[D\x17whole ");
    ann.ends_with("bob> half whole line");
    ann.types("\x05\x15/quit\r");
    assert!(ann.0.ended().success());
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    let server = Server::start();
    for ending in ["/quit\r", "\x03", "\x04"] {
        let home = Home::new();
        let mut ann = Screen::of(&home, &server, "ann");
        ann.types(ending);
        assert!(ann.0.ended().success(), "{ending:?}");
        let bytes = ann.0.bytes();
        let after = |what: &[u8]| bytes.windows(what.len()).rposition(|it| it == what);
        assert!(
            after(b"\x1b[?2004l") > after(b"\x1b[?2004h"),
            "pasting stays in brackets after {ending:?}"
        );
        assert!(ann.0.echoes(), "no echo after {ending:?}");
    }
}

#[test]
fn a_dumb_terminal_gets_lines_without_an_escape() {
    let server = Server::start();
    let mut plain = Home::new().client(&server, &["--user", "ann"]);
    plain.wait_for("Welcome, ann.");
    plain.line("/commands");
    plain.wait_for("how to use this");
    plain.interrupt();
    assert!(plain.ended().success());
    assert!(!plain.bytes().contains(&0x1b), "{}", plain.transcript());
}

/// A text that somebody sends stands on an edited screen as safely as on a plain one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_writes_cannot_move_the_cursor() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let ann = Screen::of(&Home::new(), &server, "ann");
    ann.types("mine");
    ann.ends_with("> mine");
    bob.send("ann", "one\n\u{202e}two\u{2028}\u{200b}three")
        .await;
    ann.shows("three");
    ann.ends_with("> mine");
    let screen = ann.0.screen(ROWS, COLUMNS);
    // Indented, so that none passes for a line of its own; what would turn the direction is not there.
    let at = screen.find("> one\n  ").expect("the first line");
    let rest: Vec<&str> = screen[at..].lines().skip(1).map(str::trim_start).collect();
    assert!(rest[0].ends_with("two") && rest[1] == "three", "{screen}");
}
