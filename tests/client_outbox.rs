//! What was typed and not answered outlives the client: it is kept on disk, sent once and in order, and its state is told.

use std::fs;

use super::support::{
    self, Account, Server,
    account::text_of,
    disk::SmallDisk,
    file::{noise, upload},
    terminal::Home,
};

fn outboxes(home: &Home) -> usize {
    let folder = home.path().join("state/tinychat");
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".outbox")).count()
}

/// What stands in them, line by line.
fn outbox_lines(home: &Home) -> Vec<String> {
    let files = fs::read_dir(home.path().join("state/tinychat")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let outboxes = paths.filter(|path| path.extension().is_some_and(|it| it == "outbox"));
    let texts = outboxes.filter_map(|path| fs::read_to_string(path).ok());
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The texts of a conversation, by somebody in it.
async fn texts(account: &Account, with: &str) -> Vec<String> {
    let conversation = account.conversation_with(with).await;
    let history = account.history(&conversation.id).await;
    history.iter().map(|it| text_of(it).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_a_client_that_is_killed_while_the_server_is_away_arrive_once_in_order() {
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.line("before");
    let mut heard = bob.subscribe(None).await;
    assert_eq!(text_of(&heard.messages(1).await[0]), "before");
    server.kill9();
    ann.wait_for("<> Connection lost");
    // How many wait is not asserted: the answer to "before" may have been lost with the server.
    ann.ask("one", " waiting.\n");
    ann.ask("two \"quoted\"", " waiting.\n");
    ann.kill9();
    assert_eq!(outboxes(&home), 1);

    // Another start without the server finds them, takes another, and is killed, too.
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("messages of last time are still waiting");
    ann.wait_for("The server cannot be reached");
    ann.ask("/start bob", "nobody was asked");
    ann.ask("three", " waiting.\n");
    ann.kill9();

    let server = again.arguments(&["--listen", &address]).start();
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("messages of last time are still waiting");
    ann.wait_for("Nothing waits any more.");
    ann.line("/quit");
    assert!(ann.ended().success());
    // What an earlier run typed is not on this screen yet: it is shown when it is sent.
    let shown = ann.transcript();
    for text in ["one", "two \"quoted\"", "three"] {
        assert_eq!(shown.matches(&format!("> {text}\n")).count(), 1, "{shown}");
    }
    let bob = bob.on(&server);
    let expected = ["before", "one", "two \"quoted\"", "three"];
    assert_eq!(texts(&bob, "ann").await, expected);
    assert_eq!(outboxes(&home), 0, "nothing is kept that was answered");
}

/// The worst moment: the server has a message, and the client dies before it hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_answer_never_came_is_still_one_message() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.line("heard");
    let mut heard = bob.subscribe(None).await;
    let message = heard.messages(1).await.remove(0);
    ann.kill9();
    // As if the answer had been lost: the message stands in the outbox of a program that was killed.
    let server_name = server.address().as_str();
    let file = home.path().join(format!(
        "state/tinychat/{server_name}@@ann@@plaintext@@0123456789abcdef.outbox"
    ));
    let line = format!(
        "{{\"id\":\"{}\",\"user\":\"bob\",\"text\":\"heard\"}}\n",
        message.client_message_id
    );
    fs::write(file, line).unwrap();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("1 message of last time is still waiting");
    ann.wait_for("Nothing waits any more.");
    ann.line("/quit");
    assert!(ann.ended().success());
    assert_eq!(texts(&bob, "ann").await, ["heard"]);
}

/// What was refused waits for a person, in the line mode as in the UI: nothing sends it again by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_told_at_the_start_and_sent_again_or_dropped_only_when_asked() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let address = server.address().as_str();
    let login = home.run(address, &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    let file = home.path().join(format!(
        "state/tinychat/{address}@@ann@@plaintext@@0123456789abcdef.outbox"
    ));
    let mut lines = String::new();
    for (number, text) in [(1, "again"), (2, "dropped")] {
        let id = format!("0198c5a0-9c1e-7b21-8a4d-3f6f1f2b7c1{number}");
        lines += &format!("{{\"id\":\"{id}\",\"user\":\"bob\",\"text\":\"{text}\"}}\n");
        lines += &format!("{{\"refused\":\"{id}\",\"why\":\"of last time\"}}\n");
    }
    fs::write(file, lines).unwrap();
    // A pipe that ends sends none of it, and forgets none of it.
    for _ in 0..2 {
        let output = home.run(
            address,
            &["--user", "ann", "--plain"],
            b"/start bob\nhello\n",
        );
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{shown}{output:?}");
        let told = "2 messages of last time refused and not sent: to bob: \"again\" (of last time); to bob: \"dropped\"";
        assert!(shown.contains(told), "{shown}");
        assert_eq!(outboxes(&home), 1);
    }
    assert_eq!(texts(&bob, "ann").await, ["hello", "hello"]);
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("2 messages of last time refused");
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.ask("/drop", "Dropped: \"dropped\"\n");
    ann.ask("/retry", "> again\n");
    ann.line("/quit");
    assert!(ann.ended().success());
    assert_eq!(texts(&bob, "ann").await, ["hello", "hello", "again"]);
    assert_eq!(outboxes(&home), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_the_server_is_away_is_told_that_messages_are_kept() {
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let home = Home::new();
    let login = home.run(&address, &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    server.kill9();
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("The server cannot be reached");
    // Nobody can be asked who there is: what is refused later is told then.
    ann.ask("/start nobody", "nobody was asked");
    ann.ask("hello?", "1 message is waiting.");
    ann.ask("/start ann", "nobody was asked");
    ann.ask("note", "2 messages are waiting.");
    ann.line("/quit");
    assert_eq!(ann.ended().code(), Some(4));
    ann.wait_for("2 messages were not sent yet and kept");

    let server = again.arguments(&["--listen", &address]).start();
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("Not sent: nobody called nobody ever registered");
    ann.wait_for("Nothing waits any more.");
    ann.line("/quit");
    assert!(ann.ended().success());
    let account = Account::login(&server, "ann").await;
    assert_eq!(texts(&account, "ann").await, ["note"]);
}

#[test]
fn messages_that_cannot_be_kept_are_still_sent_and_that_is_said() {
    let name = "messages_that_cannot_be_kept_are_still_sent_and_that_is_said";
    let disk = SmallDisk::mount(1);
    if !support::need(name, disk.as_ref().map(drop).map_err(Clone::clone)) {
        return;
    }
    let disk = disk.unwrap();
    let server = Server::start();
    let home = Home::new();
    let address = server.address().as_str();
    let token = home.run(address, &["--user", "ann", "token"], b"");
    let token = String::from_utf8(token.stdout).unwrap();
    // Full to the last byte: a file can be made, and nothing written to it.
    let error = fs::write(disk.path().join("filling"), vec![0; 2 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let state = disk.path().display().to_string();
    let environment = [("TINYCHAT_TOKEN", token.trim()), ("XDG_STATE_HOME", &state)];
    let output = home.run_with(address, &[], b"/start ann\nhello\n", &environment);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}{output:?}");
    assert!(
        shown.contains("Messages cannot be kept on this machine"),
        "{shown}"
    );
    let history = home.run(address, &["history", "ann"], b"");
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("> hello\n"), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_only_read_leaves_what_waits_to_one_that_may_send() {
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let home = Home::new();
    let run = |arguments: &[&str]| {
        let output = home.run(&address, &[&["--user", "ann"], arguments].concat(), b"");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let reader = run(&["token", "--create", "reader", "--scope", "read"]);
    server.kill9();
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("The server cannot be reached");
    ann.ask("/start ann", "nobody was asked");
    ann.ask("precious", "1 message is waiting.");
    ann.kill9();
    let server = again.arguments(&["--listen", &address]).start();
    let output = home.run_with(&address, &[], b"", &[("TINYCHAT_TOKEN", &reader)]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("kept for a login that may"), "{shown}");
    assert_eq!(outboxes(&home), 1);
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("Nothing waits any more.");
    ann.line("/quit");
    assert!(ann.ended().success());
    let account = Account::login(&server, "ann").await;
    assert_eq!(texts(&account, "ann").await, ["precious"]);
}

#[test]
fn a_script_without_a_server_ends_and_says_that_its_lines_are_kept() {
    let mut server = Server::start();
    let address = server.address().as_str().to_owned();
    let home = Home::new();
    let login = home.run(&address, &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    server.kill9();
    let output = home.run(&address, &[], b"");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let output = home.run(&address, &[], b"/start ann\nhello\n");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(outboxes(&home), 1);
    let output = home.run(&address, &["forget"], b"");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 message that waited"), "{said}");
    assert_eq!(outboxes(&home), 0);
}

/// Ids of files are of one store: in another one the same id may be another file of the same user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_wait_over_a_restart_are_not_those_of_another_store() {
    let mut server = Server::build().rate("1").start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    Account::login(&server, "bob").await;
    let home = Home::new();
    fs::write(home.path().join("plan.bin"), noise(10_000, 1)).unwrap();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    // More than a rate of one in a second lets go before this is over: the files wait behind them.
    for number in 0..40 {
        ann.line(&format!("line {number}"));
    }
    ann.line("/send ~/plan.bin");
    let waits = || {
        outbox_lines(&home)
            .into_iter()
            .find(|it| it.contains("attachments"))
    };
    support::eventually("the message is kept", support::PATIENCE, || {
        waits().is_some()
    })
    .await;
    ann.kill9();
    server.kill9();
    let line: serde_json::Value = serde_json::from_str(&waits().unwrap()).unwrap();

    let server = again
        .on_a_new_store()
        .arguments(&["--listen", &address])
        .start();
    let bob = Account::login(&server, "bob").await;
    let other = Account::login(&server, "ann").await;
    let private = upload(&other, "private.bin", &noise(500, 2)).await.unwrap();
    assert_eq!(line["attachments"][0], private.id, "the danger is real");
    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("with other groups and files; send it again");
    ann.wait_for("\"[1 file]\"");
    let id = line["id"].as_str().unwrap();
    let done = format!("{{\"done\":\"{id}\"}}");
    let is_settled = || outbox_lines(&home).contains(&done);
    support::eventually("it waits no longer", support::PATIENCE, is_settled).await;
    // What needs nothing of the old store is sent.
    let mut heard = bob.subscribe(None).await;
    let first = heard.messages(1).await.remove(0);
    assert!(text_of(&first).starts_with("line "), "{first:?}");
    ann.kill9();
    let conversation = bob.conversation_with("ann").await;
    let history = bob.history(&conversation.id).await;
    assert!(
        history.iter().all(|it| it.attachments.is_empty()),
        "{history:?}"
    );
}

/// Ids of groups repeat, too: what is meant for one is not told to whoever is in the group that has its id elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_group_goes_to_no_other_group_of_another_store() {
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/group secret bob", "closes it.\n");
    server.kill9();
    ann.wait_for("<> Connection lost");
    ann.ask("the key is under the mat", " waiting.\n");
    ann.kill9();
    assert_eq!(outboxes(&home), 1);

    let server = again
        .on_a_new_store()
        .arguments(&["--listen", &address])
        .start();
    let of_ann = Account::login(&server, "ann").await;
    let home_carol = Home::new();
    let mut carol = home_carol.client(&server, &["--user", "carol"]);
    carol.wait_for("Welcome, carol.");
    carol.ask("/group others ann", "closes it.\n");
    let mut heard = of_ann.subscribe(None).await;
    carol.line("hello");
    let message = heard.messages(1).await.remove(0);

    let mut ann = home.client_of(&address, &["--user", "ann"]);
    ann.wait_for("with other groups and files; send it again where it belongs");
    ann.wait_for("\"the key is under the mat\"");
    ann.ask("/start \"others\"", "closes it.\n");
    ann.line("hello, carol");
    assert_eq!(text_of(&heard.messages(1).await[0]), "hello, carol");
    ann.line("/quit");
    assert!(ann.ended().success());
    let history = of_ann.history(&message.conversation_id).await;
    let texts: Vec<&str> = history.iter().map(text_of).collect();
    assert_eq!(texts, ["hello", "hello, carol"]);
    assert_eq!(outboxes(&home), 0, "nothing is kept that is nothing");
}
