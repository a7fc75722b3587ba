//! What the Go original did wrong, each as a test through the schema. (What its line client did wrong is tested where
//! the line client is.)

use std::time::{Duration, Instant};

use tinychat::pb::{LoginResponse, Presence, TimeRequest, chat_request::Request, reply};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, transport::Endpoint};

use crate::support::{
    Account, PATIENCE, Server,
    account::{messages, new_id, text_of, to_user},
    in_time, reason,
    rng::Rng,
};

/// Waits until a user is seen as online or offline.
async fn seen_as(watcher: &Account, name: &str, presence: Presence) {
    let end = Instant::now() + PATIENCE;
    loop {
        let users = watcher.users().await;
        if users.contains(&(name.to_owned(), presence)) {
            return;
        }
        assert!(
            Instant::now() < end,
            "{name} is not {presence:?}: {users:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn two_logins_of_one_name_both_get_every_message_and_one_leaving_leaves_the_user_online() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let desk = Account::register(&server, "bob").await;
    let phone = Account::login(&server, "bob").await;
    let mut at_desk = desk.subscribe(None).await;
    let mut at_phone = phone.subscribe(None).await;
    at_desk.until_caught_up().await;
    at_phone.until_caught_up().await;
    seen_as(&ann, "bob", Presence::Online).await;

    for number in 0..20 {
        ann.send("bob", &format!("{number}")).await;
    }
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for device in [&mut at_desk, &mut at_phone] {
        let got = device.messages(20).await;
        assert_eq!(got.iter().map(text_of).collect::<Vec<_>>(), expected);
    }

    // The server hears of the end of one stream; what it says of the other must stay as it was.
    drop(at_desk);
    drop(desk);
    ann.send("bob", "still there?").await;
    assert_eq!(text_of(&at_phone.messages(1).await[0]), "still there?");
    for _ in 0..50 {
        seen_as(&ann, "bob", Presence::Online).await;
    }
    drop(at_phone);
    seen_as(&ann, "bob", Presence::Offline).await;
}

#[tokio::test]
async fn the_1001st_message_to_an_absent_user_freezes_nobody() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut chat = ann.chat(None).await.unwrap();
    let (count, mut acked) = (1_500, 0);
    for batch in 0..15 {
        for number in 0..100 {
            let number = batch * 100 + number;
            let send = to_user("bob", &format!("{number}"), &new_id());
            chat.ask(number + 2, Request::Send(send)).await;
        }
        while acked < (batch + 1) * 100 {
            let frame = in_time("acknowledgements", chat.stream.message()).await;
            for reply in frame.unwrap().unwrap().replies {
                if let Some(reply::Result::Send(_)) = reply.result {
                    acked += 1;
                }
            }
        }
    }
    // The sender lives on, on the same stream and beside it.
    chat.ping(9_999).await;
    chat.reply(9_999).await;
    let mut client = ann.connection.chat();
    in_time("the time", client.time(TimeRequest {}))
        .await
        .unwrap();

    let missed = messages(bob.subscribe(None).await.until_caught_up().await);
    let texts: Vec<String> = missed.iter().map(|m| text_of(m).to_owned()).collect();
    let expected: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn garbage_bytes_on_the_port_hurt_nobody() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut events = bob.subscribe(None).await;
    events.until_caught_up().await;

    let mut rng = Rng::new(0x9a5);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut inputs: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{\"this\": \"was the original's protocol\"}\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(),
        preface[..10].to_vec(),
        [preface.as_slice(), &[0xff; 64]].concat(),
        [
            preface.as_slice(),
            b"\0\0\0\x04\0\0\0\0\0\0\0\0\x01\x05\0\0\0\x01",
        ]
        .concat(),
    ];
    for _ in 0..30 {
        let length = rng.within(1..4_000);
        inputs.push((0..length).map(|_| rng.next() as u8).collect());
    }
    for (number, input) in inputs.iter().enumerate() {
        let mut socket = TcpStream::connect(server.address().as_str()).await.unwrap();
        socket.write_all(input).await.ok();
        socket.shutdown().await.ok();
        // What it answers does not matter; that it ends does.
        let mut answer = Vec::new();
        in_time(
            "the end of a garbled connection",
            socket.read_to_end(&mut answer),
        )
        .await
        .ok();
        ann.send("bob", &format!("{number}")).await;
        assert_eq!(text_of(&events.messages(1).await[0]), number.to_string());
    }
    assert!(server.ended().is_none());
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_an_error_of_its_sender_alone() {
    let mut server = Server::start();
    let address = format!("http://{}", server.address().as_str());
    let channel = Endpoint::from_shared(address)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    // Bytes as field 1, which is a string there: it is not UTF-8.
    let codec = tonic_prost::ProstCodec::<Vec<u8>, LoginResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/tinychat.v1.AuthService/Login");
    let request = tonic::Request::new(vec![0xff, 0xfe]);
    let status = in_time("an answer", client.unary(request, path, codec)).await;
    let status = status.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(&status), "MALFORMED_MESSAGE", "{status:?}");
    assert!(server.ended().is_none());
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    Account::register(&server, "bob").await;
    ann.send("bob", "before the crash").await;
    server.kill9();
    let mut server = server.restart();
    ann.on(&server).send("bob", "before the stop").await;
    assert!(server.terminate().status.success());
    let server = server.restart();
    ann.on(&server).send("bob", "after both").await;
    let bob = Account::login(&server, "bob").await;
    let got = messages(bob.subscribe(None).await.until_caught_up().await);
    let texts: Vec<&str> = got.iter().map(text_of).collect();
    assert_eq!(texts, ["before the crash", "before the stop", "after both"]);
    assert!(got.iter().all(|message| message.sent_time.is_some()));
}

#[tokio::test]
async fn a_text_that_begins_with_a_space_is_delivered_as_it_is() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    ann.send("ann", " a space first").await;
    let got = messages(ann.subscribe(None).await.until_caught_up().await);
    assert_eq!(text_of(&got[0]), " a space first");
}

#[tokio::test]
async fn a_conversation_with_nobody_named_is_refused_and_nothing_ends() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    for (name, code) in [
        ("", Code::InvalidArgument),
        ("not a name!", Code::InvalidArgument),
        ("nobody", Code::NotFound),
    ] {
        let refused = ann.send_as(name, "hello", &new_id()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{name:?}: {refused:?}");
    }
    ann.send("ann", "to myself").await;
    assert!(server.ended().is_none());
}

#[tokio::test]
async fn a_message_whose_delivery_failed_comes_with_the_next_connect() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut cursor = None;
    let mut got = Vec::new();
    for round in 0..20 {
        // Some come live, some while the stream is cut, some in between.
        let mut events = bob.on(&server).subscribe(cursor.clone()).await;
        ann.send("bob", &format!("{round} first")).await;
        // Reads a part of what is due: the rest was cut off with the stream.
        let enough = if round % 2 == 0 { 1 } else { 2 };
        let due = 2 * round + 1 - got.len();
        let read = events.messages(due.min(enough)).await;
        got.extend(read.iter().map(|message| text_of(message).to_owned()));
        cursor = events.cursor.clone();
        drop(events);
        ann.send("bob", &format!("{round} second")).await;
    }
    let mut events = bob.on(&server).subscribe(cursor).await;
    got.extend(
        messages(events.until_caught_up().await)
            .iter()
            .map(|m| text_of(m).to_owned()),
    );
    let expected: Vec<String> = (0..20)
        .flat_map(|round| [format!("{round} first"), format!("{round} second")])
        .collect();
    assert_eq!(got, expected);
}
