//! The line client as people use it: the real programs, in a pseudo-terminal, compared as a whole; and in pipes.

use std::time::Duration;

use tinychat::pb::{
    MarkReadRequest, MarkUnreadRequest, SendRequest, event::Body, send_request::Target,
};

use super::support::{
    self, Account, PATIENCE, Server,
    account::{PASSWORD, new_id, to_user},
    terminal::Home,
};

fn passwords() -> Server {
    Server::build().with_passwords().start()
}

/// Replaces times by a pattern, so that a transcript can be compared; each must look like a time.
pub(super) fn timeless(transcript: &str) -> String {
    let mut out = String::new();
    let mut rest = transcript;
    while let Some(at) = rest.find("20") {
        let shape = "0000-00-00 00:00:00";
        let candidate = rest.get(at..at + shape.len());
        let is_time = candidate.is_some_and(|text| {
            text.bytes()
                .zip(shape.bytes())
                .all(|(byte, like)| match like {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                })
        });
        let keep = if is_time { at } else { at + 2 };
        out.push_str(&rest[..keep]);
        if is_time {
            out.push_str("YYYY-MM-DD HH:MM:SS");
        }
        rest = &rest[if is_time { at + shape.len() } else { keep }..];
    }
    out + rest
}

#[test]
fn two_people_chat_as_in_the_original() {
    let server = passwords();
    let (ann_home, bob_home) = (Home::new(), Home::new());
    let mut ann = ann_home.client(&server, &[]);
    ann.register("ann");
    ann.ask("/USERS", "ann <ONLINE>\n");
    ann.ask("/START bob", "The user does not exist!");
    ann.wait_for("\n");

    let mut bob = bob_home.client(&server, &[]);
    bob.register("bob");
    ann.ask("/users", "bob <ONLINE>\n");
    ann.ask("/TIME", "<> 20");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.line("hello bob");
    bob.wait_for("hello bob\n");
    ann.line(" a text that begins with a space");
    bob.wait_for("begins with a space\n");
    bob.ask("/start ann", "/stop closes it.\n");
    bob.line("hello ann");
    ann.wait_for("hello ann\n");
    bob.ask("/START", "\n<> ");
    bob.wait_for("\n");
    // Several conversations at once: notes to self beside bob, who goes on being heard.
    ann.ask("/start ann", "\n<> ");
    ann.wait_for("\n");
    ann.line("a note to myself");
    bob.line("are you there?");
    ann.wait_for("are you there?\n");
    ann.ask("/start bob", "\n<> ");
    ann.wait_for("\n");
    ann.line("//slash");
    bob.wait_for("/slash\n");
    ann.ask("xSTOP", "xSTOP\n");
    bob.wait_for("xSTOP\n");
    ann.ask("/strat bob", "did you mean /start?");
    ann.wait_for("\n");
    ann.ask("/stop", "\n<> ");
    ann.wait_for("\n");
    ann.ask("/STOP", "\n<> ");
    ann.wait_for("\n");
    ann.ask("to nobody", "\n<> ");
    ann.wait_for("\n");
    ann.ask("/COMMANDS", "how to use this\n");
    bob.ask("/help", "\n<> ");
    bob.line("/quit");
    assert!(bob.ended().success());
    ann.ask("/users", "bob <OFFLINE>\n");
    ann.interrupt();
    assert!(ann.ended().success());
    insta::assert_snapshot!("two_people_ann", timeless(&ann.transcript()));
    insta::assert_snapshot!("two_people_bob", timeless(&bob.transcript()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_offline_gets_everything_at_once_in_order_with_the_original_times() {
    let server = passwords();
    let home = Home::new();
    let mut bob = home.client(&server, &[]);
    bob.register("bob");
    bob.line("/quit");
    assert!(bob.ended().success());

    let ann = Account::register(&server, "ann").await;
    let mut expected = String::new();
    for number in 1..=30 {
        let sent = ann.send("bob", &format!("number {number}")).await;
        let time = sent.sent_time.unwrap();
        let time = chrono::DateTime::from_timestamp(time.seconds, 0).unwrap();
        let time = time.format("%Y-%m-%d %H:%M:%S");
        expected += &format!("<ann, {time}> number {number}\n");
    }
    // The login is remembered: no password is asked for.
    let mut bob = home.client(&server, &["--user", "bob"]);
    bob.wait_for("number 30\n");
    let shown = bob.transcript();
    assert!(shown.contains(&expected), "{shown}");
    assert!(!shown.contains("Password"), "{shown}");
    bob.line("/quit");
    assert!(bob.ended().success());
    // What was shown is not shown again.
    let mut bob = home.client(&server, &["--user", "bob"]);
    bob.wait_for("Welcome, bob.");
    ann.send("bob", "one more").await;
    bob.wait_for("one more\n");
    assert!(!bob.transcript().contains("number"), "{}", bob.transcript());
}

#[test]
fn a_wrong_password_and_a_taken_name_are_told_apart_from_a_new_account() {
    let server = passwords();
    let mut ann = Home::new().client(&server, &[]);
    ann.register("ann");
    let mut thief = Home::new().client(&server, &[]);
    thief.wait_for("Enter your name: ");
    thief.line("not a name");
    thief.wait_for("Enter your name: ");
    thief.line("Ann");
    thief.wait_for("Password: ");
    thief.line("wrong password");
    thief.wait_for("No login with that name and password. Create the account ann? [y/N] ");
    thief.line("y");
    thief.wait_for("Password again: ");
    thief.line("wrong password");
    thief.wait_for("wrong password, or the name is taken");
    assert_eq!(thief.ended().code(), Some(3));
    let shown = thief.transcript();
    assert!(shown.contains("a user name cannot contain ' '"), "{shown}");

    let mut shy = Home::new().client(&server, &["--user", "bob"]);
    shy.wait_for("Password: ");
    shy.line("correct horse");
    shy.wait_for("[y/N] ");
    shy.line("n");
    assert_eq!(shy.ended().code(), Some(3));
    assert!(
        !shy.transcript().contains("correct horse"),
        "a password shows"
    );
}

#[test]
fn with_names_on_trust_no_password_is_asked_for() {
    let server = Server::start();
    let mut ann = Home::new().client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    assert!(!ann.transcript().contains("Password"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_peer_sends_reaches_the_terminal_raw() {
    let server = Server::start();
    let mut bob = Home::new().client(&server, &["--user", "bob"]);
    bob.wait_for("Welcome, bob.");
    bob.wait_for("\n");
    let before = bob.bytes().len();
    let ann = Account::login(&server, "ann").await;
    let hostile = [
        "\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069} \u{200f}y \u{61c}",
        "first\n<carl, 2026-01-01 00:00:00> I owe you money\n\u{2028}<> system",
        "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
        "tab\there\u{feff}\u{e0041}",
    ];
    for text in hostile {
        ann.send("bob", text).await;
    }
    ann.send("bob", "the end").await;
    bob.wait_for("the end\n");
    let bytes = bob.bytes().split_off(before);
    let shown = String::from_utf8(bytes).unwrap();
    let strange = |c: char| {
        (c.is_control() && !matches!(c, '\r' | '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
            || matches!(
                c,
                '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
            )
    };
    assert_eq!(shown.find(strange), None, "{shown:?}");
    // Each line that begins like a message is one.
    let forged = shown
        .lines()
        .filter(|line| line.starts_with("<carl") || line.starts_with("<>"));
    assert_eq!(forged.count(), 0, "{shown}");
}

#[test]
fn a_server_that_is_killed_and_comes_back_is_found_again_and_lines_typed_meanwhile_arrive_once() {
    let first = Server::start();
    let (ann_home, bob_home) = (Home::new(), Home::new());
    let mut ann = ann_home.client(&first, &["--user", "ann"]);
    let mut bob = bob_home.client(&first, &["--user", "bob"]);
    bob.wait_for("Welcome, bob.");
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.line("before");
    bob.wait_for("before\n");
    let mut first = first;
    let (again, address) = (first.again(), first.address().as_str().to_owned());
    first.kill9();
    ann.wait_for("<> Connection lost");
    ann.line("meanwhile 1");
    ann.line("meanwhile 2");
    let _second = again.arguments(&["--listen", &address]).start();
    ann.wait_for("<> Connected again; sending 2 messages.");
    ann.wait_for("<> Nothing waits any more.");
    bob.wait_for("meanwhile 1\n");
    bob.wait_for("meanwhile 2\n");
    ann.line("after");
    bob.wait_for("after\n");
    let shown = bob.transcript();
    for text in ["before", "meanwhile 1", "meanwhile 2", "after"] {
        assert_eq!(shown.matches(&format!("> {text}\n")).count(), 1, "{shown}");
    }
    assert_eq!(ann.transcript().matches("Connection lost").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_wrongly_gets_an_error_and_the_client_lives_on() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let mut heard = bob.subscribe(None).await;
    let mut ann = Home::new().client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/start bob", "/stop closes it.\n");
    ann.type_bytes(b"\xff\xfe\n");
    ann.wait_for("\n<> ");
    ann.wait_for("\n");
    ann.ask("/start \u{1}", "\n<> ");
    ann.wait_for("\n");
    ann.line("still here");
    assert_eq!(
        support::account::text_of(&heard.messages(1).await[0]),
        "still here"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn piped_lines_wait_out_the_rate_and_arrive_in_order() {
    let server = Server::build().rate("50/s").start();
    let bob = Account::login(&server, "bob").await;
    let lines: String = (1..=300).map(|number| format!("line {number}\n")).collect();
    let address = server.address().as_str().to_owned();
    let sending = tokio::task::spawn_blocking(move || {
        let input = format!("/start bob\n{lines}");
        Home::new().run(&address, &["--user", "ann"], input.as_bytes())
    });
    let mut heard = bob.subscribe(None).await;
    for (message, number) in heard.messages(300).await.iter().zip(1..) {
        assert_eq!(support::account::text_of(message), format!("line {number}"));
    }
    let output = sending.await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A one-shot command: arguments, input, exit code, standard output, and what standard error contains.
type Case = (
    &'static [&'static str],
    &'static [u8],
    i32,
    &'static str,
    &'static str,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shots_answer_on_standard_output_and_tell_failures_by_their_codes() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let mut heard = bob.subscribe(None).await;
    let cases: &[Case] = &[
        (&["--user", "ann", "send", "bob", "one"], b"", 0, "", ""),
        (
            &["--user", "ann", "send", "bob", "-"],
            b"two\nthree\n",
            0,
            "",
            "",
        ),
        (
            &["--user", "ann", "users"],
            b"",
            0,
            "ann <OFFLINE>\nbob <ONLINE>\n",
            "",
        ),
        (
            &["--user", "ann", "send", "nobody", "x"],
            b"",
            5,
            "",
            "nobody",
        ),
        (&["--user", "ann", "send", "bob", ""], b"", 6, "", "empty"),
        (
            &["--user", "ann", "send", "bob", "-"],
            b"\xff\n",
            6,
            "",
            "UTF-8",
        ),
        (&["--user", "Not A Name", "users"], b"", 2, "", "user name"),
        (&["nonsense"], b"", 2, "", "nonsense"),
    ];
    let home = Home::new();
    let address = server.address().as_str();
    for (arguments, input, code, out, err) in cases {
        let output = home.run(address, arguments, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {said}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            *out,
            "{arguments:?}"
        );
        assert!(said.contains(err), "{arguments:?}: {said}");
    }
    let texts: Vec<String> = heard
        .messages(3)
        .await
        .iter()
        .map(|m| support::account::text_of(m).to_owned())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);

    let output = home.run(address, &["time"], b"");
    assert_eq!(
        timeless(&String::from_utf8(output.stdout).unwrap()).trim(),
        "YYYY-MM-DD HH:MM:SS"
    );
    let token = home.run(address, &["--user", "ann", "token"], b"");
    let token = String::from_utf8(token.stdout).unwrap();
    let with_token = [("TINYCHAT_TOKEN", token.trim())];
    let output = home.run_with(address, &["send", "bob", "by token"], b"", &with_token);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        support::account::text_of(&heard.messages(1).await[0]),
        "by token"
    );

    // No server, no login: each its own code and mend.
    let output = home.run("127.0.0.1:1", &["time"], b"");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let output = Home::new().run(passwords().address().as_str(), &["users"], b"");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

/// Runs a one-shot, which ends with this code, and answers what it printed.
fn ends(home: &Home, address: &str, user: &str, arguments: &[&str], code: i32) -> String {
    let arguments = [&["--user", user], arguments].concat();
    let output = home.run(address, &arguments, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    timeless(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn one_shots_about_rooms_and_messages_end_by_their_codes() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address().as_str();
    let run = |user: &str, arguments: &[&str], code| ends(&home, address, user, arguments, code);
    run("bob", &["login"], 0);
    let made = run("ann", &["create", "#ops", "--topic", "alarms"], 0);
    assert_eq!(made, "#ops <1 MEMBER, YOU> alarms\n");
    run("ann", &["create", "#ops"], 6);
    run("ann", &["create", "#no good"], 2);
    run("bob", &["send", "#ops", "hi"], 6);
    run("bob", &["history", "#ops"], 5);
    assert_eq!(run("bob", &["channels"], 0), "#ops <1 MEMBER> alarms\n");
    let joined = run("bob", &["join", "#ops"], 0);
    assert_eq!(joined, "#ops <2 MEMBERS, YOU> alarms\n");
    assert_eq!(run("bob", &["members", "#ops"], 0).lines().count(), 2);
    run("bob", &["send", "#ops", "one"], 0);
    run("ann", &["send", "#ops", "two", "--reply", "1"], 0);
    run("ann", &["send", "#ops", "three", "--reply", "9"], 6);
    run("ann", &["edit", "#ops", "1", "not mine"], 6);
    run("bob", &["edit", "#ops", "1", "better"], 0);
    assert_eq!(run("ann", &["react", "#ops", "1", "👍"], 0), "{👍 1}\n");
    assert_eq!(
        run("ann", &["history", "#ops", "--numbers"], 0),
        "<bob, YYYY-MM-DD HH:MM:SS> [1] better (edited) {👍 1}\n> message [1]\n\
         <ann, YYYY-MM-DD HH:MM:SS> [2] two\n"
    );
    let watched = run("bob", &["watch", "--once"], 0);
    assert!(watched.contains("<ann in #ops, "), "{watched}");
    assert_eq!(
        run("ann", &["react", "#ops", "1", "👍", "--undo"], 0),
        "{}\n"
    );
    run("ann", &["delete", "#ops", "7"], 5);
    let deleted = run("ann", &["delete", "#ops", "1"], 0);
    assert!(deleted.ends_with("> (deleted)\n"), "{deleted}");
    run("bob", &["kick", "#ops", "ann"], 6);
    run("ann", &["leave", "#ops"], 6);
    run("ann", &["kick", "#ops", "bob", "--ban"], 0);
    assert!(run("ann", &["members", "#ops", "--banned"], 0).starts_with("bob <"));
    run("bob", &["join", "#ops"], 6);
    run("ann", &["invite", "#ops", "bob"], 0);
    run("bob", &["leave", "#ops"], 0);
    run("bob", &["leave", "#ops"], 5);
    run("ann", &["invite", "#ops", "nobody"], 5);
}

#[test]
fn one_shots_about_links_and_blocks_end_by_their_codes() {
    let server = Server::start();
    let home = Home::new();
    let address = server.address().as_str();
    let run = |user: &str, arguments: &[&str], code| ends(&home, address, user, arguments, code);
    for user in ["bob", "carol"] {
        run(user, &["login"], 0);
    }
    run("ann", &["create", "trip"], 0);
    // Only those who are there make links, and only by what ends them.
    run("bob", &["link", "id:c1"], 5);
    run("ann", &["link", "id:c1", "--uses", "0"], 2);
    run("ann", &["link", "id:c1", "--expires", "soon"], 2);
    let code = run(
        "ann",
        &["link", "id:c1", "--expires", "7d", "--uses", "1"],
        0,
    );
    let code = code.trim();
    assert!(code.starts_with("tci_") && code.len() == 26, "{code}");
    assert_eq!(
        run("ann", &["links", "id:c1"], 0),
        "i1 <0 OF 1 USE> by ann, since YYYY-MM-DD HH:MM:SS, ends YYYY-MM-DD HH:MM:SS\n"
    );
    run("bob", &["join", "tci_short"], 2);
    run("bob", &["join", "tci_AAAAAAAAAAAAAAAAAAAAAA"], 5);
    assert_eq!(run("bob", &["join", code], 0), "trip <2 MEMBERS, YOU>\n");
    // A member stays one; the only use is gone.
    run("bob", &["join", code], 0);
    run("carol", &["join", code], 5);
    assert_eq!(run("ann", &["links", "id:c1"], 0), "");
    run("ann", &["link", "id:c1"], 0);
    run("ann", &["unlink", "id:c1", "2"], 2);
    assert_eq!(
        run("ann", &["unlink", "id:c1", "i2"], 0),
        "i2 is void now\n"
    );
    run("ann", &["unlink", "id:c1", "i2"], 5);

    assert_eq!(run("ann", &["blocked"], 0), "");
    run("ann", &["block", "nobody"], 5);
    run("ann", &["block", "ann"], 6);
    run("bob", &["send", "ann", "before"], 0);
    run("bob", &["send", "id:c1", "the needle"], 0);
    assert_eq!(run("ann", &["block", "bob"], 0), "bob is blocked now\n");
    run("ann", &["block", "bob"], 0);
    assert_eq!(run("ann", &["blocked"], 0), "bob\n");
    run("ann", &["send", "bob", "hi"], 6);
    run("bob", &["send", "ann", "hi"], 6);
    run("bob", &["send", "id:c1", "@ann another needle"], 0);
    // Among others it is hidden from people, and programs see it.
    let hidden = "<bob, YYYY-MM-DD HH:MM:SS> (hidden: you have blocked bob; /unblock bob)\n";
    assert_eq!(run("ann", &["history", "id:c1"], 0), hidden.repeat(2));
    assert!(run("ann", &["history", "bob"], 0).ends_with("> before\n"));
    let found = run("ann", &["search", "needle"], 0);
    assert_eq!(found.matches("] (hidden: you have").count(), 2, "{found}");
    assert_eq!(run("ann", &["mentions"], 0), "");
    let listed = run("ann", &["conversations"], 0);
    assert!(listed.contains("> (hidden: you have"), "{listed}");
    let watched = run("ann", &["watch", "--once"], 0);
    assert_eq!(
        watched.matches("> (hidden: you have").count(),
        2,
        "{watched}"
    );
    assert!(
        watched.contains("> before\n") && !watched.contains("needle"),
        "{watched}"
    );
    let objects = run("ann", &["--json", "history", "id:c1"], 0);
    assert_eq!(objects.matches("needle").count(), 2, "{objects}");
    assert_eq!(
        run("ann", &["unblock", "bob"], 0),
        "bob is not blocked any more\n"
    );
    assert!(run("ann", &["mentions"], 0).ends_with("@ann another needle\n"));

    // Ann has none of it on a device that said so; bob has said nothing in his notes.
    assert_eq!(run("bob", &["seen", "ann"], 0), "ann <NOT YET>\n");
    run("ann", &["watch", "--once", "--ack"], 0);
    assert_eq!(run("bob", &["seen", "ann"], 0), "ann <READ>\n");
    run("ann", &["seen", "id:c1"], 5);
    run("bob", &["send", "bob", "a note"], 0);
    run("bob", &["seen", "bob"], 5);
    run("ann", &["search", "needle", "-n", "0"], 2);
    run("ann", &["mentions", "-n", "0"], 2);
}

/// Says something in a conversation.
async fn say(who: &Account, id: &str, text: &str) {
    let request = SendRequest {
        target: Some(Target::ConversationId(id.to_owned())),
        ..to_user("", text, &new_id())
    };
    who.send_request(request).await.unwrap();
}

/// No event tells a device again whom its user blocks: it must ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_one_blocks_is_known_to_a_client_that_starts_anew() {
    let server = Server::start();
    let bob = Account::login(&server, "bob").await;
    let home = Home::new();
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    ann.ask("/group trip bob", "closes it.\n");
    ann.ask("/block bob", "ends that.\n");
    say(&bob, "c1", "one").await;
    ann.wait_for("> (hidden: you have blocked bob; /unblock bob)\n");
    ann.line("/quit");
    assert!(ann.ended().success());
    let mut ann = home.client(&server, &["--user", "ann"]);
    ann.wait_for("Welcome, ann.");
    say(&bob, "c1", "two").await;
    ann.wait_for("> (hidden: you have blocked bob; /unblock bob)\n");
    ann.ask("/unblock bob", "any more;");
    say(&bob, "c1", "three").await;
    ann.wait_for("> three\n");
    let shown = ann.transcript();
    assert!(
        !shown.contains("> one") && !shown.contains("> two"),
        "{shown}"
    );
}

/// What another device has put aside, one that ends does not take up again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_aside_stays_so_when_a_watch_ends() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    let bob = Account::login(&server, "bob").await;
    let id = ann.send("bob", "one").await.conversation_id;
    let home = Home::new();
    for arguments in [&["watch", "--ack"][..], &["--json", "watch", "--ack"]] {
        let arguments = [&["--user", "bob"], arguments].concat();
        let mut watch = home.client(&server, &arguments);
        ann.send("bob", "look").await;
        watch.wait_for("look");
        let is_read = async || bob.conversation_with("ann").await.unread == 0;
        support::eventually_async("it is marked read", is_read).await;
        let conversation_id = id.clone();
        let aside = MarkUnreadRequest { conversation_id };
        bob.connection.chat().mark_unread(aside).await.unwrap();
        ann.send("bob", "and this").await;
        watch.wait_for("and this");
        watch.interrupt();
        assert!(watch.ended().success());
        let after = bob.conversation_with("ann").await;
        assert!(after.marked_unread, "{after:?}");
        let read = MarkReadRequest {
            conversation_id: id.clone(),
            read_seq: after.last_seq,
        };
        bob.connection.chat().mark_read(read).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_shows_what_comes_and_acknowledges_nothing_unless_told() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    let home = Home::new();
    for round in 0..2 {
        let mut watch = home.client(&server, &["--user", "bob", "watch"]);
        if round == 0 {
            support::eventually("bob watches", PATIENCE, || {
                server.stderr().contains("\"u2\"")
            })
            .await;
            ann.send("bob", "look").await;
        }
        watch.wait_for("> look\n");
        watch.interrupt();
        watch.ended();
    }
    let mut watch = home.client(&server, &["--user", "bob", "watch", "--ack"]);
    watch.wait_for("> look\n");
    watch.interrupt();
    assert!(watch.ended().success());
    let bob_again = home.client(&server, &["--user", "bob", "watch"]);
    ann.send("bob", "new").await;
    let mut bob_again = bob_again;
    bob_again.wait_for("> new\n");
    assert!(
        !bob_again.transcript().contains("look"),
        "{}",
        bob_again.transcript()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_is_marked_read_for_all_devices() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    let mut markers = ann.subscribe(None).await;
    let mut bob = Home::new().client(&server, &["--user", "bob"]);
    bob.wait_for("Welcome, bob.");
    ann.send("bob", "read me").await;
    bob.wait_for("read me\n");
    let marker = async {
        loop {
            if let Body::ReadMarker(marker) = markers.next().await {
                return marker;
            }
        }
    };
    let marker = tokio::time::timeout(Duration::from_secs(10), marker)
        .await
        .unwrap();
    assert_eq!(marker.read_seq, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_for_scripts_is_made_once_and_ended_by_name() {
    let server = passwords();
    let address = server.address().as_str();
    let ann = Account::register(&server, "ann").await;
    let home = Home::new();
    let file = home.path().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let file = file.display().to_string();
    let run = |arguments: &[&str], code: i32| {
        let output = home.run(address, arguments, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    // Nothing is remembered: nothing to end, and it says so.
    let (_, said) = run(&["--user", "ann", "logout"], 3);
    assert!(said.contains("no login of ann"), "{said}");
    let (_, said) = run(&["logout"], 3);
    assert!(said.contains("no login at"), "{said}");
    let by_file = ["--user", "ann", "--password-file", &file, "login"];
    assert_eq!(run(&by_file, 0), (String::new(), String::new()));
    let token = run(&["token"], 0).0;
    // Again is no second login, and needs no password.
    run(&["login"], 0);
    assert_eq!(run(&["token"], 0).0, token);
    let (done, _) = run(&["logout"], 0);
    assert_eq!(done, format!("ann is logged out of {address}\n"));
    run(&["--user", "ann", "token"], 3);
    let ended = [("TINYCHAT_TOKEN", token.trim())];
    let output = home.run_with(address, &["users"], b"", &ended);
    assert_eq!(output.status.code(), Some(3), "the token is void");
    // The other device is as it was.
    ann.send("ann", "still here").await;

    // What was ended elsewhere is forgotten here.
    run(&by_file, 0);
    let token = run(&["token"], 0).0;
    let given = [("TINYCHAT_TOKEN", token.trim())];
    let output = Home::new().run_with(address, &["logout"], b"", &given);
    assert!(output.status.success(), "{output:?}");
    let (done, _) = run(&["logout"], 0);
    assert!(done.contains("had ended already"), "{done}");
    run(&["--user", "ann", "logout"], 3);

    // A token that is given and remembered, too, is no login any more either way.
    run(&by_file, 0);
    let token = run(&["token"], 0).0;
    let given = [("TINYCHAT_TOKEN", token.trim())];
    let output = home.run_with(address, &["logout"], b"", &given);
    assert!(output.status.success(), "{output:?}");
    run(&["--user", "ann", "logout"], 3);
}

#[test]
fn while_the_server_is_away_a_login_stays_remembered() {
    let mut server = Server::start();
    let (again, address) = (server.again(), server.address().as_str().to_owned());
    let home = Home::new();
    let login = home.run(&address, &["--user", "ann", "login"], b"");
    assert!(login.status.success(), "{login:?}");
    server.kill9();
    let output = home.run(&address, &["logout"], b"");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let _second = again.arguments(&["--listen", &address]).start();
    let output = home.run(&address, &["logout"], b"");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn without_input_nothing_is_asked_even_on_a_terminal() {
    let server = passwords();
    for arguments in [
        &["--no-input"][..],
        &["--no-input", "--user", "ann"],
        &["--user", "ann", "users", "--no-input"],
    ] {
        let mut client = Home::new().client(&server, arguments);
        assert_eq!(client.ended().code(), Some(3), "{arguments:?}");
        // What it said last may still be on its way.
        client.wait_for("--password-file");
        let shown = client.transcript();
        assert!(!shown.contains("Password:") && !shown.contains("Enter your name"));
    }
}
