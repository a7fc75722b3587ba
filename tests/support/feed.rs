//! A stream of whole events by either door, and questions by either door: what a test says through frames of `Chat` it
//! can say through unary calls, and the answers have one shape.

use std::collections::VecDeque;

use tinychat::pb::{
    AcknowledgeRequest, ChatRequest, ChatResponse, Error, Event, FieldViolation, Hello,
    MarkReadRequest, Ping, Pong, Reply, SendRequest, StartConversationRequest, SubscribeRequest,
    SubscribeResponse, chat_request::Request, event::Body, reply::Result as Answer,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tonic_types::StatusExt as _;

use super::{Account, in_time};

/// The two doors that bring events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The stream in both directions.
    Chat,
    /// The server stream.
    Subscribe,
}

/// Both of them.
pub const DOORS: [Door; 2] = [Door::Chat, Door::Subscribe];

/// How a stream is to begin.
#[derive(Clone, Debug, Default)]
pub struct From {
    /// Resume after this.
    pub cursor: Option<String>,
    /// Most missed messages of each conversation; 0: all.
    pub backlog_max: u32,
    /// Also presence and typing.
    pub ephemeral: bool,
}

/// After a cursor.
pub fn after(cursor: &str) -> From {
    From {
        cursor: Some(cursor.to_owned()),
        ..From::default()
    }
}

#[derive(Debug)]
enum Frames {
    Chat(Streaming<ChatResponse>),
    Subscribe(Streaming<SubscribeResponse>),
}

/// A stream of whole events. Replies that come between them are kept for `ask`.
#[derive(Debug)]
pub struct Feed {
    frames: Frames,
    requests: Option<mpsc::Sender<ChatRequest>>,
    last_id: u64,
    events: VecDeque<Event>,
    replies: Vec<Reply>,
    /// How many events each frame had so far; frames of replies alone do not count.
    pub sizes: Vec<usize>,
}

impl Account {
    /// Opens a stream of events.
    pub async fn feed(&self, door: Door, from: From) -> Feed {
        let mut chat = self.connection.chat();
        let (frames, requests) = match door {
            Door::Subscribe => {
                let request = SubscribeRequest {
                    resume_cursor: from.cursor,
                    max_backlog_per_conversation: from.backlog_max,
                    ephemeral_events: from.ephemeral,
                };
                let stream = in_time("subscribe", chat.subscribe(request)).await;
                (Frames::Subscribe(stream.unwrap().into_inner()), None)
            }
            Door::Chat => {
                let (requests, queue) = mpsc::channel(256);
                let hello = Hello {
                    resume_cursor: from.cursor,
                    max_backlog_per_conversation: from.backlog_max,
                    device_name: None,
                    ephemeral_events: from.ephemeral,
                };
                let hello = ChatRequest {
                    request_id: 1,
                    request: Some(Request::Hello(hello)),
                };
                requests.send(hello).await.unwrap();
                let stream = in_time("chat", chat.chat(ReceiverStream::new(queue))).await;
                (Frames::Chat(stream.unwrap().into_inner()), Some(requests))
            }
        };
        Feed {
            frames,
            requests,
            last_id: 1,
            events: VecDeque::new(),
            replies: Vec::new(),
            sizes: Vec::new(),
        }
    }

    /// A stream that has caught up: only what is new comes.
    pub async fn live(&self, door: Door) -> Feed {
        let mut feed = self.feed(door, From::default()).await;
        feed.until_caught_up().await;
        feed
    }

    /// What a stream brings up to and with `caught_up`.
    pub async fn replayed(&self, door: Door, from: From) -> Vec<Event> {
        self.feed(door, from).await.until_caught_up().await
    }
}

impl Feed {
    /// Reads one frame; false: the stream ended with OK.
    async fn read(&mut self) -> Result<bool, Status> {
        let (events, replies) = match &mut self.frames {
            Frames::Chat(stream) => match in_time("a frame", stream.message()).await? {
                Some(frame) => (frame.events, frame.replies),
                None => return Ok(false),
            },
            Frames::Subscribe(stream) => match in_time("a frame", stream.message()).await? {
                Some(frame) => (frame.events, Vec::new()),
                None => return Ok(false),
            },
        };
        if !events.is_empty() {
            self.sizes.push(events.len());
        }
        self.events.extend(events);
        self.replies.extend(replies);
        Ok(true)
    }

    /// The next event, or how the stream ended (`None`: with OK).
    pub async fn try_next(&mut self) -> Result<Option<Event>, Status> {
        while self.events.is_empty() {
            if !self.read().await? {
                return Ok(None);
            }
        }
        Ok(self.events.pop_front())
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        self.try_next().await.unwrap().expect("the stream ended")
    }

    /// Events up to and with the first that is meant.
    pub async fn until(&mut self, mut meant: impl FnMut(&Body) -> bool) -> Vec<Event> {
        let mut all = Vec::new();
        loop {
            let event = self.next().await;
            let last = event.body.as_ref().is_some_and(&mut meant);
            all.push(event);
            if last {
                return all;
            }
        }
    }

    /// Events up to and with `caught_up`.
    pub async fn until_caught_up(&mut self) -> Vec<Event> {
        self.until(|body| matches!(body, Body::CaughtUp(_))).await
    }

    /// Events up to and with the message of this text.
    pub async fn until_text(&mut self, text: &str) -> Vec<Event> {
        self.until(|body| matches!(body, Body::Message(it) if super::account::text_of(it) == text))
            .await
    }

    /// How the stream ends, whatever comes before.
    pub async fn end(&mut self) -> Result<(), Status> {
        while self.try_next().await?.is_some() {}
        Ok(())
    }

    /// Says something without waiting for an answer; returns its `request_id`.
    pub async fn say(&mut self, request: Option<Request>) -> u64 {
        self.last_id += 1;
        let request = ChatRequest {
            request_id: self.last_id,
            request,
        };
        let requests = self.requests.as_ref().expect("not half-closed");
        in_time("room for a frame", requests.send(request))
            .await
            .unwrap();
        self.last_id
    }

    /// Waits for the answer to a request; events that come first are kept.
    pub async fn answer(&mut self, request_id: u64) -> Answer {
        loop {
            let mut replies = self.replies.iter();
            if let Some(index) = replies.position(|reply| reply.request_id == request_id) {
                return self.replies.swap_remove(index).result.expect("no answer");
            }
            assert!(self.read().await.unwrap(), "the stream ended");
        }
    }

    /// Asks by a frame.
    pub async fn ask(&mut self, request: Option<Request>) -> Answer {
        let id = self.say(request).await;
        self.answer(id).await
    }

    /// Whether frames can be sent on it.
    pub fn takes_requests(&self) -> bool {
        self.requests.is_some()
    }

    /// Says that nothing more will be asked.
    pub fn half_close(&mut self) {
        self.requests = None;
    }

    /// Every answer that came and was not asked for yet.
    pub fn answers(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }
}

/// The twin of a status, as a stream would have it: `field` is that of the frame.
pub fn twin(status: &Status, field: &str) -> Error {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.iter());
    let wait = details.retry_info().and_then(|info| info.retry_delay);
    Error {
        code: status.code().into(),
        reason: super::reason(status),
        message: status.message().to_owned(),
        field_violations: violations
            .into_iter()
            .flatten()
            .map(|violation| FieldViolation {
                field: format!("{field}.{}", violation.field),
                description: violation.description.clone(),
            })
            .collect(),
        retry_after: wait.map(|wait| wait.try_into().unwrap()),
    }
}

/// Asks by a unary call what a frame would ask.
pub async fn ask_unary(account: &Account, request: Request) -> Answer {
    let mut chat = account.connection.chat();
    let mut conversations = account.connection.conversations();
    let (field, answer) = match request {
        Request::Send(request) => {
            let answer = in_time("send", chat.send(request)).await;
            ("send", answer.map(|it| Answer::Send(it.into_inner())))
        }
        Request::MarkRead(request) => {
            let answer = in_time("mark read", chat.mark_read(request)).await;
            let answer = answer.map(|it| Answer::MarkRead(it.into_inner()));
            ("mark_read", answer)
        }
        Request::SetTyping(request) => {
            let answer = in_time("set typing", chat.set_typing(request)).await;
            let answer = answer.map(|it| Answer::SetTyping(it.into_inner()));
            ("set_typing", answer)
        }
        Request::Acknowledge(request) => {
            let answer = in_time("acknowledge", chat.acknowledge(request)).await;
            let answer = answer.map(|it| Answer::Acknowledge(it.into_inner()));
            ("acknowledge", answer)
        }
        Request::StartConversation(request) => {
            let answer = conversations.start_conversation(request);
            let answer = in_time("start", answer).await;
            let answer = answer.map(|it| Answer::StartConversation(it.into_inner()));
            ("start_conversation", answer)
        }
        Request::Ping(Ping {}) => ("ping", Ok(Answer::Pong(Pong { time: None }))),
        Request::Hello(_) => panic!("hello is no call"),
    };
    answer.unwrap_or_else(|status| Answer::Error(twin(&status, field)))
}

/// A request to mark a conversation read.
pub fn mark_read(conversation: &str, read_seq: u64) -> Request {
    Request::MarkRead(MarkReadRequest {
        conversation_id: conversation.to_owned(),
        read_seq,
    })
}

/// A request to acknowledge.
pub fn acknowledge(cursor: &str) -> Request {
    Request::Acknowledge(AcknowledgeRequest {
        cursor: cursor.to_owned(),
    })
}

/// A request to start a conversation.
pub fn start_conversation(user: &str) -> Request {
    Request::StartConversation(StartConversationRequest {
        user_name: user.to_owned(),
    })
}

/// A send to a user, under an id.
pub fn send(user: &str, text: &str, id: &str) -> Request {
    let request: SendRequest = super::account::to_user(user, text, id);
    Request::Send(request)
}
