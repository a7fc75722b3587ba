//! The three doors behave alike: what is done through frames of `Chat` and what is done through unary calls gives the
//! same answers, the same errors and the same events; and what is no request at all gets an answer that says so.

use std::collections::BTreeMap;

use http_body_util::BodyExt as _;
use prost::Message as _;
use tinychat::pb::{
    BlockUserRequest, ChatRequest, CreateInviteLinkRequest, Event, Hello, JoinByInviteLinkRequest,
    ListConversationsRequest, ListMessagesRequest, Ping, RegisterRequest, RevokeInviteLinkRequest,
    SendRequest, UnblockUserRequest, UsersRequest, chat_request::Request, event::Body,
    reply::Result as Answer, send_request::Target,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{
    Account, Server, Start,
    account::{new_id, to_user},
    both_stores,
    feed::{
        DOORS, Door, From, acknowledge, after, ask_unary, mark_read, send, start_conversation, twin,
    },
    in_time,
    raw::Raw,
    reason,
};

both_stores! {
    the_same_acts_give_the_same_answers_and_events_by_every_door,
    a_bad_request_gets_the_same_error_by_every_door_and_ends_no_stream,
    a_half_closed_chat_is_answered_up_to_caught_up_and_ends_ok,
}

const CHAT: &str = "/tinychat.v1.ChatService/Chat";
const SUBSCRIBE: &str = "/tinychat.v1.ChatService/Subscribe";
const SEND: &str = "/tinychat.v1.ChatService/Send";
const TIME: &str = "/tinychat.v1.ChatService/Time";

/// The largest message that a server takes.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// The n-th id of a script, the same in every run of it.
fn script_id(n: u128) -> String {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n).to_string()
}

/// What one run of the script gave: the answers, and the events of each stream that was open.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: Vec<Answer>,
    streams: Vec<Vec<Event>>,
}

/// Takes out what differs from server to server and from moment to moment: times and the epoch.
fn leveled(text: &str, epoch: &str) -> String {
    text.replace(epoch, "EPOCH")
}

/// Does the script on a server of its own, through frames or through calls.
async fn perform(start: Start, by_frames: bool) -> String {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut chat = ann.live(Door::Chat).await;
    let mut streams = Vec::new();
    for account in [&ann, &bob] {
        for door in DOORS {
            streams.push(account.live(door).await);
        }
    }
    let fresh = bob.replayed(Door::Subscribe, From::default()).await;
    let cursor = fresh.last().unwrap().cursor.clone();
    let epoch = cursor.split_once('-').unwrap().0.to_owned();

    let mut script = vec![
        start_conversation("bob"),
        start_conversation("Ann"),
        start_conversation("nobody"),
        send("bob", "one", &script_id(1)),
        send("BOB", "two\n\tlines", &script_id(2)),
        send("bob", "one", &script_id(1)),
        send("bob", "another", &script_id(1)),
        send("ann", " note", &script_id(3)),
        send("ann", "", &script_id(4)),
        mark_read("c1", 1),
        mark_read("c1", 1),
        mark_read("c2", 1),
        mark_read("c1", 99),
        acknowledge(&cursor),
        acknowledge("garbage"),
    ];
    let by_id = SendRequest {
        target: Some(Target::ConversationId("c1".to_owned())),
        client_message_id: script_id(5).to_uppercase(),
        text: "by id".to_owned(),
        reply_to_seq: 0,
        attachments: Vec::new(),
    };
    script.push(Request::Send(by_id));
    script.push(send("bob", "the end", &script_id(6)));
    let mut answers = Vec::new();
    for request in script {
        let answer = match by_frames {
            true => chat.ask(Some(request)).await,
            false => ask_unary(&ann, request).await,
        };
        answers.push(answer);
    }
    let mut got = Vec::new();
    for stream in &mut streams {
        got.push(stream.until_text("the end").await);
    }
    let (of_ann, of_bob) = got.split_at(2);
    assert_eq!(of_ann[0], of_ann[1], "Chat and Subscribe bring the same");
    assert_eq!(of_bob[0], of_bob[1], "Chat and Subscribe bring the same");
    assert_eq!(
        chat.until_text("the end").await,
        of_ann[0],
        "the stream that asks gets it, too"
    );

    let mut outcome = Outcome {
        answers,
        streams: got,
    };
    for answer in &mut outcome.answers {
        match answer {
            Answer::Send(sent) => assert!(sent.sent_time.take().is_some()),
            Answer::StartConversation(started) => {
                let state = started.conversation.as_mut().unwrap();
                if let Some(last) = &mut state.last_message {
                    last.sent_time = None;
                }
            }
            _ => {}
        }
    }
    for event in outcome.streams.iter_mut().flatten() {
        if let Some(Body::Message(message)) = &mut event.body {
            assert!(message.sent_time.take().is_some());
        }
    }
    leveled(&format!("{outcome:#?}"), &epoch)
}

async fn the_same_acts_give_the_same_answers_and_events_by_every_door(start: Start) {
    let by_frames = perform(fresh(&start), true).await;
    let by_calls = perform(fresh(&start), false).await;
    assert!(
        by_frames == by_calls,
        "by frames: {by_frames}\nby calls: {by_calls}"
    );
}

/// The same server on a store of its own.
fn fresh(start: &Start) -> Start {
    start.clone().on_a_new_store()
}

/// Requests that both `Chat` and a call know, each with the code and the reason that it must get.
fn bad_requests(
    foreign: &str,
    other_cursor: &str,
    own: &str,
) -> Vec<(Request, Code, &'static str)> {
    use Code::{AlreadyExists, InvalidArgument, NotFound};
    let send_to = |target, id: &str, text: &str| {
        Request::Send(SendRequest {
            target,
            client_message_id: id.to_owned(),
            text: text.to_owned(),
            reply_to_seq: 0,
            attachments: Vec::new(),
        })
    };
    let to_id = |id: &str| Some(Target::ConversationId(id.to_owned()));
    let long = "x".repeat(16 * 1024 + 1);
    let mut bad = vec![
        (send("bob", "", ""), InvalidArgument, "TEXT_EMPTY"),
        (send("bob", &long, ""), InvalidArgument, "TEXT_TOO_LONG"),
        // As many characters as are allowed, but more bytes.
        (
            send("bob", &"é".repeat(8 * 1024 + 1), ""),
            InvalidArgument,
            "TEXT_TOO_LONG",
        ),
        (send_to(None, "", "text"), InvalidArgument, "TARGET_MISSING"),
        (
            send("bob", "text", "no uuid"),
            InvalidArgument,
            "CLIENT_MESSAGE_ID_INVALID",
        ),
        (send("nobody", "text", ""), NotFound, "USER_NOT_FOUND"),
        (
            send("bob", "another text", &script_id(1)),
            AlreadyExists,
            "CLIENT_MESSAGE_ID_REUSED",
        ),
        (
            send("eve", "used", &script_id(1)),
            AlreadyExists,
            "CLIENT_MESSAGE_ID_REUSED",
        ),
        (
            send_to(to_id(foreign), "", "text"),
            NotFound,
            "CONVERSATION_NOT_FOUND",
        ),
        (
            send_to(to_id("c999"), "", "text"),
            NotFound,
            "CONVERSATION_NOT_FOUND",
        ),
        (mark_read(foreign, 1), NotFound, "CONVERSATION_NOT_FOUND"),
        (mark_read("c999", 0), NotFound, "CONVERSATION_NOT_FOUND"),
        (mark_read(own, 2), InvalidArgument, "SEQ_BEYOND_END"),
        (mark_read(own, u64::MAX), InvalidArgument, "SEQ_BEYOND_END"),
        (acknowledge(other_cursor), InvalidArgument, "CURSOR_INVALID"),
        (start_conversation("nobody"), NotFound, "USER_NOT_FOUND"),
    ];
    for control in ["\0", "\u{1b}[2J", "a\rb", "\u{7f}", "\u{9b}31m"] {
        bad.push((send("bob", control, ""), InvalidArgument, "TEXT_INVALID"));
    }
    let too_long = "a".repeat(33);
    for name in [
        "",
        "ann b",
        ".bob",
        "böb",
        "b\u{43e}b",
        "\u{1b}[2J",
        &too_long,
    ] {
        bad.push((send(name, "text", ""), InvalidArgument, "USER_NAME_INVALID"));
        bad.push((
            start_conversation(name),
            InvalidArgument,
            "USER_NAME_INVALID",
        ));
    }
    for id in [
        "",
        "c",
        "c0",
        "c01",
        "c-1",
        "1",
        "u1",
        "c1 ",
        "c9223372036854775808",
        "\u{1b}",
    ] {
        let reason = "CONVERSATION_ID_INVALID";
        bad.push((send_to(to_id(id), "", "text"), InvalidArgument, reason));
        bad.push((mark_read(id, 1), InvalidArgument, reason));
    }
    for cursor in ["", "-", "garbage", "\u{1b}[2J"] {
        bad.push((acknowledge(cursor), InvalidArgument, "CURSOR_INVALID"));
    }
    bad
}

async fn a_bad_request_gets_the_same_error_by_every_door_and_ends_no_stream(start: Start) {
    let server = start.start();
    let other = Server::start();
    let stranger = Account::register(&other, "ann").await;
    let other_cursor = stranger.replayed(Door::Chat, From::default()).await;
    let other_cursor = other_cursor.last().unwrap().cursor.clone();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    Account::register(&server, "eve").await;
    let foreign = bob.send("eve", "secret").await.conversation_id;
    let own = ann.send_as("bob", "used", &script_id(1)).await.unwrap();
    let mut chat = ann.live(Door::Chat).await;
    let mut subscribed = ann.live(Door::Subscribe).await;
    for (request, code, reason) in bad_requests(&foreign, &other_cursor, &own.conversation_id) {
        let context = format!("{request:?}");
        let by_call = ask_unary(&ann, request.clone()).await;
        let Answer::Error(error) = &by_call else {
            panic!("{context}: {by_call:?}");
        };
        let got = (Code::from(error.code), error.reason.as_str());
        assert_eq!(got, (code, reason), "{context}: {error:?}");
        assert!(
            !error.message.chars().any(char::is_control),
            "{context}: {error:?}"
        );
        assert_eq!(chat.ask(Some(request)).await, by_call, "{context}");
    }
    // Whether a conversation exists is told to nobody outside it.
    let answers = [
        ask_unary(&ann, mark_read(&foreign, 1)).await,
        ask_unary(&ann, mark_read("c999", 1)).await,
    ];
    assert_eq!(answers[0], answers[1]);

    // Frames that are no request.
    for (frame, code, reason) in [
        (None, Code::InvalidArgument, "REQUEST_MISSING"),
        (
            Some(Request::Hello(Hello::default())),
            Code::FailedPrecondition,
            "HELLO_REPEATED",
        ),
    ] {
        let answer = chat.ask(frame).await;
        let Answer::Error(error) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(
            (Code::from(error.code), error.reason.as_str()),
            (code, reason)
        );
    }

    // What is just within the limits passes, by both doors, and the streams live on.
    for (number, text) in ["x".repeat(16 * 1024), "é".repeat(8 * 1024), " \n\t".into()]
        .into_iter()
        .enumerate()
    {
        let by_frame = send("bob", &text, &script_id(100 + number as u128));
        let first = chat.ask(Some(by_frame.clone())).await;
        assert!(matches!(first, Answer::Send(_)), "{first:?}");
        let again = ask_unary(&ann, by_frame).await;
        assert!(matches!(again, Answer::Send(sent) if sent.duplicate));
    }
    ann.send("ann", "the end").await;
    let came = chat.until_text("the end").await;
    assert_eq!(subscribed.until_text("the end").await, came);
    let messages = came
        .iter()
        .filter(|it| matches!(it.body, Some(Body::Message(_))));
    assert_eq!(messages.count(), 4, "nothing that was refused was sent");
    chat.half_close();
    chat.end().await.unwrap();
}

#[tokio::test]
async fn what_only_calls_can_ask_is_refused_with_the_broken_field() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let refused = |result: Result<(), Status>, reason: &str, field: &str| {
        let status = result.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let error = twin(&status, "x");
        assert_eq!(error.reason, reason, "{status:?}");
        assert_eq!(error.field_violations[0].field, format!("x.{field}"));
    };
    let mut chat = ann.connection.chat();
    let mut conversations = ann.connection.conversations();
    for token in ["garbage!", "AAAA", "8J+Ygg"] {
        let request = UsersRequest {
            page_token: token.to_owned(),
            ..UsersRequest::default()
        };
        let answer = chat.users(request).await.map(drop);
        refused(answer, "PAGE_TOKEN_INVALID", "page_token");
        let request = ListConversationsRequest {
            page_token: token.to_owned(),
            ..ListConversationsRequest::default()
        };
        let answer = conversations.list_conversations(request).await.map(drop);
        refused(answer, "PAGE_TOKEN_INVALID", "page_token");
    }
    for presence in [5, 99, -1] {
        let request = UsersRequest {
            presence,
            ..UsersRequest::default()
        };
        let answer = chat.users(request).await.map(drop);
        refused(answer, "PRESENCE_INVALID", "presence");
    }
    let code = ann.token.replace("tct_", "tci_");
    for code in ["", "tci_", "tci_AAAA", "garbage", &code] {
        let code = code.to_owned();
        let request = JoinByInviteLinkRequest { code };
        let answer = conversations.join_by_invite_link(request).await.map(drop);
        refused(answer, "INVITE_CODE_INVALID", "code");
    }
    for id in ["", "i", "i0", "c1", "tci_AAAA"] {
        let request = RevokeInviteLinkRequest {
            conversation_id: "c1".to_owned(),
            invite_link_id: id.to_owned(),
        };
        let answer = conversations.revoke_invite_link(request).await.map(drop);
        refused(answer, "INVITE_LINK_ID_INVALID", "invite_link_id");
    }
    // No time at all, and one that is over.
    for seconds in [-1, 1] {
        let request = CreateInviteLinkRequest {
            conversation_id: "c1".to_owned(),
            expire_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            uses_max: 0,
        };
        let answer = conversations.create_invite_link(request).await.map(drop);
        refused(answer, "EXPIRE_TIME_INVALID", "expire_time");
    }
    let user_name = || "ANN".to_owned();
    let block = BlockUserRequest {
        user_name: user_name(),
    };
    let answer = chat.block_user(block).await.map(drop);
    refused(answer, "BLOCKS_ONESELF", "user_name");
    let unblock = UnblockUserRequest {
        user_name: user_name(),
    };
    let answer = chat.unblock_user(unblock).await.map(drop);
    refused(answer, "BLOCKS_ONESELF", "user_name");
    let request = ListMessagesRequest::default();
    let answer = conversations.list_messages(request).await.map(drop);
    refused(answer, "CONVERSATION_ID_INVALID", "conversation_id");
    let register = |user_name: &str, device_name: String| RegisterRequest {
        user_name: user_name.to_owned(),
        password: String::new(),
        device_name,
    };
    let mut auth = ann.connection.auth();
    let answer = auth
        .register(register("a b", String::new()))
        .await
        .map(drop);
    refused(answer, "USER_NAME_INVALID", "user_name");
    auth.register(register("new", "é".repeat(64)))
        .await
        .unwrap();
    let answer = auth
        .register(register("new2", "é".repeat(65)))
        .await
        .map(drop);
    refused(answer, "DEVICE_NAME_INVALID", "device_name");
    assert!(ann.users().await.iter().all(|(name, _)| name != "new2"));
}

/// A `Chat` whose first frame is this one.
async fn first_frame(account: &Account, request: Option<Request>) -> Result<(), Status> {
    let (requests, queue) = mpsc::channel(8);
    let mut chat = account.connection.chat();
    // Nothing is sent before the headers have come.
    let stream = in_time(
        "headers before hello",
        chat.chat(ReceiverStream::new(queue)),
    )
    .await;
    let mut stream = stream.unwrap().into_inner();
    let request = ChatRequest {
        request_id: 7,
        request,
    };
    requests.send(request).await.unwrap();
    drop(requests);
    while in_time("the end", stream.message()).await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn the_headers_come_before_hello_and_a_first_frame_that_is_none_ends_the_stream() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    for frame in [
        None,
        Some(Request::Ping(Ping {})),
        Some(send("ann", "x", "")),
    ] {
        let status = first_frame(&ann, frame).await.unwrap_err();
        let got = (status.code(), reason(&status));
        assert_eq!(got, (Code::FailedPrecondition, "HELLO_EXPECTED".into()));
    }
    let named = |name: String| Hello {
        device_name: Some(name),
        ..Hello::default()
    };
    let hello = Request::Hello(named("x".repeat(65)));
    let status = first_frame(&ann, Some(hello)).await.unwrap_err();
    assert_eq!(reason(&status), "DEVICE_NAME_INVALID");
    let hello = Request::Hello(named("x".repeat(64)));
    first_frame(&ann, Some(hello)).await.unwrap();
    let events = ann.replayed(Door::Subscribe, From::default()).await;
    let Some(Body::Welcome(welcome)) = &events[0].body else {
        panic!("{events:?}");
    };
    assert_eq!(welcome.device.as_ref().unwrap().name, "x".repeat(64));
    assert_eq!(events.len(), 2, "what came before hello was not sent");
}

async fn a_half_closed_chat_is_answered_up_to_caught_up_and_ends_ok(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    ann.send("ann", "before").await;
    // Everything in one go.
    let frames = vec![
        Some(Request::Hello(Hello::default())),
        Some(send("ann", "in one go", &new_id())),
        Some(Request::Ping(Ping {})),
        Some(send("ann", "", "")),
        Some(send("ann", "and another", &new_id())),
    ];
    let frames = frames
        .into_iter()
        .enumerate()
        .map(|(index, request)| ChatRequest {
            request_id: index as u64,
            request,
        });
    let frames: Vec<ChatRequest> = frames.collect();
    let mut chat = ann.connection.chat();
    let stream = in_time("chat", chat.chat(tokio_stream::iter(frames))).await;
    let mut stream = stream.unwrap().into_inner();
    let (mut answers, mut caught_up) = (BTreeMap::new(), false);
    while let Some(frame) = in_time("a frame", stream.message()).await.unwrap() {
        caught_up |= frame
            .events
            .iter()
            .any(|it| matches!(it.body, Some(Body::CaughtUp(_))));
        let replies = frame.replies.into_iter();
        answers.extend(replies.map(|reply| (reply.request_id, reply.result.unwrap())));
    }
    assert!(caught_up);
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert!(matches!(answers[&1], Answer::Send(_)), "{answers:?}");
    assert!(matches!(answers[&2], Answer::Pong(_)), "{answers:?}");
    assert!(matches!(answers[&3], Answer::Error(_)), "{answers:?}");
    assert!(matches!(answers[&4], Answer::Send(_)), "{answers:?}");

    // After catching up: what is under way is answered, then the end.
    let mut feed = ann.live(Door::Chat).await;
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(
            feed.say(Some(send("ann", &format!("{number}"), &new_id())))
                .await,
        );
    }
    feed.half_close();
    feed.end().await.unwrap();
    let answered = feed.answers();
    let mut answered: Vec<u64> = answered.iter().map(|reply| reply.request_id).collect();
    answered.sort_unstable();
    assert_eq!(answered, ids);

    // A long backlog comes whole before the end.
    let filler = "x".repeat(4_000);
    for _ in 0..200 {
        ann.send("ann", &filler).await;
    }
    let mut feed = Account::login(&server, "ann")
        .await
        .feed(Door::Chat, From::default())
        .await;
    feed.half_close();
    let mut events = Vec::new();
    while let Some(event) = feed.try_next().await.unwrap() {
        events.push(event);
    }
    assert!(matches!(
        events.last().unwrap().body,
        Some(Body::CaughtUp(_))
    ));
    assert_eq!(
        events.len(),
        1 + 1 + 303 + 1,
        "welcome, state, messages, caught up"
    );
    // And nothing at all is no error, either.
    let nothing = ann.connection.chat().chat(tokio_stream::empty()).await;
    let mut nothing = nothing.unwrap().into_inner();
    assert!(
        in_time("the end", nothing.message())
            .await
            .unwrap()
            .is_none()
    );
    let resumed = ann
        .replayed(Door::Chat, after(&events.last().unwrap().cursor))
        .await;
    assert_eq!(resumed.len(), 2);
}

fn hello() -> Vec<u8> {
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Request::Hello(Hello::default())),
    };
    hello.encode_to_vec()
}

/// A message of exactly so many bytes: a `Send` whose text is far too long.
fn send_of(bytes: usize) -> Vec<u8> {
    let request = |length: usize| to_user("ann", &"x".repeat(length), "").encode_to_vec();
    let wrapping = request(bytes).len() - bytes;
    let message = request(bytes - wrapping);
    assert_eq!(message.len(), bytes);
    message
}

/// The same as a frame of `Chat`.
fn frame_of(bytes: usize) -> Vec<u8> {
    let frame = |length: usize| {
        let frame = ChatRequest {
            request_id: 2,
            request: Some(send("ann", &"x".repeat(length), "")),
        };
        frame.encode_to_vec()
    };
    let wrapping = frame(bytes).len() - bytes;
    let message = frame(bytes - wrapping);
    assert_eq!(message.len(), bytes);
    message
}

#[track_caller]
fn assert_is(result: Result<impl Sized, Status>, code: Code, why: &str) {
    let Err(status) = result else {
        panic!("answered, but {why} is due");
    };
    assert_eq!(
        (status.code(), reason(&status)),
        (code, why.into()),
        "{status:?}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_and_end_only_their_own_call() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let raw = Raw::connect(&server).await.with_token(&ann.token);
    // Tag 0; a length past the end; bad UTF-8 in a string; an endless number.
    for garbage in [
        &b"\x00\x01"[..],
        b"\x12\x7fabc",
        b"\x12\x02\xff\xfe",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        &[0xff; 64],
    ] {
        let malformed = "MALFORMED_MESSAGE";
        let answer = raw.call(SEND, garbage.to_vec()).await;
        assert_is(answer, Code::InvalidArgument, malformed);
        let ended = raw.end(SUBSCRIBE, vec![garbage.to_vec()]).await;
        // What is garbage for one message may be unknown fields of another.
        if let Err(status) = ended {
            assert_eq!(reason(&status), malformed, "{status:?}");
        }
        let ended = raw.end(CHAT, vec![garbage.to_vec()]).await;
        let status = ended.unwrap_err();
        assert_eq!(reason(&status), malformed, "{garbage:?}: {status:?}");
        let ended = raw.end(CHAT, vec![hello(), garbage.to_vec()]).await;
        assert_is(ended, Code::InvalidArgument, malformed);
        // The connection lives on.
        raw.call(TIME, Vec::new()).await.unwrap();
    }
    // Unknown fields are no garbage: a newer client is understood.
    raw.call(TIME, b"\xf8\x07\x01".to_vec()).await.unwrap();
    ann.send("ann", "still served").await;
}

#[tokio::test]
async fn a_message_of_1_mib_is_read_and_one_byte_more_is_too_large() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let raw = Raw::connect(&server).await.with_token(&ann.token);
    let too_large = "MESSAGE_TOO_LARGE";
    let answer = raw.call(SEND, send_of(REQUEST_BYTES_MAX)).await;
    assert_is(answer, Code::InvalidArgument, "TEXT_TOO_LONG");
    let answer = raw.call(SEND, send_of(REQUEST_BYTES_MAX + 1)).await;
    assert_is(answer, Code::ResourceExhausted, too_large);
    let frames = vec![hello(), frame_of(REQUEST_BYTES_MAX)];
    raw.end(CHAT, frames).await.unwrap();
    let frames = vec![hello(), frame_of(REQUEST_BYTES_MAX + 1)];
    let ended = raw.end(CHAT, frames).await;
    assert_is(ended, Code::ResourceExhausted, too_large);
    let ended = raw.end(CHAT, vec![frame_of(REQUEST_BYTES_MAX + 1)]).await;
    assert_is(ended, Code::ResourceExhausted, too_large);
    let ended = raw
        .end(SUBSCRIBE, vec![send_of(REQUEST_BYTES_MAX + 1)])
        .await;
    assert_is(ended, Code::ResourceExhausted, too_large);
    raw.call(TIME, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_method_or_a_compression_that_nobody_knows_is_unimplemented() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let raw = Raw::connect(&server).await.with_token(&ann.token);
    for path in [
        "/tinychat.v1.ChatService/Shout",
        "/tinychat.v1.NoService/Send",
        "/tinychat.v2.ChatService/Send",
        "/x",
    ] {
        let answer = raw.call(path, Vec::new()).await;
        assert_is(answer, Code::Unimplemented, "METHOD_UNKNOWN");
    }
    let squeezed = raw.with("grpc-encoding", b"gzip");
    let answer = squeezed.call(SEND, Vec::new()).await;
    assert_is(answer, Code::Unimplemented, "COMPRESSION_UNKNOWN");
    let ended = squeezed.end(CHAT, vec![hello()]).await;
    assert_is(ended, Code::Unimplemented, "COMPRESSION_UNKNOWN");
}

#[tokio::test]
async fn who_speaks_no_grpc_is_told_so_in_plain_words() {
    let sentence = "This port speaks gRPC over HTTP/2, and gRPC-Web. Use tinychat-client, or: grpcurl -plaintext HOST:PORT list\n";
    let server = Server::start();
    for request in [
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "POST /tinychat.v1.ChatService/Time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/grpc\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(server.address().as_str()).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        in_time("an answer", socket.read_to_string(&mut answer))
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
        assert!(answer.ends_with(sentence), "{answer}");
    }
    // The same over HTTP/2.
    let raw = Raw::connect(&server).await;
    for kind in ["text/html", "application/json"] {
        let request = http::Request::builder()
            .method("GET")
            .uri("/")
            .header("content-type", kind)
            .body(tonic::body::Body::empty())
            .unwrap();
        let answer = in_time("an answer", raw.channel.clone().oneshot(request)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 415);
        let body = in_time("the body", answer.into_body().collect())
            .await
            .unwrap();
        assert_eq!(body.to_bytes(), sentence.as_bytes());
    }
    // Bytes that are not even HTTP end their own connection alone.
    let mut socket = TcpStream::connect(server.address().as_str()).await.unwrap();
    socket.write_all(&[0xff; 1024]).await.unwrap();
    let mut rest = Vec::new();
    in_time("the end", socket.read_to_end(&mut rest)).await.ok();
    raw.call(TIME, Vec::new()).await.unwrap();
}
