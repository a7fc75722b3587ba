//! Devices and tokens: what an account lists, how each ends, what a new password does, and how guessing is slowed.

use std::{
    net::IpAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use prost::Message as _;
use tinychat::pb::{
    ChangePasswordRequest, ChatRequest, CreateTokenRequest, Device, DeviceKind, GoingAwayReason,
    Hello, ListDevicesRequest, LoginRequest, LogoutRequest, Presence, RevokeDeviceRequest, Scope,
    WhoAmIRequest, auth_service_client::AuthServiceClient, chat_request::Request, event::Body,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Status, transport::Endpoint};
use tonic_types::StatusExt as _;

use crate::support::{
    Account, Server, Start,
    account::{PASSWORD, new_id, to_user},
    both_stores, eventually_async,
    feed::{DOORS, Door},
    heavy, in_time, reason, wire,
};

/// Calls with frames of one's own: a message in two halves, or one that is taken back.
struct Slow {
    stream: TcpStream,
    /// Its stream has ended: a quick answer may be whole before a ping is answered.
    over: bool,
}

impl Slow {
    /// Begins a call with the first bytes of its message.
    async fn begin(server: &Server, path: &str, token: &str, part: &[u8], flags: u8) -> Self {
        let address = server.address().as_str();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (name, value) = wire::bearer(token);
        let block = wire::call(path, &[(name, value.as_str())]);
        let bytes = [
            wire::greeting(&[]),
            wire::frame(wire::HEADERS, wire::END_HEADERS, 1, &block),
            wire::frame(wire::DATA, flags, 1, part),
        ];
        stream.write_all(&bytes.concat()).await.unwrap();
        let mut slow = Self {
            stream,
            over: false,
        };
        // Frames are handled in their order: when this is answered, the call has been let in or refused.
        slow.go_on_for(0, wire::PING, 0, &[0; 8]).await;
        while slow.frame().await.is_some_and(|kind| kind != wire::PING) {}
        slow
    }

    /// The kind of the next frame; `None`: the connection has ended.
    async fn frame(&mut self) -> Option<u8> {
        let mut head = [0; 9];
        let read = in_time("a frame", self.stream.read_exact(&mut head)).await;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        read.ok()?;
        self.stream.read_exact(&mut payload).await.ok()?;
        let (kind, flags) = (head[3], head[4]);
        let last = kind == wire::HEADERS && flags & wire::END_STREAM != 0;
        self.over |= last || kind == wire::RST_STREAM;
        Some(kind)
    }

    async fn go_on(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        self.go_on_for(1, kind, flags, payload).await;
    }

    async fn go_on_for(&mut self, stream: u32, kind: u8, flags: u8, payload: &[u8]) {
        let bytes = wire::frame(kind, flags, stream, payload);
        // Its connection may have been ended with its token.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// Waits until its stream or its connection has ended.
    async fn ended(&mut self) {
        while !self.over && self.frame().await.is_some() {}
    }
}

async fn a_logout_that_is_taken_back_is_done_whole_or_not_at_all(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let mut done = 0;
    for round in 0..60_u64 {
        let device = Account::login(&server, "ann").await;
        let mut feed = device.live(DOORS[round as usize % 2]).await;
        let id = devices(&ann).await.last().unwrap().id.clone();
        let logout = "/tinychat.v1.AuthService/Logout";
        let message = wire::message(&[]);
        let mut call =
            Slow::begin(&server, logout, &device.token, &message, wire::END_STREAM).await;
        // Before it is begun, while it is committed, after it was done. (Nothing is waited for: where in its course the call
        // is taken back is what the rounds vary.)
        match round {
            0..55 => tokio::time::sleep(Duration::from_micros(round * 50)).await,
            _ => call.ended().await,
        }
        call.go_on(wire::RST_STREAM, 0, &8_u32.to_be_bytes()).await;
        drop(call);
        // Whether it was done shows in the list; token and stream must agree with that in the end.
        eventually_async("all agree", async || {
            let listed = devices(&ann).await.iter().any(|device| device.id == id);
            listed == is_in(&device).await
        })
        .await;
        if is_in(&device).await {
            // It may still be done a moment later; either way it is gone now.
            let _ = revoke(&ann, &id).await;
        } else {
            done += 1;
        }
        let status = feed.end().await.unwrap_err();
        assert_eq!(reason(&status), "TOKEN_INVALID", "round {round}");
    }
    assert!(done >= 5, "{done} of 60 were done");
}

async fn what_comes_late_in_the_name_of_a_revoked_token_is_refused(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let thief = Account::login(&server, "ann").await;
    let stolen = devices(&ann).await.last().unwrap().id.clone();
    let create = CreateTokenRequest {
        name: "left behind".to_owned(),
        scopes: vec![Scope::Admin.into()],
        expire_time: None,
    };
    let send = to_user("ann", "left behind", &new_id());
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Request::Hello(Hello::default())),
    };
    let mut calls = Vec::new();
    for (path, message) in [
        (
            "/tinychat.v1.AuthService/CreateToken",
            create.encode_to_vec(),
        ),
        ("/tinychat.v1.ChatService/Send", send.encode_to_vec()),
        ("/tinychat.v1.ChatService/Chat", hello.encode_to_vec()),
    ] {
        let message = wire::message(&message);
        let (half, rest) = message.split_at(message.len() / 2);
        let call = Slow::begin(&server, path, &thief.token, half, 0).await;
        calls.push((call, rest.to_vec()));
    }
    // Each was let in, or the second half would not be the one that is refused.
    eventually_async("they were begun", async || is_in(&thief).await).await;
    let before = devices(&ann).await.len();
    revoke(&ann, &stolen).await.unwrap();
    for (call, rest) in &mut calls {
        call.go_on(wire::DATA, wire::END_STREAM, rest).await;
        call.ended().await;
    }
    assert_eq!(devices(&ann).await.len(), before - 1);
    assert!(
        ann.conversations().await.is_empty(),
        "a message was left behind"
    );
    let users = ann.users().await;
    assert_eq!(users.len(), 1);
    let online = users[0].1;
    assert_eq!(online, Presence::Offline, "a stream was left behind");
}

both_stores! {
    devices_are_listed_with_what_they_are,
    a_device_has_five_streams_and_the_oldest_makes_way,
    an_expired_token_ends_its_streams,
    fifty_tokens_and_not_one_more_and_no_login_retires_one,
    a_new_password_ends_other_devices_when_asked,
    a_logout_that_is_taken_back_is_done_whole_or_not_at_all,
    what_comes_late_in_the_name_of_a_revoked_token_is_refused,
}

/// Another address of this machine, for a caller who is somebody else.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

async fn devices(account: &Account) -> Vec<Device> {
    let mut auth = account.connection.auth();
    let listed = in_time("devices", auth.list_devices(ListDevicesRequest {})).await;
    listed.unwrap().into_inner().devices
}

async fn token(
    account: &Account,
    name: &str,
    expire: Option<i64>,
) -> Result<(Account, Device), Status> {
    let request = CreateTokenRequest {
        name: name.to_owned(),
        scopes: vec![Scope::Read.into(), Scope::Send.into()],
        expire_time: expire.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
    };
    let mut auth = account.connection.auth();
    let made = in_time("a token", auth.create_token(request))
        .await?
        .into_inner();
    let bot = Account {
        name: account.name.clone(),
        connection: account.connection.with_token(&made.access_token).unwrap(),
        token: made.access_token,
    };
    Ok((bot, made.device.unwrap()))
}

async fn revoke(account: &Account, device: &str) -> Result<(), Status> {
    let request = RevokeDeviceRequest {
        device_id: device.to_owned(),
    };
    let mut auth = account.connection.auth();
    in_time("revoke", auth.revoke_device(request))
        .await
        .map(drop)
}

async fn is_in(account: &Account) -> bool {
    let mut auth = account.connection.auth();
    in_time("who", auth.who_am_i(WhoAmIRequest {}))
        .await
        .is_ok()
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64
}

async fn devices_are_listed_with_what_they_are(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let phone = Account::login(&server, "ann").await;
    let end = now() + 3_600;
    let (_, made) = token(&ann, "build bot", Some(end)).await.unwrap();
    let _feed = phone.live(Door::Chat).await;
    let listed = devices(&ann).await;
    let kinds: Vec<_> = listed.iter().map(Device::kind).collect();
    assert_eq!(
        kinds,
        [DeviceKind::Login, DeviceKind::Login, DeviceKind::Token]
    );
    let streams: Vec<_> = listed.iter().map(|device| device.streams_count).collect();
    assert_eq!(streams, [0, 1, 0]);
    let bot = &listed[2];
    assert_eq!((&bot.id, bot.name.as_str()), (&made.id, "build bot"));
    assert_eq!(bot.scopes, [i32::from(Scope::Read), Scope::Send.into()]);
    assert_eq!(listed[0].scopes.len(), 3);
    assert_eq!(bot.expire_time.unwrap().seconds, end);
    assert_eq!(listed[0].expire_time, None);
    assert!((now() - listed[0].last_seen_time.unwrap().seconds).abs() <= 120);

    revoke(&ann, &bot.id).await.unwrap();
    assert_eq!(devices(&ann).await.len(), 2);
    let again = revoke(&ann, &bot.id).await.unwrap_err();
    assert_eq!(reason(&again), "DEVICE_NOT_FOUND");
}

/// What a stream says at its end: the reasons for which it was told to go.
async fn told(feed: &mut crate::support::feed::Feed) -> (Vec<GoingAwayReason>, Result<(), Status>) {
    let mut reasons = Vec::new();
    loop {
        match feed.try_next().await {
            Ok(Some(event)) => {
                if let Some(Body::GoingAway(going)) = event.body {
                    assert!(
                        going.retry_after.is_none() || going.reason() != GoingAwayReason::Replaced
                    );
                    reasons.push(going.reason());
                }
            }
            Ok(None) => return (reasons, Ok(())),
            Err(status) => return (reasons, Err(status)),
        }
    }
}

async fn a_device_has_five_streams_and_the_oldest_makes_way(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let other = Account::login(&server, "ann").await;
    let mut spared = other.live(Door::Chat).await;
    let mut feeds = Vec::new();
    for index in 0..5 {
        feeds.push(ann.live(DOORS[index % 2]).await);
    }
    // Five are five: all of them hear.
    other.send("ann", "five").await;
    for feed in &mut feeds {
        feed.until_text("five").await;
    }
    for index in 0..2 {
        let more = ann.live(DOORS[index % 2]).await;
        let (reasons, end) = told(&mut feeds[0]).await;
        assert_eq!(reasons, [GoingAwayReason::Replaced]);
        end.unwrap();
        feeds.remove(0);
        feeds.push(more);
    }
    other.send("ann", "still five").await;
    for feed in feeds.iter_mut().chain([&mut spared]) {
        feed.until_text("still five").await;
    }
}

async fn an_expired_token_ends_its_streams(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let end = now() + 3;
    let (bot, _) = token(&ann, "short", Some(end)).await.unwrap();
    let mut feeds = Vec::new();
    for door in DOORS {
        feeds.push(bot.live(door).await);
    }
    for feed in &mut feeds {
        let status = feed.end().await.unwrap_err();
        let got = (status.code(), reason(&status));
        assert_eq!(got, (Code::Unauthenticated, "TOKEN_EXPIRED".to_owned()));
        assert!(now() >= end, "before its end");
    }
    let refused = bot.connection.auth().who_am_i(WhoAmIRequest {}).await;
    assert_eq!(reason(&refused.unwrap_err()), "TOKEN_EXPIRED");
    assert!(
        devices(&ann)
            .await
            .iter()
            .all(|device| device.name != "short")
    );
    let late = token(&ann, "late", Some(now() - 1)).await.unwrap_err();
    assert_eq!(reason(&late), "EXPIRE_TIME_INVALID");
}

async fn fifty_tokens_and_not_one_more_and_no_login_retires_one(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let mut bots = Vec::new();
    for index in 0..50 {
        bots.push(token(&ann, &format!("bot {index}"), None).await.unwrap());
    }
    let refused = token(&ann, "one more", None).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "TOO_MANY_TOKENS");
    let mut latest = ann.clone();
    for _ in 0..21 {
        latest = Account::login(&server, "ann").await;
    }
    for (bot, _) in &bots {
        assert!(is_in(bot).await);
    }
    revoke(&latest, &bots[0].1.id).await.unwrap();
    token(&latest, "one more", None).await.unwrap();
}

async fn change(account: &Account, current: &str, new: &str, end: bool) -> Result<u32, Status> {
    let request = ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        end_other_devices: end,
    };
    let mut auth = account.connection.auth();
    let changed = in_time("change", auth.change_password(request)).await?;
    Ok(changed.into_inner().ended_devices_count)
}

async fn try_login(server: &Server, name: &str, password: &str) -> Result<Account, Status> {
    let connection = server.connection();
    let request = LoginRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: String::new(),
    };
    let answer = in_time("login", connection.auth().login(request))
        .await?
        .into_inner();
    Ok(Account {
        name: name.to_owned(),
        connection: connection.with_token(&answer.access_token).unwrap(),
        token: answer.access_token,
    })
}

async fn a_new_password_ends_other_devices_when_asked(start: Start) {
    let server = start.with_passwords().start();
    let ann = Account::register(&server, "ann").await;
    let phone = Account::login(&server, "ann").await;
    let (bot, _) = token(&ann, "bot", None).await.unwrap();
    let mut own = ann.live(Door::Chat).await;
    let mut others = vec![
        phone.live(Door::Chat).await,
        bot.live(Door::Subscribe).await,
    ];

    let wrong = change(&ann, "not this one", "another password", true).await;
    let wrong = wrong.unwrap_err();
    assert_eq!(
        (wrong.code(), reason(&wrong).as_str()),
        (Code::PermissionDenied, "PASSWORD_WRONG")
    );
    let short = change(&ann, PASSWORD, "short", true).await.unwrap_err();
    assert_eq!(short.code(), Code::InvalidArgument);
    assert!(is_in(&phone).await && is_in(&bot).await);

    // Without being asked nobody ends.
    assert_eq!(
        change(&ann, PASSWORD, "second password", false)
            .await
            .unwrap(),
        0
    );
    assert!(is_in(&phone).await && is_in(&bot).await);
    let old = try_login(&server, "ann", PASSWORD).await.unwrap_err();
    assert_eq!(reason(&old), "LOGIN_FAILED");

    assert_eq!(
        change(&ann, "second password", "third password", true)
            .await
            .unwrap(),
        2
    );
    let began = Instant::now();
    for other in &mut others {
        assert_eq!(other.end().await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert!(is_in(&ann).await && !is_in(&phone).await && !is_in(&bot).await);
    ann.send("ann", "still here").await;
    own.until_text("still here").await;
    try_login(&server, "ann", "third password").await.unwrap();
}

#[tokio::test]
async fn with_names_on_trust_there_is_no_password_to_change() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let refused = change(&ann, PASSWORD, PASSWORD, false).await.unwrap_err();
    assert_eq!(reason(&refused), "PASSWORDS_UNUSED");
}

/// A stream behind whose unread data no word can pass ends with its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_that_does_not_read_is_gone_within_a_second() {
    let _turn = heavy().await;
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let silent = Account::login(&server, "ann").await;
    // Opened and never read.
    let _chat = silent.chat(None).await.unwrap();
    let manager = Account::login(&server, "ann").await;
    let text = "x".repeat(16_000);
    for _ in 0..60 {
        bob.send("ann", &text).await;
    }
    let streams = async || {
        let listed = devices(&manager).await;
        listed
            .iter()
            .map(|device| device.streams_count)
            .sum::<u32>()
    };
    eventually_async("its stream is open", async || streams().await == 1).await;
    let silent_id = devices(&manager)
        .await
        .into_iter()
        .find(|device| device.streams_count == 1)
        .unwrap()
        .id;
    revoke(&manager, &silent_id).await.unwrap();
    let began = Instant::now();
    let offline = async || {
        let users = bob.users().await;
        let ann = users.into_iter().find(|(name, _)| name == "ann");
        ann.unwrap().1 == tinychat::pb::Presence::Offline
    };
    eventually_async("it is gone", offline).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    drop(ann);
}

/// Tries to log in from an address of this machine.
async fn guess(server: &Server, from: [u8; 4], name: &str, password: &str) -> Result<(), Status> {
    let address = format!("http://{}", server.address().as_str());
    let endpoint = Endpoint::from_shared(address).unwrap();
    let endpoint = endpoint.local_address(Some(IpAddr::from(from)));
    let channel = in_time("a connection", endpoint.connect()).await.unwrap();
    let request = LoginRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: String::new(),
    };
    let mut auth = AuthServiceClient::new(channel);
    in_time("login", auth.login(request)).await.map(drop)
}

#[tokio::test]
async fn guessing_is_slowed_and_the_owner_is_not_locked_out() {
    let start = Server::build().with_passwords().with_the_usual_rate();
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    // A name that exists and one that does not are told the same.
    for name in ["ann", "nobody"] {
        for _ in 0..5 {
            let status = guess(&server, ELSEWHERE, name, "a guess")
                .await
                .unwrap_err();
            assert_eq!(reason(&status), "LOGIN_FAILED");
        }
        let status = guess(&server, ELSEWHERE, name, "a guess")
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason(&status), "LOGIN_RATE_LIMITED");
        let wait = status
            .get_details_retry_info()
            .unwrap()
            .retry_delay
            .unwrap();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(60),
            "{wait:?}"
        );
    }
    // There, not even the right password passes now, or guessing would go on by it.
    let status = guess(&server, ELSEWHERE, "ann", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "LOGIN_RATE_LIMITED");
    // The owner elsewhere, the logins that exist, and the neighbours of the guesser go on.
    guess(&server, [127, 0, 0, 3], "ann", PASSWORD)
        .await
        .unwrap();
    guess(&server, ELSEWHERE, "bob", PASSWORD).await.unwrap();
    ann.send("bob", "still here").await;
    assert!(is_in(&bob).await);
    // Logins that succeed use nothing up.
    for _ in 0..8 {
        guess(&server, [127, 0, 0, 3], "ann", PASSWORD)
            .await
            .unwrap();
    }
    // A password that is asked for to change it cannot be guessed more often.
    for _ in 0..5 {
        change(&bob, "a guess", "another password", false)
            .await
            .unwrap_err();
    }
    let status = change(&bob, PASSWORD, "another password", false).await;
    assert_eq!(reason(&status.unwrap_err()), "LOGIN_RATE_LIMITED");
}

#[tokio::test]
async fn a_hash_of_weaker_parameters_is_made_anew_at_the_next_login() {
    use argon2::{
        Algorithm, Argon2, Params, Version,
        password_hash::{PasswordHasher, phc::Salt},
    };
    let mut server = Server::build().with_passwords().start();
    Account::register(&server, "ann").await;
    assert!(server.terminate().status.success());
    let file = server.again().data().join("tinychat.db");
    let hash = || {
        let database = rusqlite::Connection::open(&file).unwrap();
        let found = database.query_row("SELECT password FROM users", [], |row| row.get(0));
        found.unwrap()
    };
    let usual: String = hash();
    let weak = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(1_024, 1, 1, None).unwrap(),
    );
    let salt = Salt::from_b64("c2FsdHNhbHRzYWx0").unwrap();
    let weak = weak
        .hash_password_with_salt(PASSWORD.as_bytes(), salt.as_ref())
        .unwrap()
        .to_string();
    let database = rusqlite::Connection::open(&file).unwrap();
    assert_eq!(
        database
            .execute("UPDATE users SET password = ?", [&weak])
            .unwrap(),
        1
    );
    drop(database);

    let mut server = server.again().start();
    // A wrong one changes nothing.
    try_login(&server, "ann", "a guess").await.unwrap_err();
    try_login(&server, "ann", PASSWORD).await.unwrap();
    assert!(server.terminate().status.success());
    let renewed: String = hash();
    let parameters = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
    assert_eq!(parameters(&renewed), parameters(&usual));
    assert_ne!(parameters(&weak), parameters(&usual));
    let server = server.again().start();
    let ann = try_login(&server, "ann", PASSWORD).await.unwrap();
    let mut auth = ann.connection.auth();
    in_time("logout", auth.logout(LogoutRequest {}))
        .await
        .unwrap();
}
