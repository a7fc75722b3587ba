//! The services of the baselines: what comes in goes out again, at once or after the table has it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use prost::encoding::message::encode as encode_field;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    Fault,
    book::{self, Book, Place, now_ms},
    outbox::{BROKEN, Outbound, Outbox},
    pages::Pages,
    table::{Job, Table},
};
use crate::{
    bench::wire::Stamp,
    pb::{
        self, chat_request::Request as Asked, event::Body, message::Content, ready::SubscribeFrame,
        send_request::Target, servers::chat_service_server::ChatService,
    },
    tasks::Tasks,
};

/// Frames that are taken as one batch, as the server does.
const FRAMES_PER_BATCH: usize = 256;
/// Frames of a replay that wait for HTTP/2: enough to read the next page meanwhile.
const FRAMES_WAITING: usize = 4;
/// Bytes at which a run of events ends: a frame.
const RUN_BYTES: usize = 48 * 1024;
/// The field `events` of a response.
const EVENTS_FIELD: u32 = 1;

/// The open streams of each user.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<String, Vec<Arc<Outbox>>>>);

impl Streams {
    fn map(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Outbox>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &str, outbox: &Arc<Outbox>) {
        let mut map = self.map();
        map.entry(name.to_owned())
            .or_default()
            .push(Arc::clone(outbox));
    }

    /// Forgets a stream that has ended.
    pub fn remove(&self, name: &str, outbox: &Arc<Outbox>) {
        let mut map = self.map();
        if let Some(outboxes) = map.get_mut(name) {
            outboxes.retain(|other| !Arc::ptr_eq(other, outbox));
            if outboxes.is_empty() {
                map.remove(name);
            }
        }
    }
}

/// Who waits for the acknowledgements of a batch.
pub enum Waiter {
    /// The stream that it came on.
    Stream(Arc<Outbox>),
    /// A call with one message.
    Call(oneshot::Sender<pb::SendResponse>),
}

/// A send that came.
pub struct Sent {
    /// Of its frame.
    pub request_id: u64,
    /// The receiver.
    pub to: String,
    /// Its text.
    pub text: String,
    /// Its id.
    pub client_message_id: String,
}

/// What came from one sender at once.
pub struct Batch {
    /// The name of the sender.
    pub sender: Arc<str>,
    /// Its messages.
    pub sends: Vec<Sent>,
    /// Who waits.
    pub waiter: Waiter,
}

impl Batch {
    /// Gives each message its place.
    pub fn places(&self, book: &mut Book) -> Vec<Place> {
        let now = now_ms();
        let mut last: Option<(&str, (usize, i64))> = None;
        let mut places = Vec::with_capacity(self.sends.len());
        for send in &self.sends {
            let known = match last {
                Some((to, known)) if to == send.to => known,
                _ => book.conversation(&self.sender, &send.to),
            };
            last = Some((&send.to, known));
            places.push(book.place(known, now));
        }
        places
    }
}

/// What gives messages to streams.
struct Delivery {
    streams: Arc<Streams>,
    fault: Option<Fault>,
    echo: bool,
}

impl Delivery {
    /// Delivers a batch that has its places, and acknowledges it.
    fn deliver(&self, batch: Batch, places: &[Place]) {
        let Batch {
            sender,
            sends,
            waiter,
        } = batch;
        let acknowledge = |waiter: Waiter, ids: Vec<u64>| match waiter {
            Waiter::Stream(outbox) => {
                let replies = ids.into_iter().zip(places).flat_map(|reply| {
                    let is_broken = self.fault == Some(Fault::ReplyTwice) && reply.0 == BROKEN;
                    std::iter::repeat_n(reply, 1 + usize::from(is_broken))
                });
                outbox.put_replies(replies.map(|(id, place)| book::reply(id, place)));
            }
            Waiter::Call(call) => {
                if let Some(place) = places.first() {
                    // Its caller may have gone.
                    let _ = call.send(book::acknowledgement(place));
                }
            }
        };
        let ids = sends.iter().map(|send| send.request_id).collect();
        let mut run = BytesMut::new();
        let mut to = String::new();
        for (send, place) in sends.into_iter().zip(places) {
            let is_full = run.len() >= RUN_BYTES || self.fault.is_some();
            if is_full || send.to != to {
                self.put(&sender, &to, run.split().freeze());
                to = send.to;
            }
            let event = book::event(place, &sender, send.text, send.client_message_id);
            encode_field(EVENTS_FIELD, &event, &mut run);
        }
        self.put(&sender, &to, run.freeze());
        acknowledge(waiter, ids);
    }

    fn put(&self, sender: &str, to: &str, run: Bytes) {
        if run.is_empty() {
            return;
        }
        let map = self.streams.map();
        let streams = map.get(to).into_iter().flatten();
        streams.for_each(|outbox| outbox.put_events(&run, self.fault));
        if self.echo && self.fault != Some(Fault::Mute) && to != sender {
            let streams = map.get(sender).into_iter().flatten();
            streams.for_each(|outbox| outbox.put_events(&run, None));
        }
    }
}

/// A baseline. All clones are the same.
#[derive(Clone)]
pub struct Relay(Arc<Core>);

/// What its streams share.
struct Core {
    book: Mutex<Book>,
    delivery: Arc<Delivery>,
    table: Option<Table>,
    pages: Option<Pages>,
    tasks: Tasks,
}

impl Relay {
    /// What is read back, if anything is kept.
    pub fn pages(&self) -> Option<&Pages> {
        self.0.pages.as_ref()
    }

    /// A relay, over a table if there is one.
    pub fn new(
        mut table: Option<Table>,
        pages: Option<Pages>,
        fault: Option<Fault>,
        echo: bool,
        tasks: &Tasks,
    ) -> Self {
        let delivery = Arc::new(Delivery {
            streams: Arc::default(),
            fault,
            echo,
        });
        if let Some(mut committed) = table.as_mut().and_then(Table::committed) {
            let delivery = Arc::clone(&delivery);
            tasks.spawn("deliver", async move {
                while let Some(jobs) = committed.recv().await {
                    for Job { batch, places } in jobs {
                        delivery.deliver(batch, &places);
                    }
                }
            });
        }
        Self(Arc::new(Core {
            book: Mutex::default(),
            delivery,
            table,
            pages,
            tasks: tasks.clone(),
        }))
    }

    /// Ends the table, if there is one.
    pub fn close(&self) {
        if let Some(table) = &self.0.table {
            table.close();
        }
    }
}

impl Core {
    /// Passes a batch on.
    async fn pass(&self, batch: Batch) {
        match &self.table {
            Some(table) => table.submit(batch).await,
            None => {
                let places = {
                    let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
                    batch.places(&mut book)
                };
                self.delivery.deliver(batch, &places);
            }
        }
    }

    /// Takes what comes on a stream until it ends.
    async fn take(
        self: Arc<Self>,
        sender: Arc<str>,
        outbox: Arc<Outbox>,
        mut frames: Streaming<pb::ChatRequest>,
    ) {
        while let Some(Ok(first)) = frames.next().await {
            let mut sends = Vec::new();
            let mut frame = first;
            loop {
                match frame.request {
                    Some(Asked::Send(send)) => sends.extend(sent(frame.request_id, send)),
                    Some(Asked::Hello(hello)) => {
                        let fault = self.delivery.fault;
                        let fault = fault.filter(|_| hello.resume_cursor.is_some());
                        outbox.put_events(&greeting(fault), None);
                    }
                    _ => {}
                }
                if sends.len() >= FRAMES_PER_BATCH {
                    break;
                }
                match frames.next().now_or_never() {
                    Some(Some(Ok(more))) => frame = more,
                    _ => break,
                }
            }
            if !sends.is_empty() {
                let batch = Batch {
                    sender: Arc::clone(&sender),
                    sends,
                    waiter: Waiter::Stream(Arc::clone(&outbox)),
                };
                self.pass(batch).await;
            }
        }
    }
}

/// A send to a user; to anything else the baselines send nothing.
fn sent(request_id: u64, send: pb::SendRequest) -> Option<Sent> {
    match send.target {
        Some(Target::UserName(to)) => Some(Sent {
            request_id,
            to,
            text: send.text,
            client_message_id: send.client_message_id,
        }),
        _ => None,
    }
}

/// What a stream begins with: nothing was missed.
pub fn greeting(fault: Option<Fault>) -> Bytes {
    let first = Stamp {
        sender: 0,
        number: 0,
    };
    let wrong = match fault {
        Some(Fault::Reset) => Some(Body::Reset(pb::Reset::default())),
        Some(Fault::Replay) => Some(Body::Message(pb::Message {
            content: Some(Content::Text(first.text(0))),
            ..pb::Message::default()
        })),
        _ => None,
    };
    let mut bytes = BytesMut::new();
    let welcome = Body::Welcome(pb::Welcome::default());
    let caught_up = Body::CaughtUp(pb::CaughtUp {});
    for body in [Some(welcome), wrong, Some(caught_up)]
        .into_iter()
        .flatten()
    {
        let event = pb::Event {
            cursor: "bare.0".to_owned(),
            body: Some(body),
        };
        encode_field(EVENTS_FIELD, &event, &mut bytes);
    }
    bytes.freeze()
}

/// The name behind a request: its token.
fn name_of<T>(request: &Request<T>) -> Result<String, Status> {
    let token = request.metadata().get("authorization");
    let name = token
        .and_then(|token| token.to_str().ok())
        .and_then(|token| token.strip_prefix("Bearer "));
    let name = name.ok_or_else(|| Status::unauthenticated("no name"))?;
    Ok(name.to_owned())
}

/// The answer to what is not measured.
pub fn not_here() -> Status {
    Status::unimplemented("a baseline does not do this")
}

#[async_trait]
impl ChatService for Relay {
    type ChatStream = Outbound;
    type SubscribeStream = ReceiverStream<Result<SubscribeFrame, Status>>;

    async fn chat(
        &self,
        request: Request<Streaming<pb::ChatRequest>>,
    ) -> Result<Response<Outbound>, Status> {
        let name = name_of(&request)?;
        let outbox = Arc::new(Outbox::default());
        let streams = &self.0.delivery.streams;
        streams.add(&name, &outbox);
        let (sender, frames) = (Arc::from(name.as_str()), request.into_inner());
        let taking = Arc::clone(&self.0).take(sender, Arc::clone(&outbox), frames);
        self.0.tasks.spawn("chat", taking);
        let outbound = Outbound::new(name, outbox, Arc::clone(streams), self.0.delivery.fault);
        Ok(Response::new(outbound))
    }

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let pages = self.pages().cloned().ok_or_else(not_here)?;
        let name = name_of(&request)?;
        let (frames, stream) = mpsc::channel(FRAMES_WAITING);
        self.0.tasks.spawn("subscribe", async move {
            // An error says that nobody listens any more.
            let _ = pages.replay(name, &frames).await;
            frames.closed().await;
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn send(
        &self,
        request: Request<pb::SendRequest>,
    ) -> Result<Response<pb::SendResponse>, Status> {
        let sender = Arc::from(name_of(&request)?);
        let sends = Vec::from_iter(sent(0, request.into_inner()));
        let (call, answered) = oneshot::channel();
        let waiter = Waiter::Call(call);
        let batch = Batch {
            sender,
            sends,
            waiter,
        };
        self.0.pass(batch).await;
        let answer = answered.await.map_err(|_| not_here())?;
        Ok(Response::new(answer))
    }

    async fn users(
        &self,
        _: Request<pb::UsersRequest>,
    ) -> Result<Response<pb::UsersResponse>, Status> {
        Err(not_here())
    }

    async fn time(
        &self,
        _: Request<pb::TimeRequest>,
    ) -> Result<Response<pb::TimeResponse>, Status> {
        Err(not_here())
    }

    async fn get_server_info(
        &self,
        _: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        Err(not_here())
    }

    async fn mark_read(
        &self,
        _: Request<pb::MarkReadRequest>,
    ) -> Result<Response<pb::MarkReadResponse>, Status> {
        Err(not_here())
    }

    async fn acknowledge(
        &self,
        _: Request<pb::AcknowledgeRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        Err(not_here())
    }

    async fn mark_unread(
        &self,
        _: Request<pb::MarkUnreadRequest>,
    ) -> Result<Response<pb::MarkUnreadResponse>, Status> {
        Err(not_here())
    }

    async fn set_typing(
        &self,
        _: Request<pb::SetTypingRequest>,
    ) -> Result<Response<pb::SetTypingResponse>, Status> {
        Err(not_here())
    }

    async fn set_presence(
        &self,
        _: Request<pb::SetPresenceRequest>,
    ) -> Result<Response<pb::SetPresenceResponse>, Status> {
        Err(not_here())
    }

    async fn block_user(
        &self,
        _: Request<pb::BlockUserRequest>,
    ) -> Result<Response<pb::BlockUserResponse>, Status> {
        Err(not_here())
    }

    async fn unblock_user(
        &self,
        _: Request<pb::UnblockUserRequest>,
    ) -> Result<Response<pb::UnblockUserResponse>, Status> {
        Err(not_here())
    }

    async fn list_blocked_users(
        &self,
        _: Request<pb::ListBlockedUsersRequest>,
    ) -> Result<Response<pb::ListBlockedUsersResponse>, Status> {
        Err(not_here())
    }
}
