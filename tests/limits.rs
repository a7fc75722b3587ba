//! Limits that the server announces, each at its value and one past it. (Texts, frames, rates, devices, streams of a
//! device, tokens, logins and connections have tests where they belong; the figures themselves are pinned in accounts.)

use std::time::Duration;

use tinychat::pb::{
    ChatRequest, CreateTokenRequest, GetServerInfoRequest, Limits, ListMessagesRequest,
    RegisterRequest, Scope, UsersRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::support::{
    Account, Server,
    account::{PASSWORD, new_id},
    feed::{Door, send},
    in_time, reason,
};

async fn announced(server: &Server) -> Limits {
    let mut chat = server.connection().chat();
    let info = in_time("info", chat.get_server_info(GetServerInfoRequest {})).await;
    info.unwrap().into_inner().limits.unwrap()
}

async fn register(server: &Server, name: &str, password: &str) -> Result<(), Status> {
    let request = RegisterRequest {
        user_name: name.to_owned(),
        password: password.to_owned(),
        device_name: String::new(),
    };
    let mut auth = server.connection().auth();
    in_time("register", auth.register(request)).await.map(drop)
}

#[track_caller]
fn assert_broken(answer: Result<(), Status>, why: &str) {
    let status = answer.unwrap_err();
    let got = (status.code(), reason(&status));
    assert_eq!(got, (Code::InvalidArgument, why.to_owned()), "{status:?}");
}

#[tokio::test]
async fn names_and_passwords_may_be_as_long_as_announced() {
    let server = Server::build().with_passwords().start();
    let limits = announced(&server).await;
    let name = "n".repeat(limits.user_name_bytes_max as usize);
    register(&server, &name, PASSWORD).await.unwrap();
    let longer = register(&server, &format!("{name}n"), PASSWORD).await;
    assert_broken(longer, "USER_NAME_INVALID");
    let password = |bytes: u32| "é".repeat(bytes as usize / 2) + &"p".repeat(bytes as usize % 2);
    let (least, most) = (limits.password_bytes_min, limits.password_bytes_max);
    register(&server, "least", &password(least)).await.unwrap();
    register(&server, "most", &password(most)).await.unwrap();
    let shorter = register(&server, "shorter", &password(least - 1)).await;
    assert_broken(shorter, "PASSWORD_INVALID");
    let longer = register(&server, "longer", &password(most + 1)).await;
    assert_broken(longer, "PASSWORD_INVALID");
}

#[tokio::test]
async fn the_name_of_a_token_may_be_as_long_as_announced() {
    let server = Server::start();
    let limits = announced(&server).await;
    let ann = Account::register(&server, "ann").await;
    let token = async |name: String| {
        let request = CreateTokenRequest {
            name,
            scopes: vec![Scope::Read.into()],
            expire_time: None,
        };
        let mut auth = ann.connection.auth();
        in_time("a token", auth.create_token(request))
            .await
            .map(drop)
    };
    let chars = limits.device_name_chars_max as usize;
    token("é".repeat(chars)).await.unwrap();
    for bad in ["é".repeat(chars + 1), String::new()] {
        assert_eq!(token(bad).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let request = CreateTokenRequest {
        name: "nothing".to_owned(),
        scopes: Vec::new(),
        expire_time: None,
    };
    let none = ann.connection.auth().create_token(request).await.map(drop);
    assert_broken(none, "SCOPES_INVALID");
}

#[tokio::test]
async fn a_page_has_as_many_items_as_announced_however_many_are_asked_for() {
    let server = Server::start();
    let limits = announced(&server).await;
    let (usual, most) = (limits.page_size_default, limits.page_size_max);
    let ann = Account::register(&server, "ann").await;
    let mut chat = ann.live(Door::Chat).await;
    let mut asked = Vec::new();
    for _ in 0..=most {
        asked.push(chat.say(Some(send("ann", "text", &new_id()))).await);
        // Names on trust: a user each.
        let name = format!("u{}", asked.len());
        Account::try_login(&ann.connection, &name).await.unwrap();
    }
    for id in asked {
        chat.answer(id).await;
    }
    let conversation_id = ann.conversation_with("ann").await.id;
    for (size, due) in [
        (0, usual),
        (1, 1),
        (most, most),
        (most + 1, most),
        (u32::MAX, most),
    ] {
        let request = ListMessagesRequest {
            conversation_id: conversation_id.clone(),
            page_size: size,
            position: None,
        };
        let page = ann.connection.conversations().list_messages(request).await;
        assert_eq!(
            page.unwrap().into_inner().messages.len() as u32,
            due,
            "{size}"
        );
        let request = UsersRequest {
            page_size: size,
            ..UsersRequest::default()
        };
        let page = ann.connection.chat().users(request).await;
        assert_eq!(page.unwrap().into_inner().users.len() as u32, due, "{size}");
    }
}

#[tokio::test]
async fn a_connection_has_as_many_streams_as_announced_and_one_more_waits_for_its_turn() {
    let server = Server::start();
    let limits = announced(&server).await;
    let ann = Account::register(&server, "ann").await;
    // Streams that have not said hello yet: they count for the connection only.
    let open = async || {
        let (hold, queue) = mpsc::channel::<ChatRequest>(1);
        let mut chat = ann.connection.chat();
        let stream = chat.chat(ReceiverStream::new(queue)).await.unwrap();
        (hold, stream.into_inner())
    };
    let mut streams = Vec::new();
    for _ in 0..limits.streams_per_connection_max {
        streams.push(in_time("a stream", open()).await);
    }
    let mut one_more = std::pin::pin!(open());
    // There is nothing to wait for: that nothing comes is what is to be seen.
    let early = tokio::time::timeout(Duration::from_millis(300), one_more.as_mut()).await;
    assert!(early.is_err(), "one more than announced");
    streams.pop();
    in_time("a place that became free", one_more).await;
}
