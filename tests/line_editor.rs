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
        let arguments = ["--lines", "--user", user];
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

/// What a key cuts out of a password is not there for the key that puts it into the next line.
#[test]
fn what_is_cut_out_of_a_password_is_not_put_into_the_next_line() {
    let server = Server::start();
    for keys in [
        "\x15",
        "\x17",
        "\x01\x0b",
        "\x01\x1bd",
        "\x1b\x7f",
        "\x18\x7f",
    ] {
        let mut ann = Screen::of(&Home::new(), &server, "ann");
        // Of a line that is seen it is there.
        ann.types("/time\x15/password\r");
        ann.shows("Your password until now:");
        ann.types(&format!("precious{keys}\r"));
        ann.shows("an empty line stops it");
        ann.ends_with(">");
        ann.types("x\x19");
        ann.ends_with("> x/time");
        ann.types("\x05\x15/quit\r");
        assert!(ann.0.ended().success());
        let shown = ann.0.transcript();
        assert!(!shown.contains("precious"), "{shown}");
    }
}

/// Lines that come faster than they are read, as from a paste or a script, are lines all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_ahead_is_not_lost() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let ann = Screen::of(&Home::new(), &server, "ann");
    ann.types("/start bob\r");
    ann.ends_with("bob>");
    let lines: String = (0..60).map(|number| format!("line {number}\r")).collect();
    ann.types(&lines);
    let mut heard = bob.subscribe(None).await;
    for (message, number) in heard.messages(60).await.iter().zip(0..) {
        assert_eq!(
            super::support::account::text_of(message),
            format!("line {number}")
        );
    }
}

/// In a search the editor looks at nothing else: what comes then is not shown, so it must not be acknowledged, and the
/// program must still end when it is told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_shown_is_not_acknowledged_and_signals_are_heard() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = Screen::of(&home, &server, "ann");
    ann.types("/time\r");
    ann.shows("<> 20");
    ann.ends_with(">");
    ann.types("\x12");
    ann.shows("reverse-i-search");
    for number in 0..3 {
        bob.send("ann", &format!("unseen {number}")).await;
    }
    // The client has them: it answers for what it got by asking for no more.
    let mut other = home.client(&server, &["--user", "ann", "watch"]);
    other.wait_for("unseen 2\n");
    ann.0.terminate();
    assert!(ann.0.ended().success());
    assert!(ann.0.echoes());
    let shown = ann.0.transcript().matches("unseen").count();
    other.interrupt();
    assert!(other.ended().success());
    let again = home.run(
        server.address().as_str(),
        &["--user", "ann", "watch", "--once"],
        b"",
    );
    let again = String::from_utf8(again.stdout).unwrap();
    let comes_again = again.matches("unseen").count();
    assert!(
        shown + comes_again >= 3,
        "{shown} shown, and then:\n{again}"
    );
}
