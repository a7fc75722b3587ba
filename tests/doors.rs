//! The doors are equal: what a unary call answers, a `Chat` stream answers in-band with the same code, reason and words;
//! and bytes that break the wire's rules get a clear answer at every door.

use tinychat::pb::{
    self, AcknowledgeRequest, ChatRequest, GetConversationRequest, Hello, ListConversationsRequest,
    ListMessagesRequest, LoginRequest, MarkReadRequest, RegisterRequest, SendRequest,
    StartConversationRequest, TimeRequest, UsersRequest, WhoAmIRequest,
    chat_request::Request as Asked, event::Body, reply::Result as Answer, send_request::Target,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{Account, Server, account::new_id, account::to_user, in_time, reason};

fn to_conversation(id: &str, text: &str) -> SendRequest {
    SendRequest {
        target: Some(Target::ConversationId(id.to_owned())),
        client_message_id: new_id(),
        text: text.to_owned(),
    }
}

/// What a unary call says to the same request.
async fn unary(account: &Account, asked: Asked) -> Result<(), Status> {
    let connection = &account.connection;
    match asked {
        Asked::Send(request) => connection.chat().send(request).await.map(drop),
        Asked::MarkRead(request) => connection.chat().mark_read(request).await.map(drop),
        Asked::Acknowledge(request) => connection.chat().acknowledge(request).await.map(drop),
        Asked::StartConversation(request) => connection
            .conversations()
            .start_conversation(request)
            .await
            .map(drop),
        Asked::Hello(_) | Asked::Ping(_) => panic!("no such call"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_request_is_answered_alike_in_a_stream_and_in_a_call_and_the_stream_lives_on() {
    let server = Server::start();
    let (ann, bob) = (
        Account::login(&server, "ann").await,
        Account::login(&server, "bob").await,
    );
    let eve = Account::login(&server, "eve").await;
    let conversation = ann.send("bob", "hello").await.conversation_id;
    let foreign = bob.send("eve", "between us").await.conversation_id;
    eve.send("bob", "yes").await;
    let used = new_id();
    ann.send_as("bob", "the first", &used).await.unwrap();
    let mark = |id: &str, read_seq| {
        Asked::MarkRead(MarkReadRequest {
            conversation_id: id.to_owned(),
            read_seq,
        })
    };
    let start = |name: &str| {
        Asked::StartConversation(StartConversationRequest {
            user_name: name.to_owned(),
        })
    };
    let acknowledge = |cursor: &str| {
        Asked::Acknowledge(AcknowledgeRequest {
            cursor: cursor.to_owned(),
        })
    };
    let text = |text: &str| Asked::Send(to_user("bob", text, &new_id()));
    let longest = "x".repeat(16 * 1024);
    let cases = [
        (text(""), Code::InvalidArgument, "TEXT_EMPTY", "send.text"),
        (
            text(&format!("{longest}x")),
            Code::InvalidArgument,
            "TEXT_TOO_LONG",
            "send.text",
        ),
        (
            text("a\u{1b}[31m"),
            Code::InvalidArgument,
            "TEXT_INVALID",
            "send.text",
        ),
        (
            text("a\u{9b}"),
            Code::InvalidArgument,
            "TEXT_INVALID",
            "send.text",
        ),
        (
            Asked::Send(SendRequest {
                target: None,
                ..to_user("bob", "x", "")
            }),
            Code::InvalidArgument,
            "TARGET_MISSING",
            "send.target",
        ),
        (
            Asked::Send(to_user("b ob", "x", "")),
            Code::InvalidArgument,
            "USER_NAME_INVALID",
            "send.user_name",
        ),
        (
            Asked::Send(to_user(&"b".repeat(33), "x", "")),
            Code::InvalidArgument,
            "USER_NAME_INVALID",
            "send.user_name",
        ),
        (
            Asked::Send(to_user("nobody", "x", "")),
            Code::NotFound,
            "USER_NOT_FOUND",
            "",
        ),
        (
            Asked::Send(to_user("bob", "x", "not a uuid")),
            Code::InvalidArgument,
            "CLIENT_MESSAGE_ID_INVALID",
            "send.client_message_id",
        ),
        (
            Asked::Send(to_user("bob", "the second", &used)),
            Code::AlreadyExists,
            "CLIENT_MESSAGE_ID_REUSED",
            "",
        ),
        (
            Asked::Send(to_conversation("c", "x")),
            Code::InvalidArgument,
            "CONVERSATION_ID_INVALID",
            "send.conversation_id",
        ),
        (
            Asked::Send(to_conversation("c999", "x")),
            Code::NotFound,
            "CONVERSATION_NOT_FOUND",
            "",
        ),
        (
            Asked::Send(to_conversation(&foreign, "x")),
            Code::NotFound,
            "CONVERSATION_NOT_FOUND",
            "",
        ),
        (
            mark(&foreign, 1),
            Code::NotFound,
            "CONVERSATION_NOT_FOUND",
            "",
        ),
        (
            mark(&conversation, 3),
            Code::InvalidArgument,
            "SEQ_BEYOND_END",
            "mark_read.read_seq",
        ),
        (start("nobody"), Code::NotFound, "USER_NOT_FOUND", ""),
        (
            start(""),
            Code::InvalidArgument,
            "USER_NAME_INVALID",
            "start_conversation.user_name",
        ),
        (
            acknowledge("garbage"),
            Code::InvalidArgument,
            "CURSOR_INVALID",
            "acknowledge.cursor",
        ),
        (
            acknowledge("0000000000000001-1"),
            Code::InvalidArgument,
            "CURSOR_INVALID",
            "acknowledge.cursor",
        ),
    ];
    let mut chat = ann.chat(None).await.unwrap();
    for (request_id, (asked, code, expected, field)) in (2..).zip(cases) {
        let status = unary(&ann, asked.clone()).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (code, expected),
            "{asked:?}"
        );
        chat.ask(request_id, asked.clone()).await;
        let Some(Answer::Error(error)) = chat.reply(request_id).await.result else {
            panic!("{asked:?} was not refused");
        };
        assert_eq!(error.code, i32::from(code), "{asked:?}");
        assert_eq!(
            (error.reason.as_str(), error.message.as_str()),
            (expected, status.message())
        );
        let fields: Vec<_> = error
            .field_violations
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        let expected_fields = if field.is_empty() {
            vec![]
        } else {
            vec![field]
        };
        assert_eq!(fields, expected_fields, "{asked:?}");
        let in_call = status.get_details_bad_request();
        let in_call = in_call.map_or(0, |details| details.field_violations.len());
        assert_eq!(in_call, fields.len(), "{asked:?}");
    }
    // What is within the rules goes through the same stream, and through a call.
    chat.ask(100, text(&longest)).await;
    assert!(matches!(
        chat.reply(100).await.result,
        Some(Answer::Send(_))
    ));
    unary(&ann, text(" begins with a space\n\tand goes on"))
        .await
        .unwrap();
    unary(&ann, Asked::Send(to_conversation(&conversation, "x")))
        .await
        .unwrap();
    chat.ask(101, Asked::Hello(Hello::default())).await;
    let Some(Answer::Error(error)) = chat.reply(101).await.result else {
        panic!("hello twice")
    };
    assert_eq!(error.reason, "HELLO_REPEATED");
    let empty = ChatRequest {
        request_id: 102,
        request: None,
    };
    chat.requests.send(empty).await.unwrap();
    let Some(Answer::Error(error)) = chat.reply(102).await.result else {
        panic!("an empty frame")
    };
    assert_eq!(error.reason, "REQUEST_MISSING");
    chat.ping(103).await;
    assert!(matches!(
        chat.reply(103).await.result,
        Some(Answer::Pong(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_outside_streams_name_what_is_wrong() {
    let server = Server::build().with_passwords().start();
    let ann = Account::register(&server, "ann").await;
    let connection = &ann.connection;
    let register = |name: &str, password: &str, device: &str| RegisterRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: device.to_owned(),
    };
    let login = |name: &str, password: &str| LoginRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: String::new(),
    };
    let refused = |answer: Result<(), Status>| {
        let status = answer.unwrap_err();
        (status.code(), reason(&status))
    };
    let mut auth = connection.auth();
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    for (asked, expected) in [
        (register("", "12345678", ""), invalid("USER_NAME_INVALID")),
        (
            register("\u{430}nn", "12345678", ""),
            invalid("USER_NAME_INVALID"),
        ),
        (register("bob", "1234567", ""), invalid("PASSWORD_INVALID")),
        (
            register("bob", &"x".repeat(1025), ""),
            invalid("PASSWORD_INVALID"),
        ),
        (
            register("bob", "12345678", &"x".repeat(65)),
            invalid("DEVICE_NAME_INVALID"),
        ),
        (
            register("ANN", "12345678", ""),
            (Code::AlreadyExists, "NAME_TAKEN".to_owned()),
        ),
    ] {
        assert_eq!(
            refused(auth.register(asked.clone()).await.map(drop)),
            expected,
            "{asked:?}"
        );
    }
    // A wrong password and an unknown name cannot be told apart.
    let mut answers = Vec::new();
    for (name, password) in [
        ("ann", "wrong password"),
        ("nobody", "wrong password"),
        ("ann", "short"),
    ] {
        let status = auth.login(login(name, password)).await.unwrap_err();
        answers.push((status.code(), reason(&status), status.message().to_owned()));
    }
    assert_eq!(
        (answers[0].0, answers[0].1.as_str()),
        (Code::Unauthenticated, "LOGIN_FAILED")
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );

    let users = UsersRequest {
        page_token: "%".to_owned(),
        ..UsersRequest::default()
    };
    assert_eq!(
        refused(connection.chat().users(users).await.map(drop)),
        invalid("PAGE_TOKEN_INVALID")
    );
    let users = UsersRequest {
        presence: 99,
        ..UsersRequest::default()
    };
    assert_eq!(
        refused(connection.chat().users(users).await.map(drop)),
        invalid("PRESENCE_INVALID")
    );
    let list = ListConversationsRequest {
        page_token: "YQ".to_owned(),
        ..ListConversationsRequest::default()
    };
    let mut conversations = connection.conversations();
    assert_eq!(
        refused(conversations.list_conversations(list).await.map(drop)),
        invalid("PAGE_TOKEN_INVALID")
    );
    let not_found = (Code::NotFound, "CONVERSATION_NOT_FOUND".to_owned());
    let get = GetConversationRequest {
        conversation_id: "c77".to_owned(),
    };
    assert_eq!(
        refused(conversations.get_conversation(get).await.map(drop)),
        not_found
    );
    let list = ListMessagesRequest {
        conversation_id: "c77".to_owned(),
        ..ListMessagesRequest::default()
    };
    assert_eq!(
        refused(conversations.list_messages(list).await.map(drop)),
        not_found
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_needs_a_token_but_those_that_are_listed_here() {
    const OPEN: [&str; 4] = [
        "/tinychat.v1.AuthService/Register",
        "/tinychat.v1.AuthService/Login",
        "/tinychat.v1.ChatService/Time",
        "/tinychat.v1.ChatService/GetServerInfo",
    ];
    let server = Server::build().with_passwords().start();
    let ann = Account::register(&server, "ann").await;
    let other = Server::build().with_passwords().start();
    let foreign = Account::register(&other, "ann").await;
    let ended = Account::login(&server, "ann").await;
    ended
        .connection
        .auth()
        .logout(pb::LogoutRequest {})
        .await
        .unwrap();
    let descriptors: prost_types::FileDescriptorSet =
        prost::Message::decode(pb::DESCRIPTORS).unwrap();
    let mut methods = Vec::new();
    for file in descriptors.file {
        for service in file.service {
            let name = format!("{}.{}", file.package.as_deref().unwrap(), service.name());
            methods.extend(
                service
                    .method
                    .iter()
                    .map(|method| format!("/{name}/{}", method.name())),
            );
        }
    }
    assert_eq!(methods.len(), 16, "{methods:?}");
    let endpoint = format!("http://{}", server.address().as_str());
    let channel = tonic::transport::Endpoint::from_shared(endpoint)
        .unwrap()
        .connect()
        .await
        .unwrap();
    for method in methods {
        let open = OPEN.contains(&method.as_str());
        let good = format!("Bearer {}", ann.token);
        for (authorization, expected) in [
            (None, "TOKEN_MISSING"),
            (Some("garbage".to_owned()), "TOKEN_INVALID"),
            (Some(format!("Basic {}", ann.token)), "TOKEN_INVALID"),
            (Some(format!("Bearer {}", foreign.token)), "TOKEN_INVALID"),
            (Some(format!("Bearer {}", ended.token)), "TOKEN_INVALID"),
            (Some(format!("{good}x")), "TOKEN_INVALID"),
        ] {
            let mut client = tonic::client::Grpc::new(channel.clone());
            client.ready().await.unwrap();
            let mut request = tonic::Request::new(tokio_stream::once(TimeRequest {}));
            if let Some(value) = &authorization {
                request
                    .metadata_mut()
                    .insert("authorization", value.parse().unwrap());
            }
            let codec = tinychat::pb::codec::Codec::<TimeRequest, TimeRequest>::default();
            let answer = client
                .streaming(request, method.parse().unwrap(), codec)
                .await;
            let seen = match answer {
                Ok(mut stream) => stream.get_mut().message().await.err(),
                Err(status) => Some(status),
            };
            let seen = seen.map(|status| reason(&status)).unwrap_or_default();
            let is_of_the_token = seen == "TOKEN_MISSING" || seen == "TOKEN_INVALID";
            assert_eq!(is_of_the_token, !open, "{method} {authorization:?}: {seen}");
            assert!(
                open || seen == expected,
                "{method} {authorization:?}: {seen}"
            );
        }
    }
    ann.connection
        .auth()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap();
}

/// A message of bytes that are written as they are.
#[derive(Clone, Debug, Default, PartialEq)]
struct Raw(Vec<u8>);

impl prost::Message for Raw {
    fn encode_raw(&self, buffer: &mut impl bytes::BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: prost::encoding::WireType,
        buffer: &mut impl bytes::Buf,
        context: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        prost::encoding::skip_field(wire_type, tag, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_message_and_messages_past_the_limit_are_answered_at_every_door() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    let endpoint = format!("http://{}", server.address().as_str());
    let channel = tonic::transport::Endpoint::from_shared(endpoint)
        .unwrap()
        .connect()
        .await
        .unwrap();
    // A text field (tag 5) that fills the message to so many bytes; its header takes 4.
    let sized = |bytes: usize| {
        let mut message = vec![0x2a];
        prost::encoding::encode_varint((bytes - 4) as u64, &mut message);
        assert_eq!(message.len(), 4);
        message.resize(bytes, b'x');
        Raw(message)
    };
    let broken = || Raw(vec![0xff; 3]);
    let limit = 1024 * 1024;
    for (method, message, expected) in [
        ("Send", broken(), "MALFORMED_MESSAGE"),
        ("Send", sized(limit), "TARGET_MISSING"),
        ("Send", sized(limit + 1), "MESSAGE_TOO_LARGE"),
        ("Chat", broken(), "MALFORMED_MESSAGE"),
        ("Chat", sized(limit + 1), "MESSAGE_TOO_LARGE"),
        ("Subscribe", broken(), "MALFORMED_MESSAGE"),
        ("Nonsense", Raw(vec![]), "METHOD_UNKNOWN"),
    ] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(tokio_stream::once(message));
        request.metadata_mut().insert(
            "authorization",
            format!("Bearer {}", ann.token).parse().unwrap(),
        );
        let path = format!("/tinychat.v1.ChatService/{method}")
            .parse()
            .unwrap();
        let codec = tinychat::pb::codec::Codec::<Raw, Raw>::default();
        let status = match in_time("an answer", client.streaming(request, path, codec)).await {
            Ok(mut stream) => in_time("the end", stream.get_mut().message())
                .await
                .unwrap_err(),
            Err(status) => status,
        };
        assert_eq!(reason(&status), expected, "{method}: {status:?}");
    }
    ann.send("ann", "the connection and the server live on")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_must_begin_with_hello() {
    let server = Server::start();
    let ann = Account::login(&server, "ann").await;
    let (requests, queue) = tokio::sync::mpsc::channel(1);
    // The headers come before anything was said.
    let mut chat = ann.connection.chat();
    let stream = in_time("headers", chat.chat(ReceiverStream::new(queue)))
        .await
        .unwrap();
    let ping = ChatRequest {
        request_id: 1,
        request: Some(Asked::Ping(pb::Ping {})),
    };
    requests.send(ping).await.unwrap();
    let status = in_time("the end", stream.into_inner().message())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "HELLO_EXPECTED")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_closed_chat_is_answered_caught_up_and_ended_with_ok() {
    let server = Server::start();
    let (ann, bob) = (
        Account::login(&server, "ann").await,
        Account::login(&server, "bob").await,
    );
    for number in 0..1_500 {
        bob.send("ann", &format!("{number}")).await;
    }
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Asked::Hello(Hello::default())),
    };
    let sends = (2..52).map(|request_id| {
        let send = to_user("bob", &format!("answer {request_id}"), &new_id());
        ChatRequest {
            request_id,
            request: Some(Asked::Send(send)),
        }
    });
    let frames: Vec<ChatRequest> = [hello].into_iter().chain(sends).collect();
    let mut chat = ann.connection.chat();
    let mut stream = chat
        .chat(tokio_stream::iter(frames))
        .await
        .unwrap()
        .into_inner();
    let (mut sent, mut seen, mut caught_up) = (0, 0, false);
    while let Some(frame) = in_time("a frame", stream.message()).await.unwrap() {
        sent += frame
            .replies
            .iter()
            .filter(|reply| matches!(reply.result, Some(Answer::Send(_))))
            .count();
        for event in frame.events {
            match event.body.unwrap() {
                Body::Message(message) if message.sender.as_ref().unwrap().name == "bob" => {
                    seen += 1
                }
                Body::CaughtUp(_) => caught_up = true,
                _ => {}
            }
        }
    }
    assert_eq!((sent, seen, caught_up), (50, 1_500, true));
}
