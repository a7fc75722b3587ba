//! How fast the terminal UI is with a full cache: until the first screen, from a key to the screen, when nothing happens.
//!
//! The real client in a pseudo-terminal, with 1,000 conversations and 100,000 messages that it has received itself. What is
//! bare stands beside it in the same run: the same program that only says its version, and `cat`, whose answer to a key is
//! what the terminal of the system takes. The limits here are far from the figures, since other tests run at the same
//! time: `cargo test --release --locked ui_figures -- --nocapture` on a machine at rest prints the ones to quote.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tinychat::pb;

use super::support::{
    self, Account, PATIENCE, Server,
    account::new_id,
    heavy,
    server::rss_of,
    terminal::{Home, Size, Terminal},
};

const CONVERSATIONS: usize = 1_000;
const MESSAGES_EACH: usize = 100;
const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// Calls under way while the store is filled.
const AT_ONCE: usize = 128;

/// A terminal as it is looked at: what came is parsed once.
struct Watched {
    terminal: Terminal,
    parser: vt100::Parser,
    seen: usize,
}

impl Watched {
    fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            parser: vt100::Parser::new(ROWS, COLUMNS, 0),
            seen: 0,
        }
    }

    /// Waits until the screen is as it should be.
    fn wait(&mut self, what: &str, is_it: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let came = self.terminal.bytes_after(self.seen);
            if !came.is_empty() {
                self.seen += came.len();
                self.parser.process(&came);
                if is_it(self.parser.screen()) {
                    return;
                }
            }
            let screen = self.parser.screen().contents();
            assert!(Instant::now() < end, "{what}: the screen is\n{screen}");
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }
}

fn client(home: &Home, server: &Server) -> Watched {
    let arguments = ["--user", "ann"];
    let size = Size::new(ROWS, COLUMNS);
    Watched::new(home.client_on(server.address().as_str(), &arguments, size))
}

/// Times in order, as the figures that are told of them.
fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let (p50, p90, p99, most) = (at(50), at(90), at(99), at(100));
    format!("p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2}, most {most:.2} ms")
}

/// How long each letter takes until it stands on the screen, as the next of a row of them.
fn letters(watched: &mut Watched, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut row = String::new();
    for letter in ('a'..='z').cycle().take(count) {
        row.push(letter);
        if row.len() > 20 {
            // As the editors of lines have it: all that stands before the cursor goes.
            watched.terminal.type_bytes(b"\x15");
            let gone = row[..row.len() - 1].to_owned();
            watched.wait("an empty line", |screen| !screen.contents().contains(&gone));
            row = letter.to_string();
        }
        let began = Instant::now();
        watched.terminal.type_bytes(&[letter as u8]);
        // One letter alone stands everywhere: it is the one before the cursor.
        watched.wait(&row, |screen| {
            let (line, column) = screen.cursor_position();
            let before = column.checked_sub(1);
            let cell = before.and_then(|column| screen.cell(line, column));
            cell.is_some_and(|cell| cell.contents().starts_with(letter))
        });
        times.push(began.elapsed());
    }
    times
}

/// Processor time that a process has used, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name, which may contain anything: the 14th and the 15th are the times of user and system.
    let fields = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

async fn group(owner: &Account, number: usize) -> String {
    let request = pb::CreateConversationRequest {
        kind: pb::ConversationKind::Group.into(),
        name: format!("room {number:04}"),
        user_names: vec!["ann".to_owned()],
        ..pb::CreateConversationRequest::default()
    };
    let mut calls = owner.connection.conversations();
    let made = calls.create_conversation(request).await.unwrap();
    made.into_inner().conversation.unwrap().id
}

async fn say(sender: &Account, conversation: &str, number: usize) {
    let request = pb::SendRequest {
        target: Some(pb::send_request::Target::ConversationId(
            conversation.to_owned(),
        )),
        client_message_id: new_id(),
        text: format!("message {number} of somebody who has *something* to say about `it`"),
        reply_to_seq: 0,
        attachments: Vec::new(),
    };
    sender.send_request(request).await.unwrap();
}

/// Fills the store while the UI listens, and ends it: all is in its cache then.
async fn filled(server: &Server, home: &Home) {
    Account::login(server, "ann").await;
    let bob = Account::login(server, "bob").await;
    let mut first = client(home, server);
    first.wait_for("◆ ann");
    let groups = stream::iter(0..CONVERSATIONS).map(|number| group(&bob, number));
    let groups: Vec<String> = groups.buffered(AT_ONCE).collect().await;
    let bob = &bob;
    let (newest, others) = groups.split_last().unwrap();
    let send = |numbers: std::ops::Range<usize>, groups: &[String]| {
        let sends: Vec<(String, usize)> = groups
            .iter()
            .flat_map(|id| numbers.clone().map(|number| (id.clone(), number)))
            .collect();
        let sends = stream::iter(sends)
            .map(|(id, number)| async move { say(bob, &id, number).await })
            .buffered(AT_ONCE);
        sends.for_each(|()| async {})
    };
    // Those that are sent at once come in any order: the last of a conversation follows them, and the newest is the last.
    send(1..MESSAGES_EACH, &groups).await;
    send(MESSAGES_EACH..MESSAGES_EACH + 1, others).await;
    say(bob, newest, MESSAGES_EACH).await;
    let last = format!("room {:04}", CONVERSATIONS - 1);
    first.wait("all has come", |screen| {
        let rows = screen.contents();
        let mut rows = rows.lines();
        rows.any(|row| row.contains(&last) && row.contains("99+"))
    });
    // The newest conversation in front, as somebody leaves it.
    first.terminal.type_bytes(b"\x1b1");
    first.wait_for(&format!("message {MESSAGES_EACH} of"));
    first.terminal.type_bytes(b"\x11");
    assert!(first.terminal.ended().success());
    assert_eq!(cached(home), CONVERSATIONS * MESSAGES_EACH);
}

/// How many messages the cache has.
fn cached(home: &Home) -> usize {
    let files = fs::read_dir(home.path().join("state/tinychat")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let file = files.find(|file| file.extension().is_some_and(|it| it == "cache"));
    let cache = rusqlite::Connection::open(file.unwrap()).unwrap();
    let count = cache.query_row("SELECT count(*) FROM messages", [], |row| row.get(0));
    usize::try_from(count.unwrap_or(0_i64)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_1_000_conversations_and_100_000_messages_the_ui_is_quick() {
    let _turn = heavy().await;
    let server = Server::start();
    let home = Home::new();
    let began = Instant::now();
    filled(&server, &home).await;
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());

    let (mut bare, mut paints, mut calm) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if support::long() { 20 } else { 5 } {
        let began = Instant::now();
        let program = env!("CARGO_BIN_EXE_tinychat-client");
        let size = Size::new(ROWS, COLUMNS);
        let mut version = Watched::new(home.program_on(program, &["--version"], size));
        version.wait_for("tinychat-client");
        bare.push(began.elapsed());
        drop(version);
        let began = Instant::now();
        let mut ui = client(&home, &server);
        ui.wait_for(&format!("message {MESSAGES_EACH} of"));
        paints.push(began.elapsed());
        ui.wait_for("◆ ann");
        calm.push(began.elapsed());
        ui.terminal.type_bytes(b"\x11");
        assert!(ui.terminal.ended().success());
    }
    println!("the program says its version: {}", told(bare));
    println!("first screen from the cache:  {}", told(paints.clone()));
    println!("connected and caught up:      {}", told(calm));

    let mut cat = Watched::new(home.program_on("cat", &[], Size::new(ROWS, COLUMNS)));
    println!(
        "a key to the echo of cat:     {}",
        told(letters(&mut cat, 20))
    );
    let mut ui = client(&home, &server);
    ui.wait_for("◆ ann");
    let keys = letters(&mut ui, 200);
    println!("a key to the screen:          {}", told(keys.clone()));
    let mut switches = Vec::new();
    ui.terminal.type_bytes(b"\x15");
    for _ in 0..50 {
        let before = ui.parser.screen().contents_between(0, 24, 0, 40);
        let began = Instant::now();
        // Alt+Down: the next conversation.
        ui.terminal.type_bytes(b"\x1b[1;3B");
        ui.wait("the next conversation", |screen| {
            let shows = screen.contents().contains("of somebody who has");
            shows && screen.contents_between(0, 24, 0, 40) != before
        });
        switches.push(began.elapsed());
    }
    println!("to the next conversation:     {}", told(switches.clone()));

    let pid = ui.terminal.pid();
    let idle = Duration::from_secs(if support::long() { 60 } else { 5 });
    // What it did last has to come to its end first.
    let mut used = ticks(pid);
    support::eventually("it rests", PATIENCE, || {
        std::thread::sleep(Duration::from_millis(500));
        let before = std::mem::replace(&mut used, ticks(pid));
        before == used
    })
    .await;
    std::thread::sleep(idle);
    let used = ticks(pid) - used;
    let seconds = idle.as_secs();
    println!("idle for {seconds} s: {used}0 ms of a processor");
    let rss = rss_of(pid) / 1_048_576;
    println!("resident memory: {rss} MiB");

    paints.sort();
    let mut all: Vec<Duration> = keys;
    all.sort();
    assert!(paints[0] < Duration::from_millis(500), "{paints:?}");
    assert!(all[all.len() / 2] < Duration::from_millis(50), "{all:?}");
    assert!(used <= seconds, "{used} hundredths of a second");
    assert!(rss < 300, "{rss} MiB");
}
