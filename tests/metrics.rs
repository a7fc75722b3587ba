//! `/metrics`: on a listener of its own, with what the server does, and nothing that a peer chose.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tinychat::pb::LoginRequest;

use crate::support::{Account, PATIENCE, Server, eventually, feed::Door, in_time};

/// Asks for a page, as Prometheus does.
pub fn scrape(server: &Server, path: &str) -> String {
    ask(server, path, "localhost")
}

/// Asks by this name of the host, which a page of another site chooses as it likes.
fn ask(server: &Server, path: &str, host: &str) -> String {
    let greeting = server.printed().join("\n");
    let address = greeting.split("Metrics: http://").nth(1).unwrap();
    let address = address.split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn metrics_are_told_to_this_machine_by_its_own_name_only() {
    let metrics = ["--metrics", "127.0.0.1:0"];
    let server = Server::build().arguments(&metrics).start();
    for own in ["localhost", "localhost:9777", "127.0.0.1", "[::1]:1"] {
        let page = ask(&server, "/metrics", own);
        assert!(page.starts_with("HTTP/1.1 200"), "{own}: {page}");
    }
    for foreign in ["evil.example", "evil.example:9777", "10.0.0.1", ""] {
        let page = ask(&server, "/metrics", foreign);
        assert!(page.starts_with("HTTP/1.1 403"), "{foreign}: {page}");
        assert!(!page.contains("tinychat_"), "{page}");
    }
}

/// The value of a line that begins so.
fn value(page: &str, name: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no {name} in:\n{page}"));
    line.parse().unwrap()
}

#[tokio::test]
async fn what_the_server_does_is_counted() {
    let metrics = ["--metrics", "127.0.0.1:0"];
    let server = Server::build().with_passwords().arguments(&metrics).start();
    let ann = Account::register(&server, "ann").await;
    Account::register(&server, "bob").await;
    let bob = Account::login(&server, "bob").await;
    let wrong = LoginRequest {
        user_name: "ann".to_owned(),
        password: "wrong password".to_owned(),
        device_name: String::new(),
    };
    let mut auth = server.connection().auth();
    in_time("login", auth.login(wrong)).await.unwrap_err();
    let mut feed = bob.live(Door::Chat).await;
    let id = crate::support::account::new_id();
    for _ in 0..2 {
        // The repeat is no second message.
        ann.send_as("bob", "one", &id).await.unwrap();
    }
    ann.send("bob", "two").await;
    feed.until_text("two").await;

    let page = scrape(&server, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("text/plain; version=0.0.4"), "{page}");
    assert_eq!(value(&page, "tinychat_sends_total"), 2.0);
    assert_eq!(value(&page, "tinychat_streams"), 1.0);
    assert_eq!(value(&page, "tinychat_users_online"), 1.0);
    assert_eq!(value(&page, "tinychat_devices_online"), 1.0);
    assert_eq!(
        value(&page, "tinychat_logins_total{outcome=\"succeeded\"}"),
        3.0
    );
    assert_eq!(
        value(&page, "tinychat_logins_total{outcome=\"failed\"}"),
        1.0
    );
    let refused = "tinychat_calls_refused_total{reason=\"LOGIN_FAILED\"}";
    assert_eq!(value(&page, refused), 1.0);
    let open = value(&page, "tinychat_connections");
    let accepted = value(&page, "tinychat_connections_accepted_total");
    assert!(open >= 1.0 && accepted >= open, "{open} of {accepted}");
    // Two registrations, three devices, two messages: each was in some commit.
    let commits = value(&page, "tinychat_commit_seconds_count");
    let jobs = value(&page, "tinychat_commit_jobs_sum");
    assert!(commits >= 1.0 && jobs >= commits, "{jobs} in {commits}");
    assert!(value(&page, "tinychat_fan_out_readers_count") >= 2.0);
    assert_eq!(value(&page, "tinychat_stream_lags_total"), 0.0);
    // Everything is explained, and no name of a peer stands anywhere.
    let names = page.lines().filter(|line| line.starts_with("# TYPE "));
    for line in names {
        let name = line.split(' ').nth(2).unwrap();
        assert!(name.starts_with("tinychat_"), "{line}");
        assert!(
            page.contains(&format!("# HELP {name} ")),
            "{name} has no help"
        );
    }
    assert!(!page.contains("ann") && !page.contains("bob"), "{page}");

    drop(feed);
    eventually("the stream is counted out", PATIENCE, || {
        value(&scrape(&server, "/metrics"), "tinychat_streams") == 0.0
    })
    .await;
    assert!(scrape(&server, "/").starts_with("HTTP/1.1 404"));
}
