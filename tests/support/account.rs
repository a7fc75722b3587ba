//! A login and what it does: send, read back, follow events. Every wait has a deadline.

use std::collections::VecDeque;

use tinychat::{
    client::net::connect::Connection,
    pb::{
        ChatRequest, ChatResponse, Conversation, Event, Hello, ListConversationsRequest,
        ListMessagesRequest, LoginRequest, Message, Ping, RegisterRequest, Reply, SendRequest,
        SendResponse, StartConversationRequest, SubscribeRequest, SubscribeResponse, UsersRequest,
        chat_request::Request, event::Body, list_messages_request::Position, send_request::Target,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{Server, in_time};

/// The password of every account in these tests.
pub const PASSWORD: &str = "correct horse";

/// A login.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name of its user.
    pub name: String,
    /// Its token.
    pub token: String,
    /// A connection that carries the token.
    pub connection: Connection,
}

/// The reason that an answer gives to programs; empty when it gives none.
pub fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}

/// A new id for a send.
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// A send to a user.
pub fn to_user(name: &str, text: &str, id: &str) -> SendRequest {
    SendRequest {
        target: Some(Target::UserName(name.to_owned())),
        client_message_id: id.to_owned(),
        text: text.to_owned(),
        reply_to_seq: 0,
        attachments: Vec::new(),
    }
}

/// The text of a message.
pub fn text_of(message: &Message) -> &str {
    let Some(tinychat::pb::message::Content::Text(text)) = &message.content else {
        panic!("a message without text: {message:?}");
    };
    text
}

impl Account {
    /// Makes an account.
    pub async fn register(server: &Server, name: &str) -> Self {
        Self::try_register(&server.connection(), name)
            .await
            .unwrap()
    }

    /// Makes an account over a connection.
    pub async fn try_register(connection: &Connection, name: &str) -> Result<Self, Status> {
        let request = RegisterRequest {
            user_name: name.to_owned(),
            password: PASSWORD.to_owned(),
            device_name: "test".to_owned(),
        };
        let mut auth = connection.auth();
        let answer = in_time("register", auth.register(request)).await?;
        let answer = answer.into_inner();
        Ok(Self::new(
            connection,
            answer.user.unwrap(),
            answer.access_token,
        ))
    }

    /// Logs in once more: another device of the same user, over a connection of its own.
    pub async fn login(server: &Server, name: &str) -> Self {
        Self::try_login(&server.connection(), name).await.unwrap()
    }

    /// Logs in over a connection; with names on trust this makes the account, and can be repeated.
    pub async fn try_login(connection: &Connection, name: &str) -> Result<Self, Status> {
        let request = LoginRequest {
            user_name: name.to_owned(),
            password: PASSWORD.to_owned(),
            device_name: "test".to_owned(),
        };
        let answer = connection.auth().login(request).await?.into_inner();
        Ok(Self::new(
            connection,
            answer.user.unwrap(),
            answer.access_token,
        ))
    }

    fn new(connection: &Connection, user: tinychat::pb::User, token: String) -> Self {
        Self {
            name: user.name,
            connection: connection.with_token(&token).unwrap(),
            token,
        }
    }

    /// The same login, over a new connection to a server that was started again.
    pub fn on(&self, server: &Server) -> Self {
        self.over(&server.connection())
    }

    /// The same login, over another connection.
    pub fn over(&self, connection: &Connection) -> Self {
        Self {
            connection: connection.with_token(&self.token).unwrap(),
            ..self.clone()
        }
    }

    /// Sends a text to a user.
    pub async fn send(&self, user: &str, text: &str) -> SendResponse {
        self.send_as(user, text, &new_id()).await.unwrap()
    }

    /// Sends a text to a user, under an id that the caller chose.
    pub async fn send_as(&self, user: &str, text: &str, id: &str) -> Result<SendResponse, Status> {
        self.send_request(to_user(user, text, id)).await
    }

    /// Sends.
    pub async fn send_request(&self, request: SendRequest) -> Result<SendResponse, Status> {
        let mut chat = self.connection.chat();
        let answer = in_time("send", chat.send(request)).await?;
        Ok(answer.into_inner())
    }

    /// The conversation with a user.
    pub async fn conversation_with(&self, user: &str) -> Conversation {
        let request = StartConversationRequest {
            user_name: user.to_owned(),
        };
        let mut conversations = self.connection.conversations();
        let answer = conversations.start_conversation(request);
        let answer = in_time("start a conversation", answer).await.unwrap();
        answer.into_inner().conversation.unwrap()
    }

    /// All its conversations.
    pub async fn conversations(&self) -> Vec<Conversation> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListConversationsRequest {
                page_size: 500,
                page_token,
            };
            let mut conversations = self.connection.conversations();
            let page = conversations.list_conversations(request);
            let page = in_time("list conversations", page).await.unwrap();
            let page = page.into_inner();
            all.extend(page.conversations);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return all;
            }
        }
    }

    /// The whole history of a conversation, page by page.
    pub async fn history(&self, conversation: &str) -> Vec<Message> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let after = all.last().map_or(0, |message| message.seq);
            let request = ListMessagesRequest {
                conversation_id: conversation.to_owned(),
                position: Some(Position::AfterSeq(after)),
                page_size: 500,
            };
            let mut conversations = self.connection.conversations();
            let page = conversations.list_messages(request);
            let page = in_time("list messages", page).await.unwrap().into_inner();
            let done = page.messages.is_empty();
            all.extend(page.messages);
            if done || all.last().is_some_and(|last| last.seq >= page.last_seq) {
                return all;
            }
        }
    }

    /// The newest messages of a conversation, at most so many.
    pub async fn newest(&self, conversation: &str, page_size: u32) -> Vec<Message> {
        let request = ListMessagesRequest {
            conversation_id: conversation.to_owned(),
            position: None,
            page_size,
        };
        let mut conversations = self.connection.conversations();
        let page = conversations.list_messages(request);
        let page = in_time("list messages", page).await.unwrap();
        page.into_inner().messages
    }

    /// The users that this login sees, as (name, presence).
    pub async fn users(&self) -> Vec<(String, tinychat::pb::Presence)> {
        let request = UsersRequest {
            page_size: 500,
            ..UsersRequest::default()
        };
        let mut chat = self.connection.chat();
        let answer = in_time("users", chat.users(request)).await.unwrap();
        let users = answer.into_inner().users.into_iter();
        users
            .map(|user| (user.name.clone(), user.presence()))
            .collect()
    }

    /// Follows events; with a cursor after it, else from where this device stands.
    pub async fn subscribe(&self, cursor: Option<String>) -> Events {
        in_time("subscribe", self.try_subscribe(cursor))
            .await
            .unwrap()
    }

    /// Follows events, if the server lets it.
    pub async fn try_subscribe(&self, cursor: Option<String>) -> Result<Events, Status> {
        let request = SubscribeRequest {
            resume_cursor: cursor.clone(),
            ..SubscribeRequest::default()
        };
        let stream = self.connection.chat().subscribe(request).await?;
        Ok(Events {
            stream: stream.into_inner(),
            waiting: VecDeque::new(),
            cursor,
        })
    }

    /// Opens a stream in both directions and says hello.
    pub async fn chat(&self, cursor: Option<String>) -> Result<Chat, Status> {
        // As many as a client pipelines here; a full queue makes the test wait, not the server.
        let (requests, queue) = mpsc::channel(256);
        let hello = Hello {
            resume_cursor: cursor,
            ..Hello::default()
        };
        let hello = ChatRequest {
            request_id: 1,
            request: Some(Request::Hello(hello)),
        };
        requests.send(hello).await.unwrap();
        let mut chat = self.connection.chat();
        let stream = chat.chat(ReceiverStream::new(queue)).await?.into_inner();
        Ok(Chat { requests, stream })
    }
}

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    stream: Streaming<SubscribeResponse>,
    waiting: VecDeque<Event>,
    /// Where a new stream would go on.
    pub cursor: Option<String>,
}

impl Events {
    /// The next event, or how the stream ended (`None`: with OK).
    pub async fn try_next(&mut self) -> Result<Option<Event>, Status> {
        while self.waiting.is_empty() {
            match in_time("an event", self.stream.message()).await? {
                Some(frame) => self.waiting.extend(frame.events),
                None => return Ok(None),
            }
        }
        let event = self.waiting.pop_front();
        if let Some(event) = event.as_ref().filter(|event| !event.cursor.is_empty()) {
            self.cursor = Some(event.cursor.clone());
        }
        Ok(event)
    }

    /// The next event.
    pub async fn next(&mut self) -> Body {
        let event = self.try_next().await.unwrap();
        event.expect("the stream ended").body.expect("no body")
    }

    /// All events up to `caught_up`, without it.
    pub async fn until_caught_up(&mut self) -> Vec<Body> {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Body::CaughtUp(_) => return all,
                body => all.push(body),
            }
        }
    }

    /// The next messages, so many.
    pub async fn messages(&mut self, count: usize) -> Vec<Message> {
        let mut all = Vec::new();
        while all.len() < count {
            if let Body::Message(message) = self.next().await {
                all.push(message);
            }
        }
        all
    }
}

/// The messages among events.
pub fn messages(events: Vec<Body>) -> Vec<Message> {
    let messages = events.into_iter().filter_map(|body| match body {
        Body::Message(message) => Some(message),
        _ => None,
    });
    messages.collect()
}

/// A stream in both directions.
#[derive(Debug)]
pub struct Chat {
    /// To the server. Dropped: the half-close.
    pub requests: mpsc::Sender<ChatRequest>,
    /// From the server.
    pub stream: Streaming<ChatResponse>,
}

impl Chat {
    /// Asks something.
    pub async fn ask(&self, request_id: u64, request: Request) {
        let request = ChatRequest {
            request_id,
            request: Some(request),
        };
        in_time("room for a request", self.requests.send(request))
            .await
            .ok();
    }

    /// Asks whether the server is there.
    pub async fn ping(&self, request_id: u64) {
        self.ask(request_id, Request::Ping(Ping {})).await;
    }

    /// Reads on until the answer to a request has come.
    pub async fn reply(&mut self, request_id: u64) -> Reply {
        loop {
            let frame = in_time("a reply", self.stream.message()).await.unwrap();
            let replies = frame.expect("the stream ended").replies.into_iter();
            if let Some(reply) = { replies }.find(|reply| reply.request_id == request_id) {
                return reply;
            }
        }
    }
}
