//! A full disk: sends are refused, reading goes on, and sends are taken again once there is room.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use tinychat::pb::event::Body;
use tonic::Code;

use crate::support::{
    self, Account, PATIENCE, Server,
    account::{messages, new_id, reason, text_of},
    disk::SmallDisk,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_sends_goes_on_reading_and_recovers() {
    let name = "a_full_disk_refuses_sends_goes_on_reading_and_recovers";
    let disk = SmallDisk::mount(16);
    if !support::need(name, disk.as_ref().map(drop).map_err(Clone::clone)) {
        return;
    }
    let _turn = support::heavy().await;
    let disk = disk.unwrap();
    let ballast = disk.path().join("ballast");
    let eight = vec![0; 8 << 20];
    fs::File::create(&ballast)
        .unwrap()
        .write_all(&eight)
        .unwrap();

    let mut server = Server::build().on(&disk.path().join("data")).start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut open = bob.subscribe(None).await;
    open.until_caught_up().await;

    let text = "x".repeat(16 * 1024);
    let mut acked = Vec::new();
    let refusal = loop {
        let id = new_id();
        match ann.send_as("bob", &text, &id).await {
            Ok(answer) => acked.push((answer.seq, id)),
            Err(status) => break status,
        }
        assert!(
            acked.len() < 2_000,
            "a disk of 16 MiB took {} sends",
            acked.len()
        );
    };
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal:?}");
    assert_eq!(reason(&refusal), "STORE_FULL", "{refusal:?}");
    let while_full = acked.len();

    // Reading goes on: the history, a new stream, and the one that was open.
    let conversation = ann.conversation_with("bob").await;
    let history = ann.history(&conversation.id).await;
    assert_eq!(history.len(), while_full);
    let replay = messages(bob.subscribe(None).await.until_caught_up().await);
    assert_eq!(replay.len(), while_full);
    assert_eq!(open.messages(while_full).await.len(), while_full);
    assert!(server.ended().is_none(), "{}", server.stderr());

    // The same send, repeated until there is room.
    fs::remove_file(&ballast).unwrap();
    let (late, end) = (new_id(), Instant::now() + PATIENCE);
    loop {
        match ann.send_as("bob", "there is room", &late).await {
            Ok(answer) => break acked.push((answer.seq, late)),
            Err(status) => {
                assert_eq!(reason(&status), "STORE_FULL", "{status:?}");
                assert!(Instant::now() < end, "sends are not taken again");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    for number in 0..20 {
        let id = new_id();
        let answer = ann.send_as("bob", &format!("{number}"), &id).await.unwrap();
        acked.push((answer.seq, id));
    }
    let live = loop {
        if let Body::Message(message) = open.next().await {
            break message;
        }
    };
    assert_eq!(text_of(&live), "there is room");

    let history = bob.history(&conversation.id).await;
    let read: Vec<(u64, String)> = history
        .iter()
        .map(|message| (message.seq, message.client_message_id.clone()))
        .collect();
    assert_eq!(read, acked);
    assert!(read.iter().map(|(seq, _)| *seq).eq(1..=acked.len() as u64));
    // And it survives a crash in this state.
    server.kill9();
    let server = server.restart();
    assert_eq!(bob.on(&server).history(&conversation.id).await, history);
    drop(server);
}
