//! Connections: how many there may be, how old they become, and what happens when the system gives no more.

use std::time::Duration;

use tinychat::pb::{GoingAwayReason, TimeRequest, event::Body};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::support::{
    self, Account, Server, eventually_async,
    feed::{DOORS, after},
    in_time,
    strace::{self, Strace},
};

/// Whether a call on a connection of its own is answered.
async fn served(server: &Server) -> bool {
    let mut chat = server.connection().chat();
    in_time("the time", chat.time(TimeRequest {})).await.is_ok()
}

#[tokio::test]
async fn as_many_connections_as_may_be_and_not_one_more() {
    let server = Server::build()
        .arguments(&["--connections-max", "3"])
        .start();
    let mut held = Vec::new();
    for _ in 0..3 {
        let connection = server.connection();
        in_time("the time", connection.chat().time(TimeRequest {}))
            .await
            .unwrap();
        held.push(connection);
    }
    // One more is closed without a word.
    let mut stream = TcpStream::connect(server.address().as_str()).await.unwrap();
    let mut byte = [0];
    let read = in_time("the end", stream.read(&mut byte)).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(!served(&server).await);
    // Those that are in go on, and a place that is left is free.
    for connection in &held {
        in_time("the time", connection.chat().time(TimeRequest {}))
            .await
            .unwrap();
    }
    held.pop();
    eventually_async("a place is free", async || served(&server).await).await;
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_and_its_streams_resume_without_a_hole() {
    // Long enough for a stream to catch up and hear a message before its connection is old, also on a busy machine.
    let age = Duration::from_secs(5);
    let server = Server::build()
        .arguments(&["--connection-age", &format!("{}s", age.as_secs())])
        .start();
    let old = async |name: &str, door| {
        let user = Account::register(&server, name).await;
        let mut feed = user.on(&server).live(door).await;
        user.on(&server).send(name, "before").await;
        let came = feed.until_text("before").await;
        let cursor = came.last().unwrap().cursor.clone();
        let mut reasons = Vec::new();
        while let Some(event) = in_time("its end", feed.try_next()).await.unwrap() {
            if let Some(Body::GoingAway(going)) = event.body {
                reasons.push(going.reason());
            }
        }
        assert_eq!(reasons, [GoingAwayReason::ConnectionAge]);
        user.on(&server).send(name, "meanwhile").await;
        let mut feed = user.on(&server).feed(door, after(&cursor)).await;
        let came = feed.until_text("meanwhile").await;
        let messages = came
            .iter()
            .filter(|event| matches!(event.body, Some(Body::Message(_))));
        assert_eq!(messages.count(), 1);
    };
    // A call that finds its connection gone is made on a new one by itself.
    let calls = async {
        let mut chat = server.connection().chat();
        let began = tokio::time::Instant::now();
        while began.elapsed() < age.mul_f64(2.5) {
            in_time("the time", chat.time(TimeRequest {}))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let [first, second] = DOORS;
    tokio::join!(old("ann", first), old("bob", second), calls);
}

#[tokio::test]
async fn several_addresses_are_served() {
    let server = Server::build()
        .arguments(&["--listen", "127.0.0.2:0"])
        .start();
    let greeting = server.printed().join("\n");
    let second = greeting.split(" and ").nth(1).unwrap();
    let second = second.split(' ').next().unwrap().parse().unwrap();
    let security = tinychat::client::net::tls::Security::Plaintext;
    let connection = tinychat::client::net::connect::Connection::open(&second, &security).unwrap();
    let ann = Account::try_register(&connection, "ann").await.unwrap();
    assert!(served(&server).await);
    ann.send("ann", "by the other door").await;
}

#[tokio::test]
async fn accepting_goes_on_after_the_system_gave_nothing() {
    if !support::need(
        "accepting_goes_on_after_the_system_gave_nothing",
        strace::usable(),
    ) {
        return;
    }
    for error in ["EMFILE", "ECONNABORTED"] {
        let strace =
            Strace::tracing("accept4").inject(&format!("accept4:error={error}:when=1..30"));
        let server = Server::build().under(strace.wrapper()).start();
        // Thirty failures at 50 ms each; then it is as if nothing had been.
        eventually_async("it is served", async || served(&server).await).await;
        let told = server.stderr().matches("cannot accept connections").count();
        assert_eq!(
            told,
            usize::from(error == "EMFILE"),
            "{error}: {}",
            server.stderr()
        );
        let failed = strace.log().matches("(INJECTED)").count();
        assert!(failed >= 30, "{error} was injected {failed} times");
    }
}
