//! The inbound half of `Chat`: a task of its own that never waits for the outbound half, since HTTP/2 ends a connection
//! whose small frames lie unread.
//!
//! It takes all frames that have come, hands their sends to the engine as one batch, and puts the replies where the
//! outbound half finds them.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{
    chat::{Begin, END_PATIENCE, end_in_time, mark_read, open, send_asked, set_typing},
    edge::stream_status,
    outbound::{Replies, end_status},
    status::{Fault, Protocol, in_band, status},
};
use crate::{
    auth::Principal,
    convert::{request, response},
    domain::limits::REPLIES_UNREAD_MAX,
    engine::{Engine, Error, SendAsked},
    hub::{Session, Signals},
    pb::{self, chat_request::Request as Asked, reply::Result as Answer},
    server::caller::Caller,
};

/// Frames that are handled as one batch. A batch of 64 costs a thirteenth of as many wake-ups; more gains little.
const FRAMES_PER_BATCH: usize = 256;
/// Requests of one stream that may wait for their answers; one past it is refused in-band.
const IN_FLIGHT_MAX: usize = 4_096;
/// How long more than `REPLIES_UNREAD_MAX` replies may lie unread: a commit can bring as many at one stroke.
const UNREAD_PATIENCE: Duration = Duration::from_millis(250);
/// Replies at which there is no patience: some 2 MiB.
const UNREAD_AT_ONCE: usize = 2 * IN_FLIGHT_MAX;
/// How long a stream may stay without `hello`: it holds a task and says nothing.
const HELLO_PATIENCE: Duration = Duration::from_secs(30);

/// Resolves when the token of a stream that has no session yet is void; the session of one that has hears it itself.
async fn token_void(engine: Arc<Engine>, principal: Arc<Principal>) -> Error {
    loop {
        sleep(END_PATIENCE).await;
        if let Err(error) = engine.still_holds(&principal) {
            return error;
        }
    }
}

/// The answers to requests, on their way.
type Answers = Pin<Box<dyn Future<Output = Vec<pb::Reply>> + Send>>;
/// Requests whose answers are on their way.
type Pending = FuturesUnordered<Answers>;

/// The inbound half of `Chat`.
pub(super) struct Inbound {
    engine: Arc<Engine>,
    principal: Arc<Principal>,
    caller: Caller,
    frames: Streaming<pb::ChatRequest>,
    replies: Arc<Replies>,
    /// The outbound half is gone.
    gone: CancellationToken,
    pending: Pending,
    in_flight: usize,
    /// Resolves when the last `set_typing` so far has been answered.
    typing: Option<oneshot::Receiver<()>>,
    /// Since when too many replies lie unread.
    unread_since: Option<Instant>,
}

/// The answer to one request.
fn answered(
    request_id: u64,
    field: &'static str,
    answer: impl Future<Output = Result<Answer, Error>> + Send + 'static,
) -> Answers {
    Box::pin(async move {
        let result = answer
            .await
            .unwrap_or_else(|error| Answer::Error(in_band(error, field)));
        vec![pb::Reply {
            request_id,
            result: Some(result),
        }]
    })
}

/// What the inbound half does after a batch of frames.
enum Then {
    Go,
    HalfClosed,
    Leave,
    Fail(Status),
    FailNow(Status),
}

impl Inbound {
    pub fn new(
        engine: Arc<Engine>,
        principal: Principal,
        caller: Caller,
        frames: Streaming<pb::ChatRequest>,
        replies: Arc<Replies>,
        gone: CancellationToken,
    ) -> Self {
        Self {
            engine,
            principal: Arc::new(principal),
            caller,
            frames,
            replies,
            gone,
            pending: FuturesUnordered::new(),
            in_flight: 0,
            typing: None,
            unread_since: None,
        }
    }

    /// Waits for `hello`, opens the session that it asks for, and answers requests until the stream ends.
    pub async fn run(mut self, session: oneshot::Sender<Session>) {
        let (gone, caller) = (self.gone.clone(), self.caller.clone());
        let draining = self.engine.hub().draining().clone();
        let begun = tokio::select! {
            biased;
            () = gone.cancelled() => return,
            () = draining.cancelled() => return self.replies.close(),
            () = caller.leaving.cancelled() => return self.replies.close(),
            () = sleep(HELLO_PATIENCE) => return self.replies.fail(Protocol::HelloExpected.into()),
            error = token_void(Arc::clone(&self.engine), Arc::clone(&self.principal)) => {
                return self.replies.fail(status(error));
            }
            begun = self.begin() => begun,
        };
        let signals = match begun {
            Ok(Some(opened)) => {
                let signals = opened.signals().clone();
                drop(session.send(opened));
                signals
            }
            Ok(None) => return self.replies.close(),
            Err(status) => return self.replies.fail(status),
        };
        self.serve(&gone, &signals).await;
        gone.run_until_cancelled(end_in_time(&signals, &caller))
            .await;
    }

    /// Answers requests until the stream is half-closed or must end.
    async fn serve(&mut self, gone: &CancellationToken, signals: &Signals) {
        loop {
            let then = tokio::select! {
                biased;
                () = gone.cancelled() => return,
                // Nothing more in the name of a login that has ended, even if its peer does not read that it has.
                () = signals.void() => Then::FailNow(end_status(signals.void_by())),
                // What was accepted is still answered.
                () = signals.told_to_go() => Then::Leave,
                Some(answers) = self.pending.next(), if !self.pending.is_empty() => {
                    self.in_flight -= answers.len();
                    self.replies.push(answers);
                    continue;
                }
                frame = self.frames.next() => self.take(frame),
            };
            match then {
                Then::Go => {}
                Then::HalfClosed => {
                    self.finish(gone).await;
                    return self.replies.close();
                }
                Then::Leave => {
                    self.finish(gone).await;
                    return self.replies.close_with_farewell();
                }
                Then::Fail(status) => {
                    self.finish(gone).await;
                    return self.replies.fail(status);
                }
                Then::FailNow(status) => return self.replies.fail_now(status),
            }
        }
    }

    /// Answers what was accepted.
    async fn finish(&mut self, gone: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = gone.cancelled() => return,
                answers = self.pending.next() => match answers {
                    Some(answers) => self.replies.push(answers),
                    None => return,
                },
            }
        }
    }

    /// Waits for `hello`. `None`: the client went without one.
    async fn begin(&mut self) -> Result<Option<Session>, Status> {
        let frame = match self.frames.next().await {
            None => return Ok(None),
            Some(frame) => frame.map_err(stream_status)?,
        };
        let Some(Asked::Hello(hello)) = frame.request else {
            return Err(Protocol::HelloExpected.into());
        };
        if let Some(name) = hello.device_name {
            let name = request::device_name(&name).map_err(status)?;
            self.engine
                .rename_device(&self.principal, name.clone())
                .await
                .map_err(status)?;
            let mut principal = Principal::clone(&self.principal);
            principal.device.name = name;
            self.principal = Arc::new(principal);
        }
        let begin = Begin {
            cursor: hello.resume_cursor.as_deref(),
            backlog_max: request::backlog_max(hello.max_backlog_per_conversation),
            ephemeral: hello.ephemeral_events,
        };
        let opened = open(&self.engine, &self.principal, &self.caller, begin);
        Ok(Some(opened))
    }

    /// Takes a frame and all that have come with it.
    fn take(&mut self, first: Option<Result<pb::ChatRequest, Status>>) -> Then {
        let mut sends = Vec::new();
        let mut next = first;
        let mut taken = 0;
        let then = loop {
            match next {
                None => break Then::HalfClosed,
                Some(Err(error)) => break Then::Fail(stream_status(error)),
                Some(Ok(frame)) => self.accept(frame, &mut sends),
            }
            taken += 1;
            if self.replies_lie_unread() {
                break Then::FailNow(Protocol::RepliesUnread.into());
            }
            if taken == FRAMES_PER_BATCH {
                break Then::Go;
            }
            match self.frames.next().now_or_never() {
                Some(frame) => next = frame,
                None => break Then::Go,
            }
        };
        self.send(sends);
        then
    }

    /// Whether the peer goes on asking without reading for too long.
    fn replies_lie_unread(&mut self) -> bool {
        let unread = self.replies.unread();
        if unread < REPLIES_UNREAD_MAX {
            self.unread_since = None;
            return false;
        }
        let since = *self.unread_since.get_or_insert_with(Instant::now);
        unread >= UNREAD_AT_ONCE || since.elapsed() >= UNREAD_PATIENCE
    }

    fn refuse(&self, request_id: u64, fault: impl Into<Fault>, field: &str) {
        let error = Some(Answer::Error(in_band(fault, field)));
        self.replies.push([pb::Reply {
            request_id,
            result: error,
        }]);
    }

    /// Takes one frame: sends are gathered, the rest is begun.
    fn accept(&mut self, frame: pb::ChatRequest, sends: &mut Vec<(u64, SendAsked)>) {
        let request_id = frame.request_id;
        let Some(asked) = frame.request else {
            return self.refuse(
                request_id,
                Fault::Protocol(Protocol::RequestMissing),
                "request",
            );
        };
        if self.in_flight + sends.len() >= IN_FLIGHT_MAX {
            return self.refuse(request_id, Error::Busy, "request");
        }
        match asked {
            Asked::Hello(_) => {
                self.refuse(
                    request_id,
                    Fault::Protocol(Protocol::HelloRepeated),
                    "hello",
                );
            }
            Asked::Send(send) => match send_asked(&send) {
                Ok(asked) => sends.push((request_id, asked)),
                Err(error) => self.refuse(request_id, error, "send"),
            },
            Asked::MarkRead(asked) => {
                let (engine, principal) = (Arc::clone(&self.engine), Arc::clone(&self.principal));
                self.begin_answer(request_id, "mark_read", async move {
                    mark_read(&engine, &principal, &asked)
                        .await
                        .map(Answer::MarkRead)
                });
            }
            Asked::SetTyping(asked) => {
                let (engine, principal) = (Arc::clone(&self.engine), Arc::clone(&self.principal));
                // One after the other, so that the last one wins.
                let (done, last) = oneshot::channel::<()>();
                let before = self.typing.replace(last);
                self.begin_answer(request_id, "set_typing", async move {
                    if let Some(before) = before {
                        // An error says that it is done.
                        drop(before.await);
                    }
                    let told = set_typing(&engine, &principal, &asked).await;
                    drop(done);
                    told.map(Answer::SetTyping)
                });
            }
            Asked::Acknowledge(asked) => {
                let (engine, principal) = (Arc::clone(&self.engine), Arc::clone(&self.principal));
                let mut answer = answered(request_id, "acknowledge", async move {
                    let noted = engine.acknowledge(&principal, &asked.cursor).await;
                    noted.map(|()| Answer::Acknowledge(pb::AcknowledgeResponse {}))
                });
                // Mostly it takes no time, and then nothing that comes later overtakes it.
                match answer.as_mut().now_or_never() {
                    Some(replies) => self.replies.push(replies),
                    None => self.await_answer(answer),
                }
            }
            Asked::StartConversation(asked) => {
                let (engine, principal) = (Arc::clone(&self.engine), Arc::clone(&self.principal));
                self.begin_answer(request_id, "start_conversation", async move {
                    let peer = request::user_name("user_name", &asked.user_name)?;
                    let view = engine.start_conversation(&principal, peer).await?;
                    let conversation = Some(response::conversation(&view, principal.user.id));
                    Ok(Answer::StartConversation(pb::StartConversationResponse {
                        conversation,
                    }))
                });
            }
            Asked::Ping(pb::Ping {}) => {
                let time = Some(response::time(self.engine.now()));
                let result = Some(Answer::Pong(pb::Pong { time }));
                self.replies.push([pb::Reply { request_id, result }]);
            }
        }
    }

    /// Begins a request that takes time.
    fn begin_answer(
        &mut self,
        request_id: u64,
        field: &'static str,
        answer: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) {
        self.await_answer(answered(request_id, field, answer));
    }

    fn await_answer(&mut self, answer: Answers) {
        self.in_flight += 1;
        self.pending.push(answer);
    }

    /// Hands the sends of a batch of frames to the engine, now and in their order.
    fn send(&mut self, sends: Vec<(u64, SendAsked)>) {
        if sends.is_empty() {
            return;
        }
        self.in_flight += sends.len();
        let (ids, asked): (Vec<u64>, Vec<SendAsked>) = sends.into_iter().unzip();
        let answers = self.engine.send(&self.principal, asked);
        self.pending.push(Box::pin(async move {
            let answers = answers.await;
            let replies = ids.into_iter().zip(answers).map(|(request_id, sent)| {
                let result = match sent {
                    Ok(sent) => Answer::Send(response::sent(&sent)),
                    Err(error) => Answer::Error(in_band(error, "send")),
                };
                pb::Reply {
                    request_id,
                    result: Some(result),
                }
            });
            replies.collect()
        }));
    }
}
