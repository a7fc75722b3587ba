//! The terminal UI in a real terminal, against a real server: what a person types, and what the screen shows for it.

use std::time::{Duration, Instant};

use super::support::{
    self, Account, Server,
    account::text_of,
    terminal::{Home, Size},
    tmux::{self, Tmux},
};

const SIZE: (u16, u16) = (80, 24);

/// Whether there is a terminal to try it in.
fn can(test: &str) -> bool {
    support::need(test, tmux::needed())
}

/// The UI of one who has an account already, once it is there.
fn ui(home: &Home, address: &str, user: &str) -> Tmux {
    let it = Tmux::start(home, address, &["--user", user], SIZE);
    it.wait(user, |screen| {
        let last = screen.trim_end().lines().last().unwrap_or_default();
        last.contains(&format!("◆ {user}"))
    });
    it
}

async fn texts(account: &Account, with: &str) -> Vec<String> {
    let conversation = account.conversation_with(with).await;
    let history = account.history(&conversation.id).await;
    history.iter().map(|it| text_of(it).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_chat_and_see_what_is_done() {
    if !can("two_people_chat_and_see_what_is_done") {
        return;
    }
    let server = Server::start();
    let address = server.address().as_str();
    let (home_ann, home_bob) = (Home::new(), Home::new());
    let ann = ui(&home_ann, address, "ann");
    let bob = ui(&home_bob, address, "bob");

    // A conversation of two, and what becomes of a message.
    ann.line("/start bob");
    ann.wait_for("Write to bob");
    ann.line("hello bob");
    ann.wait_for("✓");
    bob.wait(" ann 1", |screen| {
        screen.contains("ann") && screen.contains(" 1 ")
    });
    bob.keys(&["M-1"]);
    bob.wait_for("hello bob");
    // Read: the other has it in front.
    ann.wait_for("✓✓");
    bob.line("hi *ann*");
    let screen = ann.wait_for("hi ann");
    assert!(!screen.contains("*ann*"), "markup is drawn:\n{screen}");

    // Edit by the arrow, answer, react, delete.
    ann.keys(&["Up"]);
    ann.wait_for("Edit");
    ann.text("!");
    ann.keys(&["Enter"]);
    bob.wait_for("hello bob! (edited)");
    bob.keys(&["M-v", "Up", "r"]);
    bob.line("to you, too");
    ann.wait_for("▎ ann: hello bob!");
    bob.line("/react 1 👍");
    ann.wait_for("👍 1");
    ann.line("/delete 1");
    bob.wait_for("deleted");

    // A channel, its topic, an unread badge, a search.
    bob.line("/create #ops the nights");
    bob.wait_for("# ops");
    bob.line("the build is green");
    ann.line("/join #ops");
    ann.wait_for("# ops");
    ann.line("/search green");
    ann.wait_for("bob in #ops");
    ann.keys(&["Enter"]);
    ann.wait("the hit", |screen| {
        !screen.contains("Search") && screen.contains("the build is green")
    });
    // The switcher leads back.
    ann.keys(&["Escape"]);
    ann.keys(&["M-g"]);
    ann.text("bo");
    ann.wait_for("bob");
    ann.keys(&["Enter"]);
    ann.wait_for("Write to bob");

    // One who goes without a screen sees the same.
    let mut plain = Home::new().client(&server, &["--user", "carol"]);
    plain.wait_for("Welcome, carol.");
    plain.ask("/join #ops", "You are in #ops");
    plain.line("@ann look here");
    ann.wait_for("@1");

    // Leaving gives the terminal back.
    ann.keys(&["C-q"]);
    ann.wait_for("shell>");
    assert!(!ann.mode("alternate_on") && ann.mode("cursor_flag"));
    ann.line("echo is_$((40+2))_here");
    ann.wait_for("is_42_here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_the_server_is_away_is_sent_once() {
    if !can("what_is_written_while_the_server_is_away_is_sent_once") {
        return;
    }
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let ann = ui(&home, &address, "ann");
    ann.line("/start bob");
    ann.wait_for("Write to bob");
    ann.line("before");
    ann.wait_for("✓");
    server.kill9();
    ann.wait_without("◆ ann");
    ann.line("one");
    ann.line("two");
    ann.wait("what waits is marked", |screen| {
        screen.matches('·').count() >= 2 && screen.contains("two")
    });
    // As nothing else can end it: what waits is on disk, and what was seen is in the cache.
    let client = ann.child().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(client.cast_signed()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    drop(ann);
    let ann = Tmux::start(&home, &address, &["--user", "ann"], SIZE);
    let screen = ann.wait_for("two");
    assert!(screen.contains("before"), "from the cache:\n{screen}");
    ann.line("three");
    ann.wait_for("three");
    let server = again.arguments(&["--listen", &address]).start();
    ann.wait("all is sent", |screen| {
        screen.contains("◆ ann") && screen.contains("three") && !screen.contains('·')
    });
    let bob = bob.on(&server);
    assert_eq!(texts(&bob, "ann").await, ["before", "one", "two", "three"]);
    for text in ["before", "one", "two", "three"] {
        let count = |line: &&str| line.split_whitespace().any(|word| word == text);
        let screen = ann.screen();
        assert_eq!(screen.lines().filter(count).count(), 1, "{text}:\n{screen}");
    }
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    if !can("the_terminal_is_given_back_however_it_ends") {
        return;
    }
    let server = Server::start();
    let home = Home::new();
    for signal in ["TERM", "HUP"] {
        let ann = ui(&home, server.address().as_str(), "ann");
        let client = ann.child().unwrap();
        let name = match signal {
            "TERM" => rustix::process::Signal::TERM,
            _ => rustix::process::Signal::HUP,
        };
        let pid = rustix::process::Pid::from_raw(client.cast_signed()).unwrap();
        rustix::process::kill_process(pid, name).unwrap();
        ann.wait_for("shell>");
        assert!(
            !ann.mode("alternate_on") && ann.mode("cursor_flag"),
            "{signal}"
        );
        ann.line("echo is_$((40+2))_here");
        ann.wait_for("is_42_here");
    }
    // To the shell and back, at another size.
    let ann = ui(&home, server.address().as_str(), "ann");
    ann.text("half a line");
    ann.wait_for("half a line");
    ann.keys(&["C-z"]);
    ann.wait_for("shell>");
    assert!(!ann.mode("alternate_on"));
    ann.resize(60, 15);
    ann.line("fg");
    ann.wait_for("half a line");
    assert!(ann.mode("alternate_on"));
    ann.keys(&["C-c"]);
    ann.wait_without("half a line");
    ann.keys(&["C-c"]);
    ann.wait_for("shell>");
}

#[test]
fn a_paste_is_never_run_and_sizes_do_no_harm() {
    if !can("a_paste_is_never_run_and_sizes_do_no_harm") {
        return;
    }
    let server = Server::start();
    let home = Home::new();
    let ann = ui(&home, server.address().as_str(), "ann");
    ann.line("/start ann");
    ann.wait_for("Write to ann");
    ann.paste("/quit\nsecond line\n");
    ann.wait_for("second line");
    for (columns, rows) in [(200, 50), (40, 12), (20, 6), (10, 3), (2, 2), (60, 15)] {
        ann.resize(columns, rows);
        // It goes on, whatever fits.
        assert!(ann.child().is_some(), "{columns}x{rows}");
    }
    ann.resize(80, 24);
    ann.wait_for("second line");
    // Several lines are a text, whatever the first one says.
    ann.keys(&["Enter"]);
    ann.wait("it is sent", |screen| {
        screen.contains('✓') && screen.contains("/quit")
    });
    ann.keys(&["F1"]);
    ann.wait_for("Everywhere");
    // Each for itself: together they would be one key with Alt.
    ann.keys(&["Escape"]);
    ann.wait_without("Everywhere");
    ann.keys(&["C-q"]);
    ann.wait_for("shell>");
}

#[test]
fn what_the_terminal_answers_after_the_end_is_not_typed_into_the_shell() {
    let server = Server::start();
    let home = Home::new();
    let client = env!("CARGO_BIN_EXE_tinychat-client");
    let server = server.address().as_str().to_owned();
    let script =
        format!("{client} --server {server} --images kitty; echo is_$((40+2))_left; cat -v");
    // What it shows, if the answer came in time: within 0.3 seconds after it has begun to leave, of which some are for the
    // machine, which may be busy. One that comes later is not waited for.
    let left = || {
        let mut shell = home.program_on("sh", &["-c", &script], Size::new(24, 80));
        // It has asked, and nobody answers before it has left.
        shell.wait_for("\x1b[c");
        let begun = Instant::now();
        shell.type_bytes(b"\x11");
        shell.wait_for("\x1b[?1049l");
        shell.type_bytes(b"\x1b_Gi=31;OK\x1b\\\x1b[6;16;8t\x1b[?62;4c");
        let is_in_time = begun.elapsed() < Duration::from_millis(150);
        shell.wait_for("is_42_left");
        // As it is typed, and as it is read.
        shell.line("here");
        shell.wait_for("here");
        shell.wait_for("here");
        is_in_time.then(|| shell.transcript())
    };
    let all: Vec<String> = (0..20).filter_map(|_| left()).take(5).collect();
    assert!(!all.is_empty(), "this machine is too busy");
    for shown in all {
        let is_clean = !shown.contains("62;4c") && !shown.contains("16;8t");
        assert!(is_clean, "{shown}");
    }
}
