//! The same for invite links, for how far others have come, and for what hides those who are blocked.

use tinychat::pb::{BlocksChanged, CaughtUp, Message, Welcome, event::Body, message::Content};

use super::{assert_harmless, event, message, tricks, user, words};
use crate::support::{
    evil::{Evil, Script},
    oracle::Oracle,
    terminal::Home,
};

/// A message in a group of which nothing is known, so that it is hidden if its sender is blocked.
fn in_a_group(seq: u64, sender: &str, text: &str, reply_to_seq: u64) -> tinychat::pb::Event {
    event(Body::Message(Message {
        conversation_id: "c7".to_owned(),
        seq,
        sender: Some(user(sender)),
        content: Some(Content::Text(text.to_owned())),
        reply_to_seq,
        ..Message::default()
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_about_links_and_markers_reaches_the_screen_or_a_pipe() {
    let tricks = tricks();
    let evil = Evil::start(Script {
        frames: vec![
            vec![event(Body::Welcome(Welcome::default()))],
            vec![
                event(Body::CaughtUp(CaughtUp {})),
                message(1, "bob", "the end"),
            ],
        ],
        tricks: tricks.clone(),
        user: "ann".to_owned(),
        ..Script::default()
    })
    .await;
    let home = Home::new();
    let mut client = home.client_of(&evil.address, &["--user", "ann"]);
    client.wait_for("the end");
    client.ask("/start open", "closes it.");
    let before = words(&client.transcript());
    client.ask("/links", "since ");
    client.ask("/seen", "have got it.");
    for _ in &tricks {
        client.ask("/link 5", "makes it void.");
    }
    // What nobody can be called is nobody who is blocked.
    client.ask("/blocked", "You block nobody");
    let shown = words(&client.transcript()) - before;
    // Who made a link, who has got the message; ids and codes are cut.
    assert!(shown >= 2 * tricks.len(), "{shown} shown");
    client.line("/quit");
    client.ended();
    assert_harmless(&client.bytes(), "in a terminal");
    for command in [
        &["links", "id:c1"][..],
        &["link", "id:c1"],
        &["seen", "id:c1"],
        &["blocked"],
    ] {
        for json in [false, true] {
            let flag = json.then_some("--json");
            let arguments: Vec<&str> = ["--user", "ann"]
                .into_iter()
                .chain(flag)
                .chain(command.iter().copied())
                .collect();
            let output = home.run(&evil.address, &arguments, b"");
            assert!(output.status.success(), "{arguments:?}: {output:?}");
            assert!(
                words(&String::from_utf8_lossy(&output.stdout)) > 0,
                "{arguments:?}"
            );
            // What is for programs keeps all marks; it has nothing that a terminal would obey.
            let mut faults = Oracle::judge_lines(&output.stdout).faults;
            faults.retain(|fault| !json || fault != "a tower of marks");
            assert_eq!(faults, Vec::<String>::new(), "{arguments:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_of_one_who_is_blocked_is_shown_at_all() {
    let tricks = tricks();
    let mut frames = vec![vec![
        event(Body::Welcome(Welcome::default())),
        event(Body::BlocksChanged(BlocksChanged {
            users: tricks
                .iter()
                .map(|trick| user(trick))
                .chain([user("bob")])
                .collect(),
        })),
    ]];
    for (index, trick) in tricks.iter().enumerate() {
        let seq = 2 * index as u64 + 1;
        frames.push(vec![
            in_a_group(seq, "bob", trick, 0),
            in_a_group(seq + 1, "carol", "an answer", seq),
        ]);
    }
    frames.push(vec![
        event(Body::CaughtUp(CaughtUp {})),
        message(1, "carol", "the end"),
    ]);
    let evil = Evil::start(Script {
        frames,
        user: "ann".to_owned(),
        ..Script::default()
    })
    .await;
    let home = Home::new();
    let mut client = home.client_of(&evil.address, &["--user", "ann"]);
    client.wait_for("the end");
    let shown = client.transcript();
    let hidden = "> (hidden: you have blocked bob; /unblock bob)\n> bob: (hidden)\n<carol, ";
    assert_eq!(shown.matches(hidden).count(), tricks.len(), "{shown}");
    assert_eq!(words(&shown), 0, "{shown}");
    client.line("/quit");
    client.ended();
    assert_harmless(&client.bytes(), "in a terminal");
}
