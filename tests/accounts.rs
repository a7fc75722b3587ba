//! Accounts and logins: who is let in, who is not, how fast one may send, and that a repeat is never a second message.

use std::time::Duration;

use tinychat::pb::{
    AuthMode, GetServerInfoRequest, Limits, LoginRequest, LoginResponse, LogoutRequest, Presence,
    RegisterRequest, RegisterResponse, RegistrationPolicy, TimeRequest, UsersRequest,
    WhoAmIRequest, WhoAmIResponse, event::Body, reply::Result as Answer,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    Account, Server, Start,
    account::new_id,
    both_stores,
    feed::{Door, From, send},
    in_time,
    raw::Raw,
    reason,
};

both_stores! {
    an_account_is_made_once_and_logged_in_to_by_its_password_alone,
    names_on_trust_need_no_password_and_no_account,
    a_token_is_worth_nothing_after_its_logout_or_on_another_server,
    the_21st_login_retires_the_device_that_was_there_longest_ago,
    a_repeated_send_is_the_first_one,
}

async fn register(server: &Server, name: &str, password: &str) -> Result<RegisterResponse, Status> {
    let request = RegisterRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: "laptop".to_owned(),
    };
    let mut auth = server.connection().auth();
    let answer = in_time("register", auth.register(request)).await?;
    Ok(answer.into_inner())
}

async fn login(server: &Server, name: &str, password: &str) -> Result<LoginResponse, Status> {
    let request = LoginRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: "phone".to_owned(),
    };
    let mut auth = server.connection().auth();
    let answer = in_time("login", auth.login(request)).await?;
    Ok(answer.into_inner())
}

async fn who_am_i(server: &Server, token: &str) -> Result<WhoAmIResponse, Status> {
    let connection = server.connection().with_token(token).unwrap();
    let answer = in_time("who am I", connection.auth().who_am_i(WhoAmIRequest {})).await?;
    Ok(answer.into_inner())
}

async fn logout(server: &Server, token: &str) -> Result<(), Status> {
    let connection = server.connection().with_token(token).unwrap();
    let answer = in_time("log out", connection.auth().logout(LogoutRequest {})).await?;
    answer.into_inner();
    Ok(())
}

#[track_caller]
fn assert_refused(result: Result<impl Sized, Status>, code: Code, why: &str) -> String {
    let Err(status) = result else {
        panic!("let in, but {why} is due");
    };
    assert_eq!(
        (status.code(), reason(&status)),
        (code, why.into()),
        "{status:?}"
    );
    status.message().to_owned()
}

async fn an_account_is_made_once_and_logged_in_to_by_its_password_alone(start: Start) {
    let server = start.with_passwords().start();
    let ann = register(&server, "Ann", "correct horse").await.unwrap();
    let user = ann.user.unwrap();
    assert_eq!(
        (user.name.as_str(), user.presence()),
        ("ann", Presence::Offline)
    );
    let device = ann.device.unwrap();
    assert_eq!(device.name, "laptop");
    assert!(device.created_time.is_some());
    for again in ["ann", "ANN"] {
        let answer = register(&server, again, "another password").await;
        assert_refused(answer, Code::AlreadyExists, "NAME_TAKEN");
    }
    for (length, passes) in [
        (0, false),
        (7, false),
        (8, true),
        (1024, true),
        (1025, false),
    ] {
        let name = format!("p{length}");
        let password = "x".repeat(length);
        let answer = register(&server, &name, &password).await;
        if passes {
            answer.unwrap();
            login(&server, &name, &password).await.unwrap();
        } else {
            assert_refused(answer, Code::InvalidArgument, "PASSWORD_INVALID");
        }
    }
    let answer = register(&server, "", "correct horse").await;
    assert_refused(answer, Code::InvalidArgument, "USER_NAME_INVALID");

    // A second login is a second device of the same user.
    let again = login(&server, "aNN", "correct horse").await.unwrap();
    assert_eq!(again.user.unwrap().id, user.id);
    assert_ne!(again.device.as_ref().unwrap().id, device.id);
    assert_ne!(again.access_token, ann.access_token);
    for (token, device) in [
        (&ann.access_token, &device),
        (&again.access_token, &again.device.unwrap()),
    ] {
        let me = who_am_i(&server, token).await.unwrap();
        assert_eq!(me.user.unwrap().id, user.id);
        assert_eq!(&me.device.unwrap(), device);
    }

    // One answer for a wrong password and an unknown name.
    let mut messages = Vec::new();
    for (name, password) in [
        ("ann", "wrong horse"),
        ("ann", "Correct horse"),
        ("ann", ""),
        ("ann", "short"),
        ("nobody", "correct horse"),
        ("nobody", ""),
    ] {
        let answer = login(&server, name, password).await;
        messages.push(assert_refused(
            answer,
            Code::Unauthenticated,
            "LOGIN_FAILED",
        ));
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let users = Raw::connect(&server).await;
    let users = users
        .call("/tinychat.v1.ChatService/Users", Vec::new())
        .await;
    assert_refused(users, Code::Unauthenticated, "TOKEN_MISSING");
}

async fn names_on_trust_need_no_password_and_no_account(start: Start) {
    let server = start.start();
    let first = login(&server, "ann", "").await.unwrap();
    let second = login(&server, "Ann", "whatever").await.unwrap();
    let third = register(&server, "ANN", "x").await.unwrap();
    let ids = [first.user, second.user, third.user].map(|user| user.unwrap().id);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let devices = [first.device, second.device, third.device].map(|it| it.unwrap().id);
    assert!(
        devices[0] != devices[1] && devices[1] != devices[2],
        "{devices:?}"
    );
    assert_refused(
        login(&server, "a b", "").await,
        Code::InvalidArgument,
        "USER_NAME_INVALID",
    );
    // Many logins of a new name at once make one account.
    let answers = (0..8).map(|_| login(&server, "bob", ""));
    let answers = futures_util::future::join_all(answers).await;
    let ids: Vec<String> = { answers.into_iter() }
        .map(|it| it.unwrap().user.unwrap().id)
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let users = server
        .connection()
        .chat()
        .users(UsersRequest::default())
        .await;
    let users = users.unwrap().into_inner();
    let names: Vec<&str> = users.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(
        (names, users.total_size),
        (vec!["ann", "bob"], 2),
        "open without a login"
    );
}

async fn a_token_is_worth_nothing_after_its_logout_or_on_another_server(start: Start) {
    let memory = format!("{start:?}").contains("memory");
    let server = start.start();
    let other = Server::start();
    let ann = login(&server, "ann", "").await.unwrap().access_token;
    let too = login(&server, "ann", "").await.unwrap().access_token;
    let stranger = login(&other, "ann", "").await.unwrap().access_token;
    who_am_i(&other, &stranger).await.unwrap();
    assert_refused(
        who_am_i(&server, &stranger).await,
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    who_am_i(&server, &ann).await.unwrap();
    logout(&server, &ann).await.unwrap();
    assert_refused(
        who_am_i(&server, &ann).await,
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    assert_refused(
        logout(&server, &ann).await,
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
    who_am_i(&server, &too).await.unwrap();
    if !memory {
        // A logout that was answered holds after a crash, and so does a login.
        let mut server = server;
        server.kill9();
        let server = server.restart();
        assert_refused(
            who_am_i(&server, &ann).await,
            Code::Unauthenticated,
            "TOKEN_INVALID",
        );
        who_am_i(&server, &too).await.unwrap();
    }
}

async fn the_21st_login_retires_the_device_that_was_there_longest_ago(start: Start) {
    let server = start.start();
    let mut devices = Vec::new();
    for _ in 0..20 {
        devices.push(Account::login(&server, "ann").await);
    }
    let mut streaming = devices[0].live(Door::Chat).await;
    let mut second = devices[1].live(Door::Subscribe).await;
    for device in &devices {
        who_am_i(&server, &device.token).await.unwrap();
    }
    // The two oldest have open streams, so the third goes.
    let one_more = Account::login(&server, "ann").await;
    let gone = who_am_i(&server, &devices[2].token).await;
    assert_refused(gone, Code::Unauthenticated, "TOKEN_INVALID");
    devices[2] = one_more;
    for device in &devices {
        who_am_i(&server, &device.token).await.unwrap();
    }
    devices[2].send("ann", "still here").await;
    streaming.until_text("still here").await;
    second.until_text("still here").await;

    // When all have streams, one of them must go, and its stream says why.
    let mut feeds = vec![streaming, second];
    for device in &devices[2..] {
        feeds.push(device.on(&server).live(Door::Chat).await);
    }
    let last = Account::login(&server, "ann").await;
    let mut live = 0;
    last.send("ann", "the end").await;
    for feed in &mut feeds {
        loop {
            match feed.try_next().await {
                Ok(Some(event)) => match event.body.unwrap() {
                    Body::Message(it) if crate::support::account::text_of(&it) == "the end" => {
                        live += 1;
                        break;
                    }
                    _ => {}
                },
                Ok(None) => panic!("a stream ended with OK"),
                Err(status) => {
                    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
                    break;
                }
            }
        }
    }
    assert_eq!(live, 19, "one stream ended");
}

async fn a_repeated_send_is_the_first_one(start: Start) {
    let memory = format!("{start:?}").contains("memory");
    let mut server = start.start();
    let ann = Account::register(&server, "ann").await;
    Account::register(&server, "bob").await;
    let id = new_id();
    let first = ann.send_as("bob", "once", &id).await.unwrap();
    assert!(!first.duplicate);
    let repeats = async |ann: &Account| {
        let mut chat = ann.live(Door::Chat).await;
        for (name, id) in [
            ("bob", id.clone()),
            ("BOB", id.clone()),
            ("Bob", id.to_uppercase()),
        ] {
            let by_call = ann.send_as(name, "once", &id).await.unwrap();
            let by_frame = chat.ask(Some(send(name, "once", &id))).await;
            assert!(by_call.duplicate);
            assert_eq!(by_frame, Answer::Send(by_call.clone()));
            let as_first = tinychat::pb::SendResponse {
                duplicate: false,
                ..by_call
            };
            assert_eq!(as_first, first, "the first answer, its time included");
        }
        let another = ann.send_as("bob", "twice", &id).await;
        assert_refused(another, Code::AlreadyExists, "CLIENT_MESSAGE_ID_REUSED");
    };
    repeats(&ann).await;
    // The same id of another user is another message.
    let bob = Account::login(&server, "bob").await;
    assert!(!bob.send_as("bob", "once", &id).await.unwrap().duplicate);
    if !memory {
        server.kill9();
        let server = server.restart();
        let ann = ann.on(&server);
        repeats(&ann).await;
        assert_eq!(ann.history(&first.conversation_id).await.len(), 1);
    } else {
        assert_eq!(ann.history(&first.conversation_id).await.len(), 1);
    }
}

async fn announced(server: &Server) -> (AuthMode, Limits) {
    let mut chat = server.connection().chat();
    let info = in_time("info", chat.get_server_info(GetServerInfoRequest {})).await;
    let info = info.unwrap().into_inner();
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(info.registration_policy(), RegistrationPolicy::Open);
    let ann = Account::register(server, "ann").await;
    let events = ann.replayed(Door::Chat, From::default()).await;
    let Some(Body::Welcome(welcome)) = events[0].body.clone() else {
        panic!("{events:?}");
    };
    assert_eq!((&welcome.epoch, welcome.limits), (&info.epoch, info.limits));
    (info.auth_mode(), info.limits.unwrap())
}

#[tokio::test]
async fn the_mode_and_the_limits_are_announced() {
    let usual = Limits {
        text_bytes_max: 16_384,
        user_name_bytes_max: 32,
        password_bytes_min: 8,
        password_bytes_max: 1_024,
        page_size_default: 50,
        page_size_max: 500,
        request_bytes_max: 1_048_576,
        sends_per_second: 20,
        sends_burst: 100,
        devices_per_user_max: 20,
        replies_unread_max: 1_024,
        response_bytes_max: 4 * 1_048_576,
        streams_per_device_max: 5,
        tokens_per_user_max: 50,
        failed_logins_per_minute: 5,
        failed_logins_per_address_per_minute: 60,
        registers_per_address_per_minute: 30,
        connections_per_address_max: 256,
        connections_max: 500,
        device_name_chars_max: 64,
        streams_per_connection_max: 100,
        open_request_bytes_max: 16_384,
        page_bytes_max: 1_048_576,
        frame_bytes_max: 65_536,
        group_members_max: 500,
        channel_members_max: 10_000,
        group_name_chars_max: 64,
        topic_chars_max: 256,
        emoji_bytes_max: 64,
        reactions_per_message_max: 20,
        mentions_per_message_max: 20,
        query_bytes_max: 256,
        query_words_max: 16,
        ephemeral_members_max: 100,
        markers_members_max: 50,
        invite_links_per_conversation_max: 50,
        blocked_users_max: 500,
        file_bytes_max: 100 << 20,
        files_bytes_per_user_max: 1 << 30,
        attachments_per_message_max: 10,
        uploads_per_user_max: 20,
        chunk_bytes_max: 512 << 10,
        streamed_chunk_bytes_max: 64 << 10,
        file_name_bytes_max: 255,
        thumbnail_bytes_max: 256 << 10,
        upload_idle_seconds: 86_400,
        transfers_per_user_max: 8,
    };
    let few = ["--connections-max", "500"];
    let server = Server::build()
        .with_the_usual_rate()
        .with_passwords()
        .arguments(&few)
        .start();
    assert_eq!(announced(&server).await, (AuthMode::Password, usual));
    let server = Server::build().arguments(&few).start();
    let unlimited = Limits {
        sends_per_second: 0,
        sends_burst: 0,
        failed_logins_per_minute: 0,
        failed_logins_per_address_per_minute: 0,
        registers_per_address_per_minute: 0,
        ..usual
    };
    assert_eq!(announced(&server).await, (AuthMode::Trust, unlimited));
    // The server's time is that of this machine.
    let time = server
        .connection()
        .chat()
        .time(TimeRequest {})
        .await
        .unwrap()
        .into_inner();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((now - time.time.unwrap().seconds).abs() <= 2);
    assert_eq!(time.time_zone.len(), "+00:00".len(), "{}", time.time_zone);
}

#[tokio::test]
async fn who_sends_too_fast_is_told_how_long_to_wait_and_the_stream_lives_on() {
    let server = Server::build().with_the_usual_rate().start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut chat = ann.live(Door::Chat).await;
    let first = new_id();
    let began = std::time::Instant::now();
    let answer = chat.ask(Some(send("bob", "first", &first))).await;
    assert!(matches!(answer, Answer::Send(_)), "{answer:?}");
    let mut asked = Vec::new();
    for _ in 0..400 {
        asked.push(chat.say(Some(send("bob", "flood", &new_id()))).await);
    }
    // Between two that are over the limit, a repeat of what was acknowledged.
    let repeat = chat.say(Some(send("bob", "first", &first))).await;
    asked.push(chat.say(Some(send("bob", "flood", &new_id()))).await);
    let (mut passed, mut wait) = (1, Duration::ZERO);
    for id in asked {
        match chat.answer(id).await {
            Answer::Send(_) => passed += 1,
            Answer::Error(error) => {
                assert_eq!(Code::from(error.code), Code::ResourceExhausted, "{error:?}");
                assert_eq!(error.reason, "RATE_LIMITED");
                wait = Duration::try_from(error.retry_after.unwrap()).unwrap();
                assert!(
                    wait > Duration::ZERO && wait <= Duration::from_secs(1),
                    "{wait:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let most = 101 + (began.elapsed().as_secs_f64() * 20.0).ceil() as u32;
    assert!(
        (100..=most).contains(&passed),
        "{passed} passed, {most} at the most"
    );
    assert!(wait > Duration::ZERO, "none was refused");
    let answer = chat.answer(repeat).await;
    assert!(
        matches!(&answer, Answer::Send(sent) if sent.duplicate),
        "{answer:?}"
    );

    // The same by calls.
    let refused = loop {
        match ann.send_as("bob", "flood", &new_id()).await {
            Ok(_) => passed += 1,
            Err(status) => break status,
        }
    };
    let info = refused
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert_refused(
        Err::<(), _>(refused),
        Code::ResourceExhausted,
        "RATE_LIMITED",
    );
    assert!(
        info > Duration::ZERO && info <= Duration::from_secs(1),
        "{info:?}"
    );
    assert!(ann.send_as("bob", "first", &first).await.unwrap().duplicate);
    // Another user is not held up, and who waits as told passes.
    bob.send("ann", "not held up").await;
    tokio::time::sleep(wait.max(info)).await;
    let answer = chat
        .ask(Some(send("bob", "after the wait", &new_id())))
        .await;
    assert!(matches!(answer, Answer::Send(_)), "{answer:?}");
    chat.until_text("after the wait").await;
    let state = ann.conversation_with("bob").await;
    assert_eq!(
        state.last_seq,
        u64::from(passed) + 2,
        "what was refused was not sent"
    );
}

#[tokio::test]
async fn with_the_rate_off_nobody_is_held_up() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let mut chat = ann.live(Door::Chat).await;
    let mut asked = Vec::new();
    for _ in 0..500 {
        asked.push(chat.say(Some(send("ann", "flood", &new_id()))).await);
    }
    for id in asked {
        assert!(matches!(chat.answer(id).await, Answer::Send(_)));
    }
}
