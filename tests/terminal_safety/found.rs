//! The same for what is found: senders, conversations, texts, and the parts of them around what was looked for.

use tinychat::pb::{CaughtUp, Message, Welcome, event::Body};

use super::{assert_harmless, event, message, tricks, user, words};
use crate::support::{
    evil::{Evil, Script},
    oracle::Oracle,
    terminal::Home,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_in_what_is_found_reaches_the_screen_or_a_pipe() {
    let tricks = tricks();
    // A message that mentions the user, by a sender of any name: that is pointed out.
    let mention = |(index, trick): (usize, &String)| {
        event(Body::Message(Message {
            conversation_id: "c1".to_owned(),
            seq: index as u64 + 1,
            sender: Some(user(trick)),
            mentions: vec![user("ann"), user(trick)],
            ..Message::default()
        }))
    };
    let mut frames = vec![vec![event(Body::Welcome(Welcome::default()))]];
    frames.push(tricks.iter().enumerate().map(mention).collect());
    frames.push(vec![
        event(Body::CaughtUp(CaughtUp {})),
        message(tricks.len() as u64 + 1, "bob", "the end"),
    ]);
    let evil = Evil::start(Script {
        frames,
        tricks: tricks.clone(),
        user: "ann".to_owned(),
        ..Script::default()
    })
    .await;
    let home = Home::new();
    let mut client = home.client_of(&evil.address, &["--user", "ann"]);
    client.wait_for("the end");
    // Each as the sender of a line and of the one below.
    let shown = words(&client.transcript());
    assert_eq!(shown, 2 * tricks.len(), "mentions were pointed out");
    for first in ["/search x", "/mentions all"] {
        client.line(first);
        for _ in 1..tricks.len().div_ceil(10) {
            client.wait_for("/more shows them.");
            client.line("/more");
        }
        // Comes after all that.
        client.ask("/frobnicate", "There is no command");
    }
    // At least the sender and the text of each.
    let shown = words(&client.transcript());
    assert!(shown >= 6 * tricks.len(), "{shown} shown");
    client.line("/quit");
    client.ended();
    assert_harmless(&client.bytes(), "in a terminal");
    for command in ["search", "mentions"] {
        let word = (command == "search").then_some("x");
        let arguments = ["--user", "ann", "--json", command, "-n", "500"];
        let arguments: Vec<&str> = arguments.into_iter().chain(word).collect();
        let output = home.run(&evil.address, &arguments, b"");
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(lines, tricks.len(), "{command}");
        // What is for programs keeps all marks; it has nothing that a terminal would obey.
        let mut faults = Oracle::judge_lines(&output.stdout).faults;
        faults.retain(|fault| fault != "a tower of marks");
        assert_eq!(faults, Vec::<String>::new(), "{command}");
    }
}
