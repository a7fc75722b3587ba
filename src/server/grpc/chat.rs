//! `ChatService`: the live doors. All of them lead to the same engine calls and the same sessions.
//!
//! The inbound half of `Chat` is a task of its own that never waits for the outbound half: HTTP/2 ends a connection
//! whose small frames lie unread. It takes all frames that have come, hands their sends to the engine as one batch, and
//! puts the replies where the outbound half finds them.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    caller,
    edge::stream_status,
    outbound::{ChatOutbound, Replies, SubscribeOutbound, end_status},
    principal,
    status::{Fault, Protocol, in_band, status},
};
use crate::{
    auth::Principal,
    convert::{request, response},
    domain::{
        ids::Seq,
        limits::REPLIES_UNREAD_MAX,
        message::SendRequest,
        page::{PageSize, page_token},
        scope::Scope,
        user::{Presence, User, UserRef},
    },
    engine::{Engine, Error, SendAsked},
    hub::{Opening, Session, Signals},
    pb::{
        self, chat_request::Request as Asked, reply::Result as Answer,
        servers::chat_service_server::ChatService,
    },
    server::caller::Caller,
    store::AuthMode,
    tasks::Tasks,
};

/// Frames that are handled as one batch. A batch of 64 costs a thirteenth of as many wake-ups; more gains little.
const FRAMES_PER_BATCH: usize = 256;
/// Requests of one stream that may wait for their answers; one past it is refused in-band.
const IN_FLIGHT_MAX: usize = 4_096;
/// How long more than `REPLIES_UNREAD_MAX` replies may lie unread: a commit can bring as many at one stroke.
const UNREAD_PATIENCE: Duration = Duration::from_millis(250);
/// How long a stream whose token is void may take to end, and one that was told to go. A peer that does not read its
/// end in time loses its connection: HTTP/2 has no way to end one stream behind data that nobody takes.
const END_PATIENCE: Duration = Duration::from_millis(500);
const GO_PATIENCE: Duration = Duration::from_secs(5);
/// How long a stream may stay without `hello`: it holds a task and says nothing.
const HELLO_PATIENCE: Duration = Duration::from_secs(30);
/// The end of a token that is too far away to count: a year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Replies at which there is no patience: some 2 MiB.
const UNREAD_AT_ONCE: usize = 2 * IN_FLIGHT_MAX;

/// The service.
pub struct Chat {
    engine: Arc<Engine>,
    tasks: Tasks,
}

impl Chat {
    pub const fn new(engine: Arc<Engine>, tasks: Tasks) -> Self {
        Self { engine, tasks }
    }
}

#[async_trait]
impl ChatService for Chat {
    type ChatStream = ChatOutbound;
    type SubscribeStream = SubscribeOutbound;

    async fn chat(
        &self,
        request: Request<Streaming<pb::ChatRequest>>,
    ) -> Result<Response<ChatOutbound>, Status> {
        let (principal, caller) = (principal(&self.engine, &request)?, caller(&request)?);
        principal.may(Scope::Read).map_err(status)?;
        let replies = Arc::new(Replies::default());
        let gone = CancellationToken::new();
        let (session, opened) = oneshot::channel();
        let outbound = ChatOutbound::new(opened, Arc::clone(&replies), gone.clone().drop_guard());
        let inbound = Inbound {
            engine: Arc::clone(&self.engine),
            principal: Arc::new(principal),
            caller,
            frames: request.into_inner(),
            replies,
            gone,
            pending: FuturesUnordered::new(),
            in_flight: 0,
            unread_since: None,
        };
        // The stream is answered before `hello` is read: a client may wait for the headers before it sends.
        self.tasks.spawn("chat", inbound.run(session));
        Ok(Response::new(outbound))
    }

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<SubscribeOutbound>, Status> {
        let (principal, caller) = (principal(&self.engine, &request)?, caller(&request)?);
        principal.may(Scope::Read).map_err(status)?;
        let asked = request.into_inner();
        let backlog_max = request::backlog_max(asked.max_backlog_per_conversation);
        let cursor = asked.resume_cursor.as_deref();
        let session = open(&self.engine, &principal, &caller, cursor, backlog_max);
        let (signals, gone) = (session.signals().clone(), CancellationToken::new());
        let outbound = SubscribeOutbound::new(session, gone.clone().drop_guard());
        self.tasks.spawn("subscribe", async move {
            gone.run_until_cancelled(end_in_time(&signals, &caller))
                .await;
        });
        Ok(Response::new(outbound))
    }

    async fn send(
        &self,
        request: Request<pb::SendRequest>,
    ) -> Result<Response<pb::SendResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let asked = send_asked(request.get_ref()).map_err(status)?;
        let sent = self.engine.send(&principal, vec![asked]).await.pop();
        let sent = sent.unwrap_or_else(|| Err(Error::Defect("a send without an answer".into())));
        Ok(Response::new(response::sent(&sent.map_err(status)?)))
    }

    async fn users(
        &self,
        request: Request<pb::UsersRequest>,
    ) -> Result<Response<pb::UsersResponse>, Status> {
        // With names on trust nobody needs to be known.
        let principal = match request.extensions().get::<Principal>() {
            Some(_) => Some(principal(&self.engine, &request)?),
            None => None,
        };
        let asked = request.into_inner();
        let presence = request::presence(asked.presence).map_err(status)?;
        let after = request::page_token(&asked.page_token).map_err(status)?;
        let size = PageSize::asked(asked.page_size);
        let listed = self
            .engine
            .users(principal.as_ref(), asked.query, presence, after, size)
            .await;
        let (page, presences) = listed.map_err(status)?;
        let last = page.users.last().filter(|_| page.more);
        Ok(Response::new(pb::UsersResponse {
            next_page_token: last
                .map(|user| page_token(user.name.as_str()))
                .unwrap_or_default(),
            users: page
                .users
                .iter()
                .zip(presences)
                .map(|(user, presence)| response::user(user, presence))
                .collect(),
            total_size: u32::try_from(page.total).unwrap_or(u32::MAX),
        }))
    }

    async fn time(
        &self,
        _: Request<pb::TimeRequest>,
    ) -> Result<Response<pb::TimeResponse>, Status> {
        Ok(Response::new(pb::TimeResponse {
            time: Some(response::time(self.engine.now())),
            time_zone: chrono::Local::now().format("%:z").to_string(),
        }))
    }

    async fn get_server_info(
        &self,
        _: Request<pb::GetServerInfoRequest>,
    ) -> Result<Response<pb::GetServerInfoResponse>, Status> {
        let auth_mode = match self.engine.auth_mode() {
            AuthMode::Password => pb::AuthMode::Password,
            AuthMode::Trust => pb::AuthMode::Trust,
        };
        Ok(Response::new(pb::GetServerInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.engine.epoch().to_string(),
            limits: Some(response::limits(self.engine.settings())),
            auth_mode: auth_mode.into(),
            registration_policy: pb::RegistrationPolicy::Open.into(),
        }))
    }

    async fn mark_read(
        &self,
        request: Request<pb::MarkReadRequest>,
    ) -> Result<Response<pb::MarkReadResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        let marked = mark_read(&self.engine, &principal, request.get_ref()).await;
        Ok(Response::new(marked.map_err(status)?))
    }

    async fn acknowledge(
        &self,
        request: Request<pb::AcknowledgeRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        let principal = principal(&self.engine, &request)?;
        self.engine
            .acknowledge(&principal, &request.get_ref().cursor)
            .map_err(status)?;
        Ok(Response::new(pb::AcknowledgeResponse {}))
    }
}

/// Opens a session, for all doors.
fn open(
    engine: &Engine,
    principal: &Principal,
    caller: &Caller,
    cursor: Option<&str>,
    backlog_max: Option<u64>,
) -> Session {
    let UserRef { id, name } = principal.user.clone();
    let user = User {
        id,
        name,
        last_seen: None,
    };
    let (from, reset) = engine.resume(principal, cursor);
    let welcome = pb::Welcome {
        user: Some(response::user(&user, Presence::Online)),
        device: Some(response::device(&principal.device)),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: engine.epoch().to_string(),
        limits: Some(response::limits(engine.settings())),
        time: Some(response::time(engine.now())),
    };
    let opening = Opening {
        welcome,
        reset,
        from,
        backlog_max,
        leaving: caller.leaving.clone(),
        expires: principal.device.expires.map(|expires| {
            let left = Duration::from_millis(expires.since_ms(engine.now()));
            // A time that no clock reaches is as good as none, but must not overflow.
            let now = tokio::time::Instant::now();
            now.checked_add(left).unwrap_or(now + FAR)
        }),
    };
    engine
        .hub()
        .open(principal.user.id, principal.device.id, opening)
}

fn send_asked(request: &pb::SendRequest) -> Result<SendAsked, Error> {
    let request::Send {
        target,
        client_id,
        text,
        reply_to,
    } = request::send(request)?;
    Ok(SendAsked {
        request: SendRequest {
            target,
            text,
            reply_to,
        },
        client_id,
    })
}

async fn mark_read(
    engine: &Engine,
    principal: &Principal,
    asked: &pb::MarkReadRequest,
) -> Result<pb::MarkReadResponse, Error> {
    let id = request::conversation_id(&asked.conversation_id)?;
    let state = engine
        .mark_read(principal, id, Seq::new(asked.read_seq))
        .await?;
    Ok(pb::MarkReadResponse {
        read_seq: state.read_seq.number(),
        unread: state.unread,
    })
}

/// Resolves when the token of a stream that has no session yet is void; the session of one that has hears it itself.
async fn token_void(engine: Arc<Engine>, principal: Arc<Principal>) -> Error {
    loop {
        sleep(END_PATIENCE).await;
        if let Err(error) = engine.still_holds(&principal) {
            return error;
        }
    }
}

/// Ends the connection if its stream does not end soon after it should.
async fn end_in_time(signals: &Signals, caller: &Caller) {
    let patience = tokio::select! {
        biased;
        () = signals.void() => END_PATIENCE,
        () = signals.told_to_go() => GO_PATIENCE,
    };
    sleep(patience).await;
    caller.cut.cancel();
}

/// Requests whose answers are on their way.
type Pending = FuturesUnordered<Pin<Box<dyn Future<Output = Vec<pb::Reply>> + Send>>>;

/// The inbound half of `Chat`.
struct Inbound {
    engine: Arc<Engine>,
    principal: Arc<Principal>,
    caller: Caller,
    frames: Streaming<pb::ChatRequest>,
    replies: Arc<Replies>,
    /// The outbound half is gone.
    gone: CancellationToken,
    pending: Pending,
    in_flight: usize,
    /// Since when too many replies lie unread.
    unread_since: Option<Instant>,
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
    async fn run(mut self, session: oneshot::Sender<Session>) {
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
        let backlog_max = request::backlog_max(hello.max_backlog_per_conversation);
        let cursor = hello.resume_cursor.as_deref();
        Ok(Some(open(
            &self.engine,
            &self.principal,
            &self.caller,
            cursor,
            backlog_max,
        )))
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
            Asked::Acknowledge(asked) => {
                match self.engine.acknowledge(&self.principal, &asked.cursor) {
                    Ok(()) => {
                        let result = Some(Answer::Acknowledge(pb::AcknowledgeResponse {}));
                        self.replies.push([pb::Reply { request_id, result }]);
                    }
                    Err(error) => self.refuse(request_id, error, "acknowledge"),
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
        self.in_flight += 1;
        self.pending.push(Box::pin(async move {
            let result = answer
                .await
                .unwrap_or_else(|error| Answer::Error(in_band(error, field)));
            vec![pb::Reply {
                request_id,
                result: Some(result),
            }]
        }));
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
