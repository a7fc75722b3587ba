//! Files in the chat, as people send and save them: where they go, what they are called, what is left of one that was
//! stopped. On terminals, in pipes and in the UI; where a moment matters, over a link that stands still there.

use std::{collections::BTreeMap, fs, path::Path};

use tinychat::pb::{GetUploadRequest, Message};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tonic::Code;

use super::{code, files_under, uploads_under};
use crate::support::{
    self, Account, PATIENCE, Server,
    account::text_of,
    eventually, eventually_async,
    file::{begin, noise, send_with, upload},
    in_time,
    proxy::{Mark, Proxy, Way},
    terminal::{Home, Terminal},
    tmux::{self, Tmux},
};

const MIB: u64 = 1 << 20;
/// So large that it is under way for as long as a test wants, with places where the link stands still.
const LARGE: u64 = 24 * MIB;
/// More than a chat message and the answers of a moment take on the link.
const TALK_BYTES: u64 = 16 * 1024;

/// The line client of somebody, over a link.
fn client(home: &Home, address: &str, user: &str) -> Terminal {
    let mut it = home.client_of(address, &["--user", user]);
    it.wait_for(&format!("Welcome, {user}."));
    it.wait_for("\n");
    it
}

/// The UI of somebody, over a link, once it is there.
fn ui(home: &Home, address: &str, user: &str) -> Tmux {
    let it = Tmux::start(home, address, &["--user", user], (100, 24));
    let there = format!("◆ {user}");
    it.wait(user, |screen| {
        let last = screen.trim_end().lines().last().unwrap_or_default();
        last.contains(&there)
    });
    it
}

/// Puts a file there and returns its bytes.
fn put(path: &Path, bytes: u64, seed: u64) -> Vec<u8> {
    let bytes = noise(bytes as usize, seed);
    fs::write(path, &bytes).unwrap();
    bytes
}

/// What is in a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let of = |name: String| (name.clone(), fs::read(folder.join(name)).unwrap());
    files_under(folder).into_iter().map(of).collect()
}

/// The contents that a server has, as they lie there.
fn lies(server: &Server) -> Vec<Vec<u8>> {
    contents(&server.data().join("blobs"))
        .into_values()
        .collect()
}

/// The messages of two people.
async fn messages(account: &Account, with: &str) -> Vec<Message> {
    let conversation = account.conversation_with(with).await;
    account.history(&conversation.id).await
}

/// The names of a message's files.
fn names(message: &Message) -> Vec<&str> {
    let names = message.attachments.iter().map(|file| file.name.as_str());
    names.collect()
}

/// What nobody should see raw: controls and what turns the direction of writing.
fn strange(c: char) -> bool {
    (c.is_control() && !matches!(c, '\r' | '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_where_they_were_sent_and_are_saved_over_nothing() {
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let (home, home_bob) = (Home::new(), Home::new());
    let bob = Account::login(&server, "bob").await;
    let carol = Account::login(&server, "carol").await;
    let mut ann = client(&home, proxy.address(), "ann");
    let first = put(&home.path().join("first part.bin"), LARGE, 1);
    // As it stands on a disk; nobody is to be shown an exe as a picture.
    let second = put(&home.path().join("photo\u{202e}gpj.exe"), 100_000, 2);

    ann.ask("/start bob", "closes it.\n");
    proxy.mark(Way::Up, MIB, Mark::Hold);
    proxy.mark(Way::Up, 5 * MIB, Mark::Hold);
    ann.ask(
        "/send \"~/first part.bin\" ~/photo\u{202e}gpj.exe",
        "[1] Sending 2 files;",
    );
    proxy.held(Way::Up).await;
    // Elsewhere before a quarter of it is there.
    ann.line("/start carol");
    proxy.let_go(Way::Up);
    ann.wait_for("Lines you type go to carol");
    proxy.held(Way::Up).await;
    assert!(messages(&bob, "ann").await.is_empty());
    ann.ask("/transfers", "[1] sending 2 files: file 1 of 2, ");
    proxy.let_go(Way::Up);
    ann.line("hello carol");
    ann.wait_for("(2 files)\n");
    ann.line("still to carol");
    eventually_async("all is there", async || {
        messages(&carol, "ann").await.len() == 2
    })
    .await;
    let texts: Vec<String> = messages(&carol, "ann")
        .await
        .iter()
        .map(|it| text_of(it).to_owned())
        .collect();
    assert_eq!(texts, ["hello carol", "still to carol"]);
    let sent = messages(&bob, "ann").await;
    assert_eq!(sent.len(), 1);
    assert_eq!(names(&sent[0]), ["first part.bin", "photo_gpj.exe"]);

    let mut bob = client(&home_bob, proxy.address(), "bob");
    bob.ask("/start ann", "closes it.\n");
    bob.ask("/history", "[file 2: photo_gpj.exe, ");
    let inbox = home_bob.path().join("in box");
    fs::create_dir(&inbox).unwrap();
    let mut expected = BTreeMap::from([
        ("first part.bin".to_owned(), first.clone()),
        ("photo_gpj.exe".to_owned(), second),
    ]);
    bob.ask("/save 1 '~/in box'", "[1] Saving the files of message [1].");
    bob.wait_for("[1] Saved: ");
    bob.wait_for("photo_gpj.exe\n");
    assert!(contents(&inbox) == expected, "{:?}", files_under(&inbox));
    // Once more, with another under the name of the first: the second lies there already.
    fs::write(inbox.join("first part.bin"), "mine").unwrap();
    expected.insert("first part.bin".to_owned(), b"mine".to_vec());
    expected.insert("first part (2).bin".to_owned(), first);
    bob.ask("/save 1 '~/in box'", "[2] Saving the files of message [1].");
    bob.wait_for("[2] Saved: ");
    bob.wait_for("photo_gpj.exe\n");
    assert!(contents(&inbox) == expected, "{:?}", files_under(&inbox));
    for shown in [ann.transcript(), bob.transcript()] {
        // What ann typed is echoed by her terminal, as she typed it.
        let shown = shown.replace("~/photo\u{202e}gpj.exe", "");
        assert_eq!(shown.find(strange), None, "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_pipe_the_next_line_waits_for_the_files() {
    let server = Server::start();
    let address = server.address().as_str();
    let home = Home::new();
    let carol = Account::login(&server, "carol").await;
    let bob = Account::login(&server, "bob").await;
    let first = put(&home.path().join("first.bin"), 3 * MIB, 1);
    let second = put(&home.path().join("second.bin"), 70_000, 2);
    let run = |user, input: &str| {
        let output = home.run(address, &["--user", user, "--plain"], input.as_bytes());
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{shown}");
        shown
    };
    run(
        "ann",
        "/start bob\nbefore\n/send ~/first.bin ~/second.bin\nafter\n/start carol\nhello carol\n",
    );
    let sent = messages(&bob, "ann").await;
    let said: Vec<_> = sent.iter().map(|it| (text_of(it), names(it))).collect();
    let both = vec!["first.bin", "second.bin"];
    assert_eq!(said, [("before", vec![]), ("", both), ("after", vec![])]);
    assert_eq!(messages(&carol, "ann").await.len(), 1);

    let inbox = home.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let shown = run(
        "bob",
        "/start ann\n/save 2 ~/inbox\n/save 2 ~/inbox\n/save 1 ~/inbox\n",
    );
    let expected = BTreeMap::from([
        ("first.bin".to_owned(), first),
        ("second.bin".to_owned(), second),
    ]);
    assert!(contents(&inbox) == expected, "{:?}", files_under(&inbox));
    assert!(
        shown.contains("Not saved: that message has no files"),
        "{shown}"
    );
}

/// Names that the server takes from whoever speaks to it, and what must become of them on a disk.
const HOSTILE: [(&str, &str); 10] = [
    ("...", "file"),
    ("CON", "_CON"),
    ("nul.txt", "_nul.txt"),
    (".bashrc", "_.bashrc"),
    ("-rf", "_-rf"),
    ("~", "_~"),
    ("a:b*c?d|e\"f<g>", "a_b_c_d_e_f_g_"),
    ("one\u{200b}two\u{feff}.png", "one_two_.png"),
    ("tail. . .", "tail"),
    ("$(touch x);'&", "$(touch x);'&"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_come_out_safe_and_stay_in_the_folder() {
    let server = Server::start();
    let eve = Account::login(&server, "eve").await;
    let _known = Account::login(&server, "bob").await;
    let mut files = Vec::new();
    for (name, _) in HOSTILE {
        files.push(upload(&eve, name, name.as_bytes()).await.unwrap());
    }
    let files: Vec<_> = files.iter().collect();
    send_with(&eve, "bob", "look", &files).await.unwrap();

    let home = Home::new();
    let inbox = home.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    // A trap: what would be written through it must not be.
    let (trap, aim) = (inbox.join("_CON"), home.path().join("aim"));
    std::os::unix::fs::symlink(&aim, &trap).unwrap();
    let mut bob = client(&home, server.address().as_str(), "bob");
    bob.ask("/start eve", "closes it.\n");
    bob.ask("/history", "[file 10: ");
    bob.wait_for("\n");
    let before = files_under(home.path());
    bob.ask("/save 1 ~/inbox", "Saving the files of message [1].");
    bob.wait_for("Saved: ");
    bob.wait_for("\n");
    assert!(!aim.exists(), "the link was followed");
    assert!(trap.is_symlink(), "the link was written over");
    fs::remove_file(&trap).unwrap();
    let named = |&(name, safe): &(&str, &str)| {
        let safe = if safe == "_CON" { "_CON (2)" } else { safe };
        (safe.to_owned(), name.as_bytes().to_vec())
    };
    let expected: BTreeMap<_, _> = HOSTILE.iter().map(named).collect();
    assert_eq!(contents(&inbox), expected);
    // Nowhere else.
    let outside = |path: &String| !path.starts_with("inbox/");
    let after: Vec<_> = files_under(home.path())
        .into_iter()
        .filter(outside)
        .collect();
    let before: Vec<_> = before.into_iter().filter(outside).collect();
    assert_eq!(after, before);
    let shown = bob.transcript();
    assert_eq!(shown.find(strange), None, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ui_sends_while_another_conversation_is_in_front_and_saves() {
    let name = "the_ui_sends_while_another_conversation_is_in_front_and_saves";
    if !support::need(name, tmux::needed()) {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let carol = Account::login(&server, "carol").await;
    let _known = Account::login(&server, "bob").await;
    let (home, home_bob) = (Home::new(), Home::new());
    let first = put(&home.path().join("first.bin"), LARGE, 1);
    let second = put(&home.path().join("second.bin"), 70_000, 2);
    let ann = ui(&home, proxy.address(), "ann");
    ann.line("/start carol");
    ann.wait_for("Write to carol");
    ann.line("hello");
    ann.wait_for("✓");
    ann.line("/start bob");
    ann.wait_for("Write to bob");
    proxy.mark(Way::Up, MIB, Mark::Hold);
    proxy.mark(Way::Up, 5 * MIB, Mark::Hold);
    ann.line("/send ~/first.bin ~/second.bin");
    ann.wait_for("sending 2 files");
    proxy.held(Way::Up).await;
    ann.line("/start carol");
    proxy.let_go(Way::Up);
    ann.wait_for("Write to carol");
    proxy.held(Way::Up).await;
    ann.wait("how far it is", |screen| {
        screen.contains("sending 2 files") && screen.contains('%')
    });
    proxy.let_go(Way::Up);
    ann.wait_without("sending 2 files");
    ann.line("still to carol");
    eventually_async("it is there", async || {
        messages(&carol, "ann").await.len() == 2
    })
    .await;
    for message in messages(&carol, "ann").await {
        assert!(message.attachments.is_empty());
    }

    let bob = ui(&home_bob, proxy.address(), "bob");
    bob.line("/start ann");
    bob.wait("the files", |screen| {
        screen.contains("first.bin") && screen.contains("second.bin")
    });
    let inbox = home_bob.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let mut expected = BTreeMap::from([
        ("first.bin".to_owned(), first.clone()),
        ("second.bin".to_owned(), second),
    ]);
    bob.line("/save 1 ~/inbox");
    bob.wait_for("Saved: ");
    assert!(contents(&inbox) == expected, "{:?}", files_under(&inbox));
    fs::write(inbox.join("first.bin"), "mine").unwrap();
    expected.insert("first.bin".to_owned(), b"mine".to_vec());
    expected.insert("first (2).bin".to_owned(), first);
    bob.line("/save 1 ~/inbox");
    eventually("once more", PATIENCE, || files_under(&inbox).len() == 3).await;
    eventually("whole", PATIENCE, || contents(&inbox) == expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_in_the_middle_goes_on_with_the_same_command() {
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let bytes = put(&home.path().join("large.bin"), LARGE, 1);
    let send = |ann: &mut Terminal| {
        ann.ask("/start bob", "closes it.\n");
        ann.ask("/send ~/large.bin", "[1] Sending large.bin;");
    };

    let mut ann = client(&home, proxy.address(), "ann");
    proxy.mark(Way::Up, LARGE / 3, Mark::Hold);
    send(&mut ann);
    proxy.held(Way::Up).await;
    // It waits a little for what is on its way; told twice, no longer.
    ann.interrupt();
    ann.terminate();
    assert_eq!(ann.ended().code(), Some(4));
    ann.wait_for("the same command goes on with it");
    proxy.let_go(Way::Up);
    // Nothing was sent of what is not there.
    assert!(messages(&bob, "ann").await.is_empty());

    // The next one is killed, as nothing else can end it.
    let mut ann = client(&home, proxy.address(), "ann");
    proxy.mark(Way::Up, LARGE / 3, Mark::Hold);
    send(&mut ann);
    proxy.held(Way::Up).await;
    ann.kill9();
    proxy.let_go(Way::Up);

    let mut ann = client(&home, proxy.address(), "ann");
    send(&mut ann);
    ann.wait_for("(1 file)\n");
    ann.line("/quit");
    assert!(ann.ended().success());
    let sent = messages(&bob, "ann").await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(names(&sent[0]), ["large.bin"]);
    assert!(lies(&server) == [bytes]);
    let ratio = proxy.passed(Way::Up) as f64 / LARGE as f64;
    println!("{ratio:.4} x the size went up, with one who left and one who was killed");
    assert!(ratio < 1.1, "{ratio}");
    assert!(uploads_under(server.data()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ui_that_is_left_in_the_middle_goes_on_with_the_same_command() {
    let name = "the_ui_that_is_left_in_the_middle_goes_on_with_the_same_command";
    if !support::need(name, tmux::needed()) {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let bytes = put(&home.path().join("large.bin"), LARGE, 1);
    for is_first in [true, false] {
        let ann = ui(&home, proxy.address(), "ann");
        ann.line("/start bob");
        ann.wait_for("Write to bob");
        if is_first {
            proxy.mark(Way::Up, LARGE / 2, Mark::Hold);
        }
        ann.line("/send ~/large.bin");
        if is_first {
            proxy.held(Way::Up).await;
            ann.keys(&["C-q"]);
            ann.wait_for("1 transfer is under way");
            ann.keys(&["y"]);
            ann.wait_for("shell>");
            proxy.let_go(Way::Up);
            assert!(messages(&bob, "ann").await.is_empty());
        } else {
            // What it is stands there once it is a message.
            ann.wait_for("application/octet-stream");
        }
    }
    eventually_async("it is there", async || {
        !messages(&bob, "ann").await.is_empty()
    })
    .await;
    let sent = messages(&bob, "ann").await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(names(&sent[0]), ["large.bin"]);
    assert!(lies(&server) == [bytes]);
    let ratio = proxy.passed(Way::Up) as f64 / LARGE as f64;
    println!("{ratio:.4} x the size went up, with one who left");
    assert!(ratio < 1.1, "{ratio}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paused_moves_nothing_and_what_is_cancelled_leaves_nothing() {
    let quota = LARGE.to_string();
    let server = Server::build()
        .arguments(&["--files-per-user", &quota])
        .start();
    let proxy = Proxy::to(&server);
    let bob = Account::login(&server, "bob").await;
    let mut heard = bob.subscribe(None).await;
    let home = Home::new();
    put(&home.path().join("large.bin"), LARGE, 1);
    let uploads = server.data().join("uploads");
    let stands = || {
        let mut files = uploads_under(server.data());
        files.retain(|name| !name.ends_with(".at"));
        let sizes = files
            .iter()
            .map(|name| fs::metadata(uploads.join(name)).unwrap().len());
        sizes.collect::<Vec<_>>()
    };
    let mut ann = client(&home, proxy.address(), "ann");
    ann.ask("/start bob", "closes it.\n");
    proxy.mark(Way::Up, 5 * MIB, Mark::Hold);
    ann.ask("/send ~/large.bin", "[1] Sending large.bin;");
    proxy.held(Way::Up).await;
    // A fifth has gone, whatever was told last.
    ann.ask("/pause", "[1] sending large.bin: paused at 2");
    proxy.let_go(Way::Up);

    // On the same connection: what was on its way when it was paused went before this.
    ann.line("one");
    assert_eq!(text_of(&heard.messages(1).await[0]), "one");
    // What was just being written then is there in a moment.
    let (mut at, mut again) = (stands(), 0);
    for number in 0..20 {
        let before = std::mem::replace(&mut at, stands());
        if number > 1 && before == at {
            break;
        }
        let text = format!("again {number}");
        ann.line(&text);
        assert_eq!(text_of(&heard.messages(1).await[0]), text);
        again += 1;
    }
    let passed = proxy.passed(Way::Up);
    assert!((MIB..LARGE / 2).contains(&at[0]), "{at:?}");
    for text in ["two", "three", "four"] {
        ann.line(text);
        assert_eq!(text_of(&heard.messages(1).await[0]), text);
    }
    let more = proxy.passed(Way::Up) - passed;
    println!("{more} bytes went up with three messages while it was paused");
    assert!((1..TALK_BYTES).contains(&more), "{more}");
    assert_eq!(stands(), at);

    // It goes on where it was.
    proxy.mark(Way::Up, 5 * MIB, Mark::Hold);
    ann.line("/resume 1");
    proxy.held(Way::Up).await;
    eventually("it goes on", PATIENCE, || stands()[0] > at[0] + 4 * MIB).await;
    let account = Account::login(&server, "ann").await;
    let full = code(begin(&account, "more", 1).await);
    assert_eq!(full, (Code::ResourceExhausted, "QUOTA_EXCEEDED".to_owned()));
    let upload_id = format!(
        "p{}",
        uploads_under(server.data())[0].trim_end_matches(".at")
    );
    let asked = GetUploadRequest {
        upload_id: upload_id.clone(),
    };
    let mut service = account.connection.files();
    let there = in_time("the upload", service.get_upload(asked.clone())).await;
    assert!(there.is_ok(), "{there:?}");

    ann.line("/cancel");
    proxy.let_go(Way::Up);
    ann.wait_for("[1] Not sent: ~/large.bin: it was cancelled.");
    ann.ask("/transfers", "No file is on its way.");
    ann.line("five");
    assert_eq!(text_of(&heard.messages(1).await[0]), "five");
    let gone = in_time("the upload", service.get_upload(asked)).await;
    assert_eq!(code(gone), (Code::NotFound, "UPLOAD_NOT_FOUND".to_owned()));
    assert!(uploads_under(server.data()).is_empty());
    // All of the room is there again.
    begin(&account, "as large", LARGE).await.unwrap();
    let sent = messages(&bob, "ann").await;
    assert_eq!(sent.len(), 5 + again);
    assert!(sent.iter().all(|it| it.attachments.is_empty()));
    ann.line("/quit");
    assert!(ann.ended().success());
    let records = files_under(&home.path().join("state/tinychat"));
    assert!(
        !records.iter().any(|name| name.ends_with(".upload")),
        "{records:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_to_a_channel_that_is_renamed_on_their_way() {
    let server = Server::start();
    let proxy = Proxy::to(&server);
    let home = Home::new();
    put(&home.path().join("large.bin"), LARGE, 1);
    let mut ann = client(&home, proxy.address(), "ann");
    ann.ask("/create #ops", "closes it.\n");
    proxy.mark(Way::Up, 5 * MIB, Mark::Hold);
    ann.ask("/send ~/large.bin", "[1] Sending large.bin;");
    proxy.held(Way::Up).await;
    ann.ask("/pause", "[1] sending large.bin: paused at 2");
    proxy.let_go(Way::Up);
    ann.ask("/rename news", "is called #news now.");
    ann.line("/resume");
    ann.wait_for("(1 file)\n");
    let account = Account::login(&server, "ann").await;
    let rooms = account.conversations().await;
    let news = rooms.iter().find(|room| room.name == "news").unwrap();
    let sent = account.history(&news.id).await;
    assert_eq!(names(sent.last().unwrap()), ["large.bin"]);
    ann.line("/quit");
    assert!(ann.ended().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_from_a_script_waits_for_the_server_from_the_login_on() {
    let server = Server::start();
    let home = Home::new();
    let bytes = put(&home.path().join("a.bin"), 100_000, 1);
    let path = home.path().join("a.bin").display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let upload = ["--user", "ann", "upload", "--wait", "60", &path];
    let mut running = home.start(&address, &upload);
    // Nobody answers the first time.
    let (nobody, _) = in_time("a connection", listener.accept()).await.unwrap();
    drop(nobody);
    let mut links = JoinSet::new();
    let behind = server.address().as_str().to_owned();
    links.spawn(async move {
        let mut links = JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let behind = behind.clone();
            links.spawn(async move {
                let mut far = TcpStream::connect(behind).await.unwrap();
                tokio::io::copy_bidirectional(&mut near, &mut far)
                    .await
                    .ok();
            });
        }
    });
    let mut ended = None;
    eventually("it ends", PATIENCE, || {
        ended = running.ended();
        ended.is_some()
    })
    .await;
    let (out, error) = running.said();
    assert!(
        ended.unwrap().success() && out.starts_with('f'),
        "{out}{error}"
    );
    assert!(lies(&server) == [bytes]);
}
