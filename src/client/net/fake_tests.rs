//! The link and the calls over real TCP, against a server that each test plays by hand. The loop of the terminal UI is
//! tried with the same.

use std::net::SocketAddr;

use bytes::Bytes;
use prost::Message as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_stream::{
    Stream,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{Request as Call, Response, Status, Streaming, transport::Server};

use super::*;
use crate::{
    client::net::{connect::ServerAddress, session::Patience, tls::Security},
    pb::{
        ready::{ChatFrame, SubscribeFrame},
        servers::chat_service_server::{ChatService, ChatServiceServer},
    },
};

type Out = mpsc::Sender<Result<ChatFrame, Status>>;

/// The server's side of one stream.
pub(in super::super::super) struct Door {
    pub(in super::super::super) hello: pb::Hello,
    pub(in super::super::super) inbound: Streaming<pb::ChatRequest>,
    pub(in super::super::super) out: Out,
}

/// Makes a link wait for its next attempt as if it had failed for long.
pub(in super::super::super) fn waits(link: &mut Link, wait: Duration) {
    let now = Instant::now();
    link.state = State::Waiting(now + wait, now);
}

/// Takes streams and sends, and gives them to the test.
struct Fake {
    doors: mpsc::Sender<Door>,
    sends: mpsc::Sender<String>,
}

type Frames<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ChatService for Fake {
    type ChatStream = ReceiverStream<Result<ChatFrame, Status>>;
    type SubscribeStream = Frames<SubscribeFrame>;

    async fn chat(
        &self,
        call: Call<Streaming<pb::ChatRequest>>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        let mut inbound = call.into_inner();
        let Some(Request::Hello(hello)) = inbound.message().await?.and_then(|frame| frame.request)
        else {
            return Err(Status::failed_precondition("hello expected"));
        };
        let (out, frames) = mpsc::channel(1);
        self.doors
            .send(Door {
                hello,
                inbound,
                out,
            })
            .await
            .unwrap();
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    async fn send(
        &self,
        call: Call<pb::SendRequest>,
    ) -> Result<Response<pb::SendResponse>, Status> {
        self.sends
            .send(call.into_inner().client_message_id)
            .await
            .unwrap();
        match self.sends.capacity() {
            // The answer to the first two attempts is lost.
            8.. => Err(Status::unavailable("lost")),
            _ => Ok(Response::new(pb::SendResponse {
                seq: 1,
                ..Default::default()
            })),
        }
    }

    async fn subscribe(
        &self,
        _: Call<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn users(
        &self,
        call: Call<pb::UsersRequest>,
    ) -> Result<Response<pb::UsersResponse>, Status> {
        let next = match call.into_inner().page_token.as_str() {
            "" => "b",
            "b" => "c",
            _ => "",
        };
        let users = vec![pb::User {
            name: format!("before-{next}"),
            ..Default::default()
        }];
        let next_page_token = next.to_owned();
        Ok(Response::new(pb::UsersResponse {
            users,
            next_page_token,
            total_size: 3,
        }))
    }

    async fn time(&self, _: Call<pb::TimeRequest>) -> Result<Response<pb::TimeResponse>, Status> {
        Ok(Response::new(pb::TimeResponse::default()))
    }

    async fn get_server_info(
        &self,
        _: Call<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn mark_read(
        &self,
        _: Call<pb::MarkReadRequest>,
    ) -> Result<Response<pb::MarkReadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn mark_unread(
        &self,
        _: Call<pb::MarkUnreadRequest>,
    ) -> Result<Response<pb::MarkUnreadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn set_typing(
        &self,
        _: Call<pb::SetTypingRequest>,
    ) -> Result<Response<pb::SetTypingResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn set_presence(
        &self,
        _: Call<pb::SetPresenceRequest>,
    ) -> Result<Response<pb::SetPresenceResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn acknowledge(
        &self,
        _: Call<pb::AcknowledgeRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn block_user(
        &self,
        _: Call<pb::BlockUserRequest>,
    ) -> Result<Response<pb::BlockUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn unblock_user(
        &self,
        _: Call<pb::UnblockUserRequest>,
    ) -> Result<Response<pb::UnblockUserResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_blocked_users(
        &self,
        _: Call<pb::ListBlockedUsersRequest>,
    ) -> Result<Response<pb::ListBlockedUsersResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

pub(in super::super::super) struct Stage {
    pub(in super::super::super) address: SocketAddr,
    pub(in super::super::super) doors: mpsc::Receiver<Door>,
    sends: mpsc::Receiver<String>,
    _server: JoinSet<()>,
}

impl Stage {
    pub(in super::super::super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (give_doors, doors) = mpsc::channel(8);
        let (give_sends, sends) = mpsc::channel(10);
        let fake = Fake {
            doors: give_doors,
            sends: give_sends,
        };
        let mut server = JoinSet::new();
        server.spawn(async move {
            let service = ChatServiceServer::new(fake);
            let incoming = TcpListenerStream::new(listener);
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
                .unwrap();
        });
        Self {
            address,
            doors,
            sends,
            _server: server,
        }
    }

    fn session(&self) -> Session {
        let address: ServerAddress = self.address.to_string().parse().unwrap();
        Session::open(&address, &Security::Plaintext).unwrap()
    }

    fn link(&self) -> Link {
        Link::new(self.session(), LinkOptions::default())
    }
}

impl Door {
    pub(in super::super::super) async fn give(
        &self,
        events: impl IntoIterator<Item = pb::Event>,
    ) -> bool {
        self.frame(events.into_iter().collect(), Vec::new()).await
    }

    async fn frame(&self, events: Vec<pb::Event>, replies: Vec<pb::Reply>) -> bool {
        let events = pb::ChatResponse {
            events,
            replies: Vec::new(),
        }
        .encode_to_vec();
        let frame = ChatFrame {
            events: vec![Bytes::from(events)],
            replies,
        };
        self.out.send(Ok(frame)).await.is_ok()
    }

    pub(in super::super::super) async fn answer(&self, request_id: u64, result: Answer) {
        let reply = pb::Reply {
            request_id,
            result: Some(result),
        };
        assert!(self.frame(Vec::new(), vec![reply]).await);
    }

    async fn next_mark(&mut self) -> (u64, pb::MarkReadRequest) {
        let frame = self.inbound.message().await.unwrap().unwrap();
        match frame.request {
            Some(Request::MarkRead(mark)) => (frame.request_id, mark),
            other => panic!("{other:?}"),
        }
    }

    pub(in super::super::super) async fn next_send(&mut self) -> (u64, pb::SendRequest) {
        let frame = self.inbound.message().await.unwrap().unwrap();
        match frame.request {
            Some(Request::Send(send)) => (frame.request_id, send),
            other => panic!("{other:?}"),
        }
    }
}

pub(in super::super::super) fn welcome() -> pb::Event {
    let body = Some(Body::Welcome(pb::Welcome::default()));
    pb::Event {
        cursor: String::new(),
        body,
    }
}

pub(in super::super::super) fn caught_up() -> pb::Event {
    let body = Some(Body::CaughtUp(pb::CaughtUp {}));
    pb::Event {
        cursor: String::new(),
        body,
    }
}

pub(in super::super::super) fn said(seq: u64) -> pb::Event {
    let message = pb::Message {
        conversation_id: "c1".to_owned(),
        seq,
        ..Default::default()
    };
    pb::Event {
        cursor: seq.to_string(),
        body: Some(Body::Message(message)),
    }
}

/// What a link gave out, in short.
fn short(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Event(event) => match &event.body {
            Some(Body::Message(message)) => message.seq.to_string(),
            Some(Body::Welcome(_)) => "welcome".to_owned(),
            Some(Body::CaughtUp(_)) => "caught up".to_owned(),
            other => format!("{other:?}"),
        },
        LinkEvent::Sent(message, _) => format!("sent {}", message.text),
        LinkEvent::NotSent(message, error) => format!("not sent {}: {error}", message.text),
        LinkEvent::Disconnected { .. } => "lost".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

async fn pull(link: &mut Link, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(short(&link.next().await));
    }
    events
}

#[tokio::test]
async fn a_cut_stream_is_resumed_after_the_last_event_and_a_repeat_is_not_seen() {
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor, None);
        door.give([welcome(), said(1), said(2)]).await;
        door.out
            .send(Err(Status::unavailable("cut")))
            .await
            .unwrap();
        let door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor.as_deref(), Some("2"));
        door.give([welcome(), said(2), said(3)]).await;
        door
    };
    let (events, _door) = tokio::join!(pull(&mut link, 8), play);
    let wanted = [
        "connected",
        "welcome",
        "1",
        "2",
        "lost",
        "connected",
        "welcome",
        "3",
    ];
    assert_eq!(events, wanted);
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again_as_the_same_request() {
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    for text in ["one", "two"] {
        link.send(Target::User("bob".to_owned()), text.to_owned())
            .unwrap();
    }
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        let (_, first) = door.next_send().await;
        drop(door);
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        let (request, again) = door.next_send().await;
        assert_eq!(again, first);
        // Too fast: it comes once more, and before the second one.
        let wait = prost_types::Duration {
            seconds: 0,
            nanos: 1_000_000,
        };
        let error = pb::Error {
            code: 8,
            retry_after: Some(wait),
            ..Default::default()
        };
        door.answer(request, Answer::Error(error)).await;
        let (request, again) = door.next_send().await;
        assert_eq!(again, first);
        door.answer(request, Answer::Send(pb::SendResponse::default()))
            .await;
        let (request, second) = door.next_send().await;
        assert_eq!(second.text, "two");
        let error = pb::Error {
            code: 5,
            message: "no bob".to_owned(),
            ..Default::default()
        };
        door.answer(request, Answer::Error(error)).await;
        door
    };
    let (events, _door) = tokio::join!(pull(&mut link, 7), play);
    let wanted = [
        "connected",
        "welcome",
        "lost",
        "connected",
        "welcome",
        "sent one",
        "not sent two: no bob",
    ];
    assert_eq!(events, wanted);
    assert_eq!(link.unsent(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_that_was_not_answered_is_sent_again_unless_the_conversation_is_put_aside() {
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    for (conversation, seq) in [("c1", 1), ("c2", 2), ("c3", 3)] {
        link.mark_read(conversation, seq);
    }
    let marked = || Answer::MarkRead(pb::MarkReadResponse::default());
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        let (first, _) = door.next_mark().await;
        for _ in 0..2 {
            door.next_mark().await;
        }
        door.answer(first, marked()).await;
        door.give([said(1)]).await;
        door
    };
    let (events, door) = tokio::join!(pull(&mut link, 4), play);
    assert_eq!(events, ["connected", "welcome", "caught up", "1"]);
    assert_eq!(
        link.unmarked(),
        [("c2".to_owned(), 2), ("c3".to_owned(), 3)].into()
    );
    link.keep_unread("c2");
    drop(door);
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        let (request, mark) = door.next_mark().await;
        assert_eq!((mark.conversation_id.as_str(), mark.read_seq), ("c3", 3));
        door.answer(request, marked()).await;
        door.give([said(2)]).await;
        door
    };
    let (events, _door) = tokio::join!(pull(&mut link, 5), play);
    assert_eq!(events, ["lost", "connected", "welcome", "caught up", "2"]);
    assert!(link.unmarked().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_small_frames_that_nobody_pulls_does_not_end_the_connection() {
    const MESSAGES: u64 = 100_000;
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        for seq in 1..=MESSAGES {
            assert!(door.give([said(seq)]).await, "the stream lives");
        }
        door
    });
    let mut seqs = Vec::new();
    while seqs.len() < usize::try_from(MESSAGES).unwrap() {
        // A reader that stops and goes.
        if seqs.len() % 20_000 == 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        match link.next().await {
            LinkEvent::Event(event) => {
                if let Some(Body::Message(message)) = event.body {
                    seqs.push(message.seq);
                }
            }
            LinkEvent::Connected => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(seqs.into_iter().eq(1..=MESSAGES));
}

#[tokio::test]
async fn an_ended_login_ends_the_link() {
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        door.out
            .send(Err(Status::unauthenticated("log in again")))
            .await
            .unwrap();
    };
    tokio::join!(
        async {
            assert_eq!(pull(&mut link, 2).await, ["connected", "welcome"]);
            let LinkEvent::Ended(error) = link.next().await else {
                panic!("goes on")
            };
            assert_eq!(error.to_string(), "log in again");
        },
        play
    );
}

#[tokio::test]
async fn closing_gives_out_what_the_server_still_has_to_say() {
    let mut stage = Stage::new().await;
    let mut link = stage.link();
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome()]).await;
        let marked = door.inbound.message().await.unwrap().unwrap();
        assert!(matches!(marked.request, Some(Request::Acknowledge(_))));
        assert_eq!(door.inbound.message().await.unwrap(), None, "half-closed");
        door.give([said(1)]).await;
    };
    let pulled = async {
        assert_eq!(pull(&mut link, 2).await, ["connected", "welcome"]);
        link.acknowledge("x".to_owned());
        link.close();
        pull(&mut link, 2).await
    };
    let (events, ()) = tokio::join!(pulled, play);
    assert_eq!(events, ["1", "closed"]);
}

#[tokio::test]
async fn a_call_is_repeated_with_the_same_id_until_it_is_answered() {
    let mut stage = Stage::new().await;
    let session = stage.session();
    let target = Target::User("bob".to_owned());
    let answer = session.send(target, "hi", Patience::Endless).await.unwrap();
    assert_eq!(answer.seq, 1);
    let ids = [
        stage.sends.recv().await,
        stage.sends.recv().await,
        stage.sends.recv().await,
    ];
    assert!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]));
    assert!(stage.sends.try_recv().is_err());
}

#[tokio::test]
async fn users_come_from_all_pages() {
    let stage = Stage::new().await;
    let users = stage.session().users(Patience::None).await.unwrap();
    let names: Vec<String> = users.into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["before-b", "before-c", "before-"]);
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let session = Session::open(&address.parse().unwrap(), &Security::Plaintext).unwrap();
    let error = session.server_info(Patience::None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot reach the server (Connection refused (os error 111)); is it running, and is the \
         address right?"
    );
}
