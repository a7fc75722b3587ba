//! Who may call what: every method of the schema by every kind of caller. A method without a row here fails the test.

mod rows;

use prost::Message;
use tinychat::pb::{
    Attachment, ConversationKind, CreateConversationRequest, CreateInviteLinkRequest,
    CreateTokenRequest, DESCRIPTORS, LogoutRequest, RevokeDeviceRequest, Scope, SendRequest,
    StartConversationRequest, chat_request::Request, event::Body, reply::Result as Answer,
    send_request::Target,
};
use tonic::{Code, Status};

use self::rows::{About, May, World, group_named, rows};
use crate::support::{
    Account, Server,
    account::{new_id, reason, to_user},
    eventually_async,
    file::{begin, upload},
    in_time,
    raw::Raw,
};

/// Makes a conversation and answers its id.
async fn make(account: &Account, request: CreateConversationRequest) -> String {
    let mut conversation = account.connection.conversations();
    let made = in_time("a conversation", conversation.create_conversation(request)).await;
    made.unwrap().into_inner().conversation.unwrap().id
}

/// Makes an invite link and answers its id and its code.
async fn invite(account: &Account, conversation_id: &str) -> (String, String) {
    let request = CreateInviteLinkRequest {
        conversation_id: conversation_id.to_owned(),
        ..CreateInviteLinkRequest::default()
    };
    let mut conversations = account.connection.conversations();
    let made = in_time("a link", conversations.create_invite_link(request)).await;
    let made = made.unwrap().into_inner();
    (made.invite_link.unwrap().id, made.code)
}

fn methods_of_the_schema() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut methods = Vec::new();
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                let (package, service, method) = (file.package(), service.name(), method.name());
                methods.push(format!("/{package}.{service}/{method}"));
            }
        }
    }
    methods.sort();
    methods
}

/// Calls a method and goes on reading to the first answer.
async fn first_answer(raw: &Raw, method: &str, request: &[u8]) -> Result<(), Status> {
    let messages = tokio_stream::iter(vec![request.to_vec()]);
    let mut stream = raw.stream(method, messages).await?;
    in_time(method, stream.message()).await.map(drop)
}

#[track_caller]
fn assert_refused(answer: Result<(), Status>, code: Code, why: &str, what: &str) {
    match answer {
        Err(status) => {
            let got = (status.code(), reason(&status));
            assert_eq!(got, (code, why.to_owned()), "{what}: {status:?}");
        }
        Ok(()) => panic!("{what} is let in"),
    }
}

/// Makes a token with these scopes.
async fn token(account: &Account, scopes: &[Scope], expire: Option<i64>) -> (String, String) {
    let request = CreateTokenRequest {
        name: "a bot".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
        expire_time: expire.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
    };
    let mut auth = account.connection.auth();
    let made = in_time("a token", auth.create_token(request))
        .await
        .unwrap();
    let made = made.into_inner();
    assert!(made.access_token.starts_with("tcb_"));
    (made.access_token, made.device.unwrap().id)
}

async fn world(server: &Server, ann: &Account) -> World {
    Account::register(server, "bob").await;
    let sent = ann.send("bob", "first").await;
    let mut events = ann.subscribe(None).await;
    while !matches!(events.next().await, Body::Message(_)) {}
    let (_, device) = token(ann, &[Scope::Read], None).await;
    let group = CreateConversationRequest {
        user_names: vec!["bob".to_owned()],
        ..group_named("the two")
    };
    let group = make(ann, group).await;
    let alone = make(ann, group_named("alone")).await;
    let channel = CreateConversationRequest {
        kind: ConversationKind::Channel.into(),
        ..group_named("open")
    };
    let channel = make(ann, channel).await;
    let (link, _) = invite(ann, &group).await;
    let (_, code) = invite(ann, &channel).await;
    let said = SendRequest {
        target: Some(Target::ConversationId(group.clone())),
        text: "said".to_owned(),
        ..SendRequest::default()
    };
    let mut chat = ann.connection.chat();
    in_time("a message", chat.send(said)).await.unwrap();
    let file = upload(ann, "notes.txt", b"some bytes").await.unwrap().id;
    let holding = SendRequest {
        attachments: vec![Attachment {
            file_id: file.clone(),
        }],
        ..to_user("bob", "with a file", &new_id())
    };
    ann.send_request(holding).await.unwrap();
    let mut uploads = Vec::new();
    // What is completed here is whole with nothing.
    for size in [1, 0, 1, 1, 1] {
        uploads.push(begin(ann, "more.txt", size).await.unwrap().id);
    }
    World {
        file,
        uploads: uploads.try_into().unwrap(),
        group,
        alone,
        link,
        code,
        conversation: sent.conversation_id,
        device,
        cursor: events.cursor.unwrap(),
    }
}

fn garbage(own: &str, foreign: &str) -> Vec<Vec<u8>> {
    let texts = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        own.to_owned(),
        format!("Basic {own}"),
        format!("Bearer {own}x"),
        format!("Bearer {}", &own[..own.len() - 1]),
        format!("Bearer {}", own.to_lowercase()),
        format!("Bearer {own} {own}"),
        // Good elsewhere: another server's.
        format!("Bearer {foreign}"),
        format!("Bearer {}", own.replace("tct_", "tcb_")),
    ];
    let mut all: Vec<Vec<u8>> = texts.map(String::into_bytes).to_vec();
    all.push(b"Bearer \xff\xfe\x80".to_vec());
    all.push(b"\xff".to_vec());
    all.push([b"Bearer ".to_vec(), vec![b'x'; 8_000]].concat());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_answers_every_kind_of_caller_as_it_should() {
    let strict = Server::build().with_passwords().start();
    let trusting = Server::start();
    for (server, other, trust) in [(&strict, &trusting, false), (&trusting, &strict, true)] {
        let ann = Account::register(server, "ann").await;
        let world = world(server, &ann).await;
        let eve = Account::register(server, "eve").await;
        let foreign = Account::register(other, &format!("far{}", u8::from(trust))).await;
        let bad = garbage(&ann.token, &foreign.token);
        let nobody = Raw::connect(server).await;
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        // Whom the others block. Of a user who makes no other device: the next one that is made sweeps away what has
        // expired.
        let zoe = Account::register(server, "zoe").await;
        let (expired, _) = token(
            &zoe,
            &[Scope::Read, Scope::Send, Scope::Admin],
            Some(now + 1),
        )
        .await;
        eventually_async("the token expires", async || {
            let asked = nobody.with_token(&expired);
            let asked = first_answer(&asked, "/tinychat.v1.AuthService/WhoAmI", &[]).await;
            asked.is_err()
        })
        .await;
        let revoked = {
            let gone = Account::login(server, "ann").await;
            let mut auth = gone.connection.auth();
            in_time("logout", auth.logout(LogoutRequest {}))
                .await
                .unwrap();
            gone.token
        };

        let listed = rows(&world, "ann")
            .iter()
            .map(|row| row.method)
            .collect::<Vec<_>>();
        assert_eq!(
            methods_of_the_schema(),
            listed,
            "each method has a row here"
        );
        for row in rows(&world, "ann") {
            let (method, request) = (row.method, row.request.as_slice());
            let what = |who: &str| format!("{method}, {who}, trust {trust}");
            let scope = match row.may {
                May::Everybody => None,
                May::EverybodyOnTrust(_) if trust => None,
                May::EverybodyOnTrust(scope) | May::Scoped(scope) => Some(Some(scope)),
                May::AnyToken => Some(None),
            };
            let Some(scope) = scope else {
                // Nobody asks who they are, so a bad token does no harm either.
                let gone = [&revoked, &expired].map(|token| format!("Bearer {token}"));
                let values = bad.iter().cloned().chain(gone.map(String::into_bytes));
                let callers = values.map(|value| nobody.with("authorization", &value));
                for caller in callers.chain([nobody.clone(), nobody.with_token(&eve.token)]) {
                    let fresh = rows(&world, "ann");
                    let fresh = fresh.iter().find(|other| other.method == method).unwrap();
                    let answer = first_answer(&caller, method, &fresh.request).await;
                    answer.unwrap_or_else(|status| panic!("{} {status:?}", what("anybody")));
                }
                continue;
            };
            let answer = first_answer(&nobody, method, request).await;
            assert_refused(
                answer,
                Code::Unauthenticated,
                "TOKEN_MISSING",
                &what("nobody"),
            );
            for value in &bad {
                let shown = what(&format!("{:.60}", String::from_utf8_lossy(value)));
                let caller = nobody.with("authorization", value);
                let answer = first_answer(&caller, method, request).await;
                assert_refused(answer, Code::Unauthenticated, "TOKEN_INVALID", &shown);
            }
            let answer = first_answer(&nobody.with_token(&revoked), method, request).await;
            assert_refused(
                answer,
                Code::Unauthenticated,
                "TOKEN_INVALID",
                &what("revoked"),
            );
            let answer = first_answer(&nobody.with_token(&expired), method, request).await;
            let why = "TOKEN_EXPIRED";
            assert_refused(answer, Code::Unauthenticated, why, &what("expired"));

            // Each scope alone, as a token that nobody needs afterwards.
            for held in [Scope::Read, Scope::Send, Scope::Admin] {
                let own = rows(&world, "ann");
                let own = own.iter().find(|other| other.method == method).unwrap();
                // What may be revoked is there for one caller alone.
                let request = match row.about {
                    About::Device => RevokeDeviceRequest {
                        device_id: token(&ann, &[Scope::Read], None).await.1,
                    }
                    .encode_to_vec(),
                    _ => own.request.clone(),
                };
                let (made, device) = token(&ann, &[held], None).await;
                let answer = first_answer(&nobody.with_token(&made), method, &request).await;
                if scope.is_none_or(|needed| needed == held) {
                    // What cannot be done even by those who may.
                    let hindered = match method.rsplit('/').next() {
                        Some("ChangePassword") if trust => Some("PASSWORDS_UNUSED"),
                        Some("SetPresence") => Some("NO_OPEN_STREAM"),
                        _ => None,
                    };
                    match hindered {
                        Some(why) => {
                            let code = Code::FailedPrecondition;
                            assert_refused(answer, code, why, &what("member"));
                        }
                        None => {
                            answer.unwrap_or_else(|status| panic!("{} {status:?}", what("member")));
                        }
                    }
                } else {
                    let shown = what(&format!("{held:?}"));
                    assert_refused(answer, Code::PermissionDenied, "SCOPE_MISSING", &shown);
                }
                let mut auth = ann.connection.auth();
                // Gone already if it has just logged itself out.
                auth.revoke_device(RevokeDeviceRequest { device_id: device })
                    .await
                    .ok();
            }

            // A stranger, with every right over what is their own.
            let stranger = nobody.with_token(&Account::login(server, "eve").await.token);
            let answer = first_answer(&stranger, method, request).await;
            match row.about {
                About::Conversation => {
                    let code = Code::NotFound;
                    assert_refused(answer, code, "CONVERSATION_NOT_FOUND", &what("stranger"));
                }
                About::Device => {
                    let code = Code::NotFound;
                    assert_refused(answer, code, "DEVICE_NOT_FOUND", &what("stranger"));
                }
                About::File => {
                    assert_refused(answer, Code::NotFound, "FILE_NOT_FOUND", &what("stranger"));
                }
                About::Upload => {
                    let why = "UPLOAD_NOT_FOUND";
                    assert_refused(answer, Code::NotFound, why, &what("stranger"));
                }
                About::Own if method.ends_with("ChangePassword") && trust => {}
                About::Own if method.ends_with("SetPresence") => {}
                About::Own | About::Cursor => answer.unwrap(),
            }
        }
        // The device that the stranger asked to end goes on, and so does the conversation.
        let device = RevokeDeviceRequest {
            device_id: world.device.clone(),
        };
        let mut auth = ann.connection.auth();
        in_time("revoke", auth.revoke_device(device)).await.unwrap();
        // By now her first login has been retired by the later ones.
        let eve = Account::login(server, "eve").await;
        assert!(
            eve.conversations()
                .await
                .iter()
                .all(|c| c.id != world.conversation)
        );
        // The case of the scheme does not count.
        let value = format!("bEARER {}", ann.token);
        let me = nobody.with("authorization", value.as_bytes());
        first_answer(&me, "/tinychat.v1.AuthService/WhoAmI", &[])
            .await
            .unwrap();
        // Health and reflection are for everybody, whatever they answer to an empty message.
        for method in [
            "/grpc.health.v1.Health/Check",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            if let Err(status) = first_answer(&nobody, method, &[]).await {
                assert_ne!(status.code(), Code::Unauthenticated, "{method}: {status:?}");
                assert_ne!(status.code(), Code::Unimplemented, "{method}: {status:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_token_may_not_do_is_refused_inside_a_stream_too() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    Account::register(&server, "bob").await;
    let (reads, _) = token(&ann, &[Scope::Read], None).await;
    let reader = Account {
        token: reads.clone(),
        connection: ann.connection.with_token(&reads).unwrap(),
        ..ann.clone()
    };
    let mut chat = reader.chat(None).await.unwrap();
    chat.ask(2, Request::Send(to_user("bob", "no", &new_id())))
        .await;
    let refused = chat.reply(2).await.result;
    assert!(matches!(refused, Some(Answer::Error(it)) if it.reason == "SCOPE_MISSING"));
    let start = StartConversationRequest {
        user_name: "bob".to_owned(),
    };
    chat.ask(3, Request::StartConversation(start)).await;
    let refused = chat.reply(3).await.result;
    assert!(matches!(refused, Some(Answer::Error(it)) if it.reason == "SCOPE_MISSING"));
    // The stream lives on.
    chat.ping(4).await;
    assert!(matches!(chat.reply(4).await.result, Some(Answer::Pong(_))));
}

#[tokio::test]
async fn a_token_makes_none_that_can_do_more_or_lives_longer() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let (manager, _) = token(&ann, &[Scope::Admin], Some(now + 3_600)).await;
    let mut auth = ann.connection.with_token(&manager).unwrap().auth();
    let mut ask = async |scope: Scope, end: Option<i64>| {
        let request = CreateTokenRequest {
            name: "child".to_owned(),
            scopes: vec![scope.into()],
            expire_time: end.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        };
        let made = in_time("a token", auth.create_token(request)).await;
        made.map_err(|status| reason(&status)).map(drop)
    };
    assert_eq!(
        ask(Scope::Read, Some(now + 60)).await.unwrap_err(),
        "SCOPE_MISSING"
    );
    assert_eq!(
        ask(Scope::Admin, None).await.unwrap_err(),
        "EXPIRE_TIME_INVALID"
    );
    let later = ask(Scope::Admin, Some(now + 3_601)).await;
    assert_eq!(later.unwrap_err(), "EXPIRE_TIME_INVALID");
    ask(Scope::Admin, Some(now + 3_600)).await.unwrap();
}

#[tokio::test]
async fn whoever_may_only_send_does_not_learn_what_is_said() {
    let server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    bob.send("ann", "a secret").await;
    let (sends, _) = token(&ann, &[Scope::Send], None).await;
    let notifier = ann.connection.with_token(&sends).unwrap();
    let request = StartConversationRequest {
        user_name: "bob".to_owned(),
    };
    let started = notifier.conversations().start_conversation(request).await;
    let blind = started.unwrap().into_inner().conversation.unwrap();
    let seen = ann.conversation_with("bob").await;
    assert_eq!((seen.unread, &blind.id), (1, &seen.id));
    assert!(seen.last_message.is_some());
    assert_eq!(
        (blind.unread, blind.read_seq, blind.last_message),
        (0, 0, None)
    );
}
